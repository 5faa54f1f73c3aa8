//! When the next round begins.

use std::time::Duration;

use crate::host::clock::Instant;

/// Spaces rounds, so that short ones take at most about a quarter of the time and long ones half.
#[derive(Debug)]
pub(super) struct RoundPace {
    /// The longest wait from the beginning of one round to that of the next.
    interval: Duration,
}

/// Even the shortest round is followed by so long a wait.
const REST_MIN: Duration = Duration::from_millis(50);
/// A round is followed by a wait of so many times its duration,
const REST: u32 = 3;
/// but no longer than this, unless it took longer itself.
const REST_MAX: Duration = Duration::from_millis(150);

impl RoundPace {
    pub(super) const fn new(interval: Duration) -> Self {
        Self { interval }
    }

    /// When the next round begins, whether or not there is news.
    pub(super) fn latest(&self, began: Instant) -> Instant {
        began + self.interval
    }

    /// When the next round may begin if there is news: after a rest, but not later than it would
    /// begin without.
    pub(super) fn earliest(&self, began: Instant, ended: Instant) -> Instant {
        let took = ended.saturating_duration_since(began);
        let most = took.max(REST_MAX);
        let rest = took.saturating_mul(REST).clamp(REST_MIN, most);
        (ended + rest).min(self.latest(began))
    }
}

/// When a hurried delivery looks again whether all acknowledgements have been taken in.
pub(super) const SOON: Duration = Duration::from_millis(20);
/// What is refused or blocked is not waited for: so many rounds without headway are the last.
const ROUNDS_IN_VAIN: u32 = 25;

/// The rounds after the order to stop: as many as it takes, while that makes headway.
#[derive(Default)]
pub(super) struct LastRounds {
    least: Option<u64>,
    in_vain: u32,
}

impl LastRounds {
    /// Whether a round that left so many documents, or was interrupted, is the last.
    pub(super) fn are_over(&mut self, dirty: Option<u64>) -> bool {
        let Some(dirty) = dirty else { return true };
        if self.least.is_none_or(|least| dirty < least) {
            self.least = Some(dirty);
            self.in_vain = 0;
        } else {
            self.in_vain += 1;
        }
        dirty == 0 || self.in_vain >= ROUNDS_IN_VAIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn short_rounds_take_a_quarter_of_the_time_long_ones_half_and_none_waits_beyond_the_interval() {
        let pace = RoundPace::new(millis(1_000));
        let began = Instant::now();
        for (took, next) in [
            (0, 50),
            (2, 52),
            (20, 80),
            (40, 160),
            (60, 210),
            (200, 400),
            (300, 600),
            (900, 1_000),
            (60_000, 1_000),
        ] {
            let earliest = pace.earliest(began, began + millis(took));
            assert_eq!(earliest, began + millis(next), "{took} ms");
            assert_eq!(pace.latest(began), began + millis(1_000));
        }
    }
}
