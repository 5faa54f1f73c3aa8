//! One of two generations that are compared.

use std::collections::BTreeMap;

use tidegauge_windows::{Summary, Window};

use crate::domain::branch::Branches;
use crate::domain::branch_key::BranchKey;
use crate::domain::total::Total;
use crate::view::cell_cache::CellCache;
use crate::view::reading::{ReadError, Reading};

/// A generation at one moment. Each has seen texts in an order of its own, so the number of a text means
/// something in one of them only.
pub struct ComparedGeneration<'a> {
    /// Its figures.
    pub(super) reading: &'a dyn Reading,
    /// What its branches are.
    pub(super) branches: &'a Branches,
    cells: CellCache<'a>,
}

/// Windows that overlap are made of the same cells: this many of them are remembered.
const CELLS: usize = 4_096;

impl<'a> ComparedGeneration<'a> {
    /// The generation with these figures, of these branches.
    #[must_use]
    pub fn new(reading: &'a dyn Reading, branches: &'a Branches) -> Self {
        Self {
            cells: CellCache::new(reading, CELLS),
            reading,
            branches,
        }
    }

    /// All totals, by branch.
    pub(super) fn totals(&self) -> Result<BTreeMap<BranchKey, Total>, ReadError> {
        let totals = self.reading.all_totals()?.into_iter();
        Ok(totals
            .map(|(branch, total)| (self.branches.key(branch), total))
            .collect())
    }

    /// The content of a window of `branch`; `None` if it holds no payment.
    pub(super) fn window(
        &self,
        definition: u16,
        window: Window,
        branch: &BranchKey,
    ) -> Result<Option<Summary>, ReadError> {
        let Some(branch) = self.branches.id(branch) else {
            return Ok(None);
        };
        let frame = self.reading.frame();
        let found = frame.window(&self.cells, definition, window, branch)?;
        Ok(found
            .map(|found| found.aggregate)
            .filter(|summary: &Summary| summary.count > 0))
    }
}
