//! The metadata of a topic, as the brokers give it.

mod offsets;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::metadata::MetadataTopic;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::client_events::ClientEvents;
use super::{Config, Error};
use crate::host::clock::Instant;

/// How long one try may take.
const TRY_MAX: Duration = Duration::from_secs(1);
/// How long to wait between two tries.
const RETRY: Duration = Duration::from_millis(100);
/// A topic that has just been created may be unknown to some brokers for so long.
const MISSING_MAX: Duration = Duration::from_secs(3);

/// A topic that exists.
#[derive(Clone)]
pub(super) struct Topic {
    name: String,
    brokers: String,
    partitions: i32,
    patience: Duration,
    /// Whether events of the client are served here, as no other thread does so.
    serves: bool,
}

/// The partitions of a topic.
pub(super) struct TopicPartitions {
    /// How many there are.
    pub(super) count: i32,
    /// The partitions that no broker serves now.
    pub(super) leaderless: Vec<i32>,
}

/// The state of the topic, as the brokers give it.
enum TopicState {
    Ready(i32),
    /// With partitions that no broker serves.
    Leaderless {
        /// How many partitions there are; 0 if that is not said.
        count: i32,
        /// Those without a leader; empty if that is said of the topic.
        partitions: Vec<i32>,
    },
    Missing,
    Forbidden,
}

