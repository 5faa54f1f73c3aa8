//! How far payments are from the timestamps of their records, where a wrong time zone may be why.

use std::collections::BTreeMap;

use tidegauge_windows::EventTime;

/// Counts payments by their distance from the timestamps of their records.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Distances {
    /// Payments that were looked at: those whose record has a timestamp.
    pub payments: u64,
    /// Those half an hour to 26 hours away, by quarters of an hour: positive when they are ahead of
    /// their records.
    pub away: BTreeMap<i64, u64>,
}

/// A quarter of an hour in milliseconds: offsets of time zones are multiples of it.
const QUARTER: i64 = 900_000;
/// From half an hour on, what is away is counted.
const QUARTERS_MIN: i64 = 2;
/// No two time zones are further apart.
const QUARTERS_MAX: i64 = 26 * 4;
/// Of fewer payments nothing is said.
const PAYMENTS_MIN: u64 = 100;
/// Fewer payments at one distance are not taken for a fleet of devices.
const AWAY_MIN: u64 = 20;
/// A wrong zone of some devices is looked for from an hour on: what comes late is spread over the time
/// before.
const PART_QUARTERS_MIN: i64 = 4;
/// Payments that come late, or are imported, are about as many in the quarter beside; those of a wrong
/// zone are this many times as many.
const PEAK: u64 = 4;

/// Payments that are all about as far from their records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SkewCluster {
    /// By how many quarters of an hour they are ahead of their records; negative if behind.
    pub quarters: i64,
    /// How many they are.
    pub payments: u64,
    /// Whether they are two thirds of all payments or more.
    pub is_most: bool,
}

impl Distances {
    /// Takes note of a payment at `time` in a record with the timestamp `recorded`, in ms.
    pub fn note(&mut self, time: EventTime, recorded: i64) {
        self.payments += 1;
        let apart = time.millis().saturating_sub(recorded);
        // To the nearest quarter.
        let rounded = apart.saturating_add(QUARTER / 2);
        // Most are near, and those of a replay with records of now are far away: they need no division.
        let is_near = ((1 - QUARTERS_MIN) * QUARTER..QUARTERS_MIN * QUARTER).contains(&rounded);
        let is_far = !(-QUARTERS_MAX * QUARTER..(QUARTERS_MAX + 1) * QUARTER).contains(&rounded);
        if !is_near && !is_far {
            *self.away.entry(rounded.div_euclid(QUARTER)).or_default() += 1;
        }
    }

    /// Adds all that `other` holds.
    pub fn merge(&mut self, other: &Self) {
        self.payments += other.payments;
        for (quarters, count) in &other.away {
            *self.away.entry(*quarters).or_default() += count;
        }
    }

    /// The payments that a wrong time zone is likely to be behind, the most first: those of one distance
    /// that are two thirds of all, or 1 % of all and many more than those a quarter of an hour nearer or
    /// further.
    #[must_use]
    pub fn apart(&self) -> Vec<SkewCluster> {
        if self.payments < PAYMENTS_MIN {
            return Vec::new();
        }
        let mut found: Vec<SkewCluster> = self
            .away
            .iter()
            .map(|(quarters, payments)| SkewCluster {
                quarters: *quarters,
                payments: *payments,
                is_most: u128::from(*payments) * 3 >= u128::from(self.payments) * 2,
            })
            .filter(|apart| apart.is_most || self.is_part(apart))
            .collect();
        found.sort_by_key(|apart| (core::cmp::Reverse(apart.payments), apart.quarters));
        found
    }

    /// Whether they are a part of all payments that stands out.
    fn is_part(&self, apart: &SkewCluster) -> bool {
        let beside = |quarters: i64| self.away.get(&quarters).copied().unwrap_or(0);
        let next = beside(apart.quarters - 1).max(beside(apart.quarters + 1));
        apart.quarters.abs() >= PART_QUARTERS_MIN
            && is_share(apart.payments, self.payments)
            && apart.payments >= next.saturating_mul(PEAK)
    }
}

