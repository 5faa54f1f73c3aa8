//! The ledger as it is shown: nested in JSON, and as rows.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::amount::format_units;
use crate::domain::ledger::{Entry, Ledger};
use crate::view::flat_row::flat_row;

/// The ledger: every record consumed, once, under what became of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct LedgerAnswer {
    /// Records consumed.
    pub consumed: u64,
    /// What became of them.
    pub entries: EntriesAnswer,
    /// Whether the entries add up to what was consumed.
    pub balanced: bool,
}

impl LedgerAnswer {
    /// What `ledger` shows.
    #[must_use]
    pub fn new(ledger: &Ledger) -> Self {
        let entry = |entry| EntryAnswer::of(ledger, entry);
        Self {
            consumed: ledger.consumed,
            entries: EntriesAnswer {
                on_time: entry(Entry::OnTime),
                late: entry(Entry::Late),
                too_late: entry(Entry::TooLate),
                past_retention: entry(Entry::PastRetention),
                duplicate: entry(Entry::Duplicate),
                conflict: entry(Entry::Conflict),
                future: entry(Entry::Future),
                filtered: entry(Entry::Filtered),
                rejected: entry(Entry::Rejected),
                tombstone: entry(Entry::Tombstone),
            },
            balanced: ledger.balanced(),
        }
    }
}

flat_row! {
    /// An entry of the ledger, or all records, as a row.
    pub struct LedgerRow<'a> {
        /// The entry; `consumed` for all records.
        pub entry: &'a str => Word,
        /// How many records.
        pub count: u64 => Count,
        /// The exact sum of their amounts; null where records have none.
        pub pay_amount_exact: Option<Cow<'a, str>> => ExactMoney,
    }
}

impl LedgerRow<'static> {
    /// A row for each entry of `ledger`, and one for all records.
    pub fn all(ledger: &Ledger) -> impl Iterator<Item = Self> {
        let of_entry = |entry: Entry| {
            let answer = EntryAnswer::of(ledger, entry);
            Self {
                entry: entry.as_str(),
                count: answer.count,
                pay_amount_exact: answer.pay_amount_exact.map(Cow::from),
            }
        };
        Entry::ALL
            .into_iter()
            .map(of_entry)
            .chain([Self::consumed(ledger.consumed)])
    }

    /// The row for all records.
    #[must_use]
    pub const fn consumed(count: u64) -> Self {
        Self {
            entry: "consumed",
            count,
            pay_amount_exact: None,
        }
    }
}

/// What became of the records consumed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct EntriesAnswer {
    /// In their windows, not behind their partition's watermark.
    pub on_time: EntryAnswer,
    /// In their windows, behind their partition's watermark.
    pub late: EntryAnswer,
    /// In no window: past correction.
    pub too_late: EntryAnswer,
    /// In no window: the first that would hold them is past retention.
    pub past_retention: EntryAnswer,
    /// In no window and no total: one with the same order id, amount and branch counted before.
    pub duplicate: EntryAnswer,
    /// In no window and no total: one with the same order id counted before, of another amount or branch.
    pub conflict: EntryAnswer,
    /// In no window: too far ahead.
    pub future: EntryAnswer,
    /// Payments that do not count, as `payment.where` says. The sum is that of the amounts that could be
    /// read.
    pub filtered: EntryAnswer,
    /// No payments.
    pub rejected: EntryAnswer,
    /// Without a value.
    pub tombstone: EntryAnswer,
}

/// Records and their money under one entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct EntryAnswer {
    /// How many records.
    pub count: u64,
    /// The exact sum of their amounts; absent where records have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = r"^-?\d+(\.\d+)?$")]
    pub pay_amount_exact: Option<String>,
}

impl EntryAnswer {
    /// What `ledger` shows of `entry`.
    fn of(ledger: &Ledger, entry: Entry) -> Self {
        let booked = ledger.entry(entry);
        Self {
            count: booked.count,
            pay_amount_exact: entry.has_amount().then(|| format_units(booked.amount)),
        }
    }
}
