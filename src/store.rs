//! The state on disk: RocksDB, one atomic write per checkpoint, one process per directory.
//!
//! A checkpoint holds slices, totals, the engine's state, the ledger, positions and the marks of
//! the documents that await delivery, all in one batch. After a crash the directory holds some
//! checkpoint, whole, and its positions say which records it is of: what came after is read again.
//! [`Store::commit`] outlives the process at once, and the machine after the next [`Store::sync`].

use std::collections::BTreeMap;
use std::mem;
use std::path::Path;
use std::sync::Arc;

use tidegauge_windows::planted::{Mistake, is_planted};
use tidegauge_windows::{Closed, EventTime, Frame, Selection};
use tracing::warn;

use self::commit::Draft;
use self::database::{Database, Shared};
use self::directory::Directory;
use self::head::CheckpointHead;
use self::marking::MarkingTasks;
use self::newest_orders::NewestOrders;
use self::readings::{StateContext, StoreReadings};
use self::recent_writes::RecentWrites;
use self::retention::Retention;
use self::snapshot::StateSnapshot;
use self::task::Task;
use crate::core::effect::{Effects, Progress};
use crate::core::feedback::{Blocked, Mark};
use crate::domain::branch::Branches;
use crate::domain::document_key::DocumentKey;
use crate::domain::payment::BranchId;
use crate::observe::crash_point;
use crate::view::changelog::{ChangeSet, Changelog};
use crate::view::reading::{Checkpoint, Readings};

mod adoption;
mod codec;
mod commit;
mod copy;
mod database;
mod database_failure;
mod delivered_indexes;
mod directory;
mod endless_record;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod halved_cache;
mod head;
mod identity;
mod journal;
mod keys;
mod known_marks;
mod life;
mod listed;
mod mark;
mod marking;
mod newest_orders;
mod opened_file;
mod opening;
mod orders;
mod read_only;
mod readings;
mod recent_writes;
mod recovered;
mod repeated;
mod retention;
mod rule_difference;
mod scan_cache;
mod snapshot;
mod space;
mod syncer;
mod table_list;
mod task;
mod texts;
mod topic;
mod unread_marks;
mod values;

pub use adoption::adopt;
pub use directory::holds_state;
pub use error::Error;
pub use identity::{Identity, MarkedDocuments};
pub use listed::RecordsListed;
pub use opened_file::OpenedFile;
pub use read_only::{ReadOnlyStore, StoreStats};
pub use recovered::Recovered;
pub use rule_difference::{RuleDifference, rule_default};
pub use syncer::Syncer;
pub use topic::resume;

/// The state on disk, open for its only writer.
///
/// The directory stays in use until the store and all readings of it are dropped.
#[derive(Debug)]
pub struct Store {
    database: Shared,
    context: Arc<StateContext>,
    views: Arc<StoreReadings>,
    changelog: Arc<Changelog>,
    head: CheckpointHead,
    progress: BTreeMap<i32, Progress>,
    branches: Arc<Branches>,
    /// So many texts of branches are in the state.
    texts: usize,
    /// The branches whose zero windows are marked because they are configured.
    learned: Vec<BranchId>,
    /// The latest payment in a window that the state holds.
    latest: Option<EventTime>,
    marking: MarkingTasks,
    retention: Retention,
    /// A cache of what the newest checkpoints wrote. Nothing of a checkpoint that failed is in it.
    recent: RecentWrites,
    orders: Arc<NewestOrders>,
    /// So many payments in no window, and so many records that are not payments, are kept.
    keep: u64,
    /// The directory and its lock.
    place: [OpenedFile; 2],
}

/// Keep so many payments in no window, and so many records that are not payments: the newest, and
/// all that await delivery.
const KEEP: u64 = 1_000_000;

