//! The documents of what a checkpoint changes.

use tidegauge_windows::{EventTime, Frame};

use super::Draft;
use crate::domain::document_key::DocumentKey;
use crate::domain::payment::BranchId;
use crate::store::mark::BranchGroup;
use crate::store::retention::Retention;

impl Draft<'_> {
    /// Marks the totals of `totals`, and the windows that hold one of `slices`, each a slice and a branch with payments in
    /// it. Windows whose marks no delivery has read need no newer ones: deliveries took so many `readings`, and take none
    /// until the batch is written. Before the batch, no payment in a window was later than `latest`.
    pub(in crate::store) fn mark_changed(
        &mut self,
        frame: &Frame,
        totals: &[BranchId],
        slices: &mut [(EventTime, BranchId)],
        (readings, latest): (u64, Option<EventTime>),
        retention: &mut Retention,
    ) {
        let Some(marks) = &mut self.marks else {
            return;
        };
        marks.hold_readings(readings);
        for branch in totals {
            marks.set(&DocumentKey::Total(*branch));
        }
        slices.sort_unstable();
        for slice in slices.chunk_by(|one, other| one.0 == other.0) {
            let branches = groups_of(slice.iter().map(|(_, branch)| *branch));
            // All branches of a slice are in the same windows.
            for (definition, window, branch) in frame.windows_of(&slice[..1]) {
                retention.note(&DocumentKey::Window {
                    definition,
                    window,
                    branch,
                });
                let is_new = latest.is_none_or(|latest| window.start > latest);
                marks.set_window(definition, window, &branches, is_new);
            }
        }
    }
}

/// The groups of `branches`, which are in order.
fn groups_of(branches: impl Iterator<Item = BranchId>) -> Vec<BranchGroup> {
    let mut groups: Vec<BranchGroup> = Vec::new();
    for branch in branches {
        let number = branch.get() % u64::BITS;
        let first = BranchId::from_bits(branch.get() - number);
        match groups.last_mut() {
            Some(last) if last.0 == first => last.1 |= 1 << number,
            _ => groups.push((first, 1 << number)),
        }
    }
    groups
}
