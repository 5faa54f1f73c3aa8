//! The lists by the places of their records in the topic.

use super::Store;
use super::database::Database;
use super::error::Error;
use super::keys::RecordList;
use super::read_only::ReadOnlyStore;
use super::snapshot::StateSnapshot;
use crate::core::effect::correction::ListedRecord;
use crate::core::effect::{PaymentInNoWindow, RejectedRecord};
use crate::domain::document_key::Origin;

/// One of the two lists of records.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RecordsListed {
    /// Payments that are in no window.
    InNoWindow,
    /// Records that are not payments.
    Rejects,
}

impl Store {
    /// At most `limit` records of `list`, by partition and offset, from the place `from` on.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn listed(
        &self,
        list: RecordsListed,
        from: Origin,
        limit: usize,
    ) -> Result<Vec<ListedRecord>, Error> {
        listed(&self.database, list, from, limit)
    }
}

impl ReadOnlyStore {
    /// As [`Store::listed`].
    ///
    /// # Errors
    /// When it can't be read.
    pub fn listed(
        &self,
        list: RecordsListed,
        from: Origin,
        limit: usize,
    ) -> Result<Vec<ListedRecord>, Error> {
        listed(&self.database, list, from, limit)
    }
}

fn listed(
    database: &Database,
    list: RecordsListed,
    from: Origin,
    limit: usize,
) -> Result<Vec<ListedRecord>, Error> {
    let read = || {
        let snapshot = StateSnapshot::take(database, &[]);
        let (kind, mut found) = (list.kind(), Vec::new());
        for origin in snapshot.places(kind, from, limit)? {
            let entry = match list {
                RecordsListed::InNoWindow => snapshot
                    .entry_at::<PaymentInNoWindow>(kind, origin)?
                    .map(ListedRecord::InNoWindow),
                RecordsListed::Rejects => snapshot
                    .entry_at::<RejectedRecord>(kind, origin)?
                    .map(ListedRecord::Reject),
            };
            found.extend(entry);
        }
        Ok(found)
    };
    read().map_err(|error| database.unreadable(error))
}

impl RecordsListed {
    const fn kind(self) -> RecordList {
        match self {
            Self::InNoWindow => RecordList::NoWindow,
            Self::Rejects => RecordList::Rejects,
        }
    }
}
