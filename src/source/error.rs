//! What keeps a topic from being read.

use std::time::Duration;

use crate::domain::duration::text;

/// Why the topic can't be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A property of librdkafka is unknown, not to be set here, or has a wrong value.
    #[error("kafka.properties \"{property}\": {why}")]
    Setting {
        /// The property.
        property: String,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// The settings don't go together, or the client can't be made.
    #[error("the Kafka client can't start: {0}")]
    Client(String),
    /// Nobody answered.
    #[error("no Kafka broker at {brokers} answered within {patience}: {why}", patience = text(*patience))]
    NoBroker {
        /// Who was asked.
        brokers: String,
        /// For how long.
        patience: Duration,
        /// What happened last.
        why: String,
    },
    /// The brokers refuse the user or the password.
    #[error(
        "Kafka at {brokers} refuses the login: {why}; check security.protocol and sasl.* in \
         kafka.properties"
    )]
    Login {
        /// Who was asked.
        brokers: String,
        /// In the client's words.
        why: String,
    },
    /// There is no such topic.
    #[error(
        "topic \"{topic}\" does not exist at {brokers}; check kafka.topic, or create it: \
         kafka-topics.sh --bootstrap-server {brokers} --create --topic {topic} --partitions 4 \
         --config retention.ms=-1"
    )]
    NoTopic {
        /// Who was asked.
        brokers: String,
        /// The topic.
        topic: String,
    },
    /// There is no such topic any more.
    #[error(
        "topic \"{topic}\", which the state was made from, is not found at {brokers}: it was deleted, \
         the brokers are others, or this user may not see it any more (DESCRIBE). When it is there \
         again, it is read on; to read a new one of that name, {}",
        super::start::from_earliest()
    )]
    TopicGone {
        /// Who was asked.
        brokers: String,
        /// The topic.
        topic: String,
    },
    /// The topic may not be read.
    #[error(
        "Kafka does not allow to read topic \"{topic}\": grant the user READ and DESCRIBE on it"
    )]
    Forbidden {
        /// The topic.
        topic: String,
    },
    /// A partition has no broker that serves it.
    #[error(
        "partition {partition} of topic \"{topic}\" has had no leader for {patience}: start the \
         brokers that hold it",
        patience = text(*patience)
    )]
    NoLeader {
        /// The topic.
        topic: String,
        /// The first such partition.
        partition: i32,
        /// How long it was waited for.
        patience: Duration,
    },
    /// Another topic has the name now.
    #[error("{0}")]
    Replaced(String),
    /// The client is broken.
    #[error("the Kafka client failed for good: {0}; start again")]
    Fatal(String),
}

impl Error {
    /// The same, of a topic that was read before: to create it anew would be no remedy.
    #[must_use]
    pub fn of_known_topic(self) -> Self {
        match self {
            Self::NoTopic { brokers, topic } => Self::TopicGone { brokers, topic },
            other => other,
        }
    }
}
