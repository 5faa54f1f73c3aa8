//! A simulated topic: partitions of records with offsets, as brokers hold them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::support::oracle::Record;

/// A topic, and the brokers that hold it.
#[derive(Default)]
pub struct Topic {
    /// Which of its name it is.
    pub id: u128,
    /// Whether it exists.
    pub exists: bool,
    /// Whether any broker answers.
    pub is_up: bool,
    pub partitions: Vec<Partition>,
}

/// One partition's log.
#[derive(Default)]
pub struct Partition {
    /// The first offset that is there.
    pub low: i64,
    /// The offset after the last one.
    pub high: i64,
    /// By offset.
    pub entries: BTreeMap<i64, Entry>,
    /// Whether a broker serves it.
    pub has_leader: bool,
    /// The offsets of the transaction that is open.
    open: Vec<i64>,
    /// What was removed before a state that lost its beginning was begun again, and the generations that hold it.
    forgotten: BTreeMap<i64, Entry>,
    holders: BTreeSet<u32>,
}

/// What stands at an offset.
#[derive(Clone)]
pub struct Entry {
    pub timestamp: i64,
    pub value: Option<Arc<[u8]>>,
    pub state: EntryState,
}

/// Whether a record is given to readers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryState {
    Committed,
    /// Of a transaction that is open.
    Open,
    /// Of a transaction that was aborted.
    Aborted,
}

impl Topic {
    pub fn new(id: u128, partitions: usize) -> Self {
        let mut topic = Self {
            id,
            exists: true,
            is_up: true,
            partitions: Vec::new(),
        };
        topic.grow(partitions);
        topic
    }

    /// Adds partitions until there are so many.
    pub fn grow(&mut self, partitions: usize) {
        while self.partitions.len() < partitions {
            self.partitions.push(Partition {
                has_leader: true,
                ..Partition::default()
            });
        }
    }
}

impl Partition {
    /// The end for readers of committed records: an open transaction holds back what follows it.
    pub fn stable(&self) -> i64 {
        self.open.first().copied().unwrap_or(self.high)
    }

    /// Appends a record; `open` if it belongs to a transaction. Gives its offset.
    pub fn append(&mut self, timestamp: i64, value: Option<Arc<[u8]>>, open: bool) -> i64 {
        let offset = self.high;
        let state = if open {
            self.open.push(offset);
            EntryState::Open
        } else {
            EntryState::Committed
        };
        self.entries.insert(
            offset,
            Entry {
                timestamp,
                value,
                state,
            },
        );
        self.high += 1;
        offset
    }

    /// Offsets that hold nothing: what compaction leaves, or marks of transactions.
    pub fn skip(&mut self, offsets: i64) {
        self.high += offsets;
    }

    /// Ends the open transaction, which leaves a mark.
    pub fn end_transaction(&mut self, commit: bool) {
        let open = std::mem::take(&mut self.open);
        if open.is_empty() {
            return;
        }
        for offset in open {
            if let Some(entry) = self.entries.get_mut(&offset) {
                entry.state = match commit {
                    true => EntryState::Committed,
                    false => EntryState::Aborted,
                };
            }
        }
        self.high += 1;
    }

    /// Whether a transaction is open.
    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Retention removes all before `offset`. What was there stays known to the judge.
    pub fn trim(&mut self, offset: i64) {
        self.low = self.low.max(offset.min(self.high));
    }

    /// What retention removed is as if it had never been, save for these generations.
    pub fn forget_removed(&mut self, holders: BTreeSet<u32>) {
        let kept = self.entries.split_off(&self.low);
        self.forgotten.append(&mut self.entries);
        self.entries = kept;
        self.holders.extend(holders);
    }

    /// The records that readers get from `offset` on, at most `count`, that are still there.
    pub fn read(&self, offset: i64, count: usize) -> Vec<(i64, Entry)> {
        let from = offset.max(self.low);
        if from >= self.stable() {
            return Vec::new();
        }
        self.entries
            .range(from..self.stable())
            .filter(|(_, entry)| entry.state == EntryState::Committed)
            .take(count)
            .map(|(offset, entry)| (*offset, entry.clone()))
            .collect()
    }

    /// All records that a generation ever gets before `end`, removed ones too.
    pub fn committed(&self, partition: i32, end: i64, generation: u32) -> Vec<Record> {
        let holds_all = self.holders.contains(&generation);
        let forgotten = self.forgotten.range(..end.max(0));
        let forgotten = forgotten.filter(|_| holds_all);
        forgotten
            .chain(self.entries.range(..end.max(0)))
            .filter(|(_, entry)| entry.state == EntryState::Committed)
            .map(|(offset, entry)| Record {
                partition,
                offset: *offset,
                timestamp: entry.timestamp,
                value: entry.value.as_ref().map(|value| value.to_vec()),
            })
            .collect()
    }
}
