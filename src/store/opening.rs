//! How a state is opened: its identity is checked, it is upgraded, and what a run resumes from is read.

use std::path::Path;
use std::sync::Arc;

use rocksdb::WriteBatch;
use tidegauge_windows::planted::{Mistake, is_planted};
use tidegauge_windows::{EventTime, Key, Selection, Walk};
use tracing::{info, warn};

use super::Recovered;
use super::database::Database;
use super::directory;
use super::endless_record;
use super::error::Error;
use super::head::CheckpointHead;
use super::identity::{self, Identity, MarkedDocuments};
use super::keys;
use super::marking::MarkingTasks;
use super::readings::StateContext;
use super::snapshot::StateSnapshot;
use super::task::Task;
use super::texts;
use super::values::{StoredNames, StoredValue};
use crate::domain::branch::Branches;
use crate::domain::branch_names::BranchNames;
use crate::domain::payment::BranchId;
use crate::view::reading::ReadError;

/// Refuses the state in `dir` if this program does not know its version, or it is not that of `identity`,
/// where one is given. RocksDB writes into a directory that it opens, and one that is refused stays as it is.
pub(super) fn admit(dir: &Path, identity: Option<&Identity>) -> Result<(), Error> {
    endless_record::check(dir)?;
    // Before the state: another process may be about to begin it.
    let tables = directory::refuse_tables(dir);
    // What can't be read is judged when it is opened.
    let Some(database) = Database::look(dir) else {
        return Ok(());
    };
    database.check_table_list()?;
    let stored = match database.get(&keys::identity()) {
        Ok(Some(stored)) => stored,
        Ok(None) => return tables,
        Err(_) => return Ok(()),
    };
    let Some(identity) = identity else {
        return identity::StoredIdentity::read(&stored, dir).map(drop);
    };
    match identity::StoredIdentity::of(identity).check(&stored, dir) {
        Err(Error::Topic { .. } | Error::Rules { .. }) if !has_begun(&database)? => Ok(()),
        checked => checked.map(drop),
    }
}

/// Checks whose state this is; a new one becomes that of `identity`.
pub(super) fn identify(database: &Database, identity: &Identity) -> Result<(), Error> {
    if identity::remember_orders(&identity.rules) {
        database.expect_orders()?;
    }
    let record = identity::StoredIdentity::of(identity);
    let key = keys::identity();
    if let Some(stored) = database.get(&key)? {
        let checked = record.check(&stored, database.path());
        drop(stored);
        let version = match checked {
            Err(Error::Topic { .. } | Error::Rules { .. }) if !has_begun(database)? => {
                return give(database, record);
            }
            checked => checked?,
        };
        if version < identity::STORAGE_VERSION {
            return bring_up(database, version, &record);
        }
        return Ok(());
    }
    if !database.is_empty()? {
        return Err(Error::Damaged {
            path: database.path().to_owned(),
            reason: "it has no identity (topic, generation, rules)".into(),
        });
    }
    let mut batch = WriteBatch::default();
    batch.put(key, record.encode());
    batch.put(keys::head(), CheckpointHead::default().encode());
    batch.put(keys::documents(), identity.documents.encode());
    let branches = Branches::of_names(&identity.names);
    batch.put(keys::names(), stored_names(&branches).encode());
    texts::put(&mut batch, branches.texts(), 0, || record);
    write_durably(database, batch)
}

/// What the branches are, and what they are called now. Texts that are listed and not in the state yet come
/// into it.
pub(super) fn branches(database: &Database, identity: &Identity) -> Result<Branches, Error> {
    let texts = texts::read(&StateSnapshot::take(database, &[]));
    let texts = texts.map_err(|error| database.unreadable(error))?;
    let kept = texts.len();
    let branches = Branches::new(Arc::clone(&identity.names), Arc::new(texts));
    if branches.texts().len() > kept {
        let mut batch = WriteBatch::default();
        texts::put(&mut batch, branches.texts(), kept, || {
            identity::StoredIdentity::of(identity)
        });
        write_durably(database, batch)?;
    }
    Ok(branches)
}

