//! Readings of the state: each is of one checkpoint, whatever is written meanwhile.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidegauge_windows::{Block, Cells, EventTime, Frame, Settings, Snapshot, Summary, Window};

use super::database::Shared;
use super::head::CheckpointHead;
use super::keys::RecordList;
use super::snapshot::{Read, StateSnapshot};
use super::unread_marks::UnreadMarks;
use crate::core::effect::{PaymentInNoWindow, RejectedRecord, RepeatedPayment};
use crate::core::feedback::{Family, Mark};
use crate::domain::document_key::{DocumentKey, Origin};
use crate::domain::payment::BranchId;
use crate::domain::provenance::Provenance;
use crate::domain::total::Total;
use crate::view::reading::{Checkpoint, ReadError, Reading, Readings};

/// Gives readings of a database. Cheap to share; never waits for the writer.
pub(super) struct StoreReadings {
    database: Shared,
    context: Arc<StateContext>,
    /// The checkpoint and frame that were read last: most readings are of the same checkpoint.
    newest: Mutex<Option<Arc<CheckpointFrame>>>,
    unread: Mutex<UnreadMarks>,
}

/// The facts about a state that come from its identity and the configuration.
#[derive(Debug)]
pub(super) struct StateContext {
    pub(super) generation: u32,
    pub(super) topic: String,
    /// The rules as text.
    pub(super) rules: String,
    pub(super) settings: Arc<Settings>,
    /// Branches known by configuration, in order, each once.
    pub(super) configured: Vec<BranchId>,
}

/// The part of a checkpoint that every reading needs.
struct CheckpointFrame {
    checkpoint: Checkpoint,
    frame: Frame,
}

impl StateContext {
    /// The frame of the engine's snapshot in a state with `head`.
    pub(super) fn frame(&self, head: &CheckpointHead, engine: Snapshot) -> Frame {
        let snapshot = Snapshot {
            floor: head.floor,
            ..engine
        };
        Frame::new(Arc::clone(&self.settings), snapshot)
    }
}

impl StoreReadings {
    pub(super) fn new(database: Shared, context: Arc<StateContext>) -> Self {
        Self {
            database,
            context,
            newest: Mutex::new(None),
            unread: Mutex::default(),
        }
    }

    // Every batch has a number of its own, so what was read under the same number is the same.
    fn current(&self, snapshot: &StateSnapshot<'_>) -> Read<Arc<CheckpointFrame>> {
        let head = snapshot.head()?;
        let known = self.newest().clone();
        if let Some(known) = known
            && known.checkpoint.sequence == head.sequence
        {
            return Ok(known);
        }
        let positions = snapshot
            .progress()?
            .into_iter()
            .map(|(partition, progress)| (partition, progress.position))
            .collect();
        let frame = Arc::new(CheckpointFrame {
            frame: self.context.frame(&head, snapshot.engine()?),
            checkpoint: Checkpoint {
                is_marking: snapshot.is_marking()?,
                ..head.checkpoint(self.context.generation, positions)
            },
        });
        *self.newest() = Some(Arc::clone(&frame));
        Ok(frame)
    }

    // A panic while it is locked leaves it complete: it is replaced as a whole.
    fn newest(&self) -> MutexGuard<'_, Option<Arc<CheckpointFrame>>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The changes whose marks no delivery has read. While the lock is held, no delivery reads marks.
    pub(super) fn unread(&self) -> MutexGuard<'_, UnreadMarks> {
        // A writer that panicked writes nothing more, and what is left out is marked again.
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(
        &self,
        snapshot: StateSnapshot<'_>,
        read: &mut dyn FnMut(&dyn Reading) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let current = self.current(&snapshot)?;
        read(&StoreReading {
            snapshot,
            current,
            context: &self.context,
        })
    }
}

impl Readings for StoreReadings {
    fn read(
        &self,
        read: &mut dyn FnMut(&dyn Reading) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        self.view(
            StateSnapshot::take(&self.database, &self.context.configured),
            read,
        )
    }

    fn read_to_deliver(
        &self,
        read: &mut dyn FnMut(&dyn Reading) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let mut unread = self.unread();
        let snapshot = StateSnapshot::take(&self.database, &self.context.configured);
        unread.clear();
        drop(unread);
        self.view(snapshot, read)
    }
}

