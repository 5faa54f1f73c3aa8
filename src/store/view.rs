//! Readings of the state: each is of one checkpoint, whatever is written meanwhile.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidegauge_windows::{Block, Cells, EventTime, Frame, Key, Settings, Snapshot, Summary, Window};

use super::database::Shared;
use super::head::Head;
use super::image::{Image, Read};
use super::keys::List;
use super::unread::Unread;
use crate::core::effect::{LatePayment, RejectedRecord};
use crate::core::feedback::Mark;
use crate::domain::document_key::{DocumentKey, Origin};
use crate::domain::payment::BranchId;
use crate::domain::provenance::Provenance;
use crate::domain::total::Total;
use crate::view::reading::{Checkpoint, ReadError, Reading, Readings};

/// Gives readings of a database. Cheap to share; never waits for the writer.
pub(super) struct Views {
    database: Shared,
    context: Arc<Context>,
    /// What was last read of a checkpoint as a whole: most readings are of the same one.
    newest: Mutex<Option<Arc<Whole>>>,
    unread: Mutex<Unread>,
}

/// What a state does not hold of itself.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) generation: u32,
    pub(super) topic: String,
    /// The rules as text.
    pub(super) rules: String,
    pub(super) settings: Arc<Settings>,
    /// Branches known by configuration, in order, each once.
    pub(super) configured: Vec<BranchId>,
}

/// What is read as a whole, whatever a reading is for.
struct Whole {
    checkpoint: Checkpoint,
    frame: Frame,
}

impl Context {
    /// The frame of the engine's snapshot in a state with `head`.
    pub(super) fn frame(&self, head: &Head, engine: Snapshot) -> Frame {
        let snapshot = Snapshot {
            floor: head.floor,
            ..engine
        };
        Frame::new(Arc::clone(&self.settings), snapshot)
    }
}

impl Views {
    pub(super) fn new(database: Shared, context: Arc<Context>) -> Self {
        Self {
            database,
            context,
            newest: Mutex::new(None),
            unread: Mutex::default(),
        }
    }

    // Every batch has a number of its own, so what was read under the same number is the same.
    fn whole(&self, image: &Image<'_>) -> Read<Arc<Whole>> {
        let head = image.head()?;
        let known = self.newest().clone();
        if let Some(known) = known
            && known.checkpoint.sequence == head.sequence
        {
            return Ok(known);
        }
        let positions = image
            .progress()?
            .into_iter()
            .map(|(partition, progress)| (partition, progress.position))
            .collect();
        let whole = Arc::new(Whole {
            frame: self.context.frame(&head, image.engine()?),
            checkpoint: Checkpoint {
                is_marking: image.is_marking()?,
                ..head.checkpoint(self.context.generation, positions)
            },
        });
        *self.newest() = Some(Arc::clone(&whole));
        Ok(whole)
    }

    // What is in it is whole at any time.
    fn newest(&self) -> MutexGuard<'_, Option<Arc<Whole>>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is marked by marks that no delivery has read. While it is held, none is read.
    pub(super) fn unread(&self) -> MutexGuard<'_, Unread> {
        // A writer that panicked writes nothing more, and what is left out is marked again.
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(
        &self,
        image: Image<'_>,
        read: &mut dyn FnMut(&dyn Reading) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let whole = self.whole(&image)?;
        read(&View {
            image,
            whole,
            context: &self.context,
        })
    }
}

impl Readings for Views {
    fn read(
        &self,
        read: &mut dyn FnMut(&dyn Reading) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        self.view(Image::take(&self.database, &self.context.configured), read)
    }

    fn read_to_deliver(
        &self,
        read: &mut dyn FnMut(&dyn Reading) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let mut unread = self.unread();
        let image = Image::take(&self.database, &self.context.configured);
        unread.clear();
        drop(unread);
        self.view(image, read)
    }
}

impl std::fmt::Debug for Views {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Views").finish_non_exhaustive()
    }
}

/// One reading.
struct View<'a> {
    image: Image<'a>,
    whole: Arc<Whole>,
    context: &'a Context,
}

impl Reading for View<'_> {
    fn checkpoint(&self) -> &Checkpoint {
        &self.whole.checkpoint
    }

    fn frame(&self) -> &Frame {
        &self.whole.frame
    }

    fn provenance(&self) -> Read<Option<Provenance>> {
        let progress = self.image.progress()?;
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
            topic_id: self.image.topic()?.map(|id| id.to_string()),
            partitions: progress.keys().next_back().map_or(0, |last| last + 1),
            first_offsets,
            rules: self.context.rules.clone(),
        }))
    }

    fn total(&self, branch: BranchId) -> Read<Option<Total>> {
        self.image.total(branch)
    }

    fn totals(&self) -> Read<Vec<(BranchId, Total)>> {
        self.image.totals(BranchId::FIRST, usize::MAX)
    }

    fn late_payment(&self, origin: Origin) -> Read<Option<LatePayment>> {
        self.image.entry_at(List::Late, origin)
    }

    fn rejected_record(&self, origin: Origin) -> Read<Option<RejectedRecord>> {
        self.image.entry_at(List::Rejects, origin)
    }

    fn late_payments(&self, before: Option<u64>, limit: usize) -> Read<Vec<(u64, LatePayment)>> {
        self.image.entries(List::Late, before, limit)
    }

    fn rejected_records(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Read<Vec<(u64, RejectedRecord)>> {
        self.image.entries(List::Rejects, before, limit)
    }

    fn dirty(&self, after: Option<DocumentKey>, limit: usize) -> Read<Vec<(DocumentKey, Mark)>> {
        self.image.dirty(after.as_ref(), limit)
    }

    fn mark(&self, document: &DocumentKey) -> Read<Option<Mark>> {
        self.image.mark(document)
    }
}

impl Cells<BranchId, Summary> for View<'_> {
    type Error = ReadError;

    fn cell(&self, block: Block, key: BranchId) -> Read<Option<Summary>> {
        self.image.cell(block, key)
    }

    fn keys(&self, block: Block, from: BranchId, limit: usize) -> Read<Vec<BranchId>> {
        self.image.keys(block, from, limit)
    }

    fn filled(
        &self,
        level: u8,
        from: (EventTime, BranchId),
        to: EventTime,
        limit: usize,
    ) -> Read<Vec<(EventTime, BranchId)>> {
        self.image.filled(level, from, to, limit)
    }

    fn revision(&self, definition: u16, window: Window, key: BranchId) -> Read<u64> {
        self.image.revision(definition, window, key)
    }

    fn known(&self, from: BranchId, limit: usize) -> Read<Vec<(BranchId, EventTime)>> {
        self.image.known(from, limit)
    }
}