impl Topic {
    /// Looks for the topic for as long as `patience`, and while it is wanted.
    pub(super) fn find(
        consumer: &BaseConsumer<ClientEvents>,
        config: &Config,
        patience: Duration,
        is_wanted: &AtomicBool,
    ) -> Result<Self, Error> {
        let mut topic = Self {
            name: config.topic.clone(),
            brokers: config.brokers.clone(),
            partitions: 0,
            patience,
            serves: true,
        };
        let deadline = Instant::now() + patience;
        let mut missing_since = None;
        loop {
            let failure = match topic.look(consumer, try_for(deadline)) {
                Ok(TopicState::Ready(partitions)) => {
                    topic.partitions = partitions;
                    consumer.context().set_up();
                    return Ok(topic);
                }
                Ok(TopicState::Forbidden) => return Err(Error::Forbidden { topic: topic.name }),
                Ok(TopicState::Missing) => {
                    let since = *missing_since.get_or_insert_with(Instant::now);
                    let missing = Error::NoTopic {
                        brokers: topic.brokers.clone(),
                        topic: topic.name.clone(),
                    };
                    if since.elapsed() >= MISSING_MAX {
                        return Err(missing);
                    }
                    missing
                }
                Ok(TopicState::Leaderless { partitions, .. }) => Error::NoLeader {
                    topic: topic.name.clone(),
                    partition: partitions.first().copied().unwrap_or(0),
                    patience,
                },
                // It was given up, so what the client logged is of no interest.
                Err(error) if !is_wanted.load(Ordering::Relaxed) => {
                    return Err(Error::NoBroker {
                        brokers: topic.brokers,
                        patience,
                        why: error.to_string(),
                    });
                }
                Err(error) => topic.silence(consumer, &error, patience),
            };
            // Trying again would change nothing.
            let is_hopeless =
                matches!(failure, Error::Refused(_)) && consumer.context().down().is_some();
            let is_over = Instant::now() >= deadline || !is_wanted.load(Ordering::Relaxed);
            if is_hopeless || is_over {
                return Err(failure);
            }
            thread::sleep(RETRY);
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How many partitions it has: they are numbered from 0 without gaps.
    pub(super) const fn partitions(&self) -> i32 {
        self.partitions
    }

    /// The same, to be asked about while another thread serves the client's events.
    pub(super) fn beside(&self) -> Self {
        Self {
            serves: false,
            ..self.clone()
        }
    }

    /// Which partitions brokers say it has, `known` if they say nothing of that; `None` if it does not
    /// exist.
    pub(super) fn listed(
        &self,
        consumer: &BaseConsumer<ClientEvents>,
        known: i32,
        wait: Duration,
    ) -> Result<Option<TopicPartitions>, Error> {
        match self.look(consumer, wait) {
            Ok(TopicState::Ready(count)) => {
                consumer.context().forget_why();
                Ok(Some(TopicPartitions {
                    count,
                    leaderless: Vec::new(),
                }))
            }
            Ok(TopicState::Leaderless { count, partitions }) => Ok(Some(TopicPartitions {
                count: count.max(known),
                leaderless: match partitions.as_slice() {
                    [] => (0..known).collect(),
                    _ => partitions,
                },
            })),
            Ok(TopicState::Missing) => Ok(None),
            Ok(TopicState::Forbidden) => Err(Error::Forbidden {
                topic: self.name.clone(),
            }),
            Err(error) => Err(self.silence(consumer, &error, wait)),
        }
    }

    fn look(
        &self,
        consumer: &BaseConsumer<ClientEvents>,
        wait: Duration,
    ) -> Result<TopicState, KafkaError> {
        let metadata = consumer.fetch_metadata(Some(&self.name), wait)?;
        let found = metadata.topics().iter().find(|t| t.name() == self.name);
        Ok(found.map_or(TopicState::Missing, classify))
    }

    fn silence(
        &self,
        consumer: &BaseConsumer<ClientEvents>,
        error: &KafkaError,
        patience: Duration,
    ) -> Error {
        if self.serves {
            serve_events(consumer);
            consumer.context().examine();
        }
        if let Some(refusal) = consumer.context().refusal() {
            return Error::Refused(refusal);
        }
        // What was said about the connection says more than that the question failed.
        let why = consumer.context().why().unwrap_or_else(|| {
            error
                .rdkafka_error_code()
                .map_or_else(|| error.to_string(), words)
        });
        Error::NoBroker {
            brokers: self.brokers.clone(),
            patience,
            why,
        }
    }
}

/// Why no broker could be asked within `patience`, when the client library said that of a connection.
/// May take a second, as a certificate that is not accepted is looked at.
#[must_use]
pub fn failed_connection(config: &Config, patience: Duration, said: &str) -> Error {
    let events = ClientEvents::new(config);
    events.note_failure(said);
    events.examine();
    match events.refusal() {
        Some(refusal) => Error::Refused(refusal),
        None => Error::NoBroker {
            brokers: config.brokers.clone(),
            patience,
            why: events.why().unwrap_or_default(),
        },
    }
}

// The client library's own words end in what a person would say: `Name (Local: words)`.
fn words(code: RDKafkaErrorCode) -> String {
    let text = code.to_string();
    match text.split_once('(') {
        Some((_, words)) => words.trim_end_matches(')').to_owned(),
        None => text,
    }
}

fn classify(topic: &MetadataTopic) -> TopicState {
    use RDKafkaErrorCode as Code;
    let error = topic.error().map(Code::from);
    match error {
        Some(Code::TopicAuthorizationFailed) => return TopicState::Forbidden,
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::InvalidTopic) => {
            return TopicState::Missing;
        }
        _ => {}
    }
    let leaderless = topic.partitions().iter().filter(|partition| {
        partition.leader() < 0
            || partition.error() == Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
    });
    let leaderless: Vec<i32> = leaderless.map(|partition| partition.id()).collect();
    let count = i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX);
    if count == 0 || error.is_some() || !leaderless.is_empty() {
        return TopicState::Leaderless {
            count,
            partitions: leaderless,
        };
    }
    TopicState::Ready(count)
}

fn try_for(deadline: Instant) -> Duration {
    deadline
        .saturating_duration_since(Instant::now())
        .clamp(RETRY, TRY_MAX)
}

// Nothing is assigned yet or everything goes elsewhere, so only events can come.
fn serve_events(consumer: &BaseConsumer<ClientEvents>) {
    loop {
        let served = consumer.context().served();
        let polled = consumer.poll(Duration::ZERO);
        if polled.is_none() && consumer.context().served() == served {
            return;
        }
    }
}
