//! What was fetched: records of partitions, and what brokers say of partitions besides.

use std::collections::BTreeSet;
use std::{mem, slice};

use bytes::Bytes;
use rdkafka::types::RDKafkaErrorCode;

use super::record_batch::{RecordPlace, last_header};
use crate::domain::record::{Headers, Record};
use crate::source::log_client::{JudgeEntries, LogBatch, LogEntry};

/// Records of one partition that follow each other, in the bytes in which they came.
#[derive(Debug)]
pub(in crate::source) struct RecordChunk {
    partition: i32,
    bytes: Bytes,
    places: Vec<RecordPlace>,
}

impl RecordChunk {
    /// The records of `partition` that are at `places` of `bytes`.
    pub(super) const fn new(partition: i32, bytes: Bytes, places: Vec<RecordPlace>) -> Self {
        Self {
            partition,
            bytes,
            places,
        }
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.places.len()
    }

    /// The first record.
    pub(in crate::source) fn first(&self) -> Option<Record<'_>> {
        self.places.first().map(|place| self.record(place))
    }

    /// The last record.
    pub(in crate::source) fn last(&self) -> Option<Record<'_>> {
        self.places.last().map(|place| self.record(place))
    }

    /// Leaves out the first record.
    pub(in crate::source) fn remove_first(&mut self) {
        if !self.places.is_empty() {
            self.places.remove(0);
        }
    }

    #[inline]
    fn record(&self, place: &RecordPlace) -> Record<'_> {
        Record {
            partition: self.partition,
            offset: place.offset,
            timestamp: (place.timestamp != -1).then_some(place.timestamp),
            key: place.key.of(&self.bytes),
            headers: match place.headers.of(&self.bytes) {
                Some(encoded) => Headers::encoded(encoded, last_header),
                None => Headers::default(),
            },
            payload: place.payload.of(&self.bytes),
        }
    }
}

/// A part of what was fetched.
#[derive(Debug)]
pub(in crate::source) enum FetchedPart {
    /// Records.
    Records(RecordChunk),
    /// Brokers have nothing from this offset on.
    End { partition: i32, offset: i64 },
    /// What is there can't be read.
    Failed {
        partition: i32,
        offset: i64,
        code: RDKafkaErrorCode,
        reason: String,
    },
}

/// Records as brokers sent them, each partition's in the order of its log.
#[derive(Debug, Default)]
pub struct FetchedBatch {
    parts: Vec<FetchedPart>,
    /// How many entries there are.
    len: usize,
}

impl FetchedBatch {
    // Keeps chunks of which `keeps_all` says so, and what `keeps` says of others.
    fn retain_parts<J: ?Sized>(
        &mut self,
        judge: &mut J,
        keeps_all: impl Fn(&mut J, &RecordChunk) -> bool,
        keeps: impl Fn(&mut J, &FetchedEntry<'_>) -> bool,
    ) {
        let mut len = 0;
        self.parts.retain_mut(|part| match part {
            FetchedPart::Records(chunk) => {
                if !keeps_all(judge, chunk) {
                    let mut places = mem::take(&mut chunk.places);
                    places.retain(|place| {
                        keeps(judge, &FetchedEntry(EntryPlace::Record(chunk, place)))
                    });
                    chunk.places = places;
                }
                len += chunk.len();
                chunk.len() > 0
            }
            FetchedPart::End { .. } | FetchedPart::Failed { .. } => {
                // Nothing but records is ever kept.
                let _ = keeps(judge, &FetchedEntry(EntryPlace::Other(part)));
                false
            }
        });
        self.len = len;
    }

    pub(in crate::source) fn push(&mut self, part: FetchedPart) {
        self.len += part.len();
        self.parts.push(part);
    }
}

impl FetchedPart {
    const fn len(&self) -> usize {
        match self {
            Self::Records(chunk) => chunk.len(),
            Self::End { .. } | Self::Failed { .. } => 1,
        }
    }

    pub(in crate::source) fn partition(&self) -> i32 {
        match self {
            Self::Records(chunk) => chunk.partition,
            Self::End { partition, .. } | Self::Failed { partition, .. } => *partition,
        }
    }
}

impl LogBatch for FetchedBatch {
    type Entry<'a> = FetchedEntry<'a>;

    fn len(&self) -> usize {
        self.len
    }

    fn records(&self) -> impl ExactSizeIterator<Item = Record<'_>> + Clone {
        FetchedRecords {
            chunk: None,
            parts: self.parts.iter(),
            left: self.len,
        }
    }

