//! A topic that brokers say does not exist: it may be gone, or hidden, or not known to a broker yet.

use crate::host::clock::Instant;
use std::time::Duration;

/// A topic that is not found for so long, and at least [`ANSWERS`] times, is taken for deleted: a
/// broker that has just started does not know its topics yet.
const DELETED_AFTER: Duration = Duration::from_secs(60);
const ANSWERS: u32 = 3;

/// A topic that brokers have said does not exist, and nothing else since.
#[derive(Clone, Copy, Debug)]
pub(super) struct MissingTopic {
    since: Instant,
    answers: u32,
}

impl MissingTopic {
    /// The topic is not found for the first time.
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            since: now,
            answers: 1,
        }
    }

    /// The topic is not found again.
    pub(super) const fn again(self) -> Self {
        Self {
            answers: self.answers.saturating_add(1),
            ..self
        }
    }

    /// Whether it is taken for deleted.
    pub(super) fn is_confirmed(&self, now: Instant) -> bool {
        self.answers >= ANSWERS && self.lasts(now) >= DELETED_AFTER
    }

    /// For how long it has been missing.
    pub(super) fn lasts(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_answers_or_a_short_time_are_not_a_deletion() {
        let start = Instant::now();
        let late = start + DELETED_AFTER;
        let twice = MissingTopic::new(start).again();
        assert!(!twice.is_confirmed(late));
        let thrice = twice.again();
        assert!(!thrice.is_confirmed(late - Duration::from_millis(1)));
        assert!(thrice.is_confirmed(late));
        assert_eq!(thrice.lasts(late), DELETED_AFTER);
    }
}
