//! The segments of order ids that were written last, in memory.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use prefetch_index::prefetch_index;
use rustc_hash::FxBuildHasher;

use crate::core::seen_orders::OrderSegment;

/// At most so many bytes are kept. Most payments that repeat another follow it soon, and a segment that is not here is
/// read and unpacked with its block of a table.
const NEWEST_BYTES: usize = 128 << 20;
/// What a segment takes beside its bytes.
const SEGMENT_BYTES: usize = 48;

/// The segments that were written last. They are shared by the thread that writes and the one that applies.
#[derive(Debug, Default)]
pub(super) struct NewestOrders(Mutex<Segments>);

/// What a checkpoint changes of segments.
#[derive(Debug, Default)]
pub(super) struct WrittenSegments {
    /// Partition, number and bytes, those of a partition in the order of their numbers.
    pub(super) written: Vec<(i32, u64, Box<[u8]>)>,
    /// Partition and numbers.
    pub(super) forgotten: Vec<(i32, Range<u64>)>,
}

#[derive(Debug, Default)]
struct Segments {
    partitions: HashMap<i32, PartitionSegments, FxBuildHasher>,
    bytes: usize,
    /// So many were written.
    written: u64,
}

/// The segments of a partition: those with the numbers from `first` on.
#[derive(Debug, Default)]
struct PartitionSegments {
    first: u64,
    /// Each with how many were written before it.
    segments: VecDeque<(u64, Box<[u8]>)>,
}

impl NewestOrders {
    /// Takes note of what a checkpoint changed.
    pub(super) fn note(&self, changes: WrittenSegments) {
        let mut segments = self.lock();
        for (partition, numbers) in changes.forgotten {
            segments.forget(partition, numbers.end);
        }
        for (partition, number, bytes) in changes.written {
            segments.keep(partition, number, bytes, NEWEST_BYTES);
        }
    }

    /// Keeps one segment, which was written before.
    pub(super) fn keep(&self, partition: i32, number: u64, bytes: &[u8]) {
        self.lock()
            .keep(partition, number, bytes.into(), NEWEST_BYTES);
    }

