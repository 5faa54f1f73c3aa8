//! Cells in memory: for a run without a store, and for tests.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::convert::Infallible;

use crate::{Aggregate, Block, Cells, Changes, EventTime, Grid, Key, Window};

/// Everything that changes have built up, in memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemoryCells<K, A> {
    cells: BTreeMap<(Block, K), A>,
    revisions: BTreeMap<(u16, Window, K), u64>,
    known: BTreeMap<K, EventTime>,
}

impl<K, A> Default for MemoryCells<K, A> {
    fn default() -> Self {
        Self {
            cells: BTreeMap::new(),
            revisions: BTreeMap::new(),
            known: BTreeMap::new(),
        }
    }
}

impl<K: Key, A: Aggregate> MemoryCells<K, A> {
    /// Merges `changes` in.
    pub fn apply(&mut self, grid: &Grid, changes: Changes<K, A>) {
        for ((slice, key), difference) in changes.slices {
            for block in grid.blocks_of(slice) {
                self.cells
                    .entry((block, key))
                    .or_default()
                    .merge(&difference);
            }
        }
        for (revised, times) in changes.revisions {
            *self.revisions.entry(revised).or_default() += times;
        }
        for (key, since) in changes.known {
            let known = self.known.entry(key).or_insert(since);
            *known = since.min(*known);
        }
    }
}

impl<K: Key, A: Aggregate> Cells<K, A> for MemoryCells<K, A> {
    type Error = Infallible;

    fn cell(&self, block: Block, key: K) -> Result<Option<A>, Infallible> {
        Ok(self.cells.get(&(block, key)).cloned())
    }

    fn keys(&self, block: Block, from: K, limit: usize) -> Result<Vec<K>, Infallible> {
        Ok(self
            .cells
            .range((block, from)..)
            .take_while(|((at, _), _)| *at == block)
            .take(limit)
            .map(|((_, key), _)| *key)
            .collect())
    }

    fn filled(
        &self,
        level: u8,
        from: (EventTime, K),
        to: EventTime,
        limit: usize,
    ) -> Result<Vec<(EventTime, K)>, Infallible> {
        let start = from.0;
        Ok(self
            .cells
            .range((Block { level, start }, from.1)..)
            .take_while(|((at, _), _)| at.level == level && at.start < to)
            .take(limit)
            .map(|((at, key), _)| (at.start, *key))
            .collect())
    }

    fn revision(&self, definition: u16, window: Window, key: K) -> Result<u64, Infallible> {
        let revised = (definition, window, key);
        Ok(self.revisions.get(&revised).copied().unwrap_or_default())
    }

    fn known(&self, from: K, limit: usize) -> Result<Vec<(K, EventTime)>, Infallible> {
        Ok(self
            .known
            .range(from..)
            .take(limit)
            .map(|(key, since)| (*key, *since))
            .collect())
    }

    fn known_since(&self, key: K) -> Result<Option<EventTime>, Infallible> {
        Ok(self.known.get(&key).copied())
    }
}