/// The listed names as they are stored.
fn stored_names(branches: &Branches) -> StoredNames {
    let names = branches.names().names().iter();
    let names = names.filter_map(|(key, name)| Some((branches.id(key)?, name.clone())));
    names.collect()
}

/// Whether anything was ever read into the state: it knows at least where it began.
fn has_begun(database: &Database) -> Result<bool, Error> {
    let progress = StateSnapshot::take(database, &[]).progress();
    let progress = progress.map_err(|error| database.unreadable(error))?;
    Ok(!progress.is_empty())
}

/// Gives an empty state the identity `record`: it was created for a topic that could not be read.
fn give(database: &Database, record: identity::StoredIdentity) -> Result<(), Error> {
    info!(
        topic = record.topic,
        "the state is empty: it is created again for this topic"
    );
    let mut batch = WriteBatch::default();
    let has_texts = database.get(&keys::text(0))?.is_some();
    let version = match has_texts {
        true => record.version.max(identity::STORAGE_VERSION_TEXTS),
        false => record.version,
    };
    let record = identity::StoredIdentity { version, ..record };
    batch.put(keys::identity(), record.encode());
    batch.delete(keys::topic());
    let halts = keys::all_halts();
    batch.delete_range(halts.start, halts.end);
    write_durably(database, batch)
}

/// Brings a state of an older storage version up to this one. Killed on the way, it is done again.
fn bring_up(
    database: &Database,
    from: u64,
    record: &identity::StoredIdentity,
) -> Result<(), Error> {
    info!(
        from,
        to = identity::STORAGE_VERSION,
        "upgrading the state to the newer storage version"
    );
    let mut batch = WriteBatch::default();
    if from < 2 {
        // Indexes and filters of older tables are not divided: lookups in large ones take milliseconds.
        database.rewrite();
        // In version 1 all changes were marked, whether or not anybody delivered them.
        batch.put(keys::documents(), MarkedDocuments::WithPayments.encode());
    }
    // What versions 3 and 4 add comes with the next checkpoint; until then, the older form is read.
    batch.put(keys::identity(), record.encode());
    write_durably(database, batch)
}

/// Has the documents of `identity` marked from now on. Those that exist already are marked if they were not
/// before, or if branches that paid have other names now. Also gives whether any were before.
pub(super) fn deliver(
    database: &Database,
    identity: &Identity,
    branches: &Branches,
) -> Result<(MarkingTasks, bool), Error> {
    let documents = identity.documents;
    let read = || {
        let snapshot = StateSnapshot::take(database, &[]);
        let (head, documents) = (snapshot.head()?, snapshot.documents()?);
        Ok((head, documents, snapshot.tasks()?, snapshot.learned()?))
    };
    let (head, before, mut tasks, learned) =
        read().map_err(|error: ReadError| database.unreadable(error))?;
    let before = before.unwrap_or_default();
    let was_delivered = before != MarkedDocuments::None;
    let names: Option<StoredNames> = database.value(&keys::names())?;
    let names = names.map(|names| {
        let names = names.into_iter();
        BranchNames::new(names.map(|(id, name)| (branches.key(id), name)).collect())
    });
    let is_renamed = match &names {
        Some(names) if was_delivered && !is_planted(Mistake::NamesForgotten) => {
            let has_zeros = before == documents && documents == MarkedDocuments::ZeroWindowsToo;
            has_documents(database, names, branches, has_zeros)?
        }
        _ => false,
    };
    let mut batch = WriteBatch::default();
    batch.put(keys::names(), stored_names(branches).encode());
    // Zeros of a branch that is not configured any more are deleted. If it is again, they are delivered again.
    let still_configured: Vec<BranchId> = learned
        .iter()
        .copied()
        .filter(|branch| branches.is_configured(*branch))
        .collect();
    let are_some_gone = still_configured.len() < learned.len();
    if are_some_gone {
        batch.put(keys::configured(), still_configured.encode());
    }
    if before == documents && !is_renamed {
        let names = names.as_ref().map(BranchNames::names);
        if names != Some(identity.names.names()) || are_some_gone {
            write_durably(database, batch)?;
        }
        return Ok((MarkingTasks::new(documents, tasks), was_delivered));
    }
    batch.put(keys::documents(), documents.encode());
    let mut head = CheckpointHead {
        sequence: head.sequence + 1,
        ..head
    };
    match (before, documents) {
        (_, MarkedDocuments::None) => {
            for range in [keys::all_dirty(), keys::all_tasks()] {
                batch.delete_range(range.start, range.end);
            }
            head.dirty = 0;
            tasks.clear();
        }
        (MarkedDocuments::None, _) => tasks = (0..).zip(Task::of_all(documents)).collect(),
        _ if is_renamed => {
            info!("branches have other names now: all documents are delivered again");
            let range = keys::all_tasks();
            batch.delete_range(range.start, range.end);
            tasks = (0..).zip(Task::of_all(documents)).collect();
        }
        (_, MarkedDocuments::ZeroWindowsToo) => {
            let next = tasks.last().map_or(0, |(number, _)| number + 1);
            tasks.push((next, Task::ZeroWindows(Walk::new(Selection::ALL))));
        }
        // Marks of windows without payments are cleared when their turn comes.
        (_, MarkedDocuments::WithPayments) => {
            tasks.retain(|(_, task)| !matches!(task, Task::ZeroWindows(_)));
            let range = keys::all_tasks();
            batch.delete_range(range.start, range.end);
        }
    }
    for (number, task) in &tasks {
        batch.put(keys::task(*number), task.encode());
    }
    batch.put(keys::head(), head.encode());
    write_durably(database, batch)?;
    Ok((MarkingTasks::new(documents, tasks), was_delivered))
}

