//! A state at one moment, opened read-only while another process may write it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tidegauge_windows::Settings;

use super::database::{Database, Shared};
use super::directory;
use super::endless_record;
use super::error::Error;
use super::identity::StoredIdentity;
use super::keys;
use super::opening;
use super::readings::{StateContext, StoreReadings};
use super::recovered::Recovered;
use super::snapshot::StateSnapshot;
use super::texts;
use crate::domain::branch::Branches;
use crate::domain::branch_names::BranchNames;
use crate::domain::provenance::FormerRules;
use crate::domain::topic_id::TopicId;
use crate::view::reading::{Checkpoint, Readings};

/// A state as it stood when it was opened. Needs no lock, changes nothing, and stays the same
/// whatever is written meanwhile.
#[derive(Debug)]
pub struct ReadOnlyStore {
    pub(super) database: Shared,
    identity: StoredIdentity,
    checkpoint: Checkpoint,
    topic_id: Option<TopicId>,
    halted: BTreeMap<i32, String>,
}

/// How many keys and bytes a state holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StoreStats {
    /// How many keys, by what they are about.
    pub keys: BTreeMap<&'static str, u64>,
    /// Bytes of keys and values as they are read.
    pub bytes: u64,
    /// Bytes of the directory's files.
    pub disk_bytes: u64,
}

impl ReadOnlyStore {
    /// Opens the state in `dir`, if there is one.
    ///
    /// # Errors
    /// When it can't be read, or was written in another format.
    pub fn open(dir: &Path) -> Result<Option<Self>, Error> {
        if !directory::holds_state(dir)? {
            return Ok(None);
        }
        endless_record::check(dir)?;
        // Before the state: another process may be about to begin it.
        let tables = directory::refuse_tables(dir);
        let database = Database::open_read_only(dir)?;
        database.check_table_list()?;
        let identity = match database.get(&keys::identity())? {
            Some(identity) => StoredIdentity::read(&identity, dir)?,
            // It is just being created.
            None => return tables.map(|()| None),
        };
        let snapshot = StateSnapshot::take(&database, &[]);
        let unreadable = |error| database.unreadable(error);
        let head = snapshot.head().map_err(unreadable)?;
        let positions = snapshot.progress().map_err(unreadable)?;
        let positions = positions
            .into_iter()
            .map(|(partition, progress)| (partition, progress.position))
            .collect();
        let checkpoint = Checkpoint {
            is_marking: snapshot.is_marking().map_err(unreadable)?,
            ..head.checkpoint(identity.generation, positions)
        };
        let topic_id = snapshot.topic().map_err(unreadable)?;
        let halted = snapshot.halts().map_err(unreadable)?;
        drop(snapshot);
        Ok(Some(Self {
            database: Arc::new(database),
            identity,
            checkpoint,
            topic_id,
            halted,
        }))
    }

