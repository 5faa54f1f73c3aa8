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

use tidegauge_windows::{Closed, EventTime, Frame, Selection, Snapshot};
use tracing::warn;

use self::commit::Draft;
use self::database::{Database, Shared};
use self::directory::Directory;
use self::head::Head;
use self::image::Image;
use self::marking::Marking;
use self::recent::Recent;
use self::retention::Retention;
use self::task::Task;
use self::view::{Context, Views};
use crate::core::effect::{Effects, Notices, Progress};
use crate::core::feedback::Mark;
use crate::core::feedback::{Blocked, Family};
use crate::domain::document_key::DocumentKey;
use crate::domain::ledger::Ledger;
use crate::domain::payment::BranchId;
use crate::domain::topic_id::TopicId;
use crate::observe::metrics::Space;
use crate::view::feed::{Changed, Feed};
use crate::view::reading::{Checkpoint, Readings};

mod codec;
mod commit;
mod copy;
mod database;
mod difference;
mod directory;
mod error;
mod head;
mod identity;
mod image;
mod journal;
mod keys;
mod life;
mod mark;
mod marking;
mod opening;
mod original;
mod recent;
mod retention;
mod scanned;
mod space;
mod still;
mod task;
mod topic;
mod unread;
mod values;
mod view;

pub use difference::Difference;
pub use error::Error;
pub use identity::{Documents, Identity};
pub use original::Original;
pub use still::{Still, Stock};
pub use topic::resume;

/// The state on disk, held by the one who writes it.
///
/// The directory stays in use until the store and all readings of it are dropped.
#[derive(Debug)]
pub struct Store {
    database: Shared,
    context: Arc<Context>,
    views: Arc<Views>,
    feed: Arc<Feed>,
    head: Head,
    progress: BTreeMap<i32, Progress>,
    /// The branches whose zero windows are marked because they are configured.
    learned: Vec<BranchId>,
    /// The latest payment in a window that the state holds.
    latest: Option<EventTime>,
    marking: Marking,
    retention: Retention,
    /// What the newest checkpoints wrote. Nothing of a checkpoint that failed is in it.
    recent: Recent,
    /// How many payments in no window, and how many records that are no payments, are kept.
    keep: u64,
    /// The directory and its lock.
    place: [Original; 2],
}

/// What a run goes on from.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// The engine's state.
    pub snapshot: Snapshot,
    /// The known branches: with payments, each with its earliest event time, and those that were
    /// known by configuration and still are, with [`EventTime::MIN`].
    pub known: Vec<(BranchId, EventTime)>,
    /// All that was consumed.
    pub ledger: Ledger,
    /// What was noticed on the way.
    pub notices: Notices,
    /// How far each partition has been applied.
    pub progress: BTreeMap<i32, Progress>,
    /// The number of the newest checkpoint; 0 if there is none.
    pub sequence: u64,
    /// Whether documents may have been delivered before.
    pub was_delivered: bool,
    /// Which topic of its name was read, if brokers ever said.
    pub topic: Option<TopicId>,
    /// The partitions that can't be read on, and why.
    pub halted: BTreeMap<i32, String>,
}

/// Keep so many payments in no window, and so many records that are no payments: the newest, and
/// all that await delivery.
const KEEP: u64 = 1_000_000;

