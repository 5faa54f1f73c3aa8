//! One checkpoint: effects become one batch.

mod changed_documents;
mod correction;

use std::borrow::Cow;
use std::{mem, slice};

use prefetch_index::prefetch_index;
use rocksdb::WriteBatch;
use tidegauge_windows::{Aggregate, Block, Changes, EventTime, Grid, Summary};

use super::codec::ByteEncoder;
use super::database::{Database, KEYS_PER_LOOKUP};
use super::error::Error;
use super::head::CheckpointHead;
use super::identity::MarkedDocuments;
use super::journal::Journal;
use super::keys::{self, KeyBytes, RecordList};
use super::mark::Marks;
use super::readings::StateContext;
use super::recent_writes::RecentWrites;
use super::task::Task;
use super::texts;
use super::values::{StoredValue, merge_summary};
use crate::core::branch_slice::BranchSlice;
use crate::core::effect::Effects;
use crate::core::feedback::Blocked;
use crate::core::feedback::Mark;
use crate::domain::branch::Branches;
use crate::domain::document_key::{DocumentKey, Origin};
use crate::domain::payment::BranchId;

/// A batch under construction, on top of the current state.
///
/// It puts only absolute values, computed from the current ones, so a batch that failed may be made and
/// written again from the same effects.
pub(super) struct Draft<'a> {
    database: &'a Database,
    batch: WriteBatch,
    /// The head after the batch.
    head: CheckpointHead,
    /// The numbers after the last entries of the lists that are stored.
    stored: [u64; 2],
    /// `None` if no document is marked, as there is no sink.
    marks: Option<Marks>,
    encoder: ByteEncoder,
    /// The cache of recent writes, as it is after the batch.
    recent: RecentWrites,
}

/// The addition to the cell of a branch in the block that starts then.
type Part<'a> = (EventTime, BranchId, &'a Summary);

impl<'a> Draft<'a> {
    /// A batch that follows the state with `head`, and marks `documents`. It looks into `recent`, which says what was
    /// written lately, before it reads the state; [`Draft::write`] gives it back.
    pub(super) fn new(
        database: &'a Database,
        head: &CheckpointHead,
        documents: MarkedDocuments,
        mut recent: RecentWrites,
    ) -> Self {
        let known = recent.take_marks();
        Self {
            database,
            batch: WriteBatch::with_capacity_bytes(recent.batch_bytes()),
            stored: [head.in_no_window.next, head.rejects.next],
            head: CheckpointHead {
                sequence: head.sequence + 1,
                ..head.clone()
            },
            marks: (documents != MarkedDocuments::None).then(|| Marks::after(known)),
            encoder: ByteEncoder::with_capacity(4_096),
            recent,
        }
    }

