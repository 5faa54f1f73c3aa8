//! The world, read as a store is.

use std::collections::BTreeMap;
use tidegauge::core::effect::{PaymentInNoWindow, RejectedRecord, RepeatedPayment};
use tidegauge::core::feedback::{Family, Mark};
use tidegauge::domain::document_key::{DocumentKey, Origin};
use tidegauge::domain::payment::BranchId;
use tidegauge::domain::provenance::Provenance;
use tidegauge::domain::total::Total;
use tidegauge::view::reading::{Checkpoint, ReadError, Reading, Readings};
use tidegauge_windows::{Block, Cells, EventTime, Frame, Summary, Window};

use super::World;

impl Readings for World {
    fn read(
        &self,
        read: &mut dyn FnMut(&dyn Reading) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        read(self)
    }
}

impl Cells<BranchId, Summary> for World {
    type Error = ReadError;

    fn cell(&self, block: Block, key: BranchId) -> Result<Option<Summary>, ReadError> {
        Ok(self.cells.cell(block, key).unwrap())
    }

    fn keys(&self, block: Block, from: BranchId, max: usize) -> Result<Vec<BranchId>, ReadError> {
        Ok(self.cells.keys(block, from, max).unwrap())
    }

    fn filled(
        &self,
        level: u8,
        from: (EventTime, BranchId),
        to: EventTime,
        limit: usize,
    ) -> Result<Vec<(EventTime, BranchId)>, ReadError> {
        Ok(self.cells.filled(level, from, to, limit).unwrap())
    }

    fn revision(&self, number: u16, window: Window, key: BranchId) -> Result<u64, ReadError> {
        Ok(self.cells.revision(number, window, key).unwrap())
    }

    fn known(&self, from: BranchId, max: usize) -> Result<Vec<(BranchId, EventTime)>, ReadError> {
        Ok(self.cells.known(from, max).unwrap())
    }

    fn known_since(&self, branch: BranchId) -> Result<Option<EventTime>, ReadError> {
        Ok(self.cells.known_since(branch).unwrap())
    }
}

fn newest_first<T: Clone>(all: &[T], before: Option<u64>, limit: usize) -> Vec<(u64, T)> {
    (0..)
        .zip(all.iter().cloned())
        .filter(|(number, _)| before.is_none_or(|before| *number < before))
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .take(limit)
        .collect()
}

impl Reading for World {
    fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn provenance(&self) -> Result<Option<Provenance>, ReadError> {
        Ok(None)
    }

    fn indexes(&self) -> Result<BTreeMap<Family, String>, ReadError> {
        Ok(BTreeMap::new())
    }

    fn total(&self, branch: BranchId) -> Result<Option<Total>, ReadError> {
        Ok(self.totals.get(&branch).copied())
    }

    fn totals(&self, from: BranchId, limit: usize) -> Result<Vec<(BranchId, Total)>, ReadError> {
        Ok(self
            .totals
            .range(from..)
            .take(limit)
            .map(|(id, total)| (*id, *total))
            .collect())
    }

    fn payment_in_no_window(&self, _: Origin) -> Result<Option<PaymentInNoWindow>, ReadError> {
        unreachable!("no route asks for one")
    }

    fn rejected_record(&self, _: Origin) -> Result<Option<RejectedRecord>, ReadError> {
        unreachable!("no route asks for one")
    }

    fn payments_in_no_window(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, PaymentInNoWindow)>, ReadError> {
        Ok(newest_first(&self.late, before, limit))
    }

    fn rejected_records(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, RejectedRecord)>, ReadError> {
        Ok(newest_first(&self.rejects, before, limit))
    }

    fn repeated_payments(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, RepeatedPayment)>, ReadError> {
        Ok(newest_first(&self.repeated, before, limit))
    }

    fn dirty(
        &self,
        _: Option<DocumentKey>,
        _: usize,
    ) -> Result<Vec<(DocumentKey, Mark)>, ReadError> {
        unreachable!("no route asks for it")
    }

    fn mark(&self, _: &DocumentKey) -> Result<Option<Mark>, ReadError> {
        unreachable!("no route asks for it")
    }
}
