//! Corrections: what second chances change of that which was booked and listed before.

use crate::core::effect::{Notices, PaymentInNoWindow, RejectedRecord};
use crate::decode::Reason;
use crate::domain::document_key::Origin;
use crate::domain::ledger::{Entry, Ledger};

/// What is to be taken back and changed in the lists, in the same write as what is booked instead.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Corrections {
    /// The bookings that hold no longer, each with its record.
    pub taken_back: Ledger,
    /// Rejects whose reason holds no longer, in the order of [`Reason::ALL`].
    pub rejects_taken_back: [u64; Reason::ALL.len()],
    /// The records whose place in a list changes.
    pub changes: Vec<ListChange>,
}

/// A record that is listed for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListedRecord {
    /// A record that is not a payment.
    Reject(RejectedRecord),
    /// A payment that is in no window.
    InNoWindow(PaymentInNoWindow),
}

/// What becomes of the entry about a record in its list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListChange {
    /// It says this from now on, at the same place of the list.
    Replaced(ListedRecord),
    /// It leaves the rejects.
    NoReject(Origin),
    /// It leaves the payments in no window.
    InWindows(Origin),
}

impl Corrections {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// `rejected` is booked under something else now.
    pub(in crate::core) fn take_back_reject(&mut self, rejected: &RejectedRecord) {
        self.taken_back.consumed += 1;
        self.taken_back.book(Entry::Rejected, None);
        self.rejects_taken_back[rejected.reason as usize] += 1;
        self.changes.push(ListChange::NoReject(rejected.origin));
    }

    /// `reject` is rejected for another reason than `before`.
    pub(in crate::core) fn replace_reject(
        &mut self,
        before: Reason,
        reject: RejectedRecord,
        notices: &mut Notices,
    ) {
        self.rejects_taken_back[before as usize] += 1;
        notices.rejects[reject.reason as usize] += 1;
        let listed = ListedRecord::Reject(reject);
        self.changes.push(ListChange::Replaced(listed));
    }
}

impl ListedRecord {
    /// Its partition and offset.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        match self {
            Self::Reject(reject) => reject.origin,
            Self::InNoWindow(payment) => payment.origin,
        }
    }

    /// Its Kafka timestamp, ms since the epoch.
    #[must_use]
    pub const fn timestamp(&self) -> Option<i64> {
        match self {
            Self::Reject(reject) => reject.timestamp,
            Self::InNoWindow(payment) => payment.timestamp,
        }
    }

    /// The beginning of its payload.
    #[must_use]
    pub fn read(&self) -> &str {
        match self {
            Self::Reject(reject) => &reject.read,
            Self::InNoWindow(payment) => &payment.read,
        }
    }
}
