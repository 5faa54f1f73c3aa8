//! The metadata and offsets of a topic, as the brokers give them.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::metadata::MetadataTopic;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka::{Offset, TopicPartitionList};

use super::client_events::ClientEvents;
use super::start::OffsetRange;
use super::{Config, Error};

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
    /// With these partitions that no broker serves; empty if that is said of the topic.
    Leaderless(Vec<i32>),
    Missing,
    Forbidden,
}

impl Topic {
    /// Looks for the topic for as long as `patience`.
    pub(super) fn find(
        consumer: &BaseConsumer<ClientEvents>,
        config: &Config,
        patience: Duration,
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
                Ok(TopicState::Leaderless(partitions)) => Error::NoLeader {
                    topic: topic.name.clone(),
                    partition: partitions.first().copied().unwrap_or(0),
                    patience,
                },
                Err(error) => topic.silence(consumer, &error, patience),
            };
            if let Some(why) = consumer.context().login() {
                return Err(Error::Login {
                    brokers: topic.brokers,
                    why,
                });
            }
            if Instant::now() >= deadline {
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

    /// It has `count` partitions now.
    pub(super) const fn grow(&mut self, count: i32) {
        if count > self.partitions {
            self.partitions = count;
        }
    }

    /// The same, to be asked about while another thread serves the client's events.
    pub(super) fn beside(&self) -> Self {
        Self {
            serves: false,
            ..self.clone()
        }
    }

    /// Which partitions brokers say it has; `None` if it does not exist. Nothing is said of new ones,
    /// behind the first `known`, while one is without a leader.
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
            Ok(TopicState::Leaderless(leaderless)) => Ok(Some(TopicPartitions {
                count: known,
                leaderless: match leaderless.as_slice() {
                    [] => (0..known).collect(),
                    _ => leaderless,
                },
            })),
            Ok(TopicState::Missing) => Ok(None),
            Ok(TopicState::Forbidden) => Err(Error::Forbidden {
                topic: self.name.clone(),
            }),
            Err(error) => Err(self.silence(consumer, &error, wait)),
        }
    }

    /// The offsets that brokers hold of a partition. Asks once.
    pub(super) fn offset_range(
        &self,
        consumer: &BaseConsumer<ClientEvents>,
        partition: i32,
        wait: Duration,
    ) -> Result<OffsetRange, Error> {
        match consumer.fetch_watermarks(&self.name, partition, wait) {
            Ok((low, high)) if low >= 0 && high >= low => Ok(OffsetRange { low, high }),
            Ok((low, high)) => Err(Error::NoBroker {
                brokers: self.brokers.clone(),
                patience: wait,
                why: format!("offsets of partition {partition} were said to be {low} to {high}"),
            }),
            Err(error) => Err(self.silence(consumer, &error, wait)),
        }
    }

    /// The offsets that brokers hold of partitions. Asks once for all of them.
    pub(super) fn offset_ranges(
        &self,
        consumer: &BaseConsumer<ClientEvents>,
        partitions: &[i32],
        wait: Duration,
    ) -> Result<BTreeMap<i32, OffsetRange>, Error> {
        // In this order: a beginning only rises, so it can't be past an end that is asked for later.
        let lows = self.offsets(consumer, partitions, Offset::Beginning, wait)?;
        let highs = self.offsets(consumer, partitions, Offset::End, wait)?;
        partitions
            .iter()
            .map(|partition| {
                let known = lows.get(partition).zip(highs.get(partition));
                let offset_range = known.map(|(low, high)| OffsetRange {
                    low: *low,
                    high: (*high).max(*low),
                });
                let offset_range = offset_range.ok_or_else(|| Error::NoBroker {
                    brokers: self.brokers.clone(),
                    patience: wait,
                    why: format!("nothing was said of the offsets of partition {partition}"),
                })?;
                Ok((*partition, offset_range))
            })
            .collect()
    }

    /// Where partitions end. Asks once for all of them.
    pub(super) fn ends(
        &self,
        consumer: &BaseConsumer<ClientEvents>,
        partitions: &[i32],
        wait: Duration,
    ) -> Result<BTreeMap<i32, i64>, Error> {
        self.offsets(consumer, partitions, Offset::End, wait)
    }

    /// The offsets that brokers hold of partitions. Asks until `deadline`.
    pub(super) fn offset_ranges_by(
        &self,
        consumer: &BaseConsumer<ClientEvents>,
        partitions: &[i32],
        deadline: Instant,
    ) -> Result<BTreeMap<i32, OffsetRange>, Error> {
        until(deadline, |wait| {
            self.offset_ranges(consumer, partitions, wait)
                .map_err(|error| match error {
                    Error::NoBroker { brokers, why, .. } => Error::NoBroker {
                        brokers,
                        patience: self.patience,
                        why,
                    },
                    other => other,
                })
        })
    }

    /// The offsets of the first records at or after `millis`; without those partitions that have
    /// none. Asks until `deadline`.
    pub(super) fn offsets_at(
        &self,
        consumer: &BaseConsumer<ClientEvents>,
        partitions: &[i32],
        millis: i64,
        deadline: Instant,
    ) -> Result<BTreeMap<i32, i64>, Error> {
        // Negative numbers have other meanings here; no record is older than the epoch.
        let time = Offset::Offset(millis.max(0));
        until(deadline, |wait| {
            self.offsets(consumer, partitions, time, wait)
        })
    }

    // The offsets at `place`: a beginning, an end, or a time in ms. Asks each broker once.
    fn offsets(
        &self,
        consumer: &BaseConsumer<ClientEvents>,
        partitions: &[i32],
        place: Offset,
        wait: Duration,
    ) -> Result<BTreeMap<i32, i64>, Error> {
        if partitions.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition_offset(&self.name, *partition, place)
                .map_err(|error| Error::Client(error.to_string()))?;
        }
        // What the client says where times are asked for; it sends the numbers for a beginning and
        // an end as they are, which are those of the protocol.
        let found = consumer
            .offsets_for_times(list, wait)
            .map_err(|error| self.silence(consumer, &error, self.patience))?;
        let mut offsets = BTreeMap::new();
        for element in found.elements() {
            element
                .error()
                .map_err(|error| self.silence(consumer, &error, self.patience))?;
            if let Offset::Offset(offset) = element.offset() {
                offsets.insert(element.partition(), offset);
            }
        }
        Ok(offsets)
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
    match leaderless.as_slice() {
        [] if topic.partitions().is_empty() || error.is_some() => {
            TopicState::Leaderless(leaderless)
        }
        [_, ..] => TopicState::Leaderless(leaderless),
        [] => TopicState::Ready(i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX)),
    }
}

fn until<T>(deadline: Instant, ask: impl Fn(Duration) -> Result<T, Error>) -> Result<T, Error> {
    loop {
        let failure = match ask(try_for(deadline)) {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        if Instant::now() >= deadline {
            return Err(failure);
        }
        thread::sleep(RETRY);
    }
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
