//! Kafka: where the records come from.
//!
//! One thread owns a [`Source`] and polls it. It assigns partitions itself and is a member of no
//! group: what has been applied is known to the caller alone, and group offsets are written only
//! so that lag tools have something to show. Nothing here decides a figure: a partition that can't
//! be read on without losing or doubling a record is halted, with the reason in words.

mod asker;
mod assign;
mod broker_questions;
mod certificate;
mod client_events;
mod confirmed_ends;
mod connection_failure;
mod connection_trouble;
mod cursor;
mod direct;
mod entry_judge;
mod error;
mod halts;
mod incident;
mod kafka_batch;
mod kafka_client;
mod librdkafka_client;
mod log_client;
mod missing_topic;
mod native;
mod partition_readers;
mod pausing;
mod property_files;
mod reader_switch;
mod record_reader;
mod refusal;
mod reporter;
mod security;
mod settings;
#[cfg(feature = "simulation")]
pub mod simulated;
mod start;
mod topic;
mod topic_identity;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::core::effect::Progress;
use crate::host::clock::Instant;
use crate::observe::reader_use::ReaderUse;
use crate::observe::status::{Condition, End};

pub use assign::AssignedPartition;
pub use broker_questions::{BrokerAnswer, BrokerQuestion, ProbeAnswer, TopicDescription};
use confirmed_ends::ConfirmedEnds;
use cursor::PartitionCursor;
#[doc(hidden)]
pub use direct::fuzzing;
use entry_judge::EntryJudge;
pub use error::Error;
use incident::PassingProblem;
pub use kafka_batch::KafkaBatch;
pub use kafka_client::KafkaClient;
pub use log_client::{JudgeEntries, LogBatch, LogClient, LogEntry};
use missing_topic::MissingTopic;
pub use record_reader::RecordReader;
pub use settings::{Config, ReaderChoice, StartPosition};
pub use start::OffsetRange;
pub use topic::failed_connection;
use topic_identity::TopicIdentity;

/// How long one question to the brokers may take while records wait.
const ASK_MAX: Duration = Duration::from_secs(2);

/// The reader of one topic.
pub struct Source<C: LogClient + ?Sized = KafkaClient> {
    client: Box<C>,
    topic: String,
    /// How many partitions the topic has: they are numbered from 0 without gaps.
    partition_count: i32,
    start: StartPosition,
    patience: Duration,
    /// By partition number, without gaps.
    cursors: Vec<PartitionCursor>,
    halted: BTreeMap<i32, String>,
    /// The halted partitions that stay halted after a restart.
    lasting: BTreeMap<i32, String>,
    /// The halted partitions that an earlier run knew.
    remembered: BTreeMap<i32, String>,
    /// Problems of partitions that are expected to pass.
    failing: BTreeMap<i32, PassingProblem>,
    paused: BTreeSet<i32>,
    bounded: bool,
    /// Why brokers don't allow to describe the topic now, if so.
    forbidden: Option<String>,
    /// Since when the topic is not found, if so.
    missing: Option<MissingTopic>,
    identity: TopicIdentity,
    next_probe: Instant,
    confirmed: ConfirmedEnds,
    /// Partitions that the last questions found, and that were not returned yet.
    found: Vec<AssignedPartition>,
    /// Why the last question had no answer, if that was not returned yet.
    unanswered: Option<Error>,
}

impl Source {
    /// Connects and finds the topic. Tries for as long as `patience`; later questions to the
    /// brokers have the same patience where nothing can continue without the answer.
    ///
    /// # Errors
    /// When a setting is refused ([`Error::Setting`], [`Error::Client`]), no broker answers
    /// ([`Error::NoBroker`]), a broker and the client don't accept each other
    /// ([`Error::Refused`]), or the topic is missing, forbidden or without a leader.
    pub fn connect(config: &Config, patience: Duration) -> Result<Self, Error> {
        Self::connect_while(config, patience, &AtomicBool::new(true))
    }

    /// As [`Source::connect`], and gives up within about a second when it is not wanted any more.
    ///
    /// # Errors
    /// As [`Source::connect`].
    pub fn connect_while(
        config: &Config,
        patience: Duration,
        is_wanted: &AtomicBool,
    ) -> Result<Self, Error> {
        let client = KafkaClient::connect(config, patience, is_wanted)?;
        Self::new(Box::new(client), config, patience)
    }
}

