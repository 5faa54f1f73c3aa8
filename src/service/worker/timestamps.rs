//! How old records are by the wall clock when their payments can be seen.

use std::time::Duration;

use crate::domain::record::Record;
use crate::domain::timestamp::can_be_of_record;
use crate::host::wall_clock::since_epoch;
use crate::observe::metrics::Metrics;

/// The Kafka timestamps of the records of one checkpoint: the oldest and the newest, in ms since the
/// epoch. Records without a timestamp don't count.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Timestamps(Option<(i64, i64)>);

impl Timestamps {
    /// Takes in that of a further record.
    pub(super) fn note(&mut self, timestamp: Option<i64>) {
        if let Some(timestamp) = timestamp {
            let (oldest, newest) = self.0.unwrap_or((timestamp, timestamp));
            self.0 = Some((oldest.min(timestamp), newest.max(timestamp)));
        }
    }

    /// Takes in those of further records.
    pub(super) fn note_all<'a>(&mut self, records: impl Iterator<Item = Record<'a>>) {
        for record in records {
            self.note(record.timestamp.filter(|time| can_be_of_record(*time)));
        }
    }

    /// Takes in what `other` has.
    pub(super) fn merge(&mut self, other: Self) {
        if let Some((oldest, newest)) = other.0 {
            self.note(Some(oldest));
            self.note(Some(newest));
        }
    }

    /// The checkpoint can be read now; writing it took so long.
    pub(super) fn visible(self, took: Duration, metrics: &Metrics) {
        let now = since_epoch();
        metrics.checkpoint(took, now);
        if let Some((oldest, newest)) = self.0 {
            metrics.visible(oldest, now);
            metrics.visible(newest, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_and_the_newest_count() {
        let mut timestamps = Timestamps::default();
        timestamps.note(None);
        assert_eq!(timestamps, Timestamps(None));
        for timestamp in [Some(5), None, Some(9), Some(3), Some(7)] {
            timestamps.note(timestamp);
        }
        assert_eq!(timestamps, Timestamps(Some((3, 9))));
    }
}
