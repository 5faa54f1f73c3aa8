//! What is known of the topic besides its records: which one it is, and which partitions can't be read
//! on.

use std::collections::BTreeMap;
use std::path::Path;

use rocksdb::WriteBatch;

use super::database::Database;
use super::error::Error;
use super::snapshot::StateSnapshot;
use super::values::StoredValue;
use super::{Store, keys, opening};
use crate::domain::topic_id::TopicId;

impl Store {
    /// Takes note which topic is read from now on. To be called before the first of its records is
    /// committed.
    ///
    /// # Errors
    /// When it was not written.
    pub fn bind(&self, topic: TopicId) -> Result<(), Error> {
        let key = keys::topic();
        if self.database.value(&key)? == Some(topic) {
            return Ok(());
        }
        let mut batch = WriteBatch::default();
        batch.put(key, topic.encode());
        self.database.write(batch)
    }

    /// Takes note that these partitions can't be read on, and why. Those that were noted before stay
    /// so until [`resume`] is called.
    ///
    /// # Errors
    /// When nothing was written. The same may be said again.
    pub fn halt(&self, halted: &BTreeMap<i32, String>) -> Result<(), Error> {
        let mut batch = WriteBatch::default();
        for (partition, reason) in halted {
            batch.put(keys::halt(*partition), reason.encode());
        }
        self.database.write(batch)
    }
}

/// Forgets that partitions of the state in `dir` are halted, so that the next run judges them again: one
/// of them, or all. Gives these partitions with their reasons; there may be none.
///
/// # Errors
/// When there is no state, another process uses it, or it can't be read or written.
pub fn resume(dir: &Path, partition: Option<i32>) -> Result<BTreeMap<i32, String>, Error> {
    opening::admit(dir, None)?;
    let database = Database::open(dir, false)?;
    let halts = StateSnapshot::take(&database, &[]).halts();
    let mut halts = halts.map_err(|error| database.unreadable(error))?;
    halts.retain(|halted, _| partition.is_none_or(|partition| partition == *halted));
    let mut batch = WriteBatch::default();
    for partition in halts.keys() {
        batch.delete(keys::halt(*partition));
    }
    // RocksDB has begun a new list.
    database.put_table_list(&mut batch);
    database.write(batch)?;
    database.sync()?;
    Ok(halts)
}
