//! Marks of documents that await delivery: at most one for each, however often it changes.

use std::collections::BTreeSet;

use rocksdb::WriteBatch;
use tidegauge_windows::planted::{Mistake, is_planted};

use super::database::{Database, KEYS_PER_LOOKUP};
use super::error::Error;
use super::keys::{self, KeyBytes};
use super::values::StoredValue;
use crate::core::feedback::Mark;
use crate::domain::document_key::DocumentKey;

/// The changes of a batch to the marks.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Marks that go.
    cleared: BTreeSet<KeyBytes>,
    /// Marks that come. The same one may be here more than once.
    set: Vec<KeyBytes>,
}

impl Marks {
    /// Clears the mark of each document that still has the one given: others have changed since.
    ///
    /// All clearing comes before any setting.
    pub(super) fn clear(
        &mut self,
        database: &Database,
        acks: &[(DocumentKey, Mark)],
    ) -> Result<(), Error> {
        for some in acks.chunks(KEYS_PER_LOOKUP) {
            let keys: Vec<KeyBytes> = some.iter().map(|(key, _)| keys::dirty(key)).collect();
            let found = database.values(&keys)?;
            for ((key, (_, mark)), there) in keys.into_iter().zip(some).zip(found) {
                let is_kept = is_planted(Mistake::MarkClearedWithoutComparing) && there.is_some();
                if there == Some(mark.0) || is_kept {
                    self.cleared.insert(key);
                }
            }
        }
        Ok(())
    }

    /// Clears the mark of `document`, which has one, whatever it is.
    pub(super) fn forget(&mut self, document: &DocumentKey) {
        self.cleared.insert(keys::dirty(document));
    }

    /// Marks `document`.
    pub(super) fn set(&mut self, document: &DocumentKey) {
        self.set.push(keys::dirty(document));
    }

    /// Whether `document`, which this batch does not mark, awaits delivery after the batch.
    pub(super) fn is_dirty(
        &self,
        database: &Database,
        document: &DocumentKey,
    ) -> Result<bool, Error> {
        let key = keys::dirty(document);
        Ok(!self.cleared.contains(&key) && database.get(&key)?.is_some())
    }

    /// Puts all of it into `batch`; what is set gets `mark`. Gives how many marks there are after
    /// the batch, if there are `before` now.
    pub(super) fn write(
        mut self,
        database: &Database,
        mark: Mark,
        batch: &mut WriteBatch,
        before: u64,
    ) -> Result<u64, Error> {
        // In the order of the keys, in which tables take them best.
        self.set.sort_unstable();
        self.set.dedup();
        let mark = mark.0.encode();
        let mut new: u64 = 0;
        for some in self.set.chunks(KEYS_PER_LOOKUP) {
            for (key, there) in some.iter().zip(database.get_all(some)?) {
                let is_counted = self.cleared.remove(key) || there.is_some();
                new += u64::from(!is_counted);
                batch.put(key, &mark);
            }
        }
        for key in &self.cleared {
            batch.delete(key);
        }
        Ok(before
            .saturating_add(new)
            .saturating_sub(self.cleared.len() as u64))
    }
}
