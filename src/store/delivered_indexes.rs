//! Which indexes hold what was delivered.

use std::collections::BTreeMap;

use rocksdb::WriteBatch;

use super::error::Error;
use super::values::StoredValue;
use super::{Store, keys};
use crate::core::feedback::Family;

impl Store {
    /// Takes note that what was delivered of these families is in the indexes with these uuids.
    ///
    /// # Errors
    /// When nothing was written. The same may be said again.
    pub fn note_indexes(&self, indexes: &BTreeMap<Family, String>) -> Result<(), Error> {
        let mut batch = WriteBatch::default();
        for (family, uuid) in indexes {
            batch.put(keys::index(*family), uuid.encode());
        }
        self.database.write(batch)
    }
}
