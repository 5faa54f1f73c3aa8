//! How old the records of a checkpoint are.

use crate::domain::timestamp::can_be_of_record;

/// The oldest and the newest Kafka timestamp of some records, in ms since the epoch. Records without a timestamp that can be
/// real don't count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimestampRange {
    oldest: i64,
    newest: i64,
}

impl TimestampRange {
    /// That of no records.
    pub const EMPTY: Self = Self {
        oldest: i64::MAX,
        newest: i64::MIN,
    };

    /// Takes in that of a further record.
    #[inline]
    pub(in crate::core) fn note(&mut self, timestamp: Option<i64>) {
        if let Some(timestamp) = timestamp.filter(|timestamp| can_be_of_record(*timestamp)) {
            self.oldest = self.oldest.min(timestamp);
            self.newest = self.newest.max(timestamp);
        }
    }

    /// Takes in all that `other` has.
    pub(in crate::core) fn merge(&mut self, other: Self) {
        self.oldest = self.oldest.min(other.oldest);
        self.newest = self.newest.max(other.newest);
    }

    /// The oldest and the newest, if there are any.
    #[must_use]
    pub fn ends(self) -> Option<(i64, i64)> {
        (self.oldest <= self.newest).then_some((self.oldest, self.newest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    #[test]
    fn the_oldest_and_the_newest_count() {
        let mut range = TimestampRange::EMPTY;
        // One that can't be real counts as none.
        for none in [None, Some(0), Some(i64::MAX)] {
            range.note(none);
            assert_eq!(range.ends(), None);
        }
        for day in [500, 900, 400] {
            range.note(Some(day * DAY));
            range.note(None);
            range.note(Some(0));
        }
        assert_eq!(range.ends(), Some((400 * DAY, 900 * DAY)));
    }

    #[test]
    fn ranges_of_two_lanes_add_up() {
        let mut range = TimestampRange::EMPTY;
        range.merge(TimestampRange::EMPTY);
        assert_eq!(range.ends(), None);
        for (days, ends) in [
            ([500, 600], (500, 600)),
            ([400, 550], (400, 600)),
            ([580, 590], (400, 600)),
        ] {
            let mut lane = TimestampRange::EMPTY;
            for day in days {
                lane.note(Some(day * DAY));
            }
            range.merge(lane);
            range.merge(TimestampRange::EMPTY);
            assert_eq!(range.ends(), Some((ends.0 * DAY, ends.1 * DAY)));
        }
    }
}