/// Makes the first positions outlive the log. If it is lost, reading continues from them; a state without
/// any would begin where `kafka.start` says, and leave out payments without an error.
pub(super) fn keep_beginning(database: &Database) {
    if let Err(error) = database.flush() {
        // They are in the log, as everything that comes.
        warn!(%error, "the positions at which reading began are in the log only");
    }
}

/// Writes so that a power failure does not take it back: what the sink does next may rest on it.
fn write_durably(database: &Database, batch: WriteBatch) -> Result<(), Error> {
    database.write(batch)?;
    database.sync()
}

/// Whether any branch that has another name `now` had a payment, so that documents have the name it had
/// `before`; with `has_zeros` also if it was known without one.
fn has_documents(
    database: &Database,
    before: &BranchNames,
    branches: &Branches,
    has_zeros: bool,
) -> Result<bool, Error> {
    let now = branches.names();
    for key in before.renamed_in(now) {
        let has_zeros = has_zeros && before.is_listed(&key) && now.is_listed(&key);
        // A text that was never seen has nothing.
        let Some(branch) = branches.id(&key) else {
            continue;
        };
        if has_zeros || database.get(&keys::total(branch))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn recover(
    database: &Database,
    context: &StateContext,
) -> Result<(CheckpointHead, Vec<BranchId>, Recovered), Error> {
    let read = || {
        let snapshot = StateSnapshot::take(database, &context.configured);
        let head = snapshot.head()?;
        let learned = snapshot.learned()?;
        // All of them are still configured: opening leaves out those that are not.
        let configured = learned.iter().map(|branch| (*branch, EventTime::MIN));
        let known = snapshot
            .totals(BranchId::FIRST, usize::MAX)?
            .into_iter()
            .filter_map(|(branch, total)| Some((branch, total.branch_known_since()?)))
            .chain(configured)
            .collect();
        let recovered = Recovered {
            snapshot: snapshot.engine()?,
            known,
            ledger: head.ledger.clone(),
            notices: head.notices.clone(),
            progress: snapshot.progress()?,
            sequence: head.sequence,
            was_delivered: false,
            topic: snapshot.topic()?,
            halted: snapshot.halts()?,
        };
        Ok((head, learned, recovered))
    };
    read().map_err(|error: ReadError| database.unreadable(error))
}

#[cfg(test)]
mod tests;
