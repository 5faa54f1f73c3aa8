//! Marks of documents that await delivery: at most one for each, however often it changes.

use std::collections::{BTreeMap, BTreeSet};

use rocksdb::WriteBatch;

use super::database::Database;
use super::error::Error;
use super::keys::{self, KeyBytes};
use super::values::Value;
use crate::document_key::DocumentKey;
use crate::reading::Mark;

/// What a batch does to the marks.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Marks that go.
    cleared: BTreeSet<KeyBytes>,
    /// Marks that come, each with whether there was one that counts.
    set: BTreeMap<KeyBytes, bool>,
}

impl Marks {
    /// Clears the mark of `document` if it is still `mark`: otherwise it has changed since.
    ///
    /// All clearing comes before any setting.
    pub(super) fn clear(
        &mut self,
        database: &Database,
        document: &DocumentKey,
        mark: Mark,
    ) -> Result<(), Error> {
        let key = keys::dirty(document);
        if database.value(&key)? == Some(mark.0) {
            self.cleared.insert(key);
        }
        Ok(())
    }

    /// Marks `document`.
    pub(super) fn set(&mut self, database: &Database, document: &DocumentKey) -> Result<(), Error> {
        let key = keys::dirty(document);
        if !self.set.contains_key(&key) {
            let counted = self.cleared.remove(&key) || database.get(&key)?.is_some();
            self.set.insert(key, counted);
        }
        Ok(())
    }

    /// Marks `document`, unless it awaits delivery already.
    pub(super) fn set_if_clear(
        &mut self,
        database: &Database,
        document: &DocumentKey,
    ) -> Result<(), Error> {
        let key = keys::dirty(document);
        if !self.set.contains_key(&key) && database.get(&key)?.is_none() {
            self.set.insert(key, false);
        }
        Ok(())
    }

    /// Whether `document` awaits delivery after the batch.
    pub(super) fn is_dirty(
        &self,
        database: &Database,
        document: &DocumentKey,
    ) -> Result<bool, Error> {
        let key = keys::dirty(document);
        if self.set.contains_key(&key) {
            return Ok(true);
        }
        Ok(!self.cleared.contains(&key) && database.get(&key)?.is_some())
    }

    /// How many marks there are after the batch, if there are `before` now.
    pub(super) fn count_after(&self, before: u64) -> u64 {
        let new = self.set.values().filter(|counted| !**counted).count() as u64;
        before
            .saturating_add(new)
            .saturating_sub(self.cleared.len() as u64)
    }

    /// Puts all of it into `batch`; what is set gets `mark`.
    pub(super) fn write(&self, mark: Mark, batch: &mut WriteBatch) {
        for key in &self.cleared {
            batch.delete(key);
        }
        let mark = mark.0.encode();
        for key in self.set.keys() {
            batch.put(key, &mark);
        }
    }
}
