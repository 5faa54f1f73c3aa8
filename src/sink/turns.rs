//! Which of the documents that changed a round sends, when they are more than a short round can take.
//!
//! A payment changes one total and one window of each tumbling definition, but dozens of windows
//! that overlap. While a server can't take all of them as fast as they change, totals and tumbling
//! windows go in every round, and overlapping windows that are not final take turns.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;
use std::time::Duration;

use super::change_follower::ChangedDocuments;
use crate::domain::document_key::DocumentKey;

/// The overlapping windows that wait for their turn.
#[derive(Debug, Default)]
pub(super) struct Turns {
    waiting: Arc<BTreeSet<DocumentKey>>,
    /// The last one that had its turn.
    after: Option<DocumentKey>,
    /// How many documents the server takes in a second.
    rate: Option<u64>,
}

/// A round of about so long is short.
const SHORT: Duration = Duration::from_millis(100);
/// So many documents are a short round, however slow the server is.
const SHORT_MIN: usize = 200;
/// Beside so many others, one that waits has its turn at least.
const PROMPT_PER_PLACE: usize = 4;
/// Fewer documents say nothing about how many the server takes in a second.
const MEASURED_MIN: usize = 100;
/// Beyond so many, windows take no turns: all marked documents go at once.
const WAITING_MAX: usize = 65_536;

impl Turns {
    /// The documents of the next round, in key order, after `named` have changed; `None` if so many
    /// wait that all that is marked is to go.
    pub(super) fn next(&mut self, named: ChangedDocuments) -> Option<Vec<DocumentKey>> {
        let mut documents = named.prompt;
        // Those that wait for their turn move on, however many others there are.
        let places = self.short().saturating_sub(documents.len());
        let places = places.max(documents.len() / PROMPT_PER_PLACE);
        let waiting = Arc::make_mut(&mut self.waiting);
        waiting.extend(named.overlapping);
        if waiting.len() > WAITING_MAX {
            return None;
        }
        for _ in 0..places {
            let next = self
                .after
                .and_then(|after| waiting.range((Excluded(after), Unbounded)).next().copied())
                .or_else(|| waiting.first().copied());
            let Some(next) = next else { break };
            waiting.remove(&next);
            self.after = Some(next);
            documents.push(next);
        }
        documents.sort_unstable();
        documents.dedup();
        Some(documents)
    }

    /// The documents that a round of all others leaves out, as they have their turns, after `named`
    /// have changed.
    pub(super) fn others(&mut self, named: Option<ChangedDocuments>) -> Arc<BTreeSet<DocumentKey>> {
        if self.waiting.len() > WAITING_MAX {
            self.waiting = Arc::default();
        }
        if let Some(named) = named
            && !self.is_empty()
        {
            Arc::make_mut(&mut self.waiting).extend(named.overlapping);
        }
        Arc::clone(&self.waiting)
    }

    /// Windows take no turns any more: all documents go at once.
    pub(super) fn end(&mut self) {
        self.waiting = Arc::default();
    }

    /// Whether none waits for its turn.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The server took so many documents in that time.
    pub(super) fn took(&mut self, documents: usize, time: Duration) {
        if documents < MEASURED_MIN {
            return;
        }
        let documents = u64::try_from(documents).unwrap_or(u64::MAX);
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1);
        let rate = documents.saturating_mul(1_000_000) / micros;
        self.rate = Some(
            self.rate
                .map_or(rate, |before| (before.saturating_mul(3) + rate) / 4),
        );
    }

    // How many documents a short round sends.
    fn short(&self) -> usize {
        let millis = u64::try_from(SHORT.as_millis()).unwrap_or(u64::MAX);
        let documents = self.rate.unwrap_or_default().saturating_mul(millis) / 1_000;
        usize::try_from(documents)
            .unwrap_or(usize::MAX)
            .max(SHORT_MIN)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tidegauge_windows::{EventTime, Window};

    use super::*;
    use crate::domain::payment::BranchId;

    fn totals(count: u32) -> Vec<DocumentKey> {
        (1..=count)
            .map(|id| DocumentKey::Total(BranchId::new(id).unwrap()))
            .collect()
    }

    fn overlapping(count: u32) -> Vec<DocumentKey> {
        let window = Window {
            start: EventTime::from_millis(0),
            end: EventTime::from_millis(60_000),
        };
        (1..=count)
            .map(|id| DocumentKey::Window {
                definition: 1,
                window,
                branch: BranchId::new(id).unwrap(),
            })
            .collect()
    }

    #[test]
    fn what_fits_into_a_short_round_goes_at_once() {
        let mut turns = Turns::default();
        let named = ChangedDocuments {
            prompt: totals(100),
            overlapping: overlapping(100),
        };
        let documents = turns.next(named).unwrap();
        assert_eq!(documents, [totals(100), overlapping(100)].concat());
        assert!(turns.is_empty());
        assert!(turns.others(None).is_empty());
    }

    #[test]
    fn beyond_that_totals_go_in_every_round_and_every_overlapping_window_has_its_turn() {
        let mut turns = Turns::default();
        let mut seen = BTreeSet::new();
        for round in 1..=5 {
            let documents = turns
                .next(ChangedDocuments {
                    prompt: totals(100),
                    overlapping: overlapping(500),
                })
                .unwrap();
            assert_eq!(documents.len(), SHORT_MIN);
            assert_eq!(documents[..100], totals(100));
            seen.extend(documents[100..].iter().copied());
            let all = "none twice before all had a turn";
            assert_eq!(seen.len(), 100 * round, "{all}");
        }
    }

    #[test]
    fn a_round_of_all_leaves_out_those_that_have_their_turns() {
        let mut turns = Turns::default();
        let named = || ChangedDocuments {
            prompt: totals(200),
            overlapping: overlapping(300),
        };
        // A fifth of a long round is theirs, and they go without news, too.
        assert_eq!(turns.next(named()).unwrap().len(), 250);
        assert_eq!(turns.others(None).len(), 250);
        assert_eq!(turns.others(Some(named())).len(), 300);
        assert_eq!(turns.next(ChangedDocuments::default()).unwrap().len(), 200);
        turns.end();
        assert!(turns.is_empty());
        // Without turns no window is left out.
        assert!(turns.others(Some(named())).is_empty());
    }

    #[test]
    fn too_many_that_wait_all_go() {
        let mut turns = Turns::default();
        let named = ChangedDocuments {
            prompt: totals(1),
            overlapping: overlapping(u32::try_from(WAITING_MAX).unwrap() + 1),
        };
        assert_eq!(turns.next(named), None);
        assert!(turns.others(None).is_empty());
        assert!(turns.is_empty());
    }

    #[test]
    fn a_fast_server_gets_longer_rounds() {
        let mut turns = Turns::default();
        turns.took(10, Duration::from_micros(1));
        assert_eq!(turns.short(), SHORT_MIN);
        turns.took(2_000, Duration::from_millis(100));
        assert_eq!(turns.short(), 2_000);
        turns.took(1_000, Duration::from_millis(100));
        assert_eq!(turns.short(), 1_750);
        turns.took(1_000, Duration::ZERO);
        assert!(turns.short() > 1_750);
    }
}
