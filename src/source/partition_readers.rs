//! By what each partition is read, and how far it was read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::core::effect::Fingerprint;
use crate::core::pipeline::fingerprint;
use crate::domain::record::Record;
use crate::host::clock::Instant;

/// The readers of all partitions.
#[derive(Default)]
pub(super) struct PartitionReaders {
    partitions: BTreeMap<i32, PartitionReader>,
    /// How many of them librdkafka reads.
    by_librdkafka: usize,
    /// The number of the last turn.
    turn: u64,
}

/// By what a partition is read, and how far.
pub(super) struct PartitionReader {
    pub(super) reader: Reader,
    /// A number that rises whenever a reader begins: what comes of an earlier turn is not wanted.
    pub(super) turn: u64,
    /// Where this reader has begun.
    pub(super) from: i64,
    /// The offset after all that was handed over: records, and the ends of transactions behind them.
    pub(super) next: i64,
    pub(super) is_paused: bool,
    /// Whether its log was cut off: nothing that comes is wanted until a reader begins again.
    pub(super) is_cut_off: bool,
    /// The end offset that brokers sent to the direct reader; -1 before that.
    pub(super) end: Arc<AtomicI64>,
    /// Whether this reader has read something of it.
    pub(super) is_healthy: bool,
    /// The last record that was handed over.
    last: Option<Fingerprint>,
    /// The record that has to come first, as it was handed over before.
    verify: Option<Fingerprint>,
    /// Since when this reader has read it.
    since: Instant,
    /// The direct reader does not try again before so much time.
    rest: Duration,
}

/// What reads a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reader {
    Direct,
    Librdkafka,
}

/// What to do with a record of a reader that has just begun.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FirstRecord {
    /// It was not handed over yet.
    New,
    /// It was handed over before.
    Known,
    /// Another one was handed over with its offset: the log was cut off and written again.
    Other,
}

/// After the direct reader has given a partition back, it tries again after so long, and each time after twice as long.
const REST_MIN: Duration = Duration::from_secs(1);
const REST_MAX: Duration = Duration::from_secs(60);
/// A partition that the direct reader has read for so long is not one that it gives back each time.
const STEADY: Duration = Duration::from_secs(60);

