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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tidegauge_windows::EventTime;

    use super::*;
    use crate::store::journal::tests::identity;

    #[test]
    fn after_a_restart_the_newest_index_of_each_family_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(dir.path(), &identity()).unwrap();
        let windows = Family::Windows {
            definition: 1,
            from: EventTime::MIN,
            to: EventTime::MAX,
        };
        let noted = |family, uuid: &str| BTreeMap::from([(family, uuid.to_owned())]);
        for indexes in [
            noted(Family::Totals, "one"),
            noted(windows, "two"),
            noted(Family::Totals, "three"),
        ] {
            store.note_indexes(&indexes).unwrap();
        }
        drop(store);
        let (store, _) = Store::open(dir.path(), &identity()).unwrap();
        let known = store.readings().query(|reading| reading.indexes());
        let mut newest = noted(Family::Totals, "three");
        newest.extend(noted(windows, "two"));
        assert_eq!(known.unwrap(), newest);
    }
}
