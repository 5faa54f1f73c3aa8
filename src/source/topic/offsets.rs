//! How far the partitions of a topic go, as the brokers say.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::{RETRY, Topic, try_for};
use crate::host::clock::Instant;
use crate::source::Error;
use crate::source::client_events::ClientEvents;
use crate::source::start::OffsetRange;

/// What brokers said of partitions: an offset of each, or a range.
struct PartitionOffsets<T> {
    /// Without the partitions that were answered with an error, and those that have no such offset.
    known: BTreeMap<i32, T>,
    /// The first error that a partition was answered with.
    failure: Option<Error>,
}

impl Topic {
    /// The offsets that brokers hold of a partition. Asks once.
    pub(in crate::source) fn offset_range(
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

    /// The offsets that brokers hold of partitions, without those that they answer with an error. Asks
    /// once for all of them.
    pub(in crate::source) fn offset_ranges(
        &self,
        consumer: &BaseConsumer<ClientEvents>,
        partitions: &[i32],
        wait: Duration,
    ) -> Result<BTreeMap<i32, OffsetRange>, Error> {
        Ok(self.ranges(consumer, partitions, wait)?.known)
    }

    /// Where partitions end, without those that brokers answer with an error. Asks once for all of them.
    pub(in crate::source) fn ends(
        &self,
        consumer: &BaseConsumer<ClientEvents>,
        partitions: &[i32],
        wait: Duration,
    ) -> Result<BTreeMap<i32, i64>, Error> {
        Ok(self.offsets(consumer, partitions, Offset::End, wait)?.known)
    }

    /// The offsets that brokers hold of all of `partitions`. Asks until `deadline`.
    pub(in crate::source) fn offset_ranges_by(
        &self,
        consumer: &BaseConsumer<ClientEvents>,
        partitions: &[i32],
        deadline: Instant,
    ) -> Result<BTreeMap<i32, OffsetRange>, Error> {
        until(deadline, |wait| {
            let ranges = self.ranges(consumer, partitions, wait)?.all()?;
            match partitions.iter().find(|p| !ranges.contains_key(p)) {
                None => Ok(ranges),
                Some(partition) => Err(Error::NoBroker {
                    brokers: self.brokers.clone(),
                    patience: self.patience,
                    why: format!("nothing was said of the offsets of partition {partition}"),
                }),
            }
        })
    }

    /// The offsets of the first records at or after `millis`; without those partitions that have
    /// none. Asks until `deadline`.
    pub(in crate::source) fn offsets_at(
        &self,
        consumer: &BaseConsumer<ClientEvents>,
        partitions: &[i32],
        millis: i64,
        deadline: Instant,
    ) -> Result<BTreeMap<i32, i64>, Error> {
        // Negative numbers have other meanings here; no record is older than the epoch.
        let time = Offset::Offset(millis.max(0));
        until(deadline, |wait| {
            self.offsets(consumer, partitions, time, wait)?.all()
        })
    }

    fn ranges(
        &self,
        consumer: &BaseConsumer<ClientEvents>,
        partitions: &[i32],
        wait: Duration,
    ) -> Result<PartitionOffsets<OffsetRange>, Error> {
        // In this order: a beginning only rises, so it can't be past an end that is asked for later.
        let lows = self.offsets(consumer, partitions, Offset::Beginning, wait)?;
        let highs = self.offsets(consumer, partitions, Offset::End, wait)?;
        let known = lows.known.into_iter().filter_map(|(partition, low)| {
            let high = *highs.known.get(&partition)?;
            let high = high.max(low);
            Some((partition, OffsetRange { low, high }))
        });
        Ok(PartitionOffsets {
            known: known.collect(),
            failure: lows.failure.or(highs.failure),
        })
    }

    // The offsets at `at`: a beginning, an end, or a time in ms. Asks each broker once. A
    // partition without a leader leaves the others known; an error that a broker answers for one does not.
    fn offsets(
        &self,
        consumer: &BaseConsumer<ClientEvents>,
        partitions: &[i32],
        at: Offset,
        wait: Duration,
    ) -> Result<PartitionOffsets<i64>, Error> {
        let mut offsets = PartitionOffsets {
            known: BTreeMap::new(),
            failure: None,
        };
        if partitions.is_empty() {
            return Ok(offsets);
        }
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition_offset(&self.name, *partition, at)
                .map_err(|error| Error::Client(error.to_string()))?;
        }
        // What the client says where times are asked for; it sends the numbers for a beginning and
        // an end as they are, which are those of the protocol.
        let answered = consumer
            .offsets_for_times(list, wait)
            .map_err(|error| self.silence(consumer, &error, self.patience))?;
        for element in answered.elements() {
            match (element.error(), element.offset()) {
                (Err(error), _) if offsets.failure.is_none() => {
                    offsets.failure = Some(self.silence(consumer, &error, self.patience));
                }
                (Ok(()), Offset::Offset(offset)) => {
                    offsets.known.insert(element.partition(), offset);
                }
                // Another error, or no record at or after that time.
                _ => {}
            }
        }
        Ok(offsets)
    }
}

impl<T> PartitionOffsets<T> {
    /// What was said of all partitions; the error, if one was answered with an error.
    fn all(self) -> Result<BTreeMap<i32, T>, Error> {
        match self.failure {
            Some(error) => Err(error),
            None => Ok(self.known),
        }
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
