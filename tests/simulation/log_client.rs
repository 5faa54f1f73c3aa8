//! The client of a simulated topic, as librdkafka would be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rdkafka::types::RDKafkaErrorCode;
use tidegauge::domain::topic_id::TopicId;
use tidegauge::host::clock::Instant;
use tidegauge::source::simulated::{SimulatedBatch, SimulatedEntry};
use tidegauge::source::{BrokerAnswer, BrokerQuestion, Config, Error, LogClient, OffsetRange};

use super::broker_answers::answered;
use super::chance::Chance;
use super::topic::Topic;

/// A client that is connected.
pub struct Client {
    topic: Arc<Mutex<Topic>>,
    config: Config,
    chance: Chance,
    partitions: i32,
    /// The topic that it reads, and whether that was told.
    id: u128,
    told: Vec<Option<TopicId>>,
    places: BTreeMap<i32, Place>,
    /// Whether it has said that no broker answers, until it is told that one does.
    trouble: Mutex<Trouble>,
    question: Option<(Instant, BrokerQuestion)>,
}

#[derive(Default)]
struct Trouble {
    is_down: bool,
    outages: u64,
    is_logged: bool,
}

/// Where it reads a partition.
struct Place {
    next: i64,
    is_paused: bool,
    /// The end that was told last at this position.
    told_end: Option<i64>,
    fetched_end: Option<i64>,
    /// An error that was told and stays so until a seek.
    is_failed: bool,
}

/// How much a fetch gives at most.
const FETCH: u64 = 40;

impl Client {
    /// Connects, as librdkafka and the search for the topic do.
    pub fn connect(
        topic: &Arc<Mutex<Topic>>,
        config: &Config,
        chance: Chance,
    ) -> Result<Self, Error> {
        let (partitions, id) = {
            let topic = lock(topic);
            if !topic.is_up {
                return Err(silent(config));
            }
            if !topic.exists {
                return Err(Error::NoTopic {
                    brokers: config.brokers.clone(),
                    topic: config.topic.clone(),
                });
            }
            if let Some(partition) = topic.partitions.iter().position(|p| !p.has_leader) {
                return Err(Error::NoLeader {
                    topic: config.topic.clone(),
                    partition: partition as i32,
                    patience: Duration::from_secs(15),
                });
            }
            (topic.partitions.len() as i32, topic.id)
        };
        Ok(Self {
            topic: Arc::clone(topic),
            config: config.clone(),
            chance,
            partitions,
            id,
            told: vec![TopicId::new(id)],
            places: BTreeMap::new(),
            trouble: Mutex::default(),
            question: None,
        })
    }

    fn entry(partition: i32, offset: i64, error: (RDKafkaErrorCode, &str)) -> SimulatedEntry {
        SimulatedEntry {
            partition,
            offset,
            timestamp: None,
            payload: None,
            error: Some((error.0, error.1.to_owned())),
        }
    }

    // Reads by the topic that has the name now: told before its first record.
    fn follow(&mut self, id: u128) {
        if self.id != id {
            self.id = id;
            self.told.push(TopicId::new(id));
            for place in self.places.values_mut() {
                place.told_end = None;
            }
        }
    }

    fn ranges(&self, partitions: &[i32]) -> Result<BTreeMap<i32, OffsetRange>, Error> {
        let topic = lock(&self.topic);
        if !topic.is_up || !topic.exists {
            return Err(silent(&self.config));
        }
        let mut ranges = BTreeMap::new();
        for partition in partitions {
            let found = usize::try_from(*partition).ok();
            let found = found.and_then(|at| topic.partitions.get(at));
            match found.filter(|found| found.has_leader) {
                Some(found) => ranges.insert(
                    *partition,
                    OffsetRange {
                        low: found.low,
                        high: found.stable(),
                    },
                ),
                None => return Err(silent(&self.config)),
            };
        }
        Ok(ranges)
    }
}

impl LogClient for Client {
    type Batch = SimulatedBatch;

    fn take(&mut self, _: Duration) -> SimulatedBatch {
        let shared = Arc::clone(&self.topic);
        let topic = lock(&shared);
        if !topic.is_up {
            let mut trouble = self.trouble.lock().unwrap();
            if !trouble.is_down && self.chance.one_in(4) {
                trouble.is_down = true;
                trouble.outages += 1;
            }
            return SimulatedBatch::default();
        }
        if !topic.exists {
            return SimulatedBatch::default();
        }
        if self.id != topic.id {
            // The client finds out when it asks for metadata next.
            if self.chance.one_in(3) {
                self.follow(topic.id);
            }
            return SimulatedBatch::default();
        }
        let mut batch = Vec::new();
        let mut order: Vec<i32> = self.places.keys().copied().collect();
        self.chance.shuffle(&mut order);
        for partition in order {
            let Some(found) = topic.partitions.get(partition as usize) else {
                continue;
            };
            let Some(place) = self.places.get_mut(&partition) else {
                continue;
            };
            if place.is_paused || place.is_failed || !found.has_leader || self.chance.one_in(3) {
                continue;
            }
            if place.next < found.low || place.next > found.high {
                place.is_failed = true;
                let words = "fetch failed due to requested offset not available on the broker";
                let error = (RDKafkaErrorCode::AutoOffsetReset, words);
                batch.push(Self::entry(partition, place.next, error));
                continue;
            }
            place.fetched_end = Some(found.stable());
            let count = self.chance.up_to(FETCH) as usize + 1;
            let records = found.read(place.next, count);
            if records.len() < count && place.next <= found.stable() {
                place.next = place.next.max(found.stable());
            }
            for (offset, entry) in records {
                place.next = place.next.max(offset + 1);
                place.told_end = None;
                batch.push(SimulatedEntry {
                    partition,
                    offset,
                    timestamp: Some(entry.timestamp),
                    payload: entry.value.clone(),
                    error: None,
                });
            }
            if place.next == found.stable() && place.told_end != Some(place.next) {
                place.told_end = Some(place.next);
                let error = (RDKafkaErrorCode::PartitionEOF, "no more");
                batch.push(Self::entry(partition, place.next, error));
            }
        }
        SimulatedBatch(batch)
    }

