//! What became of a record that got a second chance.

use super::wanted::reason;
use crate::core::effect::correction::ListedRecord;
use crate::core::pipeline::SecondChance;
use crate::domain::amount::Amount;
use crate::domain::ledger::Entry;
use crate::store::RecordsListed;

/// What became of records, as one row of a report.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Fate {
    /// The list that they were in.
    pub list: RecordsListed,
    /// Why they were in it.
    pub was: &'static str,
    /// What they are now.
    pub now: FateNow,
    /// Why they are still rejects, if they are.
    pub reason: Option<&'static str>,
}

/// What a record is now.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FateNow {
    /// It is booked under this.
    Booked(Entry),
    /// Its money is in a total as it was read at first, and it reads otherwise now: it stays listed.
    ReadDifferently,
    /// It has an order id, and those of its time are not remembered any more: it stays listed.
    NotCompared,
    /// Kafka has another record at its place: it stays listed.
    AnotherRecord,
    /// Kafka does not have it any more: it stays listed.
    Gone,
}

impl FateNow {
    /// The name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Booked(entry) => entry.as_str(),
            Self::ReadDifferently => "read_differently",
            Self::NotCompared => "not_compared",
            Self::AnotherRecord => "another_record",
            Self::Gone => "gone",
        }
    }
}

impl Fate {
    /// Of a record that was `listed` and was `judged` since, if Kafka has it; with the amount that it has.
    pub(super) fn of(
        listed: &ListedRecord,
        judged: Option<SecondChance>,
    ) -> (Self, Option<Amount>) {
        let (list, known) = match listed {
            ListedRecord::Reject(_) => (RecordsListed::Rejects, None),
            ListedRecord::InNoWindow(payment) => (RecordsListed::InNoWindow, Some(payment.amount)),
        };
        let (now, why, amount) = match judged {
            Some(SecondChance::Booked {
                entry,
                reason,
                amount,
            }) => (FateNow::Booked(entry), reason, amount),
            Some(SecondChance::ReadDifferently) => (FateNow::ReadDifferently, None, known),
            Some(SecondChance::NotCompared(amount)) => (FateNow::NotCompared, None, Some(amount)),
            Some(SecondChance::AnotherRecord) => (FateNow::AnotherRecord, None, known),
            None => (FateNow::Gone, None, known),
        };
        let outcome = Self {
            list,
            was: reason(listed),
            now,
            reason: why.map(|reason| reason.as_str()),
        };
        (outcome, amount)
    }
}