impl Store {
    /// Opens the state in `dir`, or begins one if there is no such directory or it is empty.
    ///
    /// # Errors
    /// When the directory can't be used, another process uses it, or the state in it was built from
    /// something else than `identity` or can't be read. What is there is then left as it is.
    pub fn open(dir: &Path, identity: &Identity) -> Result<(Self, Recovered), Error> {
        let directory = directory::prepare(dir)?;
        let database = Database::open(dir, directory == Directory::Fresh)?;
        let place = directory::place(dir)?;
        opening::identify(&database, identity)?;

        let mut configured = identity.configured.clone();
        configured.sort_unstable();
        configured.dedup();
        let context = Arc::new(Context {
            generation: identity.generation,
            topic: identity.topic.clone(),
            rules: identity.rules.clone(),
            settings: Arc::clone(&identity.settings),
            configured,
        });
        let (marking, was_delivered) = opening::deliver(&database, identity.documents)?;
        let (head, learned, mut recovered) = opening::recover(&database, &context)?;
        let life = life::begin(&database, head.sequence)?;
        recovered.was_delivered = was_delivered && recovered.sequence > 0;
        let database = Arc::new(database);
        let store = Self {
            views: Arc::new(Views::new(Arc::clone(&database), Arc::clone(&context))),
            feed: Arc::new(Feed::of(life, head.sequence)),
            head,
            progress: recovered.progress.clone(),
            learned,
            latest: recovered.snapshot.latest,
            marking,
            retention: Retention::new(&identity.settings, identity.documents),
            recent: Recent::default(),
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

    /// What the newest checkpoints of this store changed.
    #[must_use]
    pub fn feed(&self) -> Arc<Feed> {
        Arc::clone(&self.feed)
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
        let image = Image::take(&database, &context.configured);
        let floor = self.head.floor;
        let wanted = effects.changes.snapshot.floor;
        let frame = context.frame(&self.head, effects.changes.snapshot.clone());

        let unreadable = |error| database.unreadable(error);
        self.retention.search(&image, wanted).map_err(unreadable)?;
        let changed = changed(&frame, effects);

        let documents = self.marking.documents();
        // If this fails, what was written lately is forgotten.
        let recent = mem::take(&mut self.recent);
        let mut draft = Draft::new(&database, &self.head, documents).with_recent(recent);
        draft.clear(acks)?;
        draft.merge(effects, frame.grid(), floor, self.latest)?;
        draft.list(effects);
        draft.trim_lists(self.keep, self.retention.blocked())?;
        for (partition, progress) in &effects.progress {
            if self.progress.get(partition) != Some(progress) {
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
        if documents != Documents::None {
            marked = unread.to_be_marked(&changed);
            let (totals, slices) = &marked;
            let windows = task::documents(frame.windows_of(slices));
            let totals = totals.iter().copied().map(DocumentKey::Total);
            for document in totals.chain(windows) {
                self.retention.note(&document);
                draft.mark([document]);
            }
            // What became final may be years of windows: a first step is marked here, which mostly is
            // all of it, and the rest afterwards.
            let mut new = Vec::new();
            let mut left = task::STEP;
            for walk in frame.closings(&effects.changes) {
                let step = frame.walk(&image, &walk, left).map_err(unreadable)?;
                left = left.saturating_sub(step.windows.len());
                for document in task::documents(step.windows) {
                    self.retention.note(&document);
                    draft.mark([document]);
                }
                new.extend(step.rest.map(Task::Windows));
            }
            if documents == Documents::ZeroWindowsToo {
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
            let given_up = self.retention.given_up(&image, floor).map_err(unreadable)?;
            if !given_up.is_empty() {
                warn!(
                    documents = given_up.len(),
                    "documents that Elasticsearch keeps refusing are past retention and given up"
                );
            }
            draft.forget(&given_up);
        }
        draft.head_mut().floor = floor;
        draft.head_mut().as_of = as_of_ms;
        let recent = draft.recent();
        self.head = draft.write()?;
        unread.marked(marked.0, marked.1);
        drop(unread);
        match deleted {
            // Cells that are deleted by this batch may be in it.
            Some(deleted) => self.retention.deleted(deleted),
            None => self.recent = recent,
        }
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
        self.feed.publish(self.head.sequence, changed);
        Ok(self.checkpoint())
    }

    /// Takes note that documents were delivered as they were at their marks. A document that has
    /// changed since awaits delivery still.
    ///
    /// # Errors
    /// When nothing was written. The same may be said again.
    pub fn acknowledge(&mut self, acks: &[(DocumentKey, Mark)]) -> Result<Checkpoint, Error> {
        let mut draft = Draft::new(&self.database, &self.head, self.marking.documents());
        draft.clear(acks)?;
        self.head = draft.write()?;
        Ok(self.checkpoint())
    }

    /// Notes that the documents of `family` that exist are to be marked for delivery again, which
    /// [`Store::mark_more`] does. What is acknowledged by an older mark awaits delivery still.
    ///
    /// # Errors
    /// When nothing was written. The same may be asked again.
    pub fn remark(&mut self, family: Family) -> Result<Checkpoint, Error> {
        let documents = self.marking.documents();
        let mut draft = Draft::new(&self.database, &self.head, documents);
        let tasks = self.marking.with(Task::of_family(family, documents));
        for (number, task) in &tasks {
            draft.keep_task(*number, Some(task));
        }
        self.head = draft.write()?;
        for (number, task) in tasks {
            self.marking.set(number, Some(task));
        }
        Ok(self.checkpoint())
    }

    /// Takes note that these documents, and no others, can't be delivered for a long time: retention
    /// does not wait for them.
    pub fn block(&mut self, blocked: Blocked) {
        self.retention.block(blocked);
    }

    /// Whether documents are still to be marked.
    #[must_use]
    pub fn is_marking(&self) -> bool {
        self.marking.is_pending()
    }

    /// Marks some more of the documents that one event concerned: one batch of bounded size. Does
    /// nothing if all are marked; whether more are to be marked afterwards.
    ///
    /// # Errors
    /// When nothing was written. The same may be asked again.
    pub fn mark_more(&mut self) -> Result<bool, Error> {
        let Some((number, task)) = self.marking.next() else {
            return Ok(false);
        };
        let image = Image::take(&self.database, &self.context.configured);
        let unreadable = |error| self.database.unreadable(error);
        let engine = image.engine().map_err(unreadable)?;
        let frame = self.context.frame(&self.head, engine);
        let (documents, rest) = task.step(&image, &frame).map_err(unreadable)?;
        let mut draft = Draft::new(&self.database, &self.head, self.marking.documents());
        for document in documents {
            self.retention.note(&document);
            draft.mark([document]);
        }
        draft.keep_task(number, rest.as_ref());
        self.head = draft.write()?;
        self.marking.set(number, rest);
        self.feed.note_marking(self.head.sequence);
        Ok(self.marking.is_pending())
    }

    /// Forces all checkpoints so far to the disk.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> Result<(), Error> {
        self.database.sync()
    }

    /// Syncs from another thread.
    #[must_use]
    pub fn syncer(&self) -> Syncer {
        Syncer(Arc::clone(&self.database))
    }

    /// The file system that the state is on, if it says.
    #[must_use]
    pub fn space(&self) -> Option<Space> {
        space::of(self.database.path())
    }

    /// Looks whether the directory is still the one that was opened, and its lock, too.
    ///
    /// # Errors
    /// When it was deleted, moved or replaced: what is written then is found by nobody.
    pub fn look_at_place(&self) -> Result<(), Error> {
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

/// Forces batches to the disk from any thread.
#[derive(Clone, Debug)]
pub struct Syncer(Shared);

impl Syncer {
    /// Forces all batches to the disk that were written before.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> Result<(), Error> {
        self.0.sync()
    }
}

/// What `effects` change, for the frame after them.
fn changed(frame: &Frame, effects: &Effects) -> Changed {
    let changes = &effects.changes;
    let can_be = |closed: &&Closed| frame.can_have(&Selection::from(**closed));
    Changed {
        totals: effects.totals.keys().copied().collect(),
        slices: changes.slices.keys().copied().collect(),
        closed: changes.finals.iter().filter(can_be).copied().collect(),
    }
}