impl Store {
    /// Opens the state in `dir`, or begins one if there is no such directory or it is empty.
    ///
    /// # Errors
    /// When the directory can't be used, another process uses it, or the state in it was built from
    /// something else than `identity` or can't be read. The directory is then left as it is.
    pub fn open(dir: &Path, identity: &Identity) -> Result<(Self, Recovered), Error> {
        let directory = directory::prepare(dir)?;
        if directory == Directory::State {
            opening::admit(dir, Some(identity))?;
        }
        let database = Database::open(dir, directory == Directory::Fresh)?;
        let place = directory::place(dir)?;
        opening::identify(&database, identity)?;
        let branches = Arc::new(opening::branches(&database, identity)?);
        let context = Arc::new(StateContext {
            generation: identity.generation,
            topic: identity.topic.clone(),
            rules: identity.rules.clone(),
            settings: Arc::clone(&identity.settings),
            configured: branches.configured().to_vec(),
        });
        let (marking, was_delivered) = opening::deliver(&database, identity, &branches)?;
        let (head, learned, mut recovered) = opening::recover(&database, &context)?;
        let life = life::begin(&database, head.sequence)?;
        recovered.was_delivered = was_delivered;
        let database = Arc::new(database);
        let store = Self {
            views: Arc::new(StoreReadings::new(
                Arc::clone(&database),
                Arc::clone(&context),
            )),
            changelog: Arc::new(Changelog::of(life, head.sequence)),
            head,
            progress: recovered.progress.clone(),
            texts: branches.texts().len(),
            branches,
            learned,
            latest: recovered.snapshot.latest,
            marking,
            retention: Retention::new(&identity.settings, identity.documents),
            recent: RecentWrites::default(),
            orders: Arc::default(),
            keep: KEEP,
            place,
            database,
            context,
        };
        Ok((store, recovered))
    }

    /// Readings of this state, from any thread.
    #[must_use]
    pub fn readings(&self) -> Arc<dyn Readings> {
        Arc::clone(&self.views) as Arc<dyn Readings>
    }

    /// The changelog of this store: what its newest checkpoints changed.
    #[must_use]
    pub fn changelog(&self) -> Arc<Changelog> {
        Arc::clone(&self.changelog)
    }

    /// Writes one checkpoint: all of `effects`, and that the documents in `acks` were delivered as
    /// they were at their marks. `as_of_ms` is the wall clock, ms since the epoch.
    ///
    /// # Errors
    /// When nothing was written. The same effects may then be committed again to this store, but
    /// not to one opened later: its positions say what is in it.
    pub fn commit(
        &mut self,
        effects: &Effects,
        acks: &[(DocumentKey, Mark)],
        as_of_ms: i64,
    ) -> Result<Checkpoint, Error> {
        let database = Arc::clone(&self.database);
        let context = Arc::clone(&self.context);
        let snapshot = StateSnapshot::take(&database, &context.configured);
        let floor = self.head.floor;
        let wanted = effects.changes.snapshot.floor;
        let frame = context.frame(&self.head, effects.changes.snapshot.clone());

        let unreadable = |error| database.unreadable(error);
        self.retention
            .search(&snapshot, wanted)
            .map_err(unreadable)?;
        let changed = changed(&frame, effects);

        let documents = self.marking.documents();
        // If this fails, what was written lately is forgotten.
        let recent = mem::take(&mut self.recent);
        let mut draft = Draft::new(&database, &self.head, documents, recent);
        draft.clear(acks)?;
        draft.merge(effects, frame.grid(), floor, self.latest)?;
        draft.list(effects);
        let segments = orders::put(&mut draft, effects);
        repeated::put(&mut draft, &database, &effects.repeated)?;
        let texts = draft.keep_texts(effects, &self.branches, self.texts, &context);
        draft.keep_lists(&effects.corrections, self.keep, self.retention.blocked())?;
        for (partition, progress) in &effects.progress {
            if self.progress.get(partition) != Some(progress)
                && !is_planted(Mistake::PositionInAnotherWrite)
            {
                draft.put(&keys::progress(*partition), progress);
            }
        }
        if self.learned != context.configured {
            draft.put(&keys::configured(), &context.configured);
        }
        let mut tasks = Vec::new();
        let mut marked = (Vec::new(), Vec::new());
        // Until the batch is written, so that no delivery reads a mark that is found unread here.
        let views = Arc::clone(&self.views);
        let mut unread = views.unread();
        if documents != MarkedDocuments::None {
            marked = unread.to_be_marked(&changed);
            let (totals, slices) = &mut marked;
            let so_far = (unread.readings(), self.latest);
            draft.mark_changed(&frame, totals, slices, so_far, &mut self.retention);
            // What became final may be years of windows: a first step is marked here, which mostly is
            // all of it, and the rest afterwards.
            let mut new = Vec::new();
            let mut left = task::STEP;
            for walk in frame.closings(&effects.changes) {
                let step = frame.walk(&snapshot, &walk, left).map_err(unreadable)?;
                left = left.saturating_sub(step.windows.len());
                for document in task::documents(step.windows) {
                    self.retention.note(&document);
                    draft.mark([document]);
                }
                new.extend(step.rest.map(Task::Windows));
            }
            if documents == MarkedDocuments::ZeroWindowsToo {
                new.extend(frame.zero_walks(&effects.changes).map(Task::ZeroWindows));
            }
            tasks = self.marking.with(new);
        }
        for (number, task) in &tasks {
            draft.keep_task(*number, Some(task));
        }
        let unmarked = tasks
            .iter()
            .filter_map(|(_, task)| task.first_start(&frame));
        let unmarked = unmarked.chain(self.marking.first_start(&frame)).min();
        let floor = self.retention.floor(floor, wanted, unmarked);
        let deleted = floor.filter(|floor| {
            self.retention
                .delete(frame.grid(), *floor, draft.batch_mut())
        });
        if let Some(floor) = deleted {
            let given_up = self
                .retention
                .given_up(&snapshot, floor)
                .map_err(unreadable)?;
            if !given_up.is_empty() {
                warn!(
                    documents = given_up.len(),
                    "documents that Elasticsearch keeps refusing are past retention and given up"
                );
            }
            draft.give_up(&given_up);
        }
        draft.head_mut().floor = floor;
        draft.head_mut().as_of = as_of_ms;
        crash_point::reach("checkpoint: before the batch");
        let begins = self.progress.is_empty() && !effects.progress.is_empty();
        let mut recent;
        (self.head, recent) = draft.write()?;
        if is_planted(Mistake::PositionInAnotherWrite) {
            let mut later = Draft::new(&database, &self.head, documents, recent);
            for (partition, progress) in &effects.progress {
                later.put(&keys::progress(*partition), progress);
            }
            (self.head, recent) = later.write()?;
        }
        crash_point::reach("checkpoint: after the batch");
        unread.marked(marked.0, marked.1);
        drop(unread);
        match deleted {
            // Cells that are deleted by this batch may be in it.
            Some(deleted) => self.retention.deleted(deleted),
            None => self.recent = recent,
        }
        self.orders.note(segments);
        self.texts = texts;
        self.latest = effects.changes.snapshot.latest;
        self.learned.clone_from(&context.configured);
        self.progress.extend(
            effects
                .progress
                .iter()
                .map(|(partition, p)| (*partition, *p)),
        );
        for (number, task) in tasks {
            self.marking.set(number, Some(task));
        }
        if begins {
            opening::keep_beginning(&database);
        }
        self.changelog.publish(self.head.sequence, changed);
        Ok(self.checkpoint())
    }

