//! Effects: what the core wants stored, as data. They are the input of one checkpoint.

pub mod correction;
pub mod timestamps;

use std::collections::BTreeMap;

use tidegauge_windows::{Changes, EventTime};

use self::correction::Corrections;
use self::timestamps::TimestampRange;
use crate::core::branch_slice::BranchSlice;
use crate::core::distance::Distances;
use crate::core::seen_orders::OrderChanges;
use crate::decode::Reason;
use crate::domain::amount::Amount;
use crate::domain::document_key::Origin;
use crate::domain::ledger::{Entry, Ledger};
use crate::domain::payment::BranchId;
use crate::domain::total::Total;

/// Everything that changed since the last checkpoint. Writing it is one atomic write.
#[derive(Clone, Debug)]
pub struct Effects {
    /// Slices, revisions and watermarks.
    pub changes: Changes<BranchId, BranchSlice>,
    /// The addition to each touched total.
    pub totals: BTreeMap<BranchId, Total>,
    /// The bookings in the ledger.
    pub ledger: Ledger,
    /// Notices: what was unusual but not an error.
    pub notices: Notices,
    /// The timestamps of all records.
    pub timestamps: TimestampRange,
    /// The records that are not payments.
    pub rejects: Vec<RejectedRecord>,
    /// The payments that are in no window.
    pub in_no_window: Vec<PaymentInNoWindow>,
    /// The payments whose order ids were seen before.
    pub repeated: Vec<RepeatedPayment>,
    /// What changed of the order ids that are remembered.
    pub orders: OrderChanges,
    /// How far every partition has been applied: absolute.
    pub progress: BTreeMap<i32, Progress>,
    /// What was booked and listed before, and is not so any more.
    pub corrections: Corrections,
}

/// How far a partition has been applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// The next offset to apply.
    pub position: i64,
    /// The offset from which it was read at first; `None` if the partition was first read before this was stored.
    pub first: Option<i64>,
    /// The last record applied, if any was: read again on assignment, it must be the same.
    pub fingerprint: Option<Fingerprint>,
}

/// Offset, timestamp and hash of a record, to recognise it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint {
    /// Its offset.
    pub offset: i64,
    /// Its Kafka timestamp in ms since the epoch; `i64::MIN` if it has none.
    pub timestamp: i64,
    /// XXH3-64 of its value; of the empty string for a tombstone.
    pub hash: u64,
}

/// A record that is not a payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RejectedRecord {
    /// Its partition and offset.
    pub origin: Origin,
    /// Its Kafka timestamp, ms since the epoch.
    pub timestamp: Option<i64>,
    /// The rule it breaks.
    pub reason: Reason,
    /// The error, and what would be right.
    pub detail: String,
    /// The payload: at most its first 4 KiB, invalid UTF-8 replaced.
    pub read: String,
}

/// A payment that is in no window.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PaymentInNoWindow {
    /// Its partition and offset.
    pub origin: Origin,
    /// Its Kafka timestamp, ms since the epoch.
    pub timestamp: Option<i64>,
    /// Why it is in no window.
    pub reason: NoWindowReason,
    /// When it happened.
    pub event_time: EventTime,
    /// The watermark of its partition before the payment.
    pub watermark: Option<EventTime>,
    /// Its branch.
    pub branch: BranchId,
    /// Its amount.
    pub amount: Amount,
    /// The payload: at most its first 4 KiB.
    pub read: String,
}

/// A payment whose order id was seen before: a duplicate, or a conflict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RepeatedPayment {
    /// Its partition and offset.
    pub origin: Origin,
    /// Its Kafka timestamp, ms since the epoch.
    pub timestamp: Option<i64>,
    /// When it happened.
    pub event_time: EventTime,
    /// Its branch.
    pub branch: BranchId,
    /// Its amount.
    pub amount: Amount,
    /// The payment that counted.
    pub first: FirstPayment,
    /// The payload: at most its first 512 bytes.
    pub read: String,
}

/// The payment that counted, of those with an order id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FirstPayment {
    /// Its offset, in the same partition.
    pub offset: i64,
    /// Its branch.
    pub branch: BranchId,
    /// Its amount.
    pub amount: Amount,
}

impl RepeatedPayment {
    /// Whether it has another amount or branch than the one that counted.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        (self.first.amount, self.first.branch) != (self.amount, self.branch)
    }
}

/// Why a payment is in no window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoWindowReason {
    /// The payment's last window is past correction.
    TooLate,
    /// The payment's first window is past retention, and deleted.
    PastRetention,
    /// The payment is too far ahead of its record.
    Future,
    /// A payment with the same order id counted, of another amount or branch. It is in no total either.
    Conflict,
}

impl NoWindowReason {
    /// All reasons.
    pub const ALL: [Self; 4] = [
        Self::TooLate,
        Self::PastRetention,
        Self::Future,
        Self::Conflict,
    ];

    /// The name in answers, logs and documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLate => "too_late",
            Self::PastRetention => "past_retention",
            Self::Future => "future",
            Self::Conflict => "conflict",
        }
    }

    /// Under what such payments are booked.
    #[must_use]
    pub const fn entry(self) -> Entry {
        match self {
            Self::TooLate => Entry::TooLate,
            Self::PastRetention => Entry::PastRetention,
            Self::Future => Entry::Future,
            Self::Conflict => Entry::Conflict,
        }
    }
}

/// Counters of things that are not errors but worth monitoring.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Notices {
    /// Amounts with more than 18 decimals, rounded half-even.
    pub rounded: u64,
    /// Local times that a clock change skips.
    pub skipped_local_times: u64,
    /// Local times that a clock change repeats.
    pub repeated_local_times: u64,
    /// Payments of branches without a configured name.
    pub unnamed_branches: u64,
    /// Payments whose record has a timestamp that can't be real: it counts as none.
    pub unreal_timestamps: u64,
    /// Payments in January and February 1970: their times may be seconds, not milliseconds.
    pub times_like_seconds: u64,
    /// How far payments are from their records.
    pub distances: Distances,
    /// Rejects by reason, in the order of [`Reason::ALL`].
    pub rejects: [u64; 6],
}

impl Notices {
    /// Adds all that `other` holds.
    pub fn merge(&mut self, other: &Self) {
        self.rounded += other.rounded;
        self.skipped_local_times += other.skipped_local_times;
        self.repeated_local_times += other.repeated_local_times;
        self.unnamed_branches += other.unnamed_branches;
        self.unreal_timestamps += other.unreal_timestamps;
        self.times_like_seconds += other.times_like_seconds;
        self.distances.merge(&other.distances);
        for (mine, theirs) in self.rejects.iter_mut().zip(&other.rejects) {
            *mine += theirs;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_of_two_checkpoints_add_up_each_by_itself() {
        let notices = |times: u64| Notices {
            rounded: times,
            skipped_local_times: 2 * times,
            repeated_local_times: 3 * times,
            unnamed_branches: 4 * times,
            unreal_timestamps: 5 * times,
            times_like_seconds: 6 * times,
            distances: Distances {
                payments: 7 * times,
                away: BTreeMap::from([(4, 8 * times)]),
            },
            rejects: [9, 10, 11, 12, 13, 14].map(|count| count * times),
        };
        let mut all = notices(10);
        all.merge(&notices(3));
        assert_eq!(all, notices(13));
    }

    #[test]
    fn each_reason_to_be_in_no_window_has_its_name() {
        let names = NoWindowReason::ALL.map(NoWindowReason::as_str);
        assert_eq!(names, ["too_late", "past_retention", "future", "conflict"]);
    }
}
