//! Single records by their offsets, of one partition after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::types::RDKafkaErrorCode;

use super::librdkafka_client::LibrdkafkaClient;
use super::start::{self, OffsetRange};
use super::{Config, Error, LogBatch, LogClient, LogEntry};
use crate::domain::record::Record;
use crate::domain::topic_id::TopicId;
use crate::host::clock::Instant;

/// Reads records of a topic by their offsets. Reports nothing to a group.
pub struct RecordReader<C: LogClient + ?Sized = LibrdkafkaClient> {
    client: Box<C>,
    brokers: String,
    /// Which topic of its name is read, if that is known.
    topic: Option<TopicId>,
    patience: Duration,
    /// The partitions that the client has read at any time.
    assigned: BTreeSet<i32>,
    place: Option<ReadPlace>,
    /// What brokers hold of partitions, as far as they were asked.
    ranges: BTreeMap<i32, OffsetRange>,
}

/// Where the client reads.
#[derive(Clone, Copy, Debug)]
struct ReadPlace {
    partition: i32,
    /// What comes next is at this offset or after it.
    next: i64,
}

/// Records up to so many offsets ahead are read through: a new request takes longer.
const READ_THROUGH: i64 = 10_000;
const WAIT: Duration = Duration::from_millis(100);
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

impl RecordReader {
    /// Connects to the topic, which must be `topic` if that is given. Tries for as long as `patience`; later
    /// questions to the brokers have the same patience.
    ///
    /// # Errors
    /// As [`super::Source::connect`], and when another topic has the name.
    pub fn connect(
        config: &Config,
        topic: Option<TopicId>,
        patience: Duration,
    ) -> Result<Self, Error> {
        let config = Config {
            group_id: String::new(),
            ..config.clone()
        };
        let client = LibrdkafkaClient::connect(&config, patience, &AtomicBool::new(true))
            .map_err(Error::of_known_topic)?;
        Self::new(Box::new(client), config.brokers, topic, patience)
    }
}

impl<C: LogClient + ?Sized> RecordReader<C> {
    /// A reader by `client`, which is connected to the topic at `brokers`.
    ///
    /// # Errors
    /// When another topic than `topic` has the name.
    pub fn new(
        client: Box<C>,
        brokers: String,
        topic: Option<TopicId>,
        patience: Duration,
    ) -> Result<Self, Error> {
        let mut reader = Self {
            client,
            brokers,
            topic,
            patience,
            assigned: BTreeSet::new(),
            place: None,
            ranges: BTreeMap::new(),
        };
        let told = reader.client.topic_id();
        reader.identify(told)?;
        reader.look()?;
        Ok(reader)
    }

