//! The client of Kafka's brokers: records are read by the direct reader or by librdkafka, and all else is asked through
//! librdkafka.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::broker_questions::{BrokerAnswer, BrokerQuestion};
use super::kafka_batch::KafkaBatch;
use super::log_client::LogClient;
use super::reader_switch::ReaderSwitch;
use super::start::OffsetRange;
use super::{Config, Error};
use crate::domain::topic_id::TopicId;
use crate::host::clock::Instant;
use crate::observe::reader_use::ReaderUse;

/// A client of Kafka's brokers. It assigns partitions itself and is a member of no group: group offsets
/// are written only so that lag tools have something to show.
pub struct KafkaClient(ReaderSwitch);

impl KafkaClient {
    /// Connects and finds the topic. Tries for as long as `patience`, and while it is wanted.
    pub(super) fn connect(
        config: &Config,
        patience: Duration,
        is_wanted: &AtomicBool,
    ) -> Result<Self, Error> {
        Ok(Self(ReaderSwitch::connect(config, patience, is_wanted)?))
    }
}

impl LogClient for KafkaClient {
    type Batch = KafkaBatch;

    fn take(&mut self, wait: Duration) -> KafkaBatch {
        self.0.take(wait)
    }

    fn serve_events(&mut self) -> Result<Vec<i32>, Error> {
        self.0.serve_events()
    }

    fn take_topic_ids(&mut self) -> Vec<Option<TopicId>> {
        self.0.take_topic_ids()
    }

    fn topic_id(&self) -> Option<TopicId> {
        self.0.librdkafka.topic_id()
    }

    fn partitions(&self) -> i32 {
        self.0.librdkafka.partitions()
    }

    fn down(&self) -> Option<String> {
        self.0.librdkafka.down()
    }

    fn outages(&self) -> u64 {
        self.0.librdkafka.outages()
    }

    fn set_up(&self) {
        self.0.librdkafka.set_up();
    }

    fn log_silence(&self, reason: &str) {
        self.0.librdkafka.log_silence(reason);
    }

    fn log_answer(&self) {
        self.0.librdkafka.log_answer();
    }

    fn is_silence_logged(&self) -> bool {
        self.0.librdkafka.is_silence_logged()
    }

    fn fetched_end(&self, partition: i32) -> Option<i64> {
        self.0.fetched_end(partition)
    }

    fn offset_range(&self, partition: i32) -> Result<OffsetRange, Error> {
        self.0.librdkafka.offset_range(partition)
    }

    fn offset_ranges_by(
        &self,
        partitions: &[i32],
        deadline: Instant,
    ) -> Result<BTreeMap<i32, OffsetRange>, Error> {
        self.0.librdkafka.offset_ranges_by(partitions, deadline)
    }

    fn offsets_at(
        &self,
        partitions: &[i32],
        millis: i64,
        deadline: Instant,
    ) -> Result<BTreeMap<i32, i64>, Error> {
        self.0.librdkafka.offsets_at(partitions, millis, deadline)
    }

    fn ask(&mut self, question: BrokerQuestion) -> bool {
        self.0.librdkafka.ask(question)
    }

    fn answer(&mut self) -> Option<BrokerAnswer> {
        self.0.librdkafka.answer()
    }

    fn assign(&mut self, starts: &[(i32, i64)]) -> Result<(), Error> {
        self.0.assign(starts)
    }

    fn unassign(&mut self, partition: i32) {
        self.0.unassign(partition);
    }

    fn restart(&mut self, partition: i32, offset: i64) -> Result<(), Error> {
        self.0.restart(partition, offset)
    }

    fn pause(&mut self, partitions: &[i32]) -> Result<(), String> {
        self.0.pause(partitions)
    }

    fn resume(&mut self, partitions: &[i32]) -> Result<(), String> {
        self.0.resume(partitions)
    }

    fn seek(&mut self, partition: i32, offset: i64) -> Result<(), String> {
        self.0.seek(partition, offset)
    }

    fn readers(&self) -> ReaderUse {
        self.0.readers()
    }

    fn report(&self, positions: &BTreeMap<i32, i64>) {
        self.0.librdkafka.report(positions);
    }

    fn close(self: Box<Self>, patience: Duration) {
        self.0.close(patience);
    }
}
