//! By what each partition is read, and how far it was read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::host::clock::Instant;

/// The readers of all partitions.
#[derive(Default)]
pub(super) struct PartitionReaders {
    partitions: BTreeMap<i32, PartitionReader>,
    /// How many of them librdkafka reads.
    by_librdkafka: usize,
}

/// By what a partition is read, and how far.
pub(super) struct PartitionReader {
    pub(super) reader: Reader,
    /// How often it has changed where it is read: what comes of an earlier turn is not wanted.
    pub(super) turn: u64,
    /// The offset after the last record that was handed over.
    pub(super) next: i64,
    pub(super) is_paused: bool,
    /// The end offset that brokers sent to the direct reader; -1 before that.
    pub(super) end: Arc<AtomicI64>,
    /// Since when this reader has read it.
    since: Instant,
    /// The direct reader does not try again before so much time.
    rest: Duration,
    /// Whether this reader has read something of it.
    pub(super) is_healthy: bool,
}

/// What reads a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reader {
    Direct,
    Librdkafka,
}

/// After the direct reader has given a partition back, it tries again after so long, and each time after twice as long.
const REST_MIN: Duration = Duration::from_secs(1);
const REST_MAX: Duration = Duration::from_secs(60);
/// A partition that the direct reader has read for so long is not one that it gives back each time.
const STEADY: Duration = Duration::from_secs(60);

impl PartitionReaders {
    /// Adds a partition, which librdkafka reads from `from` on until another reader begins.
    pub(super) fn add(&mut self, partition: i32, from: i64) {
        let added = PartitionReader {
            reader: Reader::Librdkafka,
            turn: 0,
            next: from,
            is_paused: false,
            end: Arc::new(AtomicI64::new(-1)),
            since: Instant::now(),
            rest: Duration::ZERO,
            is_healthy: false,
        };
        self.remove(partition);
        self.partitions.insert(partition, added);
        self.by_librdkafka += 1;
    }

    pub(super) fn remove(&mut self, partition: i32) {
        let removed = self.partitions.remove(&partition);
        let is_librdkafkas = removed.is_some_and(|it| it.reader == Reader::Librdkafka);
        self.by_librdkafka -= usize::from(is_librdkafkas);
    }

    /// Takes note that `reader` reads a partition from `from` on; `None` if there is no such partition.
    pub(super) fn begin(
        &mut self,
        partition: i32,
        reader: Reader,
        from: i64,
    ) -> Option<&PartitionReader> {
        let it = self.partitions.get_mut(&partition)?;
        if (it.reader, reader) == (Reader::Direct, Reader::Librdkafka) {
            it.rest = match it.since.elapsed() >= STEADY {
                true => REST_MIN,
                false => (it.rest * 2).clamp(REST_MIN, REST_MAX),
            };
        }
        self.by_librdkafka -= usize::from(it.reader == Reader::Librdkafka);
        self.by_librdkafka += usize::from(reader == Reader::Librdkafka);
        it.reader = reader;
        it.turn += 1;
        it.next = from;
        it.since = Instant::now();
        it.is_healthy = false;
        Some(it)
    }

    /// Partitions that librdkafka can read, and that the direct reader may try again, with the offset of the next record of
    /// each.
    pub(super) fn rested(&self, now: Instant) -> Vec<(i32, i64)> {
        let is_rested = |it: &PartitionReader| {
            it.reader == Reader::Librdkafka
                && it.is_healthy
                && !it.is_paused
                && now >= it.since + it.rest
        };
        let rested = self.partitions.iter().filter(|(_, it)| is_rested(it));
        rested
            .map(|(partition, it)| (*partition, it.next))
            .collect()
    }

    pub(super) fn get_mut(&mut self, partition: i32) -> Option<&mut PartitionReader> {
        self.partitions.get_mut(&partition)
    }

    /// The reader of a partition, if what comes of this turn is wanted.
    pub(super) fn at(&mut self, partition: i32, turn: u64) -> Option<&mut PartitionReader> {
        let it = self.partitions.get_mut(&partition);
        it.filter(|it| it.turn == turn && !it.is_paused)
    }

    pub(super) fn reader(&self, partition: i32) -> Option<Reader> {
        self.partitions.get(&partition).map(|it| it.reader)
    }

    /// The end offset that brokers sent to the direct reader last.
    pub(super) fn fetched_end(&self, partition: i32) -> Option<i64> {
        let end = self.partitions.get(&partition)?.end.load(Ordering::Relaxed);
        (end >= 0).then_some(end)
    }

    pub(super) fn len(&self) -> usize {
        self.partitions.len()
    }

    /// How many partitions librdkafka reads.
    pub(super) const fn by_librdkafka(&self) -> usize {
        self.by_librdkafka
    }
}

impl PartitionReader {
    /// Takes note that records before the offset `next` were handed over.
    pub(super) fn pass(&mut self, next: i64) {
        self.next = self.next.max(next);
        self.is_healthy = true;
    }
}