    /// Hands the records of `partition` at `offsets`, which ascend, to `visit`: each offset once, in order, with
    /// its record; without one if brokers don't have it any more. Ends early when it is to `stop`.
    ///
    /// # Errors
    /// When brokers don't answer in time, or another topic has the name now.
    pub fn read(
        &mut self,
        partition: i32,
        offsets: &[i64],
        stop: &AtomicBool,
        mut visit: impl FnMut(i64, Option<&Record<'_>>),
    ) -> Result<(), Error> {
        let mut wanted = offsets.iter().copied().peekable();
        let mut heard = Instant::now();
        let mut problem = None;
        while let Some(next) = wanted.peek().copied() {
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            if !self.go_to(partition, next)? {
                visit(next, None);
                wanted.next();
                continue;
            }
            let mut batch = self.client.take(WAIT);
            // What was taken is of the topic that was told before.
            self.look()?;
            let Some(place) = &mut self.place else {
                continue;
            };
            let mut is_lost = false;
            batch.retain(|entry| {
                if entry.partition() != partition || is_lost {
                    return false;
                }
                match entry.error() {
                    None if entry.offset() < place.next => return false,
                    None => {
                        let record = entry.record();
                        pass(&mut wanted, record.offset, &mut visit);
                        if wanted.next_if_eq(&record.offset).is_some() {
                            visit(record.offset, Some(&record));
                        }
                        place.next = record.offset + 1;
                    }
                    Some(RDKafkaErrorCode::PartitionEOF) => {
                        pass(&mut wanted, entry.offset(), &mut visit);
                        place.next = place.next.max(entry.offset());
                    }
                    Some(
                        RDKafkaErrorCode::OffsetOutOfRange | RDKafkaErrorCode::AutoOffsetReset,
                    ) => {
                        is_lost = true;
                    }
                    Some(_) => {
                        problem = Some(entry.reason());
                        return false;
                    }
                }
                heard = Instant::now();
                false
            });
            if is_lost {
                // Retention has removed it while it was read.
                self.place = None;
                self.ranges.remove(&partition);
            }
            if heard.elapsed() >= self.patience {
                return Err(self.silent(problem));
            }
        }
        Ok(())
    }

    /// Disconnects.
    pub fn close(self) {
        self.client.close(CLOSE_PATIENCE);
    }

    // Has the client read on at or before `offset`. Whether brokers may have that offset.
    fn go_to(&mut self, partition: i32, offset: i64) -> Result<bool, Error> {
        if !(0..self.client.partitions()).contains(&partition) {
            return Ok(false);
        }
        if !self.range(partition)?.holds(offset) {
            return Ok(false);
        }
        if let Some(place) = &mut self.place
            && place.partition == partition
            && place.next <= offset
        {
            if offset - place.next <= READ_THROUGH {
                return Ok(true);
            }
            place.next = offset;
            if self.client.seek(partition, offset).is_err() {
                self.client.restart(partition, offset)?;
            }
            return Ok(true);
        }
        if let Some(before) = self.place.take()
            && before.partition != partition
        {
            self.client.unassign(before.partition);
        }
        // The client forgets late where records of a partition go that it has read before.
        match self.assigned.insert(partition) {
            true => self.client.assign(&[(partition, offset)])?,
            false => self.client.restart(partition, offset)?,
        }
        self.place = Some(ReadPlace {
            partition,
            next: offset,
        });
        Ok(true)
    }

    fn range(&mut self, partition: i32) -> Result<OffsetRange, Error> {
        if let Some(known) = self.ranges.get(&partition) {
            return Ok(*known);
        }
        let deadline = Instant::now() + self.patience;
        let mut asked = self.client.offset_ranges_by(&[partition], deadline)?;
        let none = OffsetRange { low: 0, high: 0 };
        let range = asked.remove(&partition).unwrap_or(none);
        self.ranges.insert(partition, range);
        Ok(range)
    }

    // Which topic is it?
    fn look(&mut self) -> Result<(), Error> {
        self.client.serve_events()?;
        for told in self.client.take_topic_ids() {
            self.identify(told)?;
        }
        Ok(())
    }

    fn identify(&mut self, told: Option<TopicId>) -> Result<(), Error> {
        let Some(told) = told else { return Ok(()) };
        let expected = *self.topic.get_or_insert(told);
        if expected == told {
            return Ok(());
        }
        Err(Error::Replaced(start::replaced(expected, told)))
    }

    fn silent(&self, problem: Option<String>) -> Error {
        let why = self.client.down().or(problem);
        Error::NoBroker {
            brokers: self.brokers.clone(),
            patience: self.patience,
            why: why.unwrap_or_else(|| "no record came".to_owned()),
        }
    }
}

impl OffsetRange {
    const fn holds(self, offset: i64) -> bool {
        self.low <= offset && offset < self.high
    }
}

// What comes shows that nothing before it is left to come.
fn pass(
    wanted: &mut Peekable<impl Iterator<Item = i64>>,
    offset: i64,
    visit: &mut impl FnMut(i64, Option<&Record<'_>>),
) {
    while let Some(gone) = wanted.next_if(|wanted| *wanted < offset) {
        visit(gone, None);
    }
}
