//! What the client of Kafka's brokers reads at once: by librdkafka, or by the direct reader.

use std::collections::BTreeSet;

use rdkafka::types::RDKafkaErrorCode;

use super::direct::{FetchedBatch, FetchedEntry};
use super::log_client::{JudgeEntries, LogBatch, LogEntry};
use super::native::{KafkaMessage, PolledBatch};
use crate::domain::record::Record;

/// What was read at once.
pub enum KafkaBatch {
    /// By librdkafka.
    Polled(PolledBatch),
    /// By the direct reader.
    Fetched(FetchedBatch),
}

/// A record, or an error of a partition.
pub enum KafkaEntry<'a> {
    /// By librdkafka.
    Polled(&'a KafkaMessage),
    /// By the direct reader.
    Fetched(&'a FetchedEntry<'a>),
}

impl LogBatch for KafkaBatch {
    type Entry<'a> = KafkaEntry<'a>;

    fn len(&self) -> usize {
        match self {
            Self::Polled(batch) => batch.len(),
            Self::Fetched(batch) => batch.len(),
        }
    }

    fn records(&self) -> impl ExactSizeIterator<Item = Record<'_>> + Clone {
        match self {
            Self::Polled(batch) => KafkaRecords::Polled(batch.records()),
            Self::Fetched(batch) => KafkaRecords::Fetched(batch.records()),
        }
    }

    fn divide(self, count: usize, place: impl Fn(i32) -> usize) -> Vec<Option<Self>> {
        match self {
            Self::Polled(batch) => {
                let parts = batch.divide(count, place).into_iter();
                parts.map(|part| part.map(Self::Polled)).collect()
            }
            Self::Fetched(batch) => {
                let parts = batch.divide(count, place).into_iter();
                parts.map(|part| part.map(Self::Fetched)).collect()
            }
        }
    }

    fn partitions(&self) -> BTreeSet<i32> {
        match self {
            Self::Polled(batch) => batch.partitions(),
            Self::Fetched(batch) => batch.partitions(),
        }
    }

    fn is_handed_on_at_no_cost(&self) -> bool {
        match self {
            Self::Polled(batch) => batch.is_handed_on_at_no_cost(),
            Self::Fetched(batch) => batch.is_handed_on_at_no_cost(),
        }
    }

    fn sort(&mut self, judge: &mut impl JudgeEntries) {
        match self {
            Self::Polled(batch) => batch.sort(judge),
            Self::Fetched(batch) => batch.sort(judge),
        }
    }

    fn retain(&mut self, mut keep: impl FnMut(&KafkaEntry<'_>) -> bool) {
        match self {
            Self::Polled(batch) => batch.retain(|entry| keep(&KafkaEntry::Polled(entry))),
            Self::Fetched(batch) => batch.retain(|entry| keep(&KafkaEntry::Fetched(entry))),
        }
    }
}

impl LogEntry for KafkaEntry<'_> {
    #[inline]
    fn partition(&self) -> i32 {
        match self {
            Self::Polled(entry) => entry.partition(),
            Self::Fetched(entry) => entry.partition(),
        }
    }

    #[inline]
    fn offset(&self) -> i64 {
        match self {
            Self::Polled(entry) => entry.offset(),
            Self::Fetched(entry) => entry.offset(),
        }
    }

    #[inline]
    fn error(&self) -> Option<RDKafkaErrorCode> {
        match self {
            Self::Polled(entry) => entry.error(),
            Self::Fetched(entry) => entry.error(),
        }
    }

    fn reason(&self) -> String {
        match self {
            Self::Polled(entry) => entry.reason(),
            Self::Fetched(entry) => entry.reason(),
        }
    }

    #[inline]
    fn record(&self) -> Record<'_> {
        match self {
            Self::Polled(entry) => entry.record(),
            Self::Fetched(entry) => entry.record(),
        }
    }
}

/// The records of a batch.
#[derive(Clone)]
enum KafkaRecords<P, F> {
    Polled(P),
    Fetched(F),
}

impl<'a, P, F> Iterator for KafkaRecords<P, F>
where
    P: Iterator<Item = Record<'a>>,
    F: Iterator<Item = Record<'a>>,
{
    type Item = Record<'a>;

    #[inline]
    fn next(&mut self) -> Option<Record<'a>> {
        match self {
            Self::Polled(records) => records.next(),
            Self::Fetched(records) => records.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Polled(records) => records.size_hint(),
            Self::Fetched(records) => records.size_hint(),
        }
    }

    // One loop for all records, instead of a choice for each.
    #[inline]
    fn fold<B, G>(self, init: B, f: G) -> B
    where
        G: FnMut(B, Record<'a>) -> B,
    {
        match self {
            Self::Polled(records) => records.fold(init, f),
            Self::Fetched(records) => records.fold(init, f),
        }
    }
}

impl<'a, P, F> ExactSizeIterator for KafkaRecords<P, F>
where
    P: ExactSizeIterator<Item = Record<'a>>,
    F: ExactSizeIterator<Item = Record<'a>>,
{
}