    /// The head after the batch.
    pub(super) fn head_mut(&mut self) -> &mut CheckpointHead {
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
            if let Some(before) = self.recent.total(*branch) {
                total.merge(before);
            } else if let Some(before) = self.database.value(&key)? {
                total.merge(&before);
            }
            self.put(&key, &total);
            self.recent.keep_total(*branch, total);
        }
        self.head.ledger.merge(&effects.ledger);
        self.head.notices.merge(&effects.notices);
        self.put(&keys::snapshot(), &effects.changes.snapshot);
        Ok(())
    }

    /// Lists what is in no window, and marks the documents of it.
    pub(super) fn list(&mut self, effects: &Effects) {
        for payment in &effects.in_no_window {
            let number = self.head.in_no_window.take();
            self.add_to_list(RecordList::NoWindow, number, payment.origin, payment);
        }
        for reject in &effects.rejects {
            let number = self.head.rejects.take();
            self.add_to_list(RecordList::Rejects, number, reject.origin, reject);
        }
    }

    /// Keeps the texts of branches that are not `kept` yet: all that were seen, also those of payments that later
    /// effects hold. Gives how many are kept then.
    pub(super) fn keep_texts(
        &mut self,
        effects: &Effects,
        branches: &Branches,
        kept: usize,
        context: &StateContext,
    ) -> usize {
        let last = effects.totals.keys().next_back();
        // Figures of a branch without its text must stop everything, in every build.
        assert!(
            last.is_none_or(|last| branches.has(*last)),
            "the effects have branches of another state"
        );
        texts::put(&mut self.batch, branches.texts(), kept, || {
            context.identity()
        })
    }

    /// Takes entries off the old ends of the lists, down to the newest `keep`: those that are
    /// delivered, or never will be.
    pub(super) fn trim_lists(&mut self, keep: u64, blocked: &Blocked) -> Result<(), Error> {
        let lists = [RecordList::NoWindow, RecordList::Rejects];
        for (list, stored) in lists.into_iter().zip(self.stored) {
            let mut journal = Journal::new(self.database, list, stored);
            let numbers = match list {
                RecordList::NoWindow => &mut self.head.in_no_window,
                RecordList::Rejects => &mut self.head.rejects,
            };
            let marks = self.marks.as_mut();
            self.head.given_up += journal.trim(numbers, keep, marks, blocked, &mut self.batch)?;
        }
        Ok(())
    }

    /// Takes note that documents were delivered as they were at their marks.
    pub(super) fn clear(&mut self, acks: &[(DocumentKey, Mark)]) -> Result<(), Error> {
        match &mut self.marks {
            Some(marks) => marks.clear(self.database, acks),
            None => Ok(()),
        }
    }

    /// Marks documents as different since this checkpoint.
    pub(super) fn mark(&mut self, documents: impl IntoIterator<Item = DocumentKey>) {
        if let Some(marks) = &mut self.marks {
            for document in documents {
                marks.set(&document);
            }
        }
    }

    /// Takes the marks off documents that can't be rendered any more, and counts them.
    pub(super) fn give_up(&mut self, documents: &[DocumentKey]) {
        self.head.given_up += documents.len() as u64;
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

    pub(super) fn put(&mut self, key: &KeyBytes, value: &impl StoredValue) {
        self.encoder.clear();
        value.write(&mut self.encoder);
        self.batch.put(key, self.encoder.as_bytes());
    }

    /// Writes the batch, with the head that says so. Gives the head, and what was written lately.
    pub(super) fn write(mut self) -> Result<(CheckpointHead, RecentWrites), Error> {
        if let Some(marks) = self.marks.take() {
            let (mark, before) = (self.head.mark(), self.head.dirty);
            let (count, known) = marks.write(self.database, mark, &mut self.batch, before)?;
            self.head.dirty = count;
            self.recent.keep_marks(known);
        }
        let head = self.head.clone();
        self.put(&keys::head(), &head);
        self.database.put_table_list(&mut self.batch);
        self.recent.note_batch(self.batch.size_in_bytes());
        self.database.write(self.batch)?;
        Ok((head, self.recent))
    }

    fn merge_cells(
        &mut self,
        changes: &Changes<BranchId, BranchSlice>,
        grid: &Grid,
        floor: Option<EventTime>,
        latest: Option<EventTime>,
    ) -> Result<(), Error> {
        // Most payments are later than all before them: there is no need to look for their cells.
        let may_be_there = |block: Block| latest.is_some_and(|latest| block.start <= latest);
        let mut slices: Vec<Part<'_>> = changes
            .slices
            .iter()
            .map(|((slice, branch), added)| (*slice, *branch, &added.summary))
            .filter(|(slice, _, _)| floor.is_none_or(|floor| *slice >= grid.slice_of(floor)))
            .collect();
        // In the order of the keys: neighbours are near each other in tables too.
        slices.sort_unstable_by_key(|(slice, branch, _)| (*slice, *branch));
        let mut recent = mem::take(&mut self.recent);
        recent.begin(latest.map(|latest| grid.slice_of(latest)));
        for some in slices.chunks(KEYS_PER_LOOKUP) {
            let cells: Vec<(KeyBytes, bool)> = some
                .iter()
                .map(|(slice, branch, _)| {
                    let is_new = recent.is_new(*slice, *branch);
                    let block = Block {
                        level: 0,
                        start: *slice,
                    };
                    (keys::cell(block, *branch), !is_new && may_be_there(block))
                })
                .collect();
            let read = cells.iter().filter(|(_, is_read)| *is_read);
            let read: Vec<KeyBytes> = read.map(|(key, _)| *key).collect();
            let mut found = self.database.get_all(&read)?.into_iter();
            for (at, ((key, is_read), (_, _, difference))) in cells.iter().zip(some).enumerate() {
                fetch_ahead(some, at);
                let before = is_read.then(|| found.next()).flatten().flatten();
                self.merge_cell(key, difference, before.as_deref())?;
                self.batch.put(key, self.encoder.as_bytes());
            }
        }
        // Many slices share a block of a coarser level: it is read and written once.
        for level in 1..grid.levels() {
            let span = grid.span(level);
            let parts = slices.iter();
            let parts =
                parts.map(|(slice, branch, difference)| (slice.floor(span), *branch, *difference));
            let mut parts: Vec<Part<'_>> = parts.collect();
            let cell_of = |(start, branch, _): &Part<'_>| (*start, *branch);
            parts.sort_unstable_by_key(cell_of);
            let mut at = 0;
            for together in parts.chunk_by(|one, other| cell_of(one) == cell_of(other)) {
                fetch_ahead(&parts, at);
                at += together.len();
                // A chunk is never empty, so there is a first one.
                let [first, others @ ..] = together else {
                    continue;
                };
                let mut difference = Cow::Borrowed(first.2);
                for (_, _, other) in others {
                    difference.to_mut().merge(other);
                }
                let (start, branch) = cell_of(first);
                let block = Block { level, start };
                let key = keys::cell(block, branch);
                if !may_be_there(block) {
                    self.merge_cell(&key, &difference, None)?;
                } else if let Some(before) = recent.cell(&key) {
                    self.merge_cell(&key, &difference, Some(before))?;
                } else {
                    let before = self.database.get(&key)?;
                    self.merge_cell(&key, &difference, before.as_deref())?;
                }
                recent.keep_cell(&key, self.encoder.as_bytes());
                self.batch.put(key, self.encoder.as_bytes());
            }
        }
        self.recent = recent;
        Ok(())
    }

    /// Encodes `difference` merged into a cell that was `before`.
    fn merge_cell(
        &mut self,
        key: &KeyBytes,
        difference: &Summary,
        before: Option<&[u8]>,
    ) -> Result<(), Error> {
        self.encoder.clear();
        match before {
            Some(before) => merge_summary(before, difference, &mut self.encoder)
                .map_err(|_| self.database.malformed(key))?,
            None => difference.write(&mut self.encoder),
        }
        Ok(())
    }

    fn add_to_list(
        &mut self,
        list: RecordList,
        number: u64,
        origin: Origin,
        entry: &impl StoredValue,
    ) {
        self.put(&list.entry(number), entry);
        self.put(&list.number_at(origin), &number);
        self.mark([list.document(origin)]);
    }
}

