//! The state on disk: RocksDB, one atomic write per checkpoint, one process per directory.
//!
//! A checkpoint holds slices, totals, the engine's state, the ledger, positions and the marks of
//! the documents that await delivery, all in one batch. After a crash the directory holds some
//! checkpoint, whole, and its positions say which records it is of: what came after is read again.
//! [`Store::commit`] outlives the process at once, and the machine after the next [`Store::sync`].

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rocksdb::WriteBatch;
use tidegauge_windows::{EventTime, Frame, Key, Snapshot};

use self::commit::Draft;
use self::database::{Database, Shared};
use self::directory::Directory;
use self::head::Head;
use self::image::{Image, Read};
use self::remark::Place;
use self::retention::Retention;
use self::values::Value;
use self::view::{Context, Views};
use crate::document_key::DocumentKey;
use crate::effect::{Effects, Notices, Progress};
use crate::feed::Feed;
use crate::feedback::Family;
use crate::ledger::Ledger;
use crate::metrics::Space;
use crate::payment::BranchId;
use crate::reading::{Checkpoint, Mark, ReadError, Readings};

mod codec;
mod commit;
mod database;
mod directory;
mod error;
mod head;
mod identity;
mod image;
mod journal;
mod keys;
mod mark;
mod remark;
mod retention;
mod space;
mod still;
mod values;
mod view;

pub use error::Error;
pub use identity::{Difference, Identity};
pub use still::{Still, Stock};

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
    retention: Retention,
    /// How many payments in no window, and how many records that are no payments, are kept.
    keep: u64,
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
        identify(&database, identity)?;

        let mut configured = identity.configured.clone();
        configured.sort_unstable();
        configured.dedup();
        let context = Arc::new(Context {
            generation: identity.generation,
            settings: Arc::clone(&identity.settings),
            configured,
        });
        let (head, learned, recovered) = recover(&database, &context)?;
        let database = Arc::new(database);
        let store = Self {
            views: Arc::new(Views::new(Arc::clone(&database), Arc::clone(&context))),
            feed: Arc::new(Feed::new(head.sequence)),
            head,
            progress: recovered.progress.clone(),
            learned,
            retention: Retention::new(&identity.settings),
            keep: KEEP,
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
        let documents = touched(&frame, &image, effects).map_err(unreadable)?;
        self.retention.search(&image, wanted).map_err(unreadable)?;
        for document in &documents {
            self.retention.note(document);
        }

        let mut draft = Draft::new(&database, &self.head);
        draft.clear(acks)?;
        draft.mark(documents.iter().copied())?;
        draft.merge(effects, frame.grid(), floor)?;
        draft.list(effects)?;
        draft.trim_lists(self.keep)?;
        for (partition, progress) in &effects.progress {
            if self.progress.get(partition) != Some(progress) {
                draft.put(&keys::progress(*partition), progress);
            }
        }
        if self.learned != context.configured {
            draft.put(&keys::configured(), &context.configured);
        }
        let floor = self.retention.floor(floor, wanted);
        let deleted = floor.filter(|floor| {
            self.retention
                .delete(frame.grid(), *floor, draft.batch_mut())
        });
        draft.head_mut().floor = floor;
        draft.head_mut().as_of = as_of_ms;
        self.head = draft.write()?;
        if let Some(deleted) = deleted {
            self.retention.deleted(deleted);
        }
        self.learned.clone_from(&context.configured);
        self.progress.extend(
            effects
                .progress
                .iter()
                .map(|(partition, p)| (*partition, *p)),
        );
        self.feed.publish(self.head.sequence, documents);
        Ok(self.checkpoint())
    }

    /// Takes note that documents were delivered as they were at their marks. A document that has
    /// changed since awaits delivery still.
    ///
    /// # Errors
    /// When nothing was written. The same may be said again.
    pub fn acknowledge(&mut self, acks: &[(DocumentKey, Mark)]) -> Result<Checkpoint, Error> {
        let mut draft = Draft::new(&self.database, &self.head);
        draft.clear(acks)?;
        self.head = draft.write()?;
        Ok(self.checkpoint())
    }

    /// Marks the documents of `family` that exist for delivery again, in as many batches as it
    /// takes. One that awaits delivery keeps its mark; so this is to be asked when no bulk is under
    /// way, and what was acknowledged before has been taken in.
    ///
    /// # Errors
    /// When not all of it was written. The same may be asked again.
    pub fn remark(&mut self, family: Family) -> Result<Checkpoint, Error> {
        let database = Arc::clone(&self.database);
        let context = Arc::clone(&self.context);
        let image = Image::take(&database, &context.configured);
        let unreadable = |error| database.unreadable(error);
        let frame = context.frame(&self.head, image.engine().map_err(unreadable)?);
        let mut place = Some(Place::Start);
        while let Some(from) = place {
            let (documents, next) =
                remark::page(family, &image, &frame, from).map_err(unreadable)?;
            place = next;
            for document in &documents {
                self.retention.note(document);
            }
            let mut draft = Draft::new(&database, &self.head);
            // One that still waits was not delivered to what is lost, and is sent once.
            draft.mark_again(documents)?;
            self.head = draft.write()?;
        }
        Ok(self.checkpoint())
    }

    /// Forces all checkpoints so far to the disk.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> Result<(), Error> {
        self.database.sync()
    }

    /// The file system that the state is on, if it says.
    #[must_use]
    pub fn space(&self) -> Option<Space> {
        space::of(self.database.path())
    }

    /// The newest checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        let positions = self
            .progress
            .iter()
            .map(|(partition, progress)| (*partition, progress.position))
            .collect();
        self.head.checkpoint(self.context.generation, positions)
    }
}