impl std::fmt::Debug for StoreReadings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreReadings").finish_non_exhaustive()
    }
}

/// One reading.
struct StoreReading<'a> {
    snapshot: StateSnapshot<'a>,
    current: Arc<CheckpointFrame>,
    context: &'a StateContext,
}

impl Reading for StoreReading<'_> {
    fn checkpoint(&self) -> &Checkpoint {
        &self.current.checkpoint
    }

    fn frame(&self) -> &Frame {
        &self.current.frame
    }

    fn provenance(&self) -> Read<Option<Provenance>> {
        let progress = self.snapshot.progress()?;
        if progress.is_empty() {
            return Ok(None);
        }
        let firsts = progress.iter();
        let firsts: Option<BTreeMap<i32, i64>> = firsts
            .map(|(partition, progress)| Some((*partition, progress.first?)))
            .collect();
        let first_offsets = firsts.map(|mut firsts| {
            firsts.retain(|_, first| *first != 0);
            firsts
        });
        Ok(Some(Provenance {
            topic: self.context.topic.clone(),
            topic_id: self.snapshot.topic()?.map(|id| id.to_string()),
            partitions: progress.keys().next_back().map_or(0, |last| last + 1),
            first_offsets,
            rules: self.context.rules.clone(),
            former_rules: self.snapshot.former_rules()?,
        }))
    }

    fn indexes(&self) -> Read<BTreeMap<Family, String>> {
        self.snapshot.indexes()
    }

    fn total(&self, branch: BranchId) -> Read<Option<Total>> {
        self.snapshot.total(branch)
    }

    fn totals(&self, from: BranchId, limit: usize) -> Read<Vec<(BranchId, Total)>> {
        self.snapshot.totals(from, limit)
    }

    fn payment_in_no_window(&self, origin: Origin) -> Read<Option<PaymentInNoWindow>> {
        self.snapshot.entry_at(RecordList::NoWindow, origin)
    }

    fn rejected_record(&self, origin: Origin) -> Read<Option<RejectedRecord>> {
        self.snapshot.entry_at(RecordList::Rejects, origin)
    }

    fn payments_in_no_window(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Read<Vec<(u64, PaymentInNoWindow)>> {
        self.snapshot.entries(RecordList::NoWindow, before, limit)
    }

    fn rejected_records(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Read<Vec<(u64, RejectedRecord)>> {
        self.snapshot.entries(RecordList::Rejects, before, limit)
    }

    fn repeated_payments(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Read<Vec<(u64, RepeatedPayment)>> {
        self.snapshot.repeated(before, limit)
    }

    fn dirty(&self, after: Option<DocumentKey>, limit: usize) -> Read<Vec<(DocumentKey, Mark)>> {
        self.snapshot.dirty(after.as_ref(), limit)
    }

    fn mark(&self, document: &DocumentKey) -> Read<Option<Mark>> {
        self.snapshot.mark(document)
    }
}

impl Cells<BranchId, Summary> for StoreReading<'_> {
    type Error = ReadError;

    fn cell(&self, block: Block, key: BranchId) -> Read<Option<Summary>> {
        self.snapshot.cell(block, key)
    }

    fn keys(&self, block: Block, from: BranchId, limit: usize) -> Read<Vec<BranchId>> {
        self.snapshot.keys(block, from, limit)
    }

    fn filled(
        &self,
        level: u8,
        from: (EventTime, BranchId),
        to: EventTime,
        limit: usize,
    ) -> Read<Vec<(EventTime, BranchId)>> {
        self.snapshot.filled(level, from, to, limit)
    }

    fn revision(&self, definition: u16, window: Window, key: BranchId) -> Read<u64> {
        self.snapshot.revision(definition, window, key)
    }

    fn known(&self, from: BranchId, limit: usize) -> Read<Vec<(BranchId, EventTime)>> {
        self.snapshot.known(from, limit)
    }

    fn known_since(&self, branch: BranchId) -> Read<Option<EventTime>> {
        self.snapshot.known_since(branch)
    }
}

#[cfg(test)]
mod tests;
