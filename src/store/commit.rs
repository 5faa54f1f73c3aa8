//! One checkpoint: effects become one batch.

use std::collections::HashMap;

use rocksdb::WriteBatch;
use rustc_hash::FxBuildHasher;
use tidegauge_windows::{Aggregate, Block, Changes, EventTime, Grid, Summary};

use super::codec::Encoder;
use super::database::Database;
use super::error::Error;
use super::head::Head;
use super::identity::Documents;
use super::journal::Journal;
use super::keys::{self, KeyBytes, List};
use super::mark::Marks;
use super::task::Task;
use super::values::Value;
use crate::document_key::{DocumentKey, Origin};
use crate::effect::Effects;
use crate::feedback::Blocked;
use crate::payment::BranchId;
use crate::reading::Mark;

/// A batch in the making, against the state as it stands.
///
/// All it puts are absolute values made from what is there, so a batch that failed may be made and
/// written again from the same effects.
pub(super) struct Draft<'a> {
    database: &'a Database,
    batch: WriteBatch,
    /// The head after the batch.
    head: Head,
    /// None if no document is marked, as nobody delivers any.
    marks: Option<Marks>,
    encoder: Encoder,
}

/// What has to be added to one cell.
type Differences = HashMap<(Block, BranchId), Summary, FxBuildHasher>;

impl<'a> Draft<'a> {
    /// A batch that follows the state with `head`, and marks `documents`.
    pub(super) fn new(database: &'a Database, head: &Head, documents: Documents) -> Self {
        Self {
            database,
            batch: WriteBatch::default(),
            head: Head {
                sequence: head.sequence + 1,
                ..head.clone()
            },
            marks: (documents != Documents::None).then(Marks::default),
            encoder: Encoder::with_capacity(4_096),
        }
    }

