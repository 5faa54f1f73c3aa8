//! What is known of single documents: which are acknowledged, and which are refused.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use rustc_hash::FxBuildHasher;
use tidegauge_windows::planted::{Mistake, is_planted};

use super::index::family_of;
use crate::core::feedback::Family;
use crate::core::feedback::Mark;
use crate::domain::document_key::DocumentKey;
use crate::host::clock::Instant;

/// What is known of single documents.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Acknowledged in this pass and in the one before: their marks may not be cleared yet.
    acknowledged: (Marks, Marks),
    parked: HashMap<DocumentKey, Parked, FxBuildHasher>,
}

type Marks = HashMap<DocumentKey, Mark, FxBuildHasher>;

/// A document that is refused for what it says.
#[derive(Debug)]
struct Parked {
    /// When it was refused first.
    since: Instant,
    until: Instant,
    /// Others wait for it for so long from its first refusal on.
    patience: Duration,
    reason: String,
}

/// Remembering an acknowledgement spares sending a document twice; beyond so many, it may be.
const ACKNOWLEDGED_MAX: usize = 65_536;
/// Beyond so many, it is not single documents that are wrong.
const PARKED_MAX: usize = 1_000;

impl Memory {
    /// A pass over all marks begins.
    pub(super) fn begin_pass(&mut self) {
        self.acknowledged.1 = std::mem::take(&mut self.acknowledged.0);
    }

    /// Delivered as it was at its mark.
    pub(super) fn acknowledge(&mut self, key: DocumentKey, mark: Mark) {
        if !self.parked.is_empty() {
            self.parked.remove(&key);
        }
        if self.acknowledged.0.len() < ACKNOWLEDGED_MAX {
            self.acknowledged.0.insert(key, mark);
        }
    }

    /// Refused at `now` for what it says; it is tried again after `wait`. Whether single documents
    /// still are to blame.
    pub(super) fn park(
        &mut self,
        key: DocumentKey,
        now: Instant,
        wait: Duration,
        reason: String,
    ) -> bool {
        self.postpone(key, now, wait, Duration::ZERO, reason)
    }

    /// As [`park`](Self::park), for a document that will be taken within `patience`: so long, it is not
    /// [`blocked`](Self::blocked).
    pub(super) fn postpone(
        &mut self,
        key: DocumentKey,
        now: Instant,
        wait: Duration,
        patience: Duration,
        reason: String,
    ) -> bool {
        let known = self.parked.get(&key).map(|parked| parked.since);
        if self.parked.len() >= PARKED_MAX && known.is_none() {
            return false;
        }
        let parked = Parked {
            since: known.unwrap_or(now),
            until: now + wait,
            patience,
            reason,
        };
        self.parked.insert(key, parked);
        true
    }

    /// The documents of `family` that are parked may be tried again at once: what was wrong with
    /// all of them is repaired.
    pub(super) fn unpark(&mut self, family: Family, now: Instant) {
        for (key, parked) in &mut self.parked {
            if family_of(key) == family {
                parked.until = now;
            }
        }
    }

    /// How many documents are parked, and why one of them is.
    pub(super) fn parked(&self) -> Option<(usize, &str)> {
        let (_, one) = self.parked.iter().min_by_key(|(key, _)| **key)?;
        Some((self.parked.len(), &one.reason))
    }

    /// The documents that have been refused for at least `least`.
    pub(super) fn blocked(&self, now: Instant, least: Duration) -> BTreeSet<DocumentKey> {
        let long = |parked: &Parked| {
            now.saturating_duration_since(parked.since) >= least.max(parked.patience)
        };
        let parked = self.parked.iter().filter(|(_, parked)| long(parked));
        parked.map(|(key, _)| *key).collect()
    }

    /// Whether a document with that mark is to be sent at `now`.
    pub(super) fn is_to_be_sent(&mut self, key: DocumentKey, mark: Mark, now: Instant) -> bool {
        let (newer, older) = &self.acknowledged;
        if newer.get(&key) == Some(&mark) || older.get(&key) == Some(&mark) {
            // It is still marked, so it must be remembered for the next pass too.
            self.acknowledge(key, mark);
            return false;
        }
        let is_forgotten = is_planted(Mistake::ParkedForGood);
        self.parked
            .get(&key)
            .is_none_or(|parked| parked.until <= now && !is_forgotten)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::payment::BranchId;

    const MINUTE: Duration = Duration::from_secs(60);

    fn total(id: usize) -> DocumentKey {
        DocumentKey::Total(BranchId::new(u32::try_from(id).unwrap()).unwrap())
    }

    #[test]
    fn a_refused_document_is_blocked_from_its_first_refusal_on() {
        let mut memory = Memory::default();
        let now = Instant::now();
        assert!(memory.park(total(1), now, MINUTE, "bad".into()));
        assert!(!memory.is_to_be_sent(total(1), Mark(1), now));
        let later = now + MINUTE;
        assert!(memory.is_to_be_sent(total(1), Mark(1), later));
        assert!(memory.park(total(1), later, MINUTE, "bad".into()));
        assert_eq!(memory.blocked(later, 2 * MINUTE), BTreeSet::new());
        let latest = later + MINUTE;
        assert_eq!(memory.blocked(latest, 2 * MINUTE), [total(1)].into());
        memory.acknowledge(total(1), Mark(1));
        assert_eq!(memory.blocked(latest, 2 * MINUTE), BTreeSet::new());
    }

    #[test]
    fn a_postponed_document_is_waited_for_for_a_while() {
        let mut memory = Memory::default();
        let now = Instant::now();
        for at in [now, now + MINUTE] {
            assert!(memory.postpone(total(1), at, MINUTE, 2 * MINUTE, "soon".into()));
            assert!(!memory.is_to_be_sent(total(1), Mark(1), at));
            assert_eq!(memory.blocked(at, Duration::ZERO), BTreeSet::new());
        }
        let later = now + 2 * MINUTE;
        assert_eq!(memory.blocked(later, Duration::ZERO), [total(1)].into());
    }

    #[test]
    fn beyond_a_thousand_no_single_document_is_to_blame_and_all_may_be_tried_again() {
        let mut memory = Memory::default();
        let now = Instant::now();
        for id in 0..PARKED_MAX {
            assert!(memory.park(total(id), now, MINUTE, "bad".into()));
        }
        assert!(!memory.park(total(PARKED_MAX), now, MINUTE, "bad".into()));
        memory.unpark(Family::NoWindow, now);
        assert!(!memory.is_to_be_sent(total(7), Mark(1), now));
        memory.unpark(Family::Totals, now);
        assert!(memory.is_to_be_sent(total(7), Mark(1), now));
    }

    #[test]
    fn an_acknowledged_document_is_not_sent_before_its_mark_is_another() {
        let mut memory = Memory::default();
        let now = Instant::now();
        memory.acknowledge(total(1), Mark(4));
        for _ in 0..3 {
            memory.begin_pass();
            assert!(!memory.is_to_be_sent(total(1), Mark(4), now));
        }
        assert!(memory.is_to_be_sent(total(1), Mark(5), now));
    }
}
