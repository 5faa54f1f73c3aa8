//! What a [`Source`](super::Source) needs of a client of the brokers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::types::RDKafkaErrorCode;

use super::Error;
use super::broker_questions::{BrokerAnswer, BrokerQuestion};
use super::start::OffsetRange;
use crate::domain::record::Record;
use crate::domain::topic_id::TopicId;
use crate::host::clock::Instant;
use crate::observe::reader_use::ReaderUse;

/// A client that is connected to the brokers of one topic. It decides nothing: what may be delivered is
/// judged by the source.
pub trait LogClient: Send + 'static {
    /// What it reads at once.
    type Batch: LogBatch + Send + 'static;

    /// Waits for a first record for at most `wait` (a whole number of ms), and takes it with all others
    /// that have arrived by then.
    fn take(&mut self, wait: Duration) -> Self::Batch;

    /// Takes note of all events that are not of a partition. Gives the partitions of records that came
    /// where none should.
    ///
    /// # Errors
    /// When the client is broken for good.
    fn serve_events(&mut self) -> Result<Vec<i32>, Error>;

    /// The ids by which it has begun to read the topic since the last call, in order; `None` for a
    /// broker that gives topics no id. What was taken before all events were served is of the last one.
    fn take_topic_ids(&mut self) -> Vec<Option<TopicId>>;

    /// Which topic has the name now; `None` if brokers don't say in time.
    fn topic_id(&self) -> Option<TopicId>;

    /// How many partitions the topic had when it was connected to.
    fn partitions(&self) -> i32;

    /// That no broker answers, and why, as one sentence, if it is so.
    fn down(&self) -> Option<String>;

    /// How often it was said that no broker answers.
    fn outages(&self) -> u64;

    /// A broker has answered.
    fn set_up(&self);

    /// Brokers don't answer: logged when that begins, and not again before one has answered.
    fn log_silence(&self, reason: &str);

    /// Brokers answer: logged if it was that they don't.
    fn log_answer(&self);

    /// Whether it was logged that brokers don't answer, and not since that they do.
    fn is_silence_logged(&self) -> bool;

    /// The end offset that brokers sent with the last records; `None` before there were any.
    fn fetched_end(&self, partition: i32) -> Option<i64>;

    /// The offsets that brokers hold of a partition. Asks once.
    ///
    /// # Errors
    /// When they don't say.
    fn offset_range(&self, partition: i32) -> Result<OffsetRange, Error>;

    /// The offsets that brokers hold of all of `partitions`. Asks until `deadline`.
    ///
    /// # Errors
    /// When they don't say.
    fn offset_ranges_by(
        &self,
        partitions: &[i32],
        deadline: Instant,
    ) -> Result<BTreeMap<i32, OffsetRange>, Error>;

    /// The offsets of the first records at or after `millis`; without those partitions that have none.
    /// Asks until `deadline`.
    ///
    /// # Errors
    /// When they don't say.
    fn offsets_at(
        &self,
        partitions: &[i32],
        millis: i64,
        deadline: Instant,
    ) -> Result<BTreeMap<i32, i64>, Error>;

    /// Asks, if no other question waits for its answer; `false` if one does.
    fn ask(&mut self, question: BrokerQuestion) -> bool;

    /// The next answer, if there is one.
    fn answer(&mut self) -> Option<BrokerAnswer>;

    /// Reads these partitions from now on, each from its offset.
    ///
    /// # Errors
    /// When the client can't have such a partition.
    fn assign(&mut self, starts: &[(i32, i64)]) -> Result<(), Error>;

    /// No longer reads a partition.
    fn unassign(&mut self, partition: i32);

    /// Reads a partition from `offset` on, of which the client has stopped to read, as it was out of range.
    ///
    /// # Errors
    /// When the client can't have such a partition.
    fn restart(&mut self, partition: i32, offset: i64) -> Result<(), Error>;

    /// Delivers nothing of these partitions until they are resumed. What was read ahead is dropped and
    /// read again later.
    ///
    /// # Errors
    /// Why it can't.
    fn pause(&mut self, partitions: &[i32]) -> Result<(), String>;

    /// Delivers these partitions again, which must be paused.
    ///
    /// # Errors
    /// Why it can't.
    fn resume(&mut self, partitions: &[i32]) -> Result<(), String>;

    /// Reads a partition from `offset` on.
    ///
    /// # Errors
    /// Why it can't.
    fn seek(&mut self, partition: i32, offset: i64) -> Result<(), String>;

    /// By what the partitions are read.
    fn readers(&self) -> ReaderUse {
        ReaderUse::default()
    }

    /// Reports the applied positions to the group, for tools that show its lag.
    fn report(&self, positions: &BTreeMap<i32, i64>);

    /// Disconnects. Returns after `patience` at the latest.
    fn close(self: Box<Self>, patience: Duration);
}

/// Records as they came from the brokers, each partition's in the order of its log, and errors of
/// partitions among them.
pub trait LogBatch {
    /// A record, or an error of a partition.
    type Entry<'a>: LogEntry
    where
        Self: 'a;

    /// How many entries there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The records.
    fn records(&self) -> impl ExactSizeIterator<Item = Record<'_>> + Clone;

    /// Divides it into so many, by the partitions of its entries; `None` where there would be no entry. `place` gives
    /// numbers below `count`.
    fn divide(self, count: usize, place: impl Fn(i32) -> usize) -> Vec<Option<Self>>
    where
        Self: Sized;

    /// Whether another thread may use it at no cost of its own.
    fn is_handed_on_at_no_cost(&self) -> bool {
        true
    }

    /// Which partitions they are of.
    fn partitions(&self) -> BTreeSet<i32>;

    /// Keeps only what `keep` says, in order, and releases the rest.
    fn retain(&mut self, keep: impl FnMut(&Self::Entry<'_>) -> bool);

    /// Keeps only what `judge` says, in order, and releases the rest.
    fn sort(&mut self, judge: &mut impl JudgeEntries) {
        self.retain(|entry| judge.keeps(entry));
    }
}

/// Decides which entries are kept.
pub trait JudgeEntries {
    /// Whether all records of a partition are kept that follow each other from the offset `first` to `last`. `false` if each
    /// has to be looked at.
    fn keeps_all(&mut self, partition: i32, first: i64, last: i64) -> bool;

    /// Whether this one is kept.
    fn keeps(&mut self, entry: &impl LogEntry) -> bool;
}

/// A record, or an error of a partition.
pub trait LogEntry {
    /// Its partition.
    fn partition(&self) -> i32;

    /// The record's offset; of an error, where the partition stood.
    fn offset(&self) -> i64;

    /// The error, if it is not a record.
    fn error(&self) -> Option<RDKafkaErrorCode>;

    /// The error in words.
    fn reason(&self) -> String;

    /// The record. Only of use if it is not an error.
    fn record(&self) -> Record<'_>;
}
