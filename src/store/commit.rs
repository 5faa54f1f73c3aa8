//! One checkpoint: effects become one batch.

use std::collections::HashMap;

use rocksdb::WriteBatch;
use rustc_hash::FxBuildHasher;
use tidegauge_windows::{Aggregate, Block, Changes, EventTime, Grid, Summary};

use super::codec::Encoder;
use super::database::Database;
use super::error::Error;
use super::head::Head;
use super::journal::Journal;
use super::keys::{self, KeyBytes, List};
use super::mark::Marks;
use super::values::Value;
use crate::document_key::{DocumentKey, Origin};
use crate::effect::Effects;
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
    marks: Marks,
    encoder: Encoder,
}

/// What has to be added to one cell.
type Differences = HashMap<(Block, BranchId), Summary, FxBuildHasher>;

impl<'a> Draft<'a> {
    /// A batch that follows the state with `head`.
    pub(super) fn new(database: &'a Database, head: &Head) -> Self {
        Self {
            database,
            batch: WriteBatch::default(),
            head: Head {
                sequence: head.sequence + 1,
                ..head.clone()
            },
            marks: Marks::default(),
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
    /// kept holds them.
    pub(super) fn merge(
        &mut self,
        effects: &Effects,
        grid: &Grid,
        floor: Option<EventTime>,
    ) -> Result<(), Error> {
        self.merge_cells(&effects.changes, grid, floor)?;
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
    pub(super) fn list(&mut self, effects: &Effects) -> Result<(), Error> {
        for late in &effects.late {
            let number = self.head.late.take();
            self.add_to_list(List::Late, number, late.origin, late)?;
        }
        for reject in &effects.rejects {
            let number = self.head.rejects.take();
            self.add_to_list(List::Rejects, number, reject.origin, reject)?;
        }
        Ok(())
    }

    /// Takes delivered entries off the old ends of the lists, down to the newest `keep`.
    pub(super) fn trim_lists(&mut self, keep: u64) -> Result<(), Error> {
        for list in [List::Late, List::Rejects] {
            let mut journal = Journal::new(self.database, list);
            let numbers = match list {
                List::Late => &mut self.head.late,
                List::Rejects => &mut self.head.rejects,
            };
            journal.trim(numbers, keep, &self.marks, &mut self.batch)?;
        }
        Ok(())
    }

    /// Takes note that documents were delivered as they were at their marks.
    pub(super) fn clear<'m>(
        &mut self,
        acks: impl IntoIterator<Item = &'m (DocumentKey, Mark)>,
    ) -> Result<(), Error> {
        for (document, mark) in acks {
            self.marks.clear(self.database, document, *mark)?;
        }
        Ok(())
    }

    /// Marks documents as different since this checkpoint.
    pub(super) fn mark(
        &mut self,
        documents: impl IntoIterator<Item = DocumentKey>,
    ) -> Result<(), Error> {
        for document in documents {
            self.marks.set(self.database, &document)?;
        }
        Ok(())
    }

    /// Marks those documents that do not await delivery already.
    pub(super) fn mark_again(
        &mut self,
        documents: impl IntoIterator<Item = DocumentKey>,
    ) -> Result<(), Error> {
        for document in documents {
            self.marks.set_if_clear(self.database, &document)?;
        }
        Ok(())
    }

    pub(super) fn put(&mut self, key: &KeyBytes, value: &impl Value) {
        self.encoder.clear();
        value.write(&mut self.encoder);
        self.batch.put(key, self.encoder.as_bytes());
    }

    /// Writes the batch, with the head that says so.
    pub(super) fn write(mut self) -> Result<Head, Error> {
        self.head.dirty = self.marks.count_after(self.head.dirty);
        self.marks.write(self.head.mark(), &mut self.batch);
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
    ) -> Result<(), Error> {
        let mut slices: Vec<_> = changes
            .slices
            .iter()
            .filter(|((slice, _), _)| floor.is_none_or(|floor| *slice >= grid.slice_of(floor)))
            .collect();
        // Neighbours are near each other in tables too.
        slices.sort_unstable_by_key(|(slice, _)| **slice);
        // Many slices share a block of a coarser level: it is read and written once.
        let mut coarser = Differences::default();
        for ((slice, branch), difference) in slices {
            for block in grid.blocks_of(*slice) {
                if block.level == 0 {
                    self.merge_cell(&keys::cell(block, *branch), difference)?;
                } else {
                    coarser
                        .entry((block, *branch))
                        .or_default()
                        .merge(difference);
                }
            }
        }
        for ((block, branch), difference) in &coarser {
            self.merge_cell(&keys::cell(*block, *branch), difference)?;
        }
        Ok(())
    }

    fn merge_cell(&mut self, key: &KeyBytes, difference: &Summary) -> Result<(), Error> {
        match self.database.value::<Summary>(key)? {
            Some(mut cell) => {
                cell.merge(difference);
                self.put(key, &cell);
            }
            None => self.put(key, difference),
        }
        Ok(())
    }

    fn add_to_list(
        &mut self,
        list: List,
        number: u64,
        origin: Origin,
        entry: &impl Value,
    ) -> Result<(), Error> {
        self.put(&list.entry(number), entry);
        self.put(&list.number_at(origin), &number);
        self.mark([list.document(origin)])
    }
}