impl Source {
    /// A source that reads the last records of each partition up to where it ends now, `count` of the
    /// topic or a few more, and reports nothing to a group.
    ///
    /// # Errors
    /// As [`Source::connect`], and when the brokers don't say where partitions begin and end.
    pub fn connect_to_last(
        config: &Config,
        count: usize,
        patience: Duration,
    ) -> Result<Self, Error> {
        let config = Config {
            group_id: String::new(),
            // What it reads is not worth another connection.
            reader: ReaderChoice::Librdkafka,
            ..config.clone()
        };
        let mut source = Self::connect(&config, patience)?;
        let all: Vec<i32> = (0..source.partition_count).collect();
        let deadline = Instant::now() + patience;
        let ranges = source.client.offset_ranges_by(&all, deadline)?;
        let each = i64::try_from(count.div_ceil(all.len().max(1))).unwrap_or(i64::MAX);
        let begin = |range: &OffsetRange| range.low.max(range.high.saturating_sub(each));
        let progress = ranges.iter().map(|(partition, range)| {
            let progress = Progress {
                position: begin(range),
                first: None,
                fingerprint: None,
            };
            (*partition, progress)
        });
        source.assign(&progress.collect())?;
        let ends = ranges
            .iter()
            .map(|(partition, range)| (*partition, range.high));
        source.stop_at(&ends.collect());
        Ok(source)
    }
}

impl<C: LogClient + ?Sized> Source<C> {
    /// A source that reads by `client`, which is connected to the topic of `config`. Questions to the
    /// brokers have `patience` where nothing can continue without the answer.
    ///
    /// # Errors
    /// When the client is broken for good.
    pub fn new(client: Box<C>, config: &Config, patience: Duration) -> Result<Self, Error> {
        let mut source = Self {
            topic: config.topic.clone(),
            partition_count: client.partitions(),
            client,
            start: config.start,
            patience,
            cursors: Vec::new(),
            halted: BTreeMap::new(),
            lasting: BTreeMap::new(),
            remembered: BTreeMap::new(),
            failing: BTreeMap::new(),
            paused: BTreeSet::new(),
            bounded: false,
            forbidden: None,
            missing: None,
            identity: TopicIdentity::default(),
            next_probe: Instant::now(),
            confirmed: ConfirmedEnds::new(Instant::now()),
            found: Vec::new(),
            unanswered: None,
        };
        source.serve_events()?;
        source.take_topic_ids();
        Ok(source)
    }

    /// The end offsets of all partitions now: where `--until-end` stops.
    ///
    /// # Errors
    /// When the brokers don't answer in time.
    pub fn end_offsets(&self) -> Result<BTreeMap<i32, i64>, Error> {
        let deadline = Instant::now() + self.patience;
        let all: Vec<i32> = (0..self.partition_count).collect();
        let offset_ranges = self.client.offset_ranges_by(&all, deadline)?;
        Ok(offset_ranges
            .into_iter()
            .map(|(partition, offset_range)| (partition, offset_range.high))
            .collect())
    }

    /// The next records, in the order of their partitions' logs. Waits for the first one for at
    /// most `wait` (a whole number of ms), and then takes what is there. May be empty.
    ///
    /// # Errors
    /// When the client is broken for good.
    pub fn poll(&mut self, wait: Duration) -> Result<C::Batch, Error> {
        let mut batch = self.client.take(wait);
        // In this order: what the client says of the topic it has said before it read by that.
        self.serve_events()?;
        self.take_topic_ids();
        self.take_answers()?;
        self.probe_if_down();
        self.confirm_ends();
        self.log_silence();
        self.sort(&mut batch);
        Ok(batch)
    }

    /// The partitions: read, paused or halted.
    #[must_use]
    pub fn partitions(&self) -> Vec<i32> {
        (0..).take(self.cursors.len()).collect()
    }

    /// The next offset to deliver, if the partition is known. Unlike the offset after the last
    /// record it counts what is never delivered, such as the marks of transactions.
    #[must_use]
    pub fn position(&self, partition: i32) -> Option<i64> {
        self.cursor(partition).map(|cursor| cursor.position())
    }