    /// What `read` makes of a segment, if it is here.
    pub(super) fn read<T>(
        &self,
        partition: i32,
        number: u64,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Option<T> {
        self.lock().get(partition, number).map(read)
    }

    /// Has the processor fetch what is read for `place` of a segment, if it is here.
    pub(super) fn prefetch(&self, partition: i32, number: u64, place: usize) {
        let segments = self.lock();
        if let Some(bytes) = segments.get(partition, number) {
            prefetch_index(bytes, 0);
            prefetch_index(bytes, bytes.len() * place / OrderSegment::LEN_MAX);
        }
    }

    // A panic while it is locked leaves each segment whole.
    fn lock(&self) -> MutexGuard<'_, Segments> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Segments {
    fn get(&self, partition: i32, number: u64) -> Option<&[u8]> {
        let partition = self.partitions.get(&partition)?;
        let at = usize::try_from(number.checked_sub(partition.first)?).ok()?;
        let (_, bytes) = partition.segments.get(at)?;
        Some(bytes)
    }

    /// Keeps a segment, which may have been there before with fewer ids, and at most `most` bytes.
    fn keep(&mut self, number_of_partition: i32, number: u64, bytes: Box<[u8]>, most: usize) {
        self.forget_from(number_of_partition, number);
        let partition = self.partitions.entry(number_of_partition).or_default();
        self.bytes += bytes.len() + SEGMENT_BYTES;
        partition.segments.push_back((self.written, bytes));
        self.written += 1;
        while self.bytes > most {
            let oldest = |(_, partition): &(&i32, &PartitionSegments)| {
                partition.segments.front().map_or(u64::MAX, |(at, _)| *at)
            };
            let Some((partition, oldest)) = self.partitions.iter().min_by_key(oldest) else {
                return;
            };
            let (partition, end) = (*partition, oldest.first + 1);
            self.forget(partition, end);
        }
    }

    /// Drops the segments of a partition before number `end`.
    fn forget(&mut self, partition: i32, end: u64) {
        let Some(partition) = self.partitions.get_mut(&partition) else {
            return;
        };
        while partition.first < end
            && let Some((_, bytes)) = partition.segments.pop_front()
        {
            partition.first += 1;
            self.bytes -= bytes.len() + SEGMENT_BYTES;
        }
    }

    /// Makes `number` the next one of a partition: drops those from it on, and all if there is a gap before it.
    fn forget_from(&mut self, partition: i32, number: u64) {
        let partition = self.partitions.entry(partition).or_default();
        let next = partition.first + partition.segments.len() as u64;
        let kept = number.saturating_sub(partition.first);
        let kept = match usize::try_from(kept) {
            Ok(kept) if number <= next => kept,
            _ => 0,
        };
        for (_, bytes) in partition.segments.drain(kept..) {
            self.bytes -= bytes.len() + SEGMENT_BYTES;
        }
        if kept == 0 {
            partition.first = number;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(byte: u8) -> Box<[u8]> {
        vec![byte; 52].into()
    }

    fn first(segments: &Segments, partition: i32, number: u64) -> Option<u8> {
        segments.get(partition, number).map(|bytes| bytes[0])
    }

    #[test]
    fn the_segments_written_last_are_kept_as_they_were_written_last() {
        let mut segments = Segments::default();
        for number in 5..9 {
            segments.keep(0, number, bytes(1), 1_000);
            segments.keep(1, number + 100, bytes(2), 1_000);
        }
        // The last one has grown.
        segments.keep(0, 8, bytes(3), 1_000);
        assert_eq!(first(&segments, 0, 5), Some(1));
        assert_eq!(first(&segments, 0, 8), Some(3));
        assert_eq!(first(&segments, 1, 108), Some(2));
        assert_eq!(segments.bytes, 800);
        for missing in [(0, 4), (0, 9), (1, 8), (2, 5)] {
            assert_eq!(first(&segments, missing.0, missing.1), None, "{missing:?}");
        }
        // The oldest of all go first.
        for number in 9..13 {
            segments.keep(0, number, bytes(4), 1_000);
        }
        assert_eq!(segments.bytes, 1_000);
        assert_eq!(first(&segments, 0, 5), None);
        assert_eq!(first(&segments, 1, 105), None);
        assert_eq!(first(&segments, 0, 6), Some(1));
        assert_eq!(first(&segments, 1, 106), Some(2));
        assert_eq!(first(&segments, 0, 12), Some(4));
    }

    #[test]
    fn what_is_forgotten_or_does_not_follow_is_dropped() {
        let mut segments = Segments::default();
        for number in 0..4 {
            segments.keep(0, number, bytes(1), 1_000);
        }
        segments.forget(0, 3);
        assert_eq!(first(&segments, 0, 2), None);
        assert_eq!(first(&segments, 0, 3), Some(1));
        assert_eq!(segments.bytes, 100);
        segments.forget(0, 9);
        segments.forget(7, 9);
        segments.keep(0, 20, bytes(2), 1_000);
        assert_eq!(first(&segments, 0, 20), Some(2));
        assert_eq!(first(&segments, 0, 4), None);
        // Another reading of the state begins before it.
        segments.keep(0, 2, bytes(3), 1_000);
        assert_eq!(first(&segments, 0, 2), Some(3));
        assert_eq!(first(&segments, 0, 20), None);
        assert_eq!(segments.bytes, 100);
    }

    #[test]
    fn a_segment_larger_than_the_bound_is_not_kept() {
        let mut segments = Segments::default();
        segments.keep(0, 0, bytes(1), 1_000);
        segments.keep(0, 1, bytes(1), 99);
        assert_eq!(segments.bytes, 0);
        assert_eq!(first(&segments, 0, 1), None);
        segments.keep(0, 2, bytes(1), 1_000);
        assert_eq!(first(&segments, 0, 2), Some(1));
    }
}
