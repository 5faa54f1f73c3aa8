//! Changes whose marks no delivery has read yet.

use std::collections::HashSet;

use rustc_hash::FxBuildHasher;
use tidegauge_windows::EventTime;
use tidegauge_windows::planted::{Mistake, is_planted};

use crate::domain::payment::BranchId;
use crate::view::changelog::ChangeSet;

/// Changes whose documents need no newer mark when they change again: no delivery has read the mark that
/// they have, so none can acknowledge it.
///
/// A branch of many overlapping windows has dozens of documents, and changes many times between two
/// readings of a delivery.
#[derive(Debug, Default)]
pub(super) struct UnreadMarks {
    totals: HashSet<BranchId, FxBuildHasher>,
    slices: HashSet<(EventTime, BranchId), FxBuildHasher>,
    /// So many times, a delivery has read all marks.
    readings: u64,
}

/// Beyond so many changes, documents are marked again.
const CHANGES_MAX: usize = 65_536;

impl UnreadMarks {
    /// A delivery reads all marks.
    pub(super) fn clear(&mut self) {
        if is_planted(Mistake::ReadMarkTakenForUnread) {
            return;
        }
        self.readings += 1;
        self.forget();
    }

    /// How often a delivery has read all marks.
    pub(super) fn readings(&self) -> u64 {
        self.readings
    }

    /// The changes among `changed` whose documents are to be marked: branches, and slices with their branch.
    pub(super) fn to_be_marked(
        &self,
        changed: &ChangeSet,
    ) -> (Vec<BranchId>, Vec<(EventTime, BranchId)>) {
        let totals = changed.totals.iter().copied();
        let slices = changed.slices.iter().copied();
        (
            totals
                .filter(|branch| !self.totals.contains(branch))
                .collect(),
            slices
                .filter(|slice| !self.slices.contains(slice))
                .collect(),
        )
    }

    /// The documents of all these are marked now.
    pub(super) fn marked(&mut self, totals: Vec<BranchId>, slices: Vec<(EventTime, BranchId)>) {
        if self.totals.len() + self.slices.len() > CHANGES_MAX {
            self.forget();
        }
        self.totals.extend(totals);
        self.slices.extend(slices);
    }

    fn forget(&mut self) {
        self.totals.clear();
        self.slices.clear();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::ops::Range;

    use super::*;

    /// A payment of each of these branches.
    fn payments(branches: Range<usize>) -> ChangeSet {
        let branches = branches.map(|id| BranchId::new(u32::try_from(id).unwrap()).unwrap());
        let totals: Vec<BranchId> = branches.collect();
        let slice = EventTime::from_millis(60_000);
        ChangeSet {
            slices: totals.iter().map(|branch| (slice, *branch)).collect(),
            totals,
            closed: Vec::new(),
        }
    }

    #[test]
    fn marks_are_known_to_be_unread_until_there_are_too_many() {
        let mut unread = UnreadMarks::default();
        let is_known = |unread: &UnreadMarks, changed: &ChangeSet| {
            let (totals, slices) = unread.to_be_marked(changed);
            totals.is_empty() && slices.is_empty()
        };
        // Half of them totals and half of them slices: all that fit.
        let half = CHANGES_MAX / 2;
        let many = payments(0..half);
        let (totals, slices) = unread.to_be_marked(&many);
        assert!(totals == many.totals && slices == many.slices);
        unread.marked(totals, slices);
        let one = payments(half..half + 1);
        assert!(!is_known(&unread, &one));
        unread.marked(one.totals.clone(), one.slices.clone());
        assert!(is_known(&unread, &many) && is_known(&unread, &one));

        let another = payments(half + 1..half + 2);
        unread.marked(another.totals.clone(), another.slices.clone());
        let (totals, slices) = unread.to_be_marked(&many);
        assert!(totals == many.totals && slices == many.slices);
        assert!(is_known(&unread, &another));
        unread.clear();
        assert!(!is_known(&unread, &another));
    }
}
