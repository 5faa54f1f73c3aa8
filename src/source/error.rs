//! Why the topic can't be read.

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
        /// The error, and what would be right.
        why: String,
    },
    /// The settings don't go together, or the client can't be made.
    #[error("the Kafka client can't start: {0}")]
    Client(String),
    /// No broker answered.
    #[error("no Kafka broker at {brokers} answered within {patience}: {why}", patience = text(*patience))]
    NoBroker {
        /// The brokers that were asked.
        brokers: String,
        /// For how long.
        patience: Duration,
        /// The last error of a connection.
        why: String,
    },
    /// A broker refuses the login or the client's certificate, or shows a certificate that is not
    /// accepted. The sentence says which, and what to do.
    #[error("{0}")]
    Refused(String),
    /// The topic does not exist.
    #[error(
        "topic \"{topic}\" does not exist at {brokers}; check kafka.topic, or create it: \
         kafka-topics.sh --bootstrap-server {brokers} --create --topic {topic} --partitions 4 \
         --config retention.ms=-1"
    )]
    NoTopic {
        /// The brokers that were asked.
        brokers: String,
        /// The topic.
        topic: String,
    },
    /// The topic does not exist any more.
    #[error(
        "topic \"{topic}\", which the state was made from, is not found at {brokers}: it was deleted, \
         these are other brokers, or this user may not see it any more (DESCRIBE). When it is there \
         again, reading continues; to read a new one of that name, {}",
        super::start::from_earliest()
    )]
    TopicGone {
        /// The brokers that were asked.
        brokers: String,
        /// The topic.
        topic: String,
    },
    /// The topic may not be read.
    #[error("Kafka denies reading topic \"{topic}\": grant the user READ and DESCRIBE on it")]
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
    #[error("the Kafka client failed permanently: {0}; restart the service")]
    Fatal(String),
}

impl Error {
    /// The same error for a topic that was read before: recreating it would not help.
    #[must_use]
    pub fn of_known_topic(self) -> Self {
        match self {
            Self::NoTopic { brokers, topic } => Self::TopicGone { brokers, topic },
            other => other,
        }
    }
}
