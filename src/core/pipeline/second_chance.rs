//! Second chances: listed records that are judged again, by the rules and at the watermarks of now.

use tidegauge_windows::{EventTime, Placement};

use super::Pipeline;
use super::listing::{READ_BYTES_MAX, origin, outside, rejected, shown};
use crate::core::effect::correction::{ListChange, ListedRecord};
use crate::core::effect::{NoWindowReason, PaymentInNoWindow, RejectedRecord};
use crate::core::seen_orders::{KeptOrdersError, OrderVerdict};
use crate::decode::{Decoded, Reason};
use crate::domain::amount::Amount;
use crate::domain::ledger::Entry;
use crate::domain::payment::Payment;
use crate::domain::record::Record;
use crate::domain::timestamp::can_be_of_record;

/// What became of a listed record that was judged again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SecondChance {
    /// It is booked under this now, which may be what it was booked under before.
    Booked {
        /// The entry.
        entry: Entry,
        /// Why it is still a reject, if it is one.
        reason: Option<Reason>,
        /// Its amount, if it was read.
        amount: Option<Amount>,
    },
    /// A payment in no window that has another branch or amount by the rules of now, or is not a payment by
    /// them. Its money is in a total as it was read at first, so it stays.
    ReadDifferently,
    /// Another record is at that place of the topic. Nothing changes.
    AnotherRecord,
    /// A payment of this amount from a time whose order ids are not remembered any more: whether it was sent again, and
    /// counted then, is not known. Nothing changes.
    NotCompared(Amount),
}

/// What becomes of payments that can't be compared with those of their time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UncomparedPayments {
    /// They stay listed.
    StayListed,
    /// They count.
    Count,
}

impl Pipeline {
    /// Judges a listed record again, which was read at its place of the topic. What follows from it is in
    /// the next effects: what was booked and listed before is taken back there, so it counts once.
    ///
    /// Its partition's watermark stays as it is, and so does what is consumed.
    ///
    /// # Errors
    /// When the order ids that are remembered can't be read. Nothing has changed then.
    pub fn judge_again(
        &mut self,
        record: &Record<'_>,
        listed: &ListedRecord,
        uncompared: UncomparedPayments,
    ) -> Result<SecondChance, KeptOrdersError> {
        let timestamp = record.timestamp.filter(|time| can_be_of_record(*time));
        if origin(record) != listed.origin()
            || timestamp != listed.timestamp()
            || shown(record.payload, READ_BYTES_MAX) != listed.read()
        {
            return Ok(SecondChance::AnotherRecord);
        }
        let outcome = match listed {
            ListedRecord::Reject(before) => self.judge_reject(record, before, uncompared)?,
            ListedRecord::InNoWindow(before) => self.judge_in_no_window(record, before),
        };
        // As after any other record.
        assert!(
            self.ledger.balanced() && self.corrections.taken_back.balanced(),
            "the ledger does not balance"
        );
        Ok(outcome)
    }

    /// Whether the next effects take anything back.
    #[must_use]
    pub fn has_corrections(&self) -> bool {
        !self.corrections.is_empty()
    }

    fn judge_reject(
        &mut self,
        record: &Record<'_>,
        before: &RejectedRecord,
        uncompared: UncomparedPayments,
    ) -> Result<SecondChance, KeptOrdersError> {
        let (entry, amount) = match self.decoder.decode(record) {
            Decoded::Payment(payment) => {
                let entry = self.judge_payment_again(record, &payment, uncompared)?;
                let Some(entry) = entry else {
                    return Ok(SecondChance::NotCompared(payment.amount));
                };
                (entry, Some(payment.amount))
            }
            Decoded::Filtered(amount) => {
                self.ledger.book(Entry::Filtered, amount);
                (Entry::Filtered, amount)
            }
            Decoded::Tombstone => {
                self.ledger.book(Entry::Tombstone, None);
                (Entry::Tombstone, None)
            }
            Decoded::Reject(reject) => {
                let reason = reject.reason;
                if reason != before.reason || reject.detail != before.detail {
                    let now = rejected(record, reject);
                    self.listing.bytes += now.read.len() + now.detail.len() + 100;
                    self.corrections
                        .replace_reject(before.reason, now, &mut self.notices);
                }
                return Ok(SecondChance::Booked {
                    entry: Entry::Rejected,
                    reason: Some(reason),
                    amount: None,
                });
            }
        };
        self.ledger.consumed += 1;
        self.listing.bytes += 100;
        self.corrections.take_back_reject(before);
        Ok(SecondChance::Booked {
            entry,
            reason: None,
            amount,
        })
    }