    /// The head after the batch.
    pub(super) fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }

    pub(super) fn batch_mut(&mut self) -> &mut WriteBatch {
        &mut self.batch
    }

    /// Merges in all figures of `effects`. Slices before `floor` are left out: no window that is
    /// kept holds them. Before the batch, no payment in a window was later than `latest`.
    pub(super) fn merge(
        &mut self,
        effects: &Effects,
        grid: &Grid,
        floor: Option<EventTime>,
        latest: Option<EventTime>,
    ) -> Result<(), Error> {
        self.merge_cells(&effects.changes, grid, floor, latest)?;
        for ((definition, window, branch), times) in &effects.changes.revisions {
            let key = keys::revision(*definition, *window, *branch);
            let before: u64 = self.database.value(&key)?.unwrap_or_default();
            self.put(&key, &(before.saturating_add(*times)));
        }
        for (branch, added) in &effects.totals {
            let key = keys::total(*branch);
            let mut total = *added;
            if let Some(before) = self.database.value(&key)? {
                total.merge(&before);
            }
            self.put(&key, &total);
        }
        self.head.ledger.merge(&effects.ledger);
        self.head.notices.merge(&effects.notices);
        self.put(&keys::snapshot(), &effects.changes.snapshot);
        Ok(())
    }

    /// Lists what is in no window, and marks the documents of it.
    pub(super) fn list(&mut self, effects: &Effects) {
        for late in &effects.late {
            let number = self.head.late.take();
            self.add_to_list(List::Late, number, late.origin, late);
        }
        for reject in &effects.rejects {
            let number = self.head.rejects.take();
            self.add_to_list(List::Rejects, number, reject.origin, reject);
        }
    }

    /// Takes entries off the old ends of the lists, down to the newest `keep`: those that are
    /// delivered, or never will be.
    pub(super) fn trim_lists(&mut self, keep: u64, blocked: &Blocked) -> Result<(), Error> {
        for list in [List::Late, List::Rejects] {
            let mut journal = Journal::new(self.database, list);
            let numbers = match list {
                List::Late => &mut self.head.late,
                List::Rejects => &mut self.head.rejects,
            };
            journal.trim(numbers, keep, self.marks.as_mut(), blocked, &mut self.batch)?;
        }
        Ok(())
    }

    /// Takes note that documents were delivered as they were at their marks.
    pub(super) fn clear<'m>(
        &mut self,
        acks: impl IntoIterator<Item = &'m (DocumentKey, Mark)>,
    ) -> Result<(), Error> {
        if let Some(marks) = &mut self.marks {
            for (document, mark) in acks {
                marks.clear(self.database, document, *mark)?;
            }
        }
        Ok(())
    }

    /// Marks documents as different since this checkpoint.
    pub(super) fn mark(&mut self, documents: impl IntoIterator<Item = DocumentKey>) {
        if let Some(marks) = &mut self.marks {
            for document in documents {
                marks.set(&document);
            }
        }
    }

    /// Takes the marks off documents that can't be rendered any more.
    pub(super) fn forget(&mut self, documents: &[DocumentKey]) {
        if let Some(marks) = &mut self.marks {
            for document in documents {
                marks.forget(document);
            }
        }
    }

    /// Keeps marking task `number` as it is now; `None`: it is done.
    pub(super) fn keep_task(&mut self, number: u64, task: Option<&Task>) {
        let key = keys::task(number);
        match task {
            Some(task) => self.put(&key, task),
            None => self.batch.delete(key),
        }
    }

    pub(super) fn put(&mut self, key: &KeyBytes, value: &impl Value) {
        self.encoder.clear();
        value.write(&mut self.encoder);
        self.batch.put(key, self.encoder.as_bytes());
    }

    /// Writes the batch, with the head that says so.
    pub(super) fn write(mut self) -> Result<Head, Error> {
        if let Some(marks) = self.marks.take() {
            let (mark, before) = (self.head.mark(), self.head.dirty);
            self.head.dirty = marks.write(self.database, mark, &mut self.batch, before)?;
        }
        let head = self.head.clone();
        self.put(&keys::head(), &head);
        self.database.write(self.batch)?;
        Ok(head)
    }

    fn merge_cells(
        &mut self,
        changes: &Changes<BranchId, Summary>,
        grid: &Grid,
        floor: Option<EventTime>,
        latest: Option<EventTime>,
    ) -> Result<(), Error> {
        // Most payments are later than all before them: there is no need to look for their cells.
        let may_be_there = |block: Block| latest.is_some_and(|latest| block.start <= latest);
        let mut slices: Vec<_> = changes
            .slices
            .iter()
            .filter(|((slice, _), _)| floor.is_none_or(|floor| *slice >= grid.slice_of(floor)))
            .collect();
        // Neighbours are near each other in tables too.
        slices.sort_unstable_by_key(|(cell, _)| **cell);
        // Many slices share a block of a coarser level: it is read and written once.
        let mut coarser = Differences::default();
        for ((slice, branch), difference) in slices {
            for block in grid.blocks_of(*slice) {
                if block.level == 0 {
                    let key = keys::cell(block, *branch);
                    self.merge_cell(&key, difference, may_be_there(block))?;
                } else {
                    coarser
                        .entry((block, *branch))
                        .or_default()
                        .merge(difference);
                }
            }
        }
        let mut coarser: Vec<_> = coarser.iter().collect();
        coarser.sort_unstable_by_key(|(cell, _)| **cell);
        for ((block, branch), difference) in coarser {
            let key = keys::cell(*block, *branch);
            self.merge_cell(&key, difference, may_be_there(*block))?;
        }
        Ok(())
    }

    fn merge_cell(
        &mut self,
        key: &KeyBytes,
        difference: &Summary,
        may_be_there: bool,
    ) -> Result<(), Error> {
        let before: Option<Summary> = if may_be_there {
            self.database.value(key)?
        } else {
            None
        };
        match before {
            Some(mut cell) => {
                cell.merge(difference);
                self.put(key, &cell);
            }
            None => self.put(key, difference),
        }
        Ok(())
    }

    fn add_to_list(&mut self, list: List, number: u64, origin: Origin, entry: &impl Value) {
        self.put(&list.entry(number), entry);
        self.put(&list.number_at(origin), &number);
        self.mark([list.document(origin)]);
    }
}
