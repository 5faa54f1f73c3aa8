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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::store::journal::tests::identity;

    fn halts(partitions: &[i32]) -> BTreeMap<i32, String> {
        let partitions = partitions.iter();
        partitions
            .map(|partition| (*partition, format!("a gap in {partition}")))
            .collect()
    }

    #[test]
    fn partitions_stay_halted_through_restarts_until_they_are_resumed() {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(dir.path(), &identity()).unwrap();
        let id = |bits| TopicId::new(bits).unwrap();
        for bits in [7, 8, 8] {
            store.bind(id(bits)).unwrap();
        }
        store.halt(&halts(&[1, 2])).unwrap();
        store.halt(&halts(&[3])).unwrap();
        let in_use = resume(dir.path(), None);
        assert!(matches!(in_use, Err(Error::InUse { .. })));
        drop(store);
        let recovered = || Store::open(dir.path(), &identity()).unwrap().1;
        assert_eq!(recovered().topic, Some(id(8)));
        assert_eq!(recovered().halted, halts(&[1, 2, 3]));
        for (partition, resumed, left) in [
            (Some(2), halts(&[2]), halts(&[1, 3])),
            (Some(2), halts(&[]), halts(&[1, 3])),
            (None, halts(&[1, 3]), halts(&[])),
        ] {
            assert_eq!(resume(dir.path(), partition).unwrap(), resumed);
            assert_eq!(recovered().halted, left);
        }
        assert_eq!(recovered().topic, Some(id(8)));
    }
}
