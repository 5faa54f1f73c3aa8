//! How each part is doing, in words and measured: written by the parts, read by operators.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::core::seen_orders::OrderStats;
use crate::domain::count::{agreeing, counted};
use crate::observe::metrics::Metrics;
use crate::observe::reader_use::ReaderUse;

/// The board on which every part writes how it is doing.
#[derive(Debug, Default)]
pub struct Status {
    board: Mutex<Board>,
    metrics: Metrics,
}

impl Status {
    /// A board on which nothing has started yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says how a part is doing now.
    pub fn set(&self, part: Part, condition: Condition, reason: impl Into<String>) {
        let reason = reason.into();
        self.lock().parts.insert(part, Health { condition, reason });
    }

    /// Says what is known of a partition now.
    pub fn set_partition(&self, partition: i32, status: PartitionStatus) {
        self.lock().partitions.insert(partition, status);
    }

    /// Says that an empty state began behind so many records.
    pub fn set_skipped(&self, records: u64) {
        self.lock().skipped = records;
    }

    /// Says why a swap is not followed; `None` when no swap is refused.
    pub fn set_refused_swap(&self, refused: Option<RefusedSwap>) {
        self.lock().refused_swap = refused;
    }

    /// Says by what partitions are read.
    pub fn set_readers(&self, readers: ReaderUse) {
        self.metrics.readers(&readers);
        self.lock().readers = readers;
    }

    /// Says how many order ids are remembered, and what that takes.
    pub fn set_order_ids(&self, stats: OrderStats) {
        self.metrics.order_ids(stats);
        self.lock().order_ids = Some(stats);
    }

    /// Says something of the start that an operator should know, in a sentence.
    pub fn remark(&self, remark: impl Into<String>) {
        self.lock().remarks.push(remark.into());
    }

    /// What the parts measure.
    #[must_use]
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// All that the board shows now.
    #[must_use]
    pub fn board(&self) -> Board {
        self.lock().clone()
    }

    // A writer that panicked leaves whole values behind: each is written at once.
    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the board shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Board {
    /// The parts that run. A part that is not configured is absent.
    pub parts: BTreeMap<Part, Health>,
    /// The partitions that are assigned.
    pub partitions: BTreeMap<i32, PartitionStatus>,
    /// Records that the topic held and that were skipped, as an empty state began behind them.
    pub skipped: u64,
    /// By what partitions are read.
    pub readers: ReaderUse,
    /// The order ids that are remembered; `None` where none are.
    pub order_ids: Option<OrderStats>,
    /// What an operator should know of the start, in sentences.
    pub remarks: Vec<String>,
    /// The swap that is not followed, if there is one.
    pub refused_swap: Option<RefusedSwap>,
}

/// Another generation was made live, and this service can't run it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedSwap {
    /// The generation that is live.
    pub generation: u32,
    /// Why it can't be run, and what to do.
    pub reason: String,
}

impl Board {
    /// Whether requests should be sent here: no part is starting or failed.
    #[must_use]
    pub fn ready(&self) -> bool {
        !self.parts.is_empty()
            && self
                .parts
                .values()
                .all(|health| matches!(health.condition, Condition::Ok | Condition::Degraded))
    }
}

/// A part of the service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Part {
    /// Kafka.
    Source,
    /// The state directory.
    Store,
    /// Elasticsearch.
    Sink,
}

impl Part {
    /// The name in answers and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Store => "store",
            Self::Sink => "sink",
        }
    }
}

/// How a part is doing, with the reason in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// How it is doing.
    pub condition: Condition,
    /// Why, in one sentence; empty when all is well.
    pub reason: String,
}

impl Health {
    /// The reason, with how many documents await delivery. The sink's own words don't say it: they are
    /// older than the checkpoint that an answer is made from, and would contradict it.
    #[must_use]
    pub fn reason_with(&self, documents: u64) -> String {
        let awaits = agreeing(documents, "awaits", "await");
        let waiting = format!("{} {awaits} delivery", counted(documents, "document"));
        match self.reason.as_str() {
            "" => waiting,
            reason => format!("{reason}; {waiting}"),
        }
    }
}

/// How a part is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// Not yet at work.
    Starting,
    /// At work.
    Ok,
    /// At work with trouble that it is expected to get over by itself.
    Degraded,
    /// Stopped until an operator does something.
    Failed,
}

impl Condition {
    /// The name in answers and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
        }
    }
}

/// What is known of a partition outside of the checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionStatus {
    /// Where it ends.
    pub end: End,
    /// Why it is stopped, if it is.
    pub halted: Option<String>,
}

/// Where a partition ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A broker has said so, and still answers.
    Known {
        /// The offset after the last record.
        offset: i64,
        /// How long ago a broker last confirmed it.
        age: Duration,
    },
    /// It is not known.
    Unknown {
        /// How long ago a broker last said something of it. `None` if none has, and of a partition
        /// that is stopped: its end is not asked for, and under its name there may be another log.
        age: Option<Duration>,
    },
}

impl Default for End {
    fn default() -> Self {
        Self::Unknown { age: None }
    }
}

impl End {
    /// The offset after the last record, if it is known.
    #[must_use]
    pub const fn offset(self) -> Option<i64> {
        match self {
            Self::Known { offset, .. } => Some(offset),
            Self::Unknown { .. } => None,
        }
    }

    /// How long ago a broker last said something of it.
    #[must_use]
    pub const fn age(self) -> Option<Duration> {
        match self {
            Self::Known { age, .. } => Some(age),
            Self::Unknown { age } => age,
        }
    }
}
