//! What an answer means for the one who asked: done, once more, or something an operator must do.

use std::time::Duration;

use tidegauge_windows::planted::{Mistake, is_planted};

/// What is to be done about a document, or about a whole request, after an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// Elasticsearch holds what was sent, or something newer.
    Done,
    /// The same again, later.
    Retry,
    /// The index is gone, or is not the one we made.
    Missing,
    /// It is refused for what it says: the same again would be refused again.
    Park,
    /// Access is denied: a wrong login, or missing rights.
    Denied,
    /// The index holds figures of another log or of other rules, so it must not be changed.
    Foreign,
    /// There is too much in one request.
    TooLarge,
}

/// The verdict on an HTTP status and, where there is one, the type of the error.
pub(super) fn classify(status: u16, error: Option<&str>) -> Verdict {
    match (status, error) {
        (429, _) if is_planted(Mistake::RefusalTakenForDelivery) => Verdict::Done,
        (200 | 201, None) => Verdict::Done,
        // The version there is higher: another writer of the same log had more payments in hand.
        (409, None | Some("version_conflict_engine_exception")) => Verdict::Done,
        (404, Some("index_not_found_exception")) => Verdict::Missing,
        // A block because the disk is full, or set by an operator, and a closed index: whatever caused
        // it can end it.
        (_, Some("cluster_block_exception" | "index_closed_exception")) => Verdict::Retry,
        (401 | 403, _) => Verdict::Denied,
        (413, _) => Verdict::TooLarge,
        (400, _) => Verdict::Park,
        _ => Verdict::Retry,
    }
}

/// Waits that grow: full jitter over a doubling range, as in Marc Brooker's "Exponential Backoff
/// And Jitter" (2015).
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    tries: u32,
    /// A number in 0 to 1.
    random: fn() -> f64,
}

impl Backoff {
    /// Waits of at most `first`, then twice that, and so on up to `most`.
    pub(super) const fn new(first: Duration, most: Duration, random: fn() -> f64) -> Self {
        Self {
            first,
            most,
            tries: 0,
            random,
        }
    }

    /// All is well: the next wait is a short one again.
    pub(super) const fn reset(&mut self) {
        self.tries = 0;
    }
}

/// Never ends.
impl Iterator for Backoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let factor = 1_u32.checked_shl(self.tries).unwrap_or(u32::MAX);
        let range = self.first.saturating_mul(factor).min(self.most);
        self.tries = self.tries.saturating_add(1);
        Some(range.mul_f64((self.random)().clamp(0.0, 1.0)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_answer_has_its_verdict() {
        use Verdict::{Denied, Done, Missing, Park, Retry, TooLarge};
        let cases = [
            (200, None, Done),
            (201, None, Done),
            (409, Some("version_conflict_engine_exception"), Done),
            (409, Some("resource_conflict_exception"), Retry),
            (404, Some("index_not_found_exception"), Missing),
            (404, None, Retry),
            (404, Some("document_missing_exception"), Retry),
            (400, Some("mapper_parsing_exception"), Park),
            (400, Some("strict_dynamic_mapping_exception"), Park),
            (400, Some("document_parsing_exception"), Park),
            (400, Some("illegal_argument_exception"), Park),
            (400, Some("index_closed_exception"), Retry),
            (400, None, Park),
            (401, Some("security_exception"), Denied),
            (403, Some("security_exception"), Denied),
            (403, None, Denied),
            (403, Some("cluster_block_exception"), Retry),
            (429, Some("cluster_block_exception"), Retry),
            (429, Some("es_rejected_execution_exception"), Retry),
            (429, Some("circuit_breaking_exception"), Retry),
            (408, None, Retry),
            (413, None, TooLarge),
            (500, None, Retry),
            (502, None, Retry),
            (503, Some("unavailable_shards_exception"), Retry),
            (504, None, Retry),
            (302, None, Retry),
            (0, None, Retry),
            // Nonsense is never taken for success.
            (200, Some("mapper_parsing_exception"), Retry),
        ];
        for (status, error, verdict) in cases {
            assert_eq!(classify(status, error), verdict, "{status} {error:?}");
        }
    }

    #[test]
    fn waits_double_up_to_the_most_and_start_again_after_a_success() {
        let millis = Duration::from_millis;
        let mut waits = Backoff::new(millis(100), millis(30_000), || 1.0);
        let first: Vec<u128> = waits.by_ref().take(11).map(|w| w.as_millis()).collect();
        let expected = [
            100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000,
        ];
        assert_eq!(first, expected);
        assert_eq!(waits.nth(100), Some(millis(30_000)));
        waits.reset();
        assert_eq!(waits.next(), Some(millis(100)));
    }

    #[test]
    fn jitter_is_full() {
        let millis = Duration::from_millis;
        let mut none = Backoff::new(millis(100), millis(1_000), || 0.0);
        let mut half = Backoff::new(millis(100), millis(1_000), || 0.5);
        for range in [100, 200, 400, 800, 1_000, 1_000] {
            assert_eq!(none.next(), Some(Duration::ZERO));
            assert_eq!(half.next(), Some(millis(range / 2)));
        }
    }
}
