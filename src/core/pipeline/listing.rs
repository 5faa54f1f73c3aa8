//! Records that people look at: rejects, payments in no window, and payments that repeat others.

use std::mem;

use tidegauge_windows::Placement;

use super::Pipeline;
use crate::core::effect::{
    FirstPayment, NoWindowReason, PaymentInNoWindow, RejectedRecord, RepeatedPayment,
};
use crate::core::seen_orders::SeenOrder;
use crate::decode::Reject;
use crate::domain::document_key::Origin;
use crate::domain::ledger::Entry;
use crate::domain::payment::Payment;
use crate::domain::record::Record;
use crate::domain::timestamp::can_be_of_record;

/// The records since effects were taken that are listed.
#[derive(Default)]
pub(super) struct Listing {
    pub(super) rejects: Vec<RejectedRecord>,
    pub(super) in_no_window: Vec<PaymentInNoWindow>,
    pub(super) repeated: Vec<RepeatedPayment>,
    /// About how many bytes all of them take.
    pub(super) bytes: usize,
}

impl Listing {
    /// Takes all of `other` in, behind what is here.
    pub(super) fn append(&mut self, other: &mut Self) {
        self.rejects.append(&mut other.rejects);
        self.in_no_window.append(&mut other.in_no_window);
        self.repeated.append(&mut other.repeated);
        self.bytes += mem::take(&mut other.bytes);
    }
}

/// Keep at most so much of a record that is shown to people, in bytes.
pub(super) const READ_BYTES_MAX: usize = 4_096;
/// The same of a payment that repeats another: there may be many, and the first one says the same.
const REPEATED_BYTES_MAX: usize = 512;

impl Pipeline {
    pub(super) fn reject(&mut self, record: &Record<'_>, reject: Reject) {
        self.ledger.book(Entry::Rejected, None);
        self.notices.rejects[reject.reason as usize] += 1;
        let rejected = rejected(record, reject);
        self.listing.bytes += rejected.read.len() + rejected.detail.len() + 100;
        self.listing.rejects.push(rejected);
    }

    pub(super) fn keep_in_no_window(
        &mut self,
        record: &Record<'_>,
        payment: &Payment,
        reason: NoWindowReason,
    ) {
        let kept = self.in_no_window(record, payment, reason);
        self.listing.bytes += kept.read.len() + 150;
        self.listing.in_no_window.push(kept);
    }

    /// How a payment that is in no window is listed.
    pub(super) fn in_no_window(
        &self,
        record: &Record<'_>,
        payment: &Payment,
        reason: NoWindowReason,
    ) -> PaymentInNoWindow {
        PaymentInNoWindow {
            origin: origin(record),
            timestamp: record.timestamp.filter(|time| can_be_of_record(*time)),
            reason,
            event_time: payment.event_time,
            // A payment in no window moves no watermark: this is the one before it.
            watermark: self.engine.partition_watermark(record.partition),
            branch: payment.branch,
            amount: payment.amount,
            read: shown(record.payload, READ_BYTES_MAX),
        }
    }

    pub(super) fn keep_repeated(
        &mut self,
        record: &Record<'_>,
        payment: &Payment,
        first: &SeenOrder,
    ) {
        let repeated = RepeatedPayment {
            origin: origin(record),
            timestamp: record.timestamp.filter(|time| can_be_of_record(*time)),
            event_time: payment.event_time,
            branch: payment.branch,
            amount: payment.amount,
            first: FirstPayment {
                offset: first.offset,
                branch: first.branch,
                amount: first.amount,
            },
            read: shown(record.payload, REPEATED_BYTES_MAX),
        };
        self.listing.bytes += repeated.read.len() + 200;
        self.listing.repeated.push(repeated);
    }
}

/// What a payment in its windows is booked under, or why it is in none.
pub(super) const fn outside(placement: Placement) -> Result<Entry, NoWindowReason> {
    match placement {
        Placement::OnTime => Ok(Entry::OnTime),
        Placement::Late => Ok(Entry::Late),
        Placement::TooLate => Err(NoWindowReason::TooLate),
        Placement::PastRetention => Err(NoWindowReason::PastRetention),
        Placement::Future => Err(NoWindowReason::Future),
    }
}

/// How a reject is listed.
pub(super) fn rejected(record: &Record<'_>, reject: Reject) -> RejectedRecord {
    RejectedRecord {
        origin: origin(record),
        timestamp: record.timestamp.filter(|time| can_be_of_record(*time)),
        reason: reject.reason,
        detail: reject.detail,
        read: shown(record.payload, READ_BYTES_MAX),
    }
}

/// Where the record is.
pub(super) fn origin(record: &Record<'_>) -> Origin {
    Origin {
        partition: record.partition,
        offset: record.offset,
    }
}

/// The beginning of a payload, at most so many bytes, as it is shown to people.
pub(super) fn shown(payload: Option<&[u8]>, most: usize) -> String {
    let payload = payload.unwrap_or_default();
    let shown = &payload[..payload.len().min(most)];
    String::from_utf8_lossy(shown).into_owned()
}