/// Whether `part` of `all` payments is worth a word: 1 %, and enough to be no accident.
#[must_use]
pub fn is_share(part: u64, all: u64) -> bool {
    all >= PAYMENTS_MIN && part >= AWAY_MIN && u128::from(part) * 100 >= u128::from(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distances(payments: u64, away: &[(i64, u64)]) -> Distances {
        Distances {
            payments,
            away: away.iter().copied().collect(),
        }
    }

    #[test]
    fn payments_of_a_few_devices_stand_out_from_one_percent_on() {
        let quarters = |payments, away: &[(i64, u64)]| -> Vec<(i64, bool)> {
            let found = distances(payments, away).apart();
            found
                .iter()
                .map(|apart| (apart.quarters, apart.is_most))
                .collect()
        };
        assert_eq!(quarters(10_000, &[(32, 100)]), [(32, false)]);
        assert_eq!(quarters(10_000, &[(32, 99)]), []);
        assert_eq!(quarters(1_000, &[(-20, 19)]), []);
        assert_eq!(quarters(1_000, &[(-20, 20)]), [(-20, false)]);
        assert_eq!(quarters(99, &[(32, 99)]), []);
        assert_eq!(quarters(100, &[(32, 100)]), [(32, true)]);
        // Two thirds are most.
        assert_eq!(quarters(300, &[(32, 200)]), [(32, true)]);
        assert_eq!(quarters(300, &[(32, 199)]), [(32, false)]);
        // The most first, and whether that is nearly all.
        let two = [(28, 200), (32, 700)];
        assert_eq!(quarters(1_000, &two), [(32, true), (28, false)]);
        // An import of a day is behind by everything up to a day; late payments are just behind.
        let spread: Vec<(i64, u64)> = (2..=96).map(|quarter| (-quarter, 100)).collect();
        assert_eq!(quarters(9_500, &spread), []);
        assert_eq!(quarters(1_000, &[(-2, 50), (-3, 40)]), []);
        // Some spread does not hide them.
        assert_eq!(
            quarters(1_000, &[(31, 10), (32, 40), (33, 3)]),
            [(32, false)]
        );
        assert_eq!(quarters(1_000, &[(31, 11), (32, 40)]), []);
    }

    //  0       22.5 min      37.5 min           26 h   26 h 7.5 min
    //  |-----------|-------------|---- ... ------|--------|----------
    //   not counted       2          3, 4, …        104     not counted
    #[test]
    fn what_is_half_an_hour_to_26_hours_away_is_counted_by_the_nearest_quarter() {
        let recorded = 1_793_491_200_000;
        let counted = |away: i64| {
            let mut distances = Distances::default();
            distances.note(EventTime::from_millis(recorded + away), recorded);
            assert_eq!(distances.payments, 1);
            assert!(distances.away.values().all(|count| *count == 1));
            distances.away.keys().next().copied()
        };
        const MINUTE: i64 = 60_000;
        assert_eq!(counted(0), None);
        assert_eq!(counted(45 * MINUTE / 2 - 1), None);
        assert_eq!(counted(45 * MINUTE / 2), Some(2));
        assert_eq!(counted(75 * MINUTE / 2 - 1), Some(2));
        assert_eq!(counted(75 * MINUTE / 2), Some(3));
        assert_eq!(counted(26 * 60 * MINUTE + 15 * MINUTE / 2 - 1), Some(104));
        assert_eq!(counted(26 * 60 * MINUTE + 15 * MINUTE / 2), None);
        assert_eq!(counted(-45 * MINUTE / 2), None);
        assert_eq!(counted(-45 * MINUTE / 2 - 1), Some(-2));
        assert_eq!(counted(-26 * 60 * MINUTE - 15 * MINUTE / 2), Some(-104));
        assert_eq!(counted(-26 * 60 * MINUTE - 15 * MINUTE / 2 - 1), None);
    }

    #[test]
    fn distances_of_two_stretches_add_up() {
        let mut all = distances(7, &[(2, 3), (4, 1)]);
        all.merge(&distances(5, &[(-2, 1), (4, 2)]));
        assert_eq!(all, distances(12, &[(-2, 1), (2, 3), (4, 3)]));
        all.note(EventTime::from_millis(7_200_000), 0);
        all.note(EventTime::from_millis(7_200_000), 0);
        assert_eq!(all, distances(14, &[(-2, 1), (2, 3), (4, 3), (8, 2)]));
    }
}