    /// Whether all of the partition that brokers have was delivered. `false` while no broker
    /// answers, as it is not known then.
    #[must_use]
    pub fn at_end(&self, partition: i32) -> bool {
        self.cursor(partition).is_some_and(PartitionCursor::at_end)
            && !self.failing.contains_key(&partition)
            && !self.is_end_old(partition)
    }

    /// The end offset as far as the client knows it without asking.
    #[must_use]
    pub fn end(&self, partition: i32) -> Option<i64> {
        let cursor = self.cursor(partition)?;
        let fetched = self.client.fetched_end(partition).unwrap_or(0);
        Some(fetched.max(cursor.end()).max(cursor.position()))
    }

    /// Where the partition ends, as far as brokers say so now: what they said before they stopped
    /// says nothing of how much waits.
    #[must_use]
    pub fn known_end(&self, partition: i32) -> End {
        if !self.runs(partition) {
            return End::Unknown { age: None };
        }
        let is_answered = self.client.down().is_none()
            && self.missing.is_none()
            && !self.failing.contains_key(&partition)
            && !self.is_end_old(partition);
        let age = self.end_age(partition);
        match (self.end(partition).filter(|_| is_answered), age) {
            (Some(offset), Some(age)) => End::Known { offset, age },
            (_, age) => End::Unknown { age },
        }
    }

    /// The condition of the source apart from [halted](Self::halted) partitions, and the reason.
    #[must_use]
    pub fn condition(&self) -> (Condition, String) {
        if let Some(reason) = self.client.down() {
            return (Condition::Degraded, reason);
        }
        if let Some(missing) = self.missing {
            return self.missing_condition(missing);
        }
        if let Some(why) = &self.forbidden {
            return (Condition::Degraded, why.clone());
        }
        if let Some((partition, why)) = self.failing.first_key_value() {
            let reason = format!("partition {partition} is not read now: {why}");
            return (Condition::Degraded, reason);
        }
        match self.silence() {
            Some(reason) => (Condition::Degraded, reason),
            None => (Condition::Ok, String::new()),
        }
    }

    /// By what the partitions are read.
    #[must_use]
    pub fn readers(&self) -> ReaderUse {
        self.client.readers()
    }

    /// Reports the applied positions to the group, so that lag tools can show them. Nothing reads it
    /// back, nothing waits for it but [`close`](Self::close), and a failure is only logged.
    pub fn report(&self, positions: &BTreeMap<i32, i64>) {
        self.client.report(positions);
    }

    /// Disconnects from the brokers, once the group has the last positions. Returns after
    /// `patience` at the latest, whatever they do.
    pub fn close(self, patience: Duration) {
        self.client.close(patience);
    }

    fn serve_events(&mut self) -> Result<(), Error> {
        for stray in self.client.serve_events()? {
            self.halt_for_now(stray, start::STRAYED.to_owned());
        }
        Ok(())
    }

    fn sort(&mut self, batch: &mut C::Batch) {
        let mut judge = EntryJudge {
            cursors: &mut self.cursors,
            failing: &mut self.failing,
            confirmed: &mut self.confirmed,
            incidents: Vec::new(),
        };
        batch.sort(&mut judge);
        let incidents = judge.incidents;
        let now = Instant::now();
        if !batch.is_empty() && (!self.failing.is_empty() || self.confirmed.takes_note(now)) {
            for partition in batch.partitions() {
                self.failing.remove(&partition);
                self.confirmed.note(partition, now);
            }
        }
        for (partition, incident) in incidents {
            self.handle(partition, incident);
        }
        if self.bounded {
            self.pause_finished();
        }
    }

    fn cursor(&self, partition: i32) -> Option<&PartitionCursor> {
        self.cursors.get(usize::try_from(partition).ok()?)
    }

    fn cursor_mut(&mut self, partition: i32) -> Option<&mut PartitionCursor> {
        self.cursors.get_mut(usize::try_from(partition).ok()?)
    }

    fn runs(&self, partition: i32) -> bool {
        self.cursor(partition)
            .is_some_and(|cursor| !cursor.is_halted())
    }
}
