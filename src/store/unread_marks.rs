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
}

/// Beyond so many changes, documents are marked again.
const CHANGES_MAX: usize = 65_536;

impl UnreadMarks {
    /// A delivery reads all marks.
    pub(super) fn clear(&mut self) {
        if is_planted(Mistake::ReadMarkTakenForUnread) {
            return;
        }
        self.totals.clear();
        self.slices.clear();
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
            self.clear();
        }
        self.totals.extend(totals);
        self.slices.extend(slices);
    }
}
