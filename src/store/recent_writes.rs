//! A cache of what the newest checkpoints wrote and the next ones will read again.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::mem;

use rustc_hash::FxBuildHasher;
use tidegauge_windows::EventTime;

use super::keys::KeyBytes;
use crate::domain::payment::BranchId;
use crate::domain::total::Total;

/// Coarse cells and totals as the state has them, and the branches of the newest slice.
///
/// Its memory is bounded: the entries that were not written for the longest time are dropped.
#[derive(Debug, Default)]
pub(super) struct RecentWrites {
    cells: HalvedCache<KeyBytes, Vec<u8>>,
    totals: HalvedCache<BranchId, Option<Total>>,
    /// The newest slice of any payment.
    newest: Option<EventTime>,
    /// The branches that have a cell in it, if all are known.
    branches: Option<HashSet<BranchId, FxBuildHasher>>,
}

/// A generation of entries is full when it holds about this many bytes; there are two of cells, and
/// two of totals.
const HALF_BYTES: usize = 3 << 20;
/// The bytes that an entry takes in a map, beside those of a cell.
const ENTRY_BYTES: usize = 96;
/// Of more branches than this it is not kept which have a cell in the newest slice.
const BRANCHES_MAX: usize = 50_000;

impl RecentWrites {
    /// The slices of a checkpoint follow; before it the newest slice is `newest`.
    pub(super) fn begin(&mut self, newest: Option<EventTime>) {
        if self.newest != newest {
            self.newest = newest;
            self.branches = None;
        }
    }

    /// `branch` gets a payment in `slice`; slices come in order. Whether it is known that there is
    /// no cell for them yet.
    pub(super) fn is_new(&mut self, slice: EventTime, branch: BranchId) -> bool {
        if Some(slice) > self.newest {
            // No payment was later than those of the slice before: it has no cells yet.
            self.newest = Some(slice);
            self.branches.get_or_insert_default().clear();
        } else if Some(slice) < self.newest {
            return false;
        }
        let Some(branches) = &mut self.branches else {
            return false;
        };
        let is_new = branches.insert(branch);
        if branches.len() > BRANCHES_MAX {
            self.branches = None;
        }
        is_new
    }

    /// The coarse cell at `key`, if it was written lately.
    pub(super) fn cell(&self, key: &KeyBytes) -> Option<&[u8]> {
        self.cells.get(key).map(Vec::as_slice)
    }

    /// The coarse cell at `key` becomes `value`.
    pub(super) fn keep_cell(&mut self, key: &KeyBytes, value: &[u8]) {
        let bytes = value.len() + ENTRY_BYTES;
        self.cells.keep(*key, bytes, |kept: &mut Vec<u8>| {
            kept.clear();
            kept.extend_from_slice(value);
        });
    }

    /// The total of `branch`, if it was written lately.
    pub(super) fn total(&self, branch: BranchId) -> Option<&Total> {
        self.totals.get(&branch).and_then(Option::as_ref)
    }

    /// The total of `branch` becomes `total`.
    pub(super) fn keep_total(&mut self, branch: BranchId, total: Total) {
        self.totals
            .keep(branch, ENTRY_BYTES, |kept| *kept = Some(total));
    }
}

/// Entries of which the oldest are forgotten, half of them at once: so no entry needs to know when
/// it was used.
#[derive(Debug)]
struct HalvedCache<K, V> {
    /// Each with its size.
    young: HashMap<K, (usize, V), FxBuildHasher>,
    young_bytes: usize,
    old: HashMap<K, (usize, V), FxBuildHasher>,
}

impl<K: Eq + Hash, V: Default> HalvedCache<K, V> {
    fn get(&self, key: &K) -> Option<&V> {
        let found = self.young.get(key).or_else(|| self.old.get(key));
        found.map(|(_, value)| value)
    }

    fn keep(&mut self, key: K, bytes: usize, set: impl FnOnce(&mut V)) {
        let (before, value) = self.young.entry(key).or_default();
        self.young_bytes = self.young_bytes - *before + bytes;
        *before = bytes;
        set(value);
        if self.young_bytes > HALF_BYTES {
            self.old = mem::take(&mut self.young);
            self.young_bytes = 0;
        }
    }
}

impl<K, V> Default for HalvedCache<K, V> {
    fn default() -> Self {
        Self {
            young: HashMap::default(),
            young_bytes: 0,
            old: HashMap::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tidegauge_windows::Block;

    use super::*;
    use crate::store::keys;

    #[test]
    fn the_newest_value_is_kept_and_memory_is_bounded() {
        let mut kept: HalvedCache<usize, usize> = HalvedCache::default();
        for value in 0..1_000 {
            kept.keep(value, HALF_BYTES / 100, |kept| *kept = value);
            kept.keep(7, HALF_BYTES / 100, |kept| *kept = value);
            assert_eq!(kept.get(&value), Some(if value == 7 { &7 } else { &value }));
            assert_eq!(kept.get(&7), Some(&value));
            // A generation has room for a hundred, however often one of them is written.
            if let Some(before) = value.checked_sub(90) {
                assert!(kept.get(&before).is_some());
            }
            assert!(kept.young.len() + kept.old.len() <= 202);
            assert!(kept.young_bytes <= HALF_BYTES);
        }
        assert_eq!(kept.get(&1), None);
    }

    #[test]
    fn a_cell_and_a_total_are_as_they_were_written_last() {
        let branch = BranchId::new(7).unwrap();
        let block = Block {
            level: 1,
            start: EventTime::from_millis(0),
        };
        let key = keys::cell(block, branch);
        let mut recent = RecentWrites::default();
        assert_eq!(recent.cell(&key), None);
        assert_eq!(recent.total(branch), None);
        for (cell, count) in [(&b"a long cell"[..], 1), (&b"short"[..], 2)] {
            let total = Total {
                count,
                ..Total::ZERO
            };
            recent.keep_cell(&key, cell);
            recent.keep_total(branch, total);
            assert_eq!(recent.cell(&key), Some(cell));
            assert_eq!(recent.total(branch), Some(&total));
        }
    }

    #[test]
    fn a_branch_is_new_in_the_newest_slice_only_until_it_has_a_cell() {
        let slice = EventTime::from_millis;
        let branch = |number| BranchId::new(number).unwrap();
        let mut recent = RecentWrites::default();
        // The existing entries are not known.
        recent.begin(Some(slice(5)));
        assert!(!recent.is_new(slice(4), branch(1)));
        assert!(!recent.is_new(slice(5), branch(1)));
        assert!(recent.is_new(slice(6), branch(1)));
        assert!(recent.is_new(slice(7), branch(1)));
        recent.begin(Some(slice(7)));
        assert!(!recent.is_new(slice(6), branch(2)));
        assert!(!recent.is_new(slice(7), branch(1)));
        assert!(recent.is_new(slice(7), branch(2)));
        assert!(!recent.is_new(slice(7), branch(2)));
        // Another writer wrote meanwhile.
        recent.begin(Some(slice(9)));
        assert!(!recent.is_new(slice(9), branch(3)));
    }

    #[test]
    fn too_many_branches_are_not_remembered() {
        let slice = EventTime::from_millis(0);
        let mut recent = RecentWrites::default();
        recent.begin(None);
        for number in 0..=BRANCHES_MAX {
            let branch = BranchId::new(u32::try_from(number).unwrap()).unwrap();
            assert!(recent.is_new(slice, branch));
        }
        assert!(recent.branches.is_none());
        assert!(!recent.is_new(slice, BranchId::new(900_000).unwrap()));
    }
}