impl PartitionReaders {
    /// Adds a partition, which librdkafka reads from `from` on until another reader begins.
    pub(super) fn add(&mut self, partition: i32, from: i64) {
        self.turn += 1;
        let added = PartitionReader {
            reader: Reader::Librdkafka,
            turn: self.turn,
            from,
            next: from,
            is_paused: false,
            is_cut_off: false,
            end: Arc::new(AtomicI64::new(-1)),
            is_healthy: false,
            last: None,
            verify: None,
            since: Instant::now(),
            rest: Duration::ZERO,
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

    /// Takes note that `reader` continues with a partition, at [`PartitionReader::from`]. That is the offset of the last record
    /// that was handed over: the reader reads it again, to compare it. `None` if there is no such partition.
    pub(super) fn begin(&mut self, partition: i32, reader: Reader) -> Option<&PartitionReader> {
        let it = self.partitions.get_mut(&partition)?;
        if (it.reader, reader) == (Reader::Direct, Reader::Librdkafka) {
            it.rest = match it.since.elapsed() >= STEADY {
                true => REST_MIN,
                false => (it.rest * 2).clamp(REST_MIN, REST_MAX),
            };
        }
        self.by_librdkafka -= usize::from(it.reader == Reader::Librdkafka);
        self.by_librdkafka += usize::from(reader == Reader::Librdkafka);
        self.turn += 1;
        it.reader = reader;
        it.turn = self.turn;
        it.verify = it.last;
        it.from = it.last.map_or(it.next, |last| last.offset);
        it.is_paused = false;
        it.is_cut_off = false;
        it.since = Instant::now();
        it.is_healthy = false;
        Some(it)
    }

    /// Partitions that librdkafka can read, and that the direct reader may try again.
    pub(super) fn rested(&self, now: Instant) -> Vec<i32> {
        let is_rested = |it: &PartitionReader| {
            it.reader == Reader::Librdkafka
                && it.is_healthy
                && !it.is_paused
                && now >= it.since + it.rest
        };
        let rested = self.partitions.iter().filter(|(_, it)| is_rested(it));
        rested.map(|(partition, _)| *partition).collect()
    }

    /// The partitions that the direct reader reads.
    pub(super) fn direct(&self) -> Vec<i32> {
        let partitions = self.partitions.iter();
        let direct = partitions.filter(|(_, it)| it.reader == Reader::Direct);
        direct.map(|(partition, _)| *partition).collect()
    }

    pub(super) fn get_mut(&mut self, partition: i32) -> Option<&mut PartitionReader> {
        self.partitions.get_mut(&partition)
    }

    /// The reader of a partition, if what comes of this turn is wanted.
    pub(super) fn at(&mut self, partition: i32, turn: u64) -> Option<&mut PartitionReader> {
        let it = self.partitions.get_mut(&partition);
        it.filter(|it| it.turn == turn && !it.is_paused && !it.is_cut_off)
    }

    pub(super) fn reader(&self, partition: i32) -> Option<Reader> {
        self.partitions.get(&partition).map(|it| it.reader)
    }

    /// Whether the direct reader reads it, and it is not paused.
    pub(super) fn is_read_directly(&self, partition: i32) -> bool {
        let it = self.partitions.get(&partition);
        it.is_some_and(|it| it.reader == Reader::Direct && !it.is_paused)
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
    /// Whether the next record is still to be compared with one that was handed over.
    pub(super) const fn verifies(&self) -> bool {
        self.verify.is_some()
    }

    /// Compares a record with the one that has to come first.
    pub(super) fn verify(&mut self, record: &Record<'_>) -> FirstRecord {
        match self.verify {
            Some(expected) if record.offset < expected.offset => FirstRecord::Known,
            Some(expected) if record.offset == expected.offset => {
                self.verify = None;
                match fingerprint(record) == expected {
                    true => FirstRecord::Known,
                    false => FirstRecord::Other,
                }
            }
            // It is gone from the log: compaction and retention do that.
            Some(_) => {
                self.verify = None;
                FirstRecord::New
            }
            None => FirstRecord::New,
        }
    }

    /// The offset of the last record that was handed over.
    pub(super) fn last_offset(&self) -> Option<i64> {
        self.last.map(|last| last.offset)
    }

    /// The last record is gone from the log, so reading continues without verifying it.
    pub(super) const fn forget_last(&mut self) {
        self.last = None;
        self.verify = None;
    }

    /// Takes note that this record was handed over, and all before it.
    pub(super) fn pass(&mut self, record: &Record<'_>) {
        self.last = Some(fingerprint(record));
        self.pass_to(record.offset + 1);
    }

    /// Takes note that all before the offset `next` was handed over.
    pub(super) fn pass_to(&mut self, next: i64) {
        self.next = self.next.max(next);
        self.is_healthy = true;
    }

    /// Takes note that brokers have nothing from `offset` on.
    pub(super) fn pass_end(&mut self, offset: i64) {
        // An end before the record to verify says nothing of it: a new leader learns late how far it may hand out, and a log
        // that was cut off is written again.
        self.verify = self.verify.filter(|expected| expected.offset >= offset);
        self.pass_to(offset);
    }

    /// It is to be read from `offset` on, whatever was handed over.
    pub(super) fn move_to(&mut self, offset: i64) {
        self.forget_last();
        self.next = offset;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn record(offset: i64, payload: &'static [u8]) -> Record<'static> {
        Record {
            offset,
            payload: Some(payload),
            ..Record::default()
        }
    }

    fn read_up_to(offset: i64, payload: &'static [u8]) -> PartitionReaders {
        let mut partitions = PartitionReaders::default();
        partitions.add(3, 0);
        let it = partitions.get_mut(3).unwrap();
        it.pass(&record(offset, payload));
        partitions
    }

    #[test]
    fn a_reader_that_continues_verifies_the_last_record_and_hands_over_what_follows() {
        //  offset  9 "a"   10 "b"
        //  before  passed
        //  now     known   new
        let mut partitions = read_up_to(9, b"a");
        let it = partitions.begin(3, Reader::Direct).unwrap();
        assert_eq!((it.from, it.next), (9, 10));
        let it = partitions.get_mut(3).unwrap();
        assert!(it.verifies());
        assert_eq!(it.verify(&record(9, b"a")), FirstRecord::Known);
        assert!(!it.verifies());
        assert_eq!(it.verify(&record(10, b"b")), FirstRecord::New);
    }

    #[test]
    fn another_record_in_the_place_of_the_last_one_shows_that_the_log_was_cut_off() {
        let mut partitions = read_up_to(9, b"a");
        partitions.begin(3, Reader::Librdkafka).unwrap();
        let it = partitions.get_mut(3).unwrap();
        assert_eq!(it.verify(&record(9, b"other")), FirstRecord::Other);
    }

    #[test]
    fn a_last_record_that_is_gone_is_not_waited_for() {
        let mut partitions = read_up_to(9, b"a");
        partitions.begin(3, Reader::Direct).unwrap();
        let it = partitions.get_mut(3).unwrap();
        assert_eq!(it.verify(&record(11, b"c")), FirstRecord::New);
        assert!(!it.verifies());
        // Out of range: nothing before the next one is there.
        partitions.begin(3, Reader::Direct).unwrap();
        let it = partitions.get_mut(3).unwrap();
        assert_eq!(it.last_offset(), Some(9));
        it.forget_last();
        assert!(!it.verifies());
        assert_eq!(partitions.begin(3, Reader::Librdkafka).unwrap().from, 10);
    }

    #[test]
    fn the_end_of_a_transaction_behind_the_last_record_is_not_read_again_alone() {
        let mut partitions = read_up_to(9, b"a");
        partitions.get_mut(3).unwrap().pass_end(12);
        let it = partitions.begin(3, Reader::Direct).unwrap();
        assert_eq!((it.from, it.next), (9, 12));
        partitions.get_mut(3).unwrap().forget_last();
        assert_eq!(partitions.begin(3, Reader::Direct).unwrap().from, 12);
    }

    #[test]
    fn an_end_before_the_last_record_does_not_verify_it() {
        //  offset  9
        //  before  "a"
        //  now     the end, and then "other"
        let mut partitions = read_up_to(9, b"a");
        partitions.begin(3, Reader::Librdkafka).unwrap();
        let it = partitions.get_mut(3).unwrap();
        it.pass_end(9);
        assert_eq!(it.verify(&record(9, b"other")), FirstRecord::Other);
        // Behind it, it shows that the record is gone.
        partitions.begin(3, Reader::Librdkafka).unwrap();
        let it = partitions.get_mut(3).unwrap();
        it.pass_end(10);
        assert!(!it.verifies());
    }

    #[test]
    fn what_comes_of_an_earlier_turn_or_while_paused_is_not_wanted() {
        let mut partitions = read_up_to(9, b"a");
        let first = partitions.begin(3, Reader::Direct).unwrap().turn;
        let second = partitions.begin(3, Reader::Direct).unwrap().turn;
        assert!(partitions.at(3, first).is_none() && partitions.at(3, second).is_some());
        partitions.get_mut(3).unwrap().is_paused = true;
        assert!(partitions.at(3, second).is_none());
        // Also if it is added again.
        partitions.add(3, 0);
        assert!(partitions.at(3, second).is_none());
    }

    #[test]
    fn the_direct_reader_waits_twice_as_long_after_each_time() {
        let mut partitions = read_up_to(9, b"a");
        let mut now = Instant::now();
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            partitions.begin(3, Reader::Direct).unwrap();
            partitions.begin(3, Reader::Librdkafka).unwrap();
            now = Instant::now().max(now);
            let just_before = Duration::from_secs(seconds) - Duration::from_millis(500);
            let later = now + Duration::from_secs(seconds);
            assert_eq!(partitions.rested(later), Vec::<i32>::new(), "not read yet");
            partitions.get_mut(3).unwrap().is_healthy = true;
            assert_eq!(partitions.rested(now + just_before), Vec::<i32>::new());
            assert_eq!(partitions.rested(later), [3]);
            assert_eq!(partitions.by_librdkafka(), 1);
        }
    }
}