    fn serve_events(&mut self) -> Result<Vec<i32>, Error> {
        Ok(Vec::new())
    }

    fn take_topic_ids(&mut self) -> Vec<Option<TopicId>> {
        std::mem::take(&mut self.told)
    }

    fn topic_id(&self) -> Option<TopicId> {
        let topic = lock(&self.topic);
        TopicId::new(topic.id).filter(|_| topic.is_up && topic.exists)
    }

    fn partitions(&self) -> i32 {
        self.partitions
    }

    fn down(&self) -> Option<String> {
        let trouble = self.trouble.lock().unwrap();
        trouble.is_down.then(|| "no broker answers".to_owned())
    }

    fn outages(&self) -> u64 {
        self.trouble.lock().unwrap().outages
    }

    fn set_up(&self) {
        self.trouble.lock().unwrap().is_down = false;
    }

    fn log_silence(&self, _: &str) {
        self.trouble.lock().unwrap().is_logged = true;
    }

    fn log_answer(&self) {
        self.trouble.lock().unwrap().is_logged = false;
    }

    fn is_silence_logged(&self) -> bool {
        self.trouble.lock().unwrap().is_logged
    }

    fn fetched_end(&self, partition: i32) -> Option<i64> {
        self.places.get(&partition)?.fetched_end
    }

    fn offset_range(&self, partition: i32) -> Result<OffsetRange, Error> {
        let found = self.ranges(&[partition])?;
        found
            .get(&partition)
            .copied()
            .ok_or_else(|| silent(&self.config))
    }

    fn offset_ranges_by(
        &self,
        partitions: &[i32],
        _: Instant,
    ) -> Result<BTreeMap<i32, OffsetRange>, Error> {
        self.ranges(partitions)
    }

    fn offsets_at(
        &self,
        partitions: &[i32],
        millis: i64,
        _: Instant,
    ) -> Result<BTreeMap<i32, i64>, Error> {
        let topic = lock(&self.topic);
        let at = partitions.iter().filter_map(|partition| {
            let found = topic.partitions.get(*partition as usize)?;
            let mut records = found.entries.range(found.low..found.stable());
            let first = records.find(|(_, entry)| entry.timestamp >= millis)?;
            Some((*partition, *first.0))
        });
        Ok(at.collect())
    }

    fn ask(&mut self, question: BrokerQuestion) -> bool {
        if self.question.is_some() {
            return false;
        }
        let latency = Duration::from_millis(self.chance.up_to(40));
        self.question = Some((Instant::now() + latency, question));
        true
    }

    fn answer(&mut self) -> Option<BrokerAnswer> {
        let (due, _) = self.question.as_ref()?;
        if Instant::now() < *due {
            return None;
        }
        let (_, question) = self.question.take()?;
        Some(answered(&lock(&self.topic), &self.config, question))
    }

    fn assign(&mut self, starts: &[(i32, i64)]) -> Result<(), Error> {
        for (partition, from) in starts {
            self.places.insert(
                *partition,
                Place {
                    next: *from,
                    is_paused: false,
                    told_end: None,
                    fetched_end: None,
                    is_failed: false,
                },
            );
        }
        Ok(())
    }

    fn unassign(&mut self, partition: i32) {
        self.places.remove(&partition);
    }

    fn restart(&mut self, partition: i32, offset: i64) -> Result<(), Error> {
        self.assign(&[(partition, offset)])
    }

    fn pause(&mut self, partitions: &[i32]) -> Result<(), String> {
        self.set_paused(partitions, true);
        Ok(())
    }

    fn resume(&mut self, partitions: &[i32]) -> Result<(), String> {
        self.set_paused(partitions, false);
        Ok(())
    }

    fn seek(&mut self, partition: i32, offset: i64) -> Result<(), String> {
        if let Some(place) = self.places.get_mut(&partition) {
            // What was out of range is not fetched again by a seek.
            place.next = offset;
            place.told_end = None;
        }
        Ok(())
    }

    fn report(&self, _: &BTreeMap<i32, i64>) {}

    fn close(self: Box<Self>, _: Duration) {}
}

impl Client {
    fn set_paused(&mut self, partitions: &[i32], is_paused: bool) {
        let partitions: BTreeSet<i32> = partitions.iter().copied().collect();
        for (partition, place) in &mut self.places {
            if partitions.contains(partition) {
                place.is_paused = is_paused;
            }
        }
    }
}

/// The error of brokers that don't answer.
pub fn silent(config: &Config) -> Error {
    Error::NoBroker {
        brokers: config.brokers.clone(),
        patience: Duration::from_secs(15),
        why: "simulated".to_owned(),
    }
}

fn lock(topic: &Mutex<Topic>) -> MutexGuard<'_, Topic> {
    topic.lock().unwrap()
}
