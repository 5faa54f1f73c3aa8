//! How far payments are from the timestamps of their records, where a wrong time zone may be why.

use std::collections::BTreeMap;

use tidegauge_windows::EventTime;

/// How many payments are how far from their records.
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

impl Distances {
    /// Takes note of a payment at `time` in a record with the timestamp `recorded`, in ms.
    pub fn note(&mut self, time: EventTime, recorded: i64) {
        self.payments += 1;
        let apart = time.millis().saturating_sub(recorded);
        let quarters = apart.saturating_add(QUARTER / 2).div_euclid(QUARTER);
        if (QUARTERS_MIN..=QUARTERS_MAX).contains(&quarters.abs()) {
            *self.away.entry(quarters).or_default() += 1;
        }
    }

    /// Adds all that `other` holds.
    pub fn merge(&mut self, other: &Self) {
        self.payments += other.payments;
        for (quarters, count) in &other.away {
            *self.away.entry(*quarters).or_default() += count;
        }
    }

    /// The quarters of an hour by which two thirds of all payments or more are ahead of their records,
    /// negative if behind.
    #[must_use]
    pub fn systematic(&self) -> Option<i64> {
        let (quarters, count) = self.away.iter().max_by_key(|(_, count)| **count)?;
        let is_most = u128::from(*count) * 3 >= u128::from(self.payments) * 2;
        (self.payments >= PAYMENTS_MIN && is_most).then_some(*quarters)
    }
}