/// Differences are anywhere in memory: while one is merged, those that follow are fetched.
fn fetch_ahead(parts: &[Part<'_>], at: usize) {
    const AHEAD: usize = 8;
    if let Some((_, _, difference)) = parts.get(at + AHEAD) {
        let one = slice::from_ref(*difference);
        prefetch_index(one, 0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::store::journal::tests::rejects;

    #[test]
    fn a_slice_is_left_out_only_if_all_of_it_is_before_the_floor() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(dir.path(), true).unwrap();
        let (grid, branch) = (Grid::new(&[]), BranchId::MAX);
        assert_eq!(grid.slice().millis(), 60_000);
        let minute = |minutes: i64| EventTime::from_millis(minutes * 60_000);
        let mut payment = Summary::default();
        payment.add(&1, false);
        // A payment in each of three slices.
        let mut effects = rejects(0..0);
        for minutes in 1..=3 {
            let slice = (minute(minutes), branch);
            effects.changes.slices.insert(slice, payment.clone().into());
        }
        let counts = || {
            [1, 2, 3].map(|minutes| {
                let block = Block {
                    level: 0,
                    start: minute(minutes),
                };
                let cell: Option<Summary> = database.value(&keys::cell(block, branch)).unwrap();
                cell.map_or(0, |cell| cell.count)
            })
        };
        let nothing = MarkedDocuments::None;
        let after = |head| Draft::new(&database, head, nothing, RecentWrites::default());
        let empty = CheckpointHead::default();
        let mut draft = after(&empty);
        // Behind the start of the second one.
        let floor = Some(EventTime::from_millis(2 * 60_000 + 1));
        draft.merge(&effects, &grid, floor, None).unwrap();
        let (head, _) = draft.write().unwrap();
        assert_eq!(counts(), [0, 1, 1]);

        // The same again. The latest payment is exactly at the start of its slice.
        let mut draft = after(&head);
        let latest = Some(minute(3));
        draft.merge(&effects, &grid, None, latest).unwrap();
        draft.write().unwrap();
        assert_eq!(counts(), [1, 2, 2]);
    }
}
