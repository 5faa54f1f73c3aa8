//! A cache of what the newest checkpoints wrote and the next ones will read again.

use std::collections::HashSet;
use std::mem;

use rustc_hash::FxBuildHasher;
use tidegauge_windows::EventTime;

use super::halved_cache::HalvedCache;
use super::keys::KeyBytes;
use super::known_marks::KnownMarks;
use crate::domain::payment::BranchId;
use crate::domain::total::Total;

/// Coarse cells and totals as the state has them, the branches of the newest slice, and which marks there are.
///
/// Its memory is bounded: the entries that were not written for the longest time are dropped.
#[derive(Debug)]
pub(super) struct RecentWrites {
    cells: HalvedCache<KeyBytes, Vec<u8>>,
    totals: HalvedCache<BranchId, Option<Total>>,
    /// The newest slice of any payment.
    newest: Option<EventTime>,
    /// The branches that have a cell in it, if all are known.
    branches: Option<HashSet<BranchId, FxBuildHasher>>,
    marks: KnownMarks,
    /// The size of the last batch in bytes.
    batch_bytes: usize,
}

/// Half of the bytes of all cells, and of all totals.
const HALF_BYTES_OF_CELLS: usize = 6 << 20;
const HALF_BYTES_OF_TOTALS: usize = 3 << 20;
/// At most so many bytes are reserved for a batch before it is made.
const BATCH_BYTES_MAX: usize = 8 << 20;
/// The bytes that an entry takes in a map, beside those of a cell.
const ENTRY_BYTES: usize = 96;
/// Of more branches than this it is not kept which have a cell in the newest slice.
const BRANCHES_MAX: usize = 50_000;

impl Default for RecentWrites {
    fn default() -> Self {
        Self {
            cells: HalvedCache::new(HALF_BYTES_OF_CELLS),
            totals: HalvedCache::new(HALF_BYTES_OF_TOTALS),
            newest: None,
            branches: None,
            marks: KnownMarks::default(),
            batch_bytes: 0,
        }
    }
}

impl RecentWrites {
    /// The slices of a checkpoint follow; before it the newest slice is `newest`.
    pub(super) fn begin(&mut self, newest: Option<EventTime>) {
        if self.newest != newest {
            self.newest = newest;
            self.branches = None;
        }
    }

    /// `branch` gets a payment in `slice`; slices come in order. Whether it is known that there is
    /// no cell for them yet.
    pub(super) fn is_new(&mut self, slice: EventTime, branch: BranchId) -> bool {
        if Some(slice) > self.newest {
            // No payment was later than those of the slice before: it has no cells yet.
            self.newest = Some(slice);
            self.branches.get_or_insert_default().clear();
        } else if Some(slice) < self.newest {
            return false;
        }
        let Some(branches) = &mut self.branches else {
            return false;
        };
        let is_new = branches.insert(branch);
        if branches.len() > BRANCHES_MAX {
            self.branches = None;
        }
        is_new
    }

    /// The coarse cell at `key`, if it was written lately.
    pub(super) fn cell(&self, key: &KeyBytes) -> Option<&[u8]> {
        self.cells.get(key).map(Vec::as_slice)
    }

    /// The coarse cell at `key` becomes `value`.
    pub(super) fn keep_cell(&mut self, key: &KeyBytes, value: &[u8]) {
        let bytes = value.len() + ENTRY_BYTES;
        self.cells.keep(*key, bytes, |kept: &mut Vec<u8>| {
            kept.clear();
            kept.extend_from_slice(value);
        });
    }

    /// The total of `branch`, if it was written lately.
    pub(super) fn total(&self, branch: BranchId) -> Option<&Total> {
        self.totals.get(&branch).and_then(Option::as_ref)
    }

    /// The total of `branch` becomes `total`.
    pub(super) fn keep_total(&mut self, branch: BranchId, total: Total) {
        self.totals
            .keep(branch, ENTRY_BYTES, |kept| *kept = Some(total));
    }

    /// The bytes to reserve for a batch: as many as the last one had, at most [`BATCH_BYTES_MAX`].
    pub(super) fn batch_bytes(&self) -> usize {
        self.batch_bytes.min(BATCH_BYTES_MAX)
    }

    /// A batch had so many bytes.
    pub(super) fn note_batch(&mut self, bytes: usize) {
        self.batch_bytes = bytes;
    }

    /// Which marks there are. [`RecentWrites::keep_marks`] gives it back.
    pub(super) fn take_marks(&mut self) -> KnownMarks {
        mem::take(&mut self.marks)
    }

    /// These marks there are after a batch.
    pub(super) fn keep_marks(&mut self, marks: KnownMarks) {
        self.marks = marks;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tidegauge_windows::Block;

    use super::*;
    use crate::store::keys;

    #[test]
    fn a_cell_and_a_total_are_as_they_were_written_last() {
        let branch = BranchId::new(7).unwrap();
        let block = Block {
            level: 1,
            start: EventTime::from_millis(0),
        };
        let key = keys::cell(block, branch);
        let mut recent = RecentWrites::default();
        assert_eq!(recent.cell(&key), None);
        assert_eq!(recent.total(branch), None);
        for (cell, count) in [(&b"a long cell"[..], 1), (&b"short"[..], 2)] {
            let total = Total {
                count,
                ..Total::ZERO
            };
            recent.keep_cell(&key, cell);
            recent.keep_total(branch, total);
            assert_eq!(recent.cell(&key), Some(cell));
            assert_eq!(recent.total(branch), Some(&total));
        }
    }

    #[test]
    fn a_branch_is_new_in_the_newest_slice_only_until_it_has_a_cell() {
        let slice = EventTime::from_millis;
        let branch = |number| BranchId::new(number).unwrap();
        let mut recent = RecentWrites::default();
        // The existing entries are not known.
        recent.begin(Some(slice(5)));
        assert!(!recent.is_new(slice(4), branch(1)));
        assert!(!recent.is_new(slice(5), branch(1)));
        assert!(recent.is_new(slice(6), branch(1)));
        assert!(recent.is_new(slice(7), branch(1)));
        recent.begin(Some(slice(7)));
        assert!(!recent.is_new(slice(6), branch(2)));
        assert!(!recent.is_new(slice(7), branch(1)));
        assert!(recent.is_new(slice(7), branch(2)));
        assert!(!recent.is_new(slice(7), branch(2)));
        // Another writer wrote meanwhile.
        recent.begin(Some(slice(9)));
        assert!(!recent.is_new(slice(9), branch(3)));
    }

    #[test]
    fn too_many_branches_are_not_remembered() {
        let slice = EventTime::from_millis(0);
        let mut recent = RecentWrites::default();
        recent.begin(None);
        for number in 0..=BRANCHES_MAX {
            let branch = BranchId::new(u32::try_from(number).unwrap()).unwrap();
            assert!(recent.is_new(slice, branch));
        }
        assert!(recent.branches.is_none());
        assert!(!recent.is_new(slice, BranchId::new(900_000).unwrap()));
    }
}
