//! Durations of the last minutes and their quantiles.

use core::fmt;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;

/// One interval, in seconds. What is in it is forgotten as a whole.
const INTERVAL_S: u64 = 30;
/// So many intervals are remembered, the running one among them: five minutes.
const INTERVALS: u64 = 10;
/// Longer durations count as this one: 400 days, in µs.
const LONGEST_US: u64 = 400 * 86_400 * 1_000_000;
/// Durations are kept to so many significant digits, so quantiles are up to 1 % too high.
const DIGITS: u8 = 2;

/// Durations of the last five minutes. The moment is handed in, as time since the epoch by the wall
/// clock: when that is set back, what was recorded under its former time is forgotten.
pub struct Recent(Mutex<Ring>);

/// Quantiles of durations.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Quantiles {
    /// How many durations there are. Without any, all else is zero.
    pub count: u64,
    /// Half of them are at most this long.
    pub p50: Duration,
    /// 99 of 100 are at most this long.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

struct Ring {
    /// One for each interval, in µs; number `n` is at `n % INTERVALS`.
    intervals: Vec<Histogram<u32>>,
    /// The number of the running interval.
    running: u64,
}

impl Recent {
    /// Takes note of something that took so long and ended `now`.
    pub fn record(&self, took: Duration, now: Duration) {
        let mut ring = self.lock();
        ring.turn(now);
        let micros = u64::try_from(took.as_micros()).unwrap_or(LONGEST_US);
        let slot = slot(ring.running);
        if let Some(interval) = ring.intervals.get_mut(slot) {
            interval.saturating_record(micros);
        }
    }

    /// The quantiles of what was recorded in the five minutes before `now`.
    #[must_use]
    pub fn quantiles(&self, now: Duration) -> Quantiles {
        let mut ring = self.lock();
        ring.turn(now);
        let mut all = empty();
        for interval in &ring.intervals {
            all += interval;
        }
        drop(ring);
        let at = |quantile| Duration::from_micros(all.value_at_quantile(quantile));
        Quantiles {
            count: all.len(),
            p50: at(0.5),
            p99: at(0.99),
            max: at(1.0),
        }
    }

    // A thread that panicked leaves a duration out at worst.
    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Recent {
    fn default() -> Self {
        Self(Mutex::new(Ring {
            intervals: (0..INTERVALS).map(|_| empty()).collect(),
            running: 0,
        }))
    }
}

impl fmt::Debug for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").finish_non_exhaustive()
    }
}

impl Ring {
    /// Makes the interval of `now` the running one, and forgets those that are too old then.
    fn turn(&mut self, now: Duration) {
        let number = now.as_secs() / INTERVAL_S;
        // Threads may come a little late, over the end of an interval.
        if number == self.running || number + 1 == self.running {
            return;
        }
        let is_set_back = number < self.running;
        let passed = if is_set_back {
            INTERVALS
        } else {
            (number - self.running).min(INTERVALS)
        };
        for ended in 0..passed {
            if let Some(interval) = self.intervals.get_mut(slot(number - ended.min(number))) {
                interval.reset();
            }
        }
        self.running = number;
    }
}

fn slot(number: u64) -> usize {
    usize::try_from(number % INTERVALS).unwrap_or(0)
}

#[expect(
    clippy::expect_used,
    reason = "it refuses bounds below 1 or in the wrong order, and more than 5 digits"
)]
fn empty() -> Histogram<u32> {
    Histogram::new_with_bounds(1, LONGEST_US, DIGITS).expect("bounds and digits are constants")
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1_793_491_200);

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn minutes(minutes: u64) -> Duration {
        START + Duration::from_secs(60 * minutes)
    }

    #[test]
    fn quantiles_are_those_of_the_durations_to_one_percent() {
        let recent = Recent::default();
        for millis in 1..=1_000 {
            recent.record(ms(millis), START + ms(millis));
        }
        let found = recent.quantiles(START + ms(1_000));
        assert_eq!(found.count, 1_000);
        for (found, exact) in [(found.p50, 500), (found.p99, 990), (found.max, 1_000)] {
            let exact = ms(exact);
            assert!(found >= exact && found <= exact.mul_f64(1.01), "{found:?}");
        }
    }

    #[test]
    fn durations_are_forgotten_after_five_minutes_and_not_before_four_and_a_half() {
        let recent = Recent::default();
        for minute in 0..20 {
            recent.record(ms(minute), minutes(minute));
            let found = recent.quantiles(minutes(minute));
            assert_eq!(found.count, (minute + 1).min(5), "{minute}");
        }
        assert_eq!(recent.quantiles(minutes(25)), Quantiles::default());
        recent.record(ms(7), minutes(1_000));
        assert_eq!(recent.quantiles(minutes(1_000)).count, 1);
    }

    #[test]
    fn a_clock_that_is_set_back_begins_again() {
        let recent = Recent::default();
        recent.record(ms(50), minutes(60));
        recent.record(ms(6), minutes(10));
        let found = recent.quantiles(minutes(10));
        assert_eq!(found.count, 1);
        assert!(found.max < ms(7), "{found:?}");
        // Only a little: nothing is lost.
        recent.record(ms(7), minutes(10).saturating_sub(ms(1)));
        assert_eq!(recent.quantiles(minutes(10)).count, 2);
    }

    #[test]
    fn no_duration_is_too_long_or_too_short() {
        let recent = Recent::default();
        recent.record(Duration::ZERO, START);
        recent.record(Duration::MAX, START);
        let found = recent.quantiles(START);
        assert_eq!(found.count, 2);
        assert!(found.max > Duration::from_secs(300 * 86_400));
    }
}
