//! The keys of records that are listed for people: rejects, and payments in no window.

use std::ops::Range;

use super::{KeyBytes, KeyFields, prefix};
use crate::core::feedback::Family;
use crate::domain::document_key::{DocumentKey, Origin};

/// A list of records that is numbered as it grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum RecordList {
    /// Payments that are in no window.
    NoWindow,
    /// Records that are not payments.
    Rejects,
}

impl RecordList {
    /// The entry with `number`.
    pub(in crate::store) fn entry(self, number: u64) -> KeyBytes {
        self.entries().u64(number)
    }

    /// The entries before `number`, or all.
    pub(in crate::store) fn before(self, number: Option<u64>) -> Range<KeyBytes> {
        match number {
            Some(number) => self.entries()..self.entry(number),
            None => self.entries().all(),
        }
    }

    /// The number of an [`RecordList::entry`] key.
    pub(in crate::store) fn number_of(self, key: &[u8]) -> Option<u64> {
        let mut fields = KeyFields::after(key, self.entries().bytes[0])?;
        fields.u64().filter(|_| fields.is_done())
    }

    /// The number of the entry for the record at `origin`.
    pub(in crate::store) fn number_at(self, origin: Origin) -> KeyBytes {
        let prefix = match self {
            Self::NoWindow => prefix::IN_NO_WINDOW_AT,
            Self::Rejects => prefix::REJECT_AT,
        };
        KeyBytes::new(prefix).origin(origin)
    }

    /// [`RecordList::number_at`] of all places from `from` on.
    pub(in crate::store) fn places_from(self, from: Origin) -> Range<KeyBytes> {
        let prefix = KeyBytes::new(self.number_at(from).bytes[0]);
        self.number_at(from)..prefix.end()
    }

    /// The place of a [`RecordList::number_at`] key.
    pub(in crate::store) fn place_of(self, key: &[u8]) -> Option<Origin> {
        let prefix = match self {
            Self::NoWindow => prefix::IN_NO_WINDOW_AT,
            Self::Rejects => prefix::REJECT_AT,
        };
        let mut fields = KeyFields::after(key, prefix)?;
        fields.origin().filter(|_| fields.is_done())
    }

    /// The document about the record at `origin`.
    pub(in crate::store) fn document(self, origin: Origin) -> DocumentKey {
        match self {
            Self::NoWindow => DocumentKey::NoWindow(origin),
            Self::Rejects => DocumentKey::Reject(origin),
        }
    }

    /// The family of its documents.
    pub(in crate::store) fn family(self) -> Family {
        match self {
            Self::NoWindow => Family::NoWindow,
            Self::Rejects => Family::Rejects,
        }
    }

    fn entries(self) -> KeyBytes {
        KeyBytes::new(match self {
            Self::NoWindow => prefix::IN_NO_WINDOW,
            Self::Rejects => prefix::REJECT,
        })
    }
}