    /// Takes note that documents were delivered as they were at their marks. A document that has
    /// changed since awaits delivery still.
    ///
    /// # Errors
    /// When nothing was written. The same may be said again.
    pub fn acknowledge(&mut self, acks: &[(DocumentKey, Mark)]) -> Result<Checkpoint, Error> {
        let (documents, recent) = (self.marking.documents(), mem::take(&mut self.recent));
        let mut draft = Draft::new(&self.database, &self.head, documents, recent);
        draft.clear(acks)?;
        crash_point::reach("acknowledgement: before the batch");
        (self.head, self.recent) = draft.write()?;
        crash_point::reach("acknowledgement: after the batch");
        Ok(self.checkpoint())
    }

    /// Takes note that these documents, and no others, can't be delivered for a long time: retention
    /// does not wait for them.
    pub fn block(&mut self, blocked: Blocked) {
        self.retention.block(blocked);
    }

    /// Forces all checkpoints so far to the disk.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> Result<(), Error> {
        self.database.sync()
    }

    /// Checks that the directory and its lock are still the ones that were opened.
    ///
    /// # Errors
    /// When it was deleted, moved or replaced: what is written then is lost.
    pub fn check_directory(&self) -> Result<(), Error> {
        match self.place.iter().find(|original| original.is_gone()) {
            Some(gone) => Err(Error::Gone {
                path: gone.path().to_owned(),
                generation: (gone.path() == self.database.path())
                    .then_some(self.context.generation),
            }),
            None => Ok(()),
        }
    }

    /// The newest checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        let positions = self
            .progress
            .iter()
            .map(|(partition, progress)| (*partition, progress.position))
            .collect();
        Checkpoint {
            is_marking: self.marking.is_pending(),
            ..self.head.checkpoint(self.context.generation, positions)
        }
    }
}

/// The changes that `effects` make, for the frame after them.
fn changed(frame: &Frame, effects: &Effects) -> ChangeSet {
    let changes = &effects.changes;
    let can_be = |closed: &&Closed| frame.can_have(&Selection::from(**closed));
    ChangeSet {
        totals: effects.totals.keys().copied().collect(),
        slices: changes.slices.keys().copied().collect(),
        closed: changes.finals.iter().filter(can_be).copied().collect(),
    }
}