    /// The version of its keys and values.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.identity.version
    }

    /// The topic that it is of.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.identity.topic
    }

    /// The generation that it is of.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.identity.generation
    }

    /// Which topic of that name it is of, if brokers ever said.
    #[must_use]
    pub const fn topic_id(&self) -> Option<TopicId> {
        self.topic_id
    }

    /// The partitions that can't be read on, and why.
    #[must_use]
    pub const fn halted(&self) -> &BTreeMap<i32, String> {
        &self.halted
    }

    /// The rules that it was built by, as text.
    #[must_use]
    pub fn rules(&self) -> &str {
        &self.identity.rules
    }

    /// The rules that it had before it adopted those, oldest first.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn former_rules(&self) -> Result<Vec<FormerRules>, Error> {
        let former = StateSnapshot::take(&self.database, &[]).former_rules();
        former.map_err(|error| self.database.unreadable(error))
    }

    /// What a run with `settings` would resume from; the configured ones of `branches` are known without a
    /// payment.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn recovered(
        &self,
        settings: Arc<Settings>,
        branches: &Branches,
    ) -> Result<Recovered, Error> {
        let context = self.context(settings, branches);
        opening::recover(&self.database, &context).map(|(_, _, recovered)| recovered)
    }

    fn context(&self, settings: Arc<Settings>, branches: &Branches) -> StateContext {
        StateContext {
            generation: self.identity.generation,
            topic: self.identity.topic.clone(),
            rules: self.identity.rules.clone(),
            settings,
            configured: branches.configured().to_vec(),
        }
    }

    /// Whether anything was ever read into it. If not, it takes the topic and the rules of the next
    /// start.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        !self.checkpoint.positions.is_empty()
    }

    /// Its checkpoint.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// What its branches are, and what they are called with `names`.
    ///
    /// # Errors
    /// When its texts can't be read.
    pub fn branches(&self, names: &Arc<BranchNames>) -> Result<Branches, Error> {
        let texts = texts::read(&StateSnapshot::take(&self.database, &[]));
        let texts = texts.map_err(|error| self.database.unreadable(error))?;
        Ok(Branches::new(Arc::clone(names), Arc::new(texts)))
    }

    /// Readings of it: all of the same checkpoint. `settings` are those of its rules; the
    /// configured ones of `branches` are known without a payment.
    #[must_use]
    pub fn readings(&self, settings: Arc<Settings>, branches: &Branches) -> Arc<dyn Readings> {
        let context = Arc::new(self.context(settings, branches));
        Arc::new(StoreReadings::new(Arc::clone(&self.database), context))
    }

    /// Counts all that is in it. Reads everything once.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn stats(&self) -> Result<StoreStats, Error> {
        let mut stats = StoreStats::default();
        let mut at = self.database.rocks().raw_iterator();
        at.seek_to_first();
        while let Some((key, value)) = at.item() {
            *stats
                .keys
                .entry(keys::subject(key).unwrap_or("unknown"))
                .or_default() += 1;
            stats.bytes += (key.len() + value.len()) as u64;
            at.next();
        }
        at.status()
            .map_err(|error| self.database.failed("read", &error))?;
        stats.disk_bytes = directory::size(self.database.path())?;
        Ok(stats)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::store::journal::tests::{beginning, identity};
    use crate::store::{Identity, MarkedDocuments, Store};

    fn read(dir: &Path) -> ReadOnlyStore {
        ReadOnlyStore::open(dir).unwrap().unwrap()
    }

    #[test]
    fn a_reader_is_told_what_a_state_is_of_and_how_far_it_is() {
        let dir = tempfile::tempdir().unwrap();
        assert!(ReadOnlyStore::open(dir.path()).unwrap().is_none());
        let without_sink = Identity {
            topic: "payment_msg".into(),
            generation: 3,
            rules: "w = 1".into(),
            documents: MarkedDocuments::None,
            ..identity()
        };
        drop(Store::open(dir.path(), &without_sink).unwrap());
        let empty = read(dir.path());
        assert!(!empty.has_begun() && !empty.checkpoint().is_marking);
        assert_eq!(empty.topic_id(), None);
        assert_eq!(empty.halted(), &BTreeMap::new());

        // All documents are marked for the new sink.
        let with_sink = Identity {
            documents: MarkedDocuments::WithPayments,
            ..without_sink
        };
        let (mut store, _) = Store::open(dir.path(), &with_sink).unwrap();
        let topic_id = TopicId::new(7).unwrap();
        let halted = BTreeMap::from([(2, "records are missing".to_owned())]);
        store.bind(topic_id).unwrap();
        store.halt(&halted).unwrap();
        let written = store.commit(&beginning(), &[], 5).unwrap();
        let begun = read(dir.path());
        assert_eq!((begun.version(), begun.generation()), (4, 3));
        assert_eq!((begun.topic(), begun.rules()), ("payment_msg", "w = 1"));
        assert_eq!(begun.topic_id(), Some(topic_id));
        assert_eq!(begun.halted(), &halted);
        assert!(begun.has_begun() && begun.checkpoint().is_marking);
        assert_eq!(begun.checkpoint(), &written);
    }

    #[test]
    fn keys_and_bytes_of_a_state_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(dir.path(), &identity()).unwrap();
        let before = read(dir.path()).stats().unwrap();
        let ten = "0123456789".to_owned();
        store.halt(&BTreeMap::from([(2, ten)])).unwrap();
        let after = read(dir.path()).stats().unwrap();
        let mut keys = before.keys;
        assert_eq!(keys.insert("partitions", 1), None);
        assert_eq!(after.keys, keys);
        // A key of five bytes, a length and ten letters.
        assert_eq!(after.bytes - before.bytes, 16);
        assert!(after.disk_bytes > after.bytes);
    }
}
