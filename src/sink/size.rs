//! How long a bulk may be: as configured, or what the server takes.

use std::time::Duration;

use crate::host::clock::Instant;

/// The most bytes of a bulk: halved when the server refuses one as too large, and grown again up
/// to what is configured while it takes them.
#[derive(Debug)]
pub(super) struct Size {
    most: usize,
    limit: usize,
    /// The least that was refused, and when something was refused last.
    refused: Option<(usize, Instant)>,
    /// What was refused is tried again after so long.
    memory: Duration,
}

impl Size {
    /// At most `most` bytes. A size that was refused is not tried again before `memory` is over.
    pub(super) fn new(most: usize, memory: Duration) -> Self {
        let most = most.max(1);
        Self {
            most,
            limit: most,
            refused: None,
            memory,
        }
    }

    /// The most bytes of the next bulk.
    pub(super) const fn limit(&self) -> usize {
        self.limit
    }

    /// A request of `bytes` was refused as too large.
    pub(super) fn refuse(&mut self, bytes: usize, now: Instant) {
        let least = self.refused.map_or(bytes, |(least, _)| least.min(bytes));
        self.refused = Some((least, now));
        self.limit = self.limit.min(bytes / 2).max(1);
    }

    /// A request of `bytes` was taken.
    pub(super) fn take(&mut self, bytes: usize, now: Instant) {
        let is_old =
            |(_, last): &(usize, Instant)| now.saturating_duration_since(*last) >= self.memory;
        self.refused = self.refused.filter(|refused| !is_old(refused));
        // A bulk that was short for want of documents says nothing.
        if bytes > self.limit / 2 {
            let known = self.refused.map_or(usize::MAX, |(least, _)| least - 1);
            let grown = self.limit.saturating_mul(2).min(self.most).min(known);
            self.limit = grown.max(self.limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_size_that_was_refused_is_halved_and_grows_up_to_what_was_refused() {
        let now = Instant::now();
        let mut size = Size::new(5_000, MINUTE);
        size.refuse(4_900, now);
        assert_eq!(size.limit(), 2_450);
        size.refuse(2_400, now);
        assert_eq!(size.limit(), 1_200);
        size.take(500, now);
        assert_eq!(size.limit(), 1_200, "that bulk was short");
        size.take(1_100, now);
        assert_eq!(size.limit(), 2_399);
        size.take(2_399, now);
        assert_eq!(size.limit(), 2_399);
    }

    #[test]
    fn after_some_time_without_a_refusal_it_grows_back_to_what_is_configured() {
        let now = Instant::now();
        let mut size = Size::new(5_000, MINUTE);
        for bytes in [4_000, 2_000, 1_000, 500, 250, 125, 60, 30, 15, 7, 3, 2, 1] {
            size.refuse(bytes, now);
        }
        assert_eq!(size.limit(), 1);
        for _ in 0..20 {
            size.take(size.limit(), now + MINUTE / 2);
        }
        assert_eq!(size.limit(), 1, "it may still be refused");
        for _ in 0..20 {
            size.take(size.limit(), now + MINUTE);
        }
        assert_eq!(size.limit(), 5_000);
    }
}
