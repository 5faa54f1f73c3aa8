//! How records are listed that are not payments, and payments that are in no window.

use tidegauge_windows::Placement;

use super::Pipeline;
use crate::core::effect::{NoWindowReason, PaymentInNoWindow, RejectedRecord};
use crate::decode::Reject;
use crate::domain::document_key::Origin;
use crate::domain::ledger::Entry;
use crate::domain::payment::Payment;
use crate::domain::record::Record;
use crate::domain::timestamp::can_be_of_record;

/// Keep at most so much of a record that is shown to people, in bytes.
pub(super) const READ_BYTES_MAX: usize = 4_096;

impl Pipeline {
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
            read: shown(record.payload),
        }
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

/// Where the record is.
pub(super) fn origin(record: &Record<'_>) -> Origin {
    Origin {
        partition: record.partition,
        offset: record.offset,
    }
}

/// How a reject is listed.
pub(super) fn rejected(record: &Record<'_>, reject: Reject) -> RejectedRecord {
    RejectedRecord {
        origin: origin(record),
        timestamp: record.timestamp.filter(|time| can_be_of_record(*time)),
        reason: reject.reason,
        detail: reject.detail,
        read: shown(record.payload),
    }
}

/// The beginning of a payload, as it is shown to people.
pub(super) fn shown(payload: Option<&[u8]>) -> String {
    let payload = payload.unwrap_or_default();
    let shown = &payload[..payload.len().min(READ_BYTES_MAX)];
    String::from_utf8_lossy(shown).into_owned()
}