/// Checks whose state this is; a new one becomes that of `identity`.
fn identify(database: &Database, identity: &Identity) -> Result<(), Error> {
    let record = identity::Record::of(identity);
    let key = keys::identity();
    if let Some(stored) = database.get(&key)? {
        return record.check(&stored, database.path());
    }
    if !database.is_empty()? {
        return Err(Error::Damaged {
            path: database.path().to_owned(),
            reason: "it does not say what it is of".into(),
        });
    }
    let mut batch = WriteBatch::default();
    batch.put(key, record.encode());
    batch.put(keys::head(), Head::default().encode());
    database.write(batch)?;
    database.sync()
}

fn recover(
    database: &Database,
    context: &Context,
) -> Result<(Head, Vec<BranchId>, Recovered), Error> {
    let read = || {
        let image = Image::take(database, &context.configured);
        let head = image.head()?;
        let learned = image.learned()?;
        let configured = learned
            .iter()
            .filter(|branch| context.configured.binary_search(branch).is_ok())
            .map(|branch| (*branch, EventTime::MIN));
        let known = image
            .totals(BranchId::FIRST, usize::MAX)?
            .into_iter()
            .map(|(branch, total)| (branch, total.first_event_time))
            .chain(configured)
            .collect();
        let recovered = Recovered {
            snapshot: image.engine()?,
            known,
            ledger: head.ledger.clone(),
            notices: head.notices,
            progress: image.progress()?,
            sequence: head.sequence,
        };
        Ok((head, learned, recovered))
    };
    read().map_err(|ReadError(reason)| Error::Damaged {
        path: database.path().to_owned(),
        reason,
    })
}

/// All documents that look different after `effects` than in `image`, but for those of entries in
/// lists.
fn touched(frame: &Frame, image: &Image<'_>, effects: &Effects) -> Read<Vec<DocumentKey>> {
    let floor = frame.snapshot().floor;
    let windows = frame
        .touched(image, &effects.changes)?
        .into_iter()
        // Nobody can read what is past retention.
        .filter(|(_, window, _)| floor.is_none_or(|floor| window.start >= floor))
        .map(|(definition, window, branch)| DocumentKey::Window {
            definition,
            window,
            branch,
        });
    let totals = effects
        .totals
        .keys()
        .map(|branch| DocumentKey::Total(*branch));
    Ok(totals.chain(windows).collect())
}
