//! A new topic on a broker, its messages, and sources that read it.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::Range;

use tidegauge::source::{Config, Source, StartPosition};

use super::{PATIENCE, READER, Taken, read_to_end};
use crate::support::lab::{Kafka, Message, unique};

/// A topic that no other test uses.
pub(super) struct Topic<K = &'static Kafka> {
    pub(super) kafka: K,
    pub(super) name: String,
}

impl Topic {
    /// On the broker that all tests share.
    #[track_caller]
    pub(super) fn new(name: &str, partitions: i32) -> Option<Self> {
        Some(Self::on(Kafka::shared()?, name, partitions))
    }
}

impl Topic<Kafka> {
    /// On a broker that the test may stop.
    #[track_caller]
    pub(super) fn on_own_broker(name: &str, partitions: i32) -> Option<Self> {
        Some(Self::on(Kafka::own()?, name, partitions))
    }
}

impl<K: Borrow<Kafka>> Topic<K> {
    #[track_caller]
    fn on(kafka: K, name: &str, partitions: i32) -> Self {
        let name = unique(name);
        kafka.borrow().create_topic(&name, partitions);
        Self { kafka, name }
    }

    /// Sends messages with the numbers given to each partition.
    #[track_caller]
    pub(super) fn send(&self, numbers: impl IntoIterator<Item = (i32, Range<i64>)>) {
        let messages = numbers
            .into_iter()
            .flat_map(|(partition, numbers)| messages(partition, numbers));
        self.kafka.borrow().send(&self.name, messages);
    }

    /// Deletes it and creates another one of its name.
    #[track_caller]
    pub(super) fn recreate(&self, partitions: i32) {
        self.kafka.borrow().delete_topic(&self.name);
        self.kafka.borrow().create_topic(&self.name, partitions);
    }

    #[track_caller]
    pub(super) fn connect(&self, start: StartPosition) -> Source {
        let config = config(self.kafka.borrow().bootstrap(), &self.name, start);
        Source::connect(&config, PATIENCE).unwrap()
    }

    /// A source that has no stored positions.
    #[track_caller]
    pub(super) fn started(&self, start: StartPosition) -> Source {
        let mut source = self.connect(start);
        source.assign(&BTreeMap::new()).unwrap();
        source
    }

    /// All that is in it.
    #[track_caller]
    pub(super) fn read(&self) -> Vec<Taken> {
        read_to_end(&mut self.started(StartPosition::Earliest))
    }
}

pub(super) fn config(brokers: String, topic: &str, start: StartPosition) -> Config {
    Config {
        brokers,
        topic: topic.to_owned(),
        group_id: topic.to_owned(),
        start,
        reader: READER,
        properties: BTreeMap::new(),
    }
}

/// Numbered messages to one partition, each a second after the one before.
pub(super) fn messages(partition: i32, numbers: Range<i64>) -> Vec<Message> {
    numbers
        .map(|number| Message {
            partition,
            timestamp: 1_000_000 + number * 1_000,
            payload: Some(format!("{partition}:{number}").into_bytes()),
            ..Message::default()
        })
        .collect()
}