    fn divide(self, count: usize, place: impl Fn(i32) -> usize) -> Vec<Option<Self>> {
        let mut divided: Vec<Option<Self>> = (0..count).map(|_| None).collect();
        for part in self.parts {
            let to = divided[place(part.partition())].get_or_insert_default();
            to.push(part);
        }
        divided
    }

    fn partitions(&self) -> BTreeSet<i32> {
        self.parts.iter().map(FetchedPart::partition).collect()
    }

    fn retain(&mut self, mut keep: impl FnMut(&FetchedEntry<'_>) -> bool) {
        self.retain_parts(&mut keep, |_, _| false, |keep, entry| keep(entry));
    }

    fn sort(&mut self, judge: &mut impl JudgeEntries) {
        let keeps_all = |judge: &mut _, chunk: &RecordChunk| {
            let (first, last) = (chunk.places.first(), chunk.places.last());
            let ends = first.zip(last);
            ends.is_some_and(|(first, last)| {
                JudgeEntries::keeps_all(judge, chunk.partition, first.offset, last.offset)
            })
        };
        self.retain_parts(judge, keeps_all, |judge, entry| judge.keeps(entry));
    }
}

/// A record, or an error of a partition.
pub struct FetchedEntry<'a>(EntryPlace<'a>);

enum EntryPlace<'a> {
    Record(&'a RecordChunk, &'a RecordPlace),
    Other(&'a FetchedPart),
}

impl LogEntry for FetchedEntry<'_> {
    #[inline]
    fn partition(&self) -> i32 {
        match &self.0 {
            EntryPlace::Record(chunk, _) => chunk.partition,
            EntryPlace::Other(part) => part.partition(),
        }
    }

    #[inline]
    fn offset(&self) -> i64 {
        match &self.0 {
            EntryPlace::Record(_, place) => place.offset,
            EntryPlace::Other(
                FetchedPart::End { offset, .. } | FetchedPart::Failed { offset, .. },
            ) => *offset,
            EntryPlace::Other(FetchedPart::Records(_)) => -1,
        }
    }

    #[inline]
    fn error(&self) -> Option<RDKafkaErrorCode> {
        match &self.0 {
            EntryPlace::Record(..) | EntryPlace::Other(FetchedPart::Records(_)) => None,
            EntryPlace::Other(FetchedPart::End { .. }) => Some(RDKafkaErrorCode::PartitionEOF),
            EntryPlace::Other(FetchedPart::Failed { code, .. }) => Some(*code),
        }
    }

    fn reason(&self) -> String {
        match &self.0 {
            EntryPlace::Other(FetchedPart::Failed { reason, .. }) => reason.clone(),
            _ => String::new(),
        }
    }

    #[inline]
    fn record(&self) -> Record<'_> {
        match &self.0 {
            EntryPlace::Record(chunk, place) => chunk.record(place),
            EntryPlace::Other(_) => Record::default(),
        }
    }
}

/// The records of a batch.
#[derive(Clone, Debug)]
pub(super) struct FetchedRecords<'a> {
    chunk: Option<(&'a RecordChunk, slice::Iter<'a, RecordPlace>)>,
    parts: slice::Iter<'a, FetchedPart>,
    left: usize,
}

impl<'a> Iterator for FetchedRecords<'a> {
    type Item = Record<'a>;

    #[inline]
    fn next(&mut self) -> Option<Record<'a>> {
        loop {
            if let Some((chunk, places)) = &mut self.chunk
                && let Some(place) = places.next()
            {
                self.left -= 1;
                return Some(chunk.record(place));
            }
            self.chunk = match self.parts.next()? {
                FetchedPart::Records(chunk) => Some((chunk, chunk.places.iter())),
                FetchedPart::End { .. } | FetchedPart::Failed { .. } => {
                    self.left -= 1;
                    None
                }
            };
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }

    // A loop for each chunk.
    #[inline]
    fn fold<B, G>(self, init: B, mut f: G) -> B
    where
        G: FnMut(B, Record<'a>) -> B,
    {
        let rest = self.parts.filter_map(|part| match part {
            FetchedPart::Records(chunk) => Some((chunk, chunk.places.iter())),
            FetchedPart::End { .. } | FetchedPart::Failed { .. } => None,
        });
        let mut result = init;
        for (chunk, places) in self.chunk.into_iter().chain(rest) {
            for place in places {
                result = f(result, chunk.record(place));
            }
        }
        result
    }
}

impl ExactSizeIterator for FetchedRecords<'_> {}