    // As `apply_compared`, and moves no watermark. `None`: it stays listed, as it can't be compared.
    fn judge_payment_again(
        &mut self,
        record: &Record<'_>,
        payment: &Payment,
        uncompared: UncomparedPayments,
    ) -> Result<Option<Entry>, KeptOrdersError> {
        let partition = record.partition;
        let clock = self.engine.partition_time(partition);
        let hash = self.order_hash(payment);
        if let Some(orders) = &mut self.orders {
            let verdict = orders.judge(partition, clock, payment, hash)?;
            if verdict == OrderVerdict::New {
                if uncompared == UncomparedPayments::StayListed
                    && orders.has_forgotten(partition, clock, payment)
                {
                    return Ok(None);
                }
                orders.note(partition, record.offset, clock, payment, hash);
            }
            if let Some(entry) = self.settle_repeated(record, payment, verdict) {
                return Ok(Some(entry));
            }
        }
        let recorded = self.note_payment(record, payment);
        let placement = self.insert_again(record, payment, recorded);
        Ok(Some(self.settle(record, payment, placement)))
    }

    fn judge_in_no_window(
        &mut self,
        record: &Record<'_>,
        before: &PaymentInNoWindow,
    ) -> SecondChance {
        if before.reason == NoWindowReason::Conflict {
            // It is in no total, and repeats another one: there is nothing to be judged by time.
            return SecondChance::Booked {
                entry: Entry::Conflict,
                reason: None,
                amount: Some(before.amount),
            };
        }
        let payment = match self.decoder.decode(record) {
            Decoded::Payment(payment) => payment,
            _ => return SecondChance::ReadDifferently,
        };
        if (payment.branch, payment.amount) != (before.branch, before.amount) {
            return SecondChance::ReadDifferently;
        }
        let recorded = record.timestamp.filter(|time| can_be_of_record(*time));
        let recorded = recorded.map(EventTime::from_millis);
        let placement = self.insert_again(record, &payment, recorded);
        let (entry, change) = match outside(placement) {
            Ok(entry) => {
                self.counted_before.push((payment.branch, payment.amount));
                (entry, ListChange::InWindows(before.origin))
            }
            Err(reason) => {
                let now = self.in_no_window(record, &payment, reason);
                self.listing.bytes += now.read.len() + 150;
                let listed = ListedRecord::InNoWindow(now);
                (reason.entry(), ListChange::Replaced(listed))
            }
        };
        if entry != before.reason.entry() || payment.event_time != before.event_time {
            if matches!(change, ListChange::Replaced(_)) {
                self.note_time(&payment, placement);
            }
            self.listing.bytes += 100;
            self.corrections.changes.push(change);
        }
        if entry != before.reason.entry() {
            let taken_back = &mut self.corrections.taken_back;
            taken_back.consumed += 1;
            taken_back.book(before.reason.entry(), Some(before.amount));
            self.ledger.consumed += 1;
            self.ledger.book(entry, Some(payment.amount));
        }
        SecondChance::Booked {
            entry,
            reason: None,
            amount: Some(payment.amount),
        }
    }

    fn insert_again(
        &mut self,
        record: &Record<'_>,
        payment: &Payment,
        recorded: Option<EventTime>,
    ) -> Placement {
        self.engine.insert_again(
            record.partition,
            payment.event_time,
            recorded,
            payment.branch,
            payment,
        )
    }

    // The payment is in its total already, at an event time that was not believed or read otherwise.
    fn note_time(&mut self, payment: &Payment, placement: Placement) {
        let Some(running) = self.totals.get_mut(&payment.branch) else {
            return;
        };
        if payment.event_time < running.known_since {
            running.known_since = payment.event_time;
            self.engine.know(payment.branch, payment.event_time);
        }
        let added = running.added(payment.branch, &mut self.touched);
        if placement == Placement::Future {
            added.known_since = added.known_since.min(payment.event_time);
        } else {
            added.reach(payment.event_time);
        }
    }
}

#[cfg(test)]
mod tests;
