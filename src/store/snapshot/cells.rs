//! The cells of windows, as the engine asks for them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use tidegauge_windows::{Block, Cells, EventTime, Key, Summary, Window};

use super::{Direction, Read, StateSnapshot, decoded, parsed};
use crate::domain::payment::BranchId;
use crate::domain::total::Total;
use crate::store::keys;
use crate::store::scan_cache::{CellLookup, CellPage};
use crate::view::reading::ReadError;

impl Cells<BranchId, Summary> for StateSnapshot<'_> {
    type Error = ReadError;

    fn cell(&self, block: Block, key: BranchId) -> Read<Option<Summary>> {
        let at = keys::cell(block, key);
        match self.scanned.borrow().cell(block, key) {
            CellLookup::Value(value) => decoded(&at, value).map(Some),
            CellLookup::Absent => Ok(None),
            CellLookup::Nothing => self.value(&at),
        }
    }

    fn keys(&self, block: Block, from: BranchId, limit: usize) -> Read<Vec<BranchId>> {
        let mut branches = Vec::new();
        if self.scanned.borrow().is_empty(block) {
            return Ok(branches);
        }
        let mut page = CellPage::new(block, from);
        let range = keys::cells_from(block, from);
        self.scan(range, Direction::Up, |key, value| {
            let (_, branch) = parsed(key, keys::slice_and_branch)?;
            if branches.len() >= limit {
                page.end_before(branch);
                return Ok(ControlFlow::Break(()));
            }
            branches.push(branch);
            page.add(branch, value);
            Ok(ControlFlow::Continue(()))
        })?;
        self.scanned.borrow_mut().keep(page);
        // Days without payments are listed window by window when zeros are given.
        if self.scanned.borrow_mut().scanned(!branches.is_empty()) {
            let cells = (block.start, BranchId::FIRST);
            let next = self.filled(block.level, cells, EventTime::MAX, 1)?.pop();
            let next = next.map_or(EventTime::MAX, |(start, _)| start);
            self.scanned
                .borrow_mut()
                .no_cells(block.level, block.start..next);
        }
        Ok(branches)
    }

    fn filled(
        &self,
        level: u8,
        from: (EventTime, BranchId),
        to: EventTime,
        limit: usize,
    ) -> Read<Vec<(EventTime, BranchId)>> {
        let mut filled = Vec::new();
        let range = keys::cells_between(level, from, to);
        if *range.start >= *range.end {
            return Ok(filled);
        }
        self.scan(range, Direction::Up, |key, _| {
            filled.push(parsed(key, keys::slice_and_branch)?);
            Ok(if filled.len() < limit {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            })
        })?;
        Ok(filled)
    }

    fn revision(&self, definition: u16, window: Window, key: BranchId) -> Read<u64> {
        let at = keys::revision(definition, window, key);
        if self.scanned.borrow().is_unrevised(&at) {
            return Ok(0);
        }
        let revision = self.value(&at)?;
        // Few windows are revised, and a page asks for many neighbours.
        if self.scanned.borrow_mut().looked_up(revision.is_some()) {
            let range = keys::revisions_from(at);
            let mut next = range.end;
            self.scan(range, Direction::Up, |key, _| {
                next = parsed(key, keys::revision_at)?;
                Ok(ControlFlow::Break(()))
            })?;
            self.scanned.borrow_mut().no_revision(at, next);
        }
        Ok(revision.unwrap_or_default())
    }

    fn known(&self, from: BranchId, limit: usize) -> Read<Vec<(BranchId, EventTime)>> {
        let mut known = BTreeMap::new();
        self.scan(keys::totals_from(from), Direction::Up, |key, value| {
            if known.len() >= limit {
                return Ok(ControlFlow::Break(()));
            }
            let total: Total = decoded(key, value)?;
            if let Some(since) = total.branch_known_since() {
                known.insert(parsed(key, keys::branch_of_total)?, since);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let first = self.configured.partition_point(|branch| *branch < from);
        for branch in self.configured[first..].iter().take(limit) {
            known.insert(*branch, EventTime::MIN);
        }
        Ok(known.into_iter().take(limit).collect())
    }

    fn known_since(&self, branch: BranchId) -> Read<Option<EventTime>> {
        if self.configured.binary_search(&branch).is_ok() {
            return Ok(Some(EventTime::MIN));
        }
        Ok(self
            .total(branch)?
            .and_then(|total| total.branch_known_since()))
    }
}
