//! Cells read once for windows that share them.

use std::cell::RefCell;
use std::collections::HashMap;

use rustc_hash::FxBuildHasher;
use tidegauge_windows::{Block, Cells, EventTime, Summary, Window};

use crate::domain::payment::BranchId;
use crate::view::reading::{ReadError, Reading};

/// A reading that remembers the cells it was last asked for: windows that overlap are made of the
/// same ones, and documents come in the order of their windows.
pub struct CellCache<'a> {
    reading: &'a dyn Reading,
    /// The newer and the older half of what is remembered.
    halves: RefCell<(Half, Half)>,
    /// At most so many in each.
    limit: usize,
}

type Half = HashMap<(Block, BranchId), Option<Summary>, FxBuildHasher>;

impl<'a> CellCache<'a> {
    /// Remembers at least the last `limit` cells read, and at most twice as many.
    #[must_use]
    pub fn new(reading: &'a dyn Reading, limit: usize) -> Self {
        Self {
            reading,
            halves: RefCell::default(),
            limit,
        }
    }

    fn remembered(&self, at: &(Block, BranchId)) -> Option<Option<Summary>> {
        let (newer, older) = &*self.halves.borrow();
        newer.get(at).or_else(|| older.get(at)).cloned()
    }

    fn remember(&self, at: (Block, BranchId), cell: &Option<Summary>) {
        let (newer, older) = &mut *self.halves.borrow_mut();
        if newer.len() >= self.limit {
            *older = std::mem::take(newer);
        }
        newer.insert(at, cell.clone());
    }
}

impl Cells<BranchId, Summary> for CellCache<'_> {
    type Error = ReadError;

    fn cell(&self, block: Block, key: BranchId) -> Result<Option<Summary>, ReadError> {
        let at = (block, key);
        if let Some(cell) = self.remembered(&at) {
            return Ok(cell);
        }
        let cell = self.reading.cell(block, key)?;
        self.remember(at, &cell);
        Ok(cell)
    }

    fn keys(&self, block: Block, from: BranchId, limit: usize) -> Result<Vec<BranchId>, ReadError> {
        self.reading.keys(block, from, limit)
    }

    fn filled(
        &self,
        level: u8,
        from: (EventTime, BranchId),
        to: EventTime,
        limit: usize,
    ) -> Result<Vec<(EventTime, BranchId)>, ReadError> {
        self.reading.filled(level, from, to, limit)
    }

    fn revision(&self, definition: u16, window: Window, key: BranchId) -> Result<u64, ReadError> {
        self.reading.revision(definition, window, key)
    }

    fn known(&self, from: BranchId, limit: usize) -> Result<Vec<(BranchId, EventTime)>, ReadError> {
        self.reading.known(from, limit)
    }

    fn known_since(&self, branch: BranchId) -> Result<Option<EventTime>, ReadError> {
        self.reading.known_since(branch)
    }
}
