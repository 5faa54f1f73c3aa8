//! The door through which a simulation gives the log of a topic.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use rdkafka::types::RDKafkaErrorCode;

use super::{Config, Error, LogBatch, LogClient, LogEntry};
use crate::domain::record::Record;

/// A client of a simulated log.
pub type SimulatedClient = dyn LogClient<Batch = SimulatedBatch>;

/// Connects to a simulated log.
pub type Connect = Arc<dyn Fn(&Config) -> Result<Box<SimulatedClient>, Error>>;

/// What a simulated client reads at once.
#[derive(Clone, Debug, Default)]
pub struct SimulatedBatch(pub Vec<SimulatedEntry>);

/// A record, or an error of a partition.
#[derive(Clone, Debug)]
pub struct SimulatedEntry {
    /// The partition.
    pub partition: i32,
    /// The offset of the record; of an error, where the partition stood.
    pub offset: i64,
    /// The record's timestamp, in ms since the epoch.
    pub timestamp: Option<i64>,
    /// The record's value.
    pub payload: Option<Arc<[u8]>>,
    /// The error, if it is not a record, and its words.
    pub error: Option<(RDKafkaErrorCode, String)>,
}

thread_local! {
    static CONNECT: RefCell<Option<Connect>> = const { RefCell::new(None) };
}

/// From now on this thread connects so; or to real brokers again.
pub fn connect_by(connect: Option<Connect>) {
    CONNECT.set(connect);
}

/// How this thread connects, if not to real brokers.
#[must_use]
pub fn connector() -> Option<Connect> {
    CONNECT.with_borrow(Clone::clone)
}

impl LogBatch for SimulatedBatch {
    type Entry<'a> = SimulatedEntry;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn records(&self) -> impl ExactSizeIterator<Item = Record<'_>> + Clone {
        self.0.iter().map(LogEntry::record)
    }

    fn divide(self, count: usize, place: impl Fn(i32) -> usize) -> Vec<Option<Self>> {
        let mut parts = vec![None; count];
        for entry in self.0 {
            let part: &mut Option<Self> = &mut parts[place(entry.partition)];
            part.get_or_insert_default().0.push(entry);
        }
        parts
    }

    fn partitions(&self) -> BTreeSet<i32> {
        self.0.iter().map(LogEntry::partition).collect()
    }

    fn retain(&mut self, keep: impl FnMut(&SimulatedEntry) -> bool) {
        self.0.retain(keep);
    }
}

impl LogEntry for SimulatedEntry {
    fn partition(&self) -> i32 {
        self.partition
    }

    fn offset(&self) -> i64 {
        self.offset
    }

    fn error(&self) -> Option<RDKafkaErrorCode> {
        self.error.as_ref().map(|(code, _)| *code)
    }

    fn reason(&self) -> String {
        let words = self.error.as_ref().map(|(_, words)| words.clone());
        words.unwrap_or_default()
    }

    fn record(&self) -> Record<'_> {
        Record {
            partition: self.partition,
            offset: self.offset,
            timestamp: self.timestamp,
            payload: self.payload.as_deref(),
            ..Record::default()
        }
    }
}
