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
use super::readings::{StateContext, StoreReadings};
use super::snapshot::StateSnapshot;
use crate::domain::branch::Branches;
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

    /// Readings of it: all of the same checkpoint. `settings` are those of its rules; branches
    /// of `names` are known without a payment.
    #[must_use]
    pub fn readings(&self, settings: Arc<Settings>, names: &Branches) -> Arc<dyn Readings> {
        let context = Arc::new(StateContext {
            generation: self.identity.generation,
            topic: self.identity.topic.clone(),
            rules: self.identity.rules.clone(),
            settings,
            configured: names.configured().collect(),
        });
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
