//! How far each partition has been applied.

use xxhash_rust::xxh3::xxh3_64;

use super::Pipeline;
use crate::core::effect::{Fingerprint, Progress};
use crate::domain::record::Record;

/// What is kept of a record that was applied, until it is known whether it is the last one of its partition in a batch.
#[derive(Clone, Copy)]
pub(super) struct AppliedRecord<'a> {
    partition: i32,
    offset: i64,
    timestamp: Option<i64>,
    payload: Option<&'a [u8]>,
}

impl<'a> AppliedRecord<'a> {
    #[inline]
    pub(super) const fn of(record: &Record<'a>) -> Self {
        Self {
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            payload: record.payload,
        }
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint {
            offset: self.offset,
            timestamp: self.timestamp.unwrap_or(i64::MIN),
            hash: xxh3_64(self.payload.unwrap_or_default()),
        }
    }
}

impl Pipeline {
    /// Notes that `partition` is read from `position` on, unless it has been applied further.
    pub fn assign(&mut self, partition: i32, position: i64) {
        self.engine.register(partition);
        self.skip_to(partition, position);
    }

    /// Notes that the next record of `partition` is at `position` or later, without one having been
    /// applied; whether that is news. Nothing is skipped once a record could not be applied.
    pub fn skip_to(&mut self, partition: i32, position: i64) -> bool {
        if self.failure.is_some() {
            return false;
        }
        match self.progress.get_mut(&partition) {
            Some(progress) if progress.position >= position => false,
            Some(progress) => {
                progress.position = position;
                true
            }
            None => {
                let progress = Progress {
                    position,
                    first: Some(position),
                    fingerprint: None,
                };
                self.progress.insert(partition, progress);
                true
            }
        }
    }

    /// Takes note of a record that was applied. `last` is the one before, and then this one.
    #[inline]
    pub(super) fn pass<'a>(&mut self, last: &mut Option<AppliedRecord<'a>>, record: &Record<'a>) {
        if let Some(last) = last
            && last.partition != record.partition
        {
            self.note_progress(last);
        }
        self.timestamps.note(record.timestamp);
        *last = Some(AppliedRecord::of(record));
    }

    pub(super) fn note_progress(&mut self, last: &AppliedRecord<'_>) {
        // In another lane its lateness would be judged without its other records.
        assert!(self.lane.has(last.partition), "a record is in a wrong lane");
        let known = self.progress.get(&last.partition);
        let progress = Progress {
            position: last.offset + 1,
            first: known.and_then(|known| known.first),
            fingerprint: Some(last.fingerprint()),
        };
        self.progress.insert(last.partition, progress);
    }
}

/// The fingerprint of a record, to recognise it.
#[must_use]
pub fn fingerprint(record: &Record<'_>) -> Fingerprint {
    AppliedRecord::of(record).fingerprint()
}
