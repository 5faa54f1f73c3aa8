//! What is shown to people: one flat record per figure, the same in HTTP answers and in documents.
//!
//! Field names are public. Money is given twice: the nearest double for charts, and the exact
//! decimal as text.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ethnum::I256;
use serde::Serialize;
use tidegauge_windows::{ClosedBy, Definition, EventTime, Summary, WindowResult};
use utoipa::ToSchema;

use crate::core::effect::{LatePayment, RejectedRecord};
use crate::domain::amount::{average, format_units, nearest_double};
use crate::domain::branch::Branches;
use crate::domain::ledger::{Entry, Ledger};
use crate::domain::payment::BranchId;
use crate::domain::timestamp::rfc3339;
use crate::domain::total::Total;
use crate::view::reading::Reading;

/// The state that an answer comes from: one checkpoint.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct ReadingAnswer {
    /// One life of the derived data; from 1.
    pub generation: u32,
    /// The number of the checkpoint; rises by one each.
    pub sequence: u64,
    /// The combined watermark; null while a partition has none.
    #[schema(format = DateTime)]
    pub watermark: Option<String>,
    /// The next offset of each partition.
    #[schema(value_type = BTreeMap<String, i64>)]
    pub positions: BTreeMap<i32, i64>,
    /// When the checkpoint was written, by the wall clock.
    #[schema(format = DateTime)]
    pub as_of: String,
}

impl ReadingAnswer {
    /// What `reading` reflects.
    #[must_use]
    pub fn of(reading: &dyn Reading) -> Self {
        let checkpoint = reading.checkpoint();
        Self {
            generation: checkpoint.generation,
            sequence: checkpoint.sequence,
            watermark: reading.frame().watermark().map(rfc3339),
            positions: checkpoint.positions.clone(),
            as_of: rfc3339(EventTime::from_millis(checkpoint.as_of)),
        }
    }
}

/// A branch's running total.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct TotalAnswer<'a> {
    /// The branch's name.
    pub branch: Cow<'a, str>,
    /// Its id.
    pub branch_id: u32,
    /// The sum of its payments: the nearest double.
    pub pay_amount: f64,
    /// The sum, exact.
    #[schema(pattern = r"^-?\d+(\.\d+)?$")]
    pub pay_amount_exact: String,
    /// How many payments.
    pub pay_count: u64,
    /// The earliest event time among them, but for future ones; null when there are none.
    #[schema(format = DateTime)]
    pub first_event_time: Option<String>,
    /// The latest event time among them, but for future ones; null when there are none.
    #[schema(format = DateTime)]
    pub last_event_time: Option<String>,
}

impl<'a> TotalAnswer<'a> {
    /// The total of branch `id`; without payments, zeros.
    #[must_use]
    pub fn new(id: BranchId, total: Option<&Total>, branches: &'a Branches) -> Self {
        let amount = total.map_or(I256::ZERO, |total| total.amount);
        Self {
            branch: branches.name(id),
            branch_id: id.get(),
            pay_amount: nearest_double(amount),
            pay_amount_exact: format_units(amount),
            pay_count: total.map_or(0, |total| total.count),
            first_event_time: total.and_then(Total::first_event_time).map(rfc3339),
            last_event_time: total.and_then(Total::last_event_time).map(rfc3339),
        }
    }
}

/// One window of one branch.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct WindowAnswer<'a> {
    /// The name of the window definition.
    pub window: &'a str,
    /// The first moment inside.
    #[schema(format = DateTime)]
    pub window_start: String,
    /// The first moment after.
    #[schema(format = DateTime)]
    pub window_end: String,
    /// The branch's name.
    pub branch: Cow<'a, str>,
    /// Its id.
    pub branch_id: u32,
    /// The sum of the payments: the nearest double.
    pub pay_amount: f64,
    /// The sum, exact.
    #[schema(pattern = r"^-?\d+(\.\d+)?$")]
    pub pay_amount_exact: String,
    /// How many payments.
    pub pay_count: u64,
    /// The smallest payment; null when there are none.
    pub pay_min: Option<f64>,
    /// The largest payment; null when there are none.
    pub pay_max: Option<f64>,
    /// The mean; null when there are no payments.
    pub pay_avg: Option<f64>,
    /// The median to 2 significant digits; null when there are no payments.
    pub pay_p50: Option<f64>,
    /// The 95th percentile to 2 significant digits; null when there are no payments.
    pub pay_p95: Option<f64>,
    /// The 99th percentile to 2 significant digits; null when there are no payments.
    pub pay_p99: Option<f64>,
    /// Whether every payment is expected to be in.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// What made it final: `watermark` or `quiet`; null while it is open.
    pub closed_by: Option<&'static str>,
    /// How many payments came after it was final.
    pub revision: u64,
    /// How many of the payments were late.
    pub late_count: u64,
    /// The sum of the late payments: the nearest double.
    pub late_amount: f64,
    /// The sum of the late payments, exact.
    #[schema(pattern = r"^-?\d+(\.\d+)?$")]
    pub late_amount_exact: String,
}

impl<'a> WindowAnswer<'a> {
    /// What `result`, a window of `definition`, shows.
    #[must_use]
    pub fn new(
        result: &WindowResult<BranchId, Summary>,
        definition: &'a Definition,
        branches: &'a Branches,
    ) -> Self {
        let summary = &result.aggregate;
        let double = |units: i128| nearest_double(I256::from(units));
        let quantile = |q| summary.quantile(q).map(double);
        Self {
            window: definition.name(),
            window_start: rfc3339(result.window.start),
            window_end: rfc3339(result.window.end),
            branch: branches.name(result.key),
            branch_id: result.key.get(),
            pay_amount: nearest_double(summary.sum),
            pay_amount_exact: format_units(summary.sum),
            pay_count: summary.count,
            pay_min: summary.min().map(double),
            pay_max: summary.max().map(double),
            pay_avg: (summary.count > 0).then(|| average(summary.sum, summary.count)),
            pay_p50: quantile(0.5),
            pay_p95: quantile(0.95),
            pay_p99: quantile(0.99),
            is_final: result.is_final(),
            closed_by: result.closed_by.map(|closed_by| match closed_by {
                ClosedBy::Watermark => "watermark",
                ClosedBy::Quiet => "quiet",
            }),
            revision: result.revision,
            late_count: summary.late_count,
            late_amount: nearest_double(summary.late_sum),
            late_amount_exact: format_units(summary.late_sum),
        }
    }
}

/// A payment that is in no window.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct LateAnswer<'a> {
    /// The partition it was read from.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Its Kafka timestamp; null when it has none.
    #[schema(format = DateTime)]
    pub record_timestamp: Option<String>,
    /// `too_late` or `future`.
    pub reason: &'static str,
    /// When it happened.
    #[schema(format = DateTime)]
    pub event_time: String,
    /// Its partition's watermark before it; null when there was none.
    #[schema(format = DateTime)]
    pub watermark: Option<String>,
    /// The branch's name.
    pub branch: Cow<'a, str>,
    /// Its id.
    pub branch_id: u32,
    /// The amount: the nearest double.
    pub pay_amount: f64,
    /// The amount, exact.
    #[schema(pattern = r"^-?\d+(\.\d+)?$")]
    pub pay_amount_exact: String,
    /// What was read: at most the first 4 KiB.
    pub read: &'a str,
}

impl<'a> LateAnswer<'a> {
    /// What is shown of `late`.
    #[must_use]
    pub fn new(late: &'a LatePayment, branches: &'a Branches) -> Self {
        let amount = I256::from(late.amount.units());
        Self {
            partition: late.origin.partition,
            offset: late.origin.offset,
            record_timestamp: record_timestamp(late.timestamp),
            reason: late.reason.as_str(),
            event_time: rfc3339(late.event_time),
            watermark: late.watermark.map(rfc3339),
            branch: branches.name(late.branch),
            branch_id: late.branch.get(),
            pay_amount: nearest_double(amount),
            pay_amount_exact: format_units(amount),
            read: &late.read,
        }
    }
}

/// A record that is not a payment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct RejectAnswer<'a> {
    /// The partition it was read from.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Its Kafka timestamp; null when it has none.
    #[schema(format = DateTime)]
    pub record_timestamp: Option<String>,
    /// The rule it breaks.
    pub reason: &'static str,
    /// What was wrong and what would be right.
    pub detail: &'a str,
    /// What was read: at most the first 4 KiB, invalid UTF-8 replaced.
    pub read: &'a str,
}

impl<'a> RejectAnswer<'a> {
    /// What is shown of `rejected`.
    #[must_use]
    pub fn new(rejected: &'a RejectedRecord) -> Self {
        Self {
            partition: rejected.origin.partition,
            offset: rejected.origin.offset,
            record_timestamp: record_timestamp(rejected.timestamp),
            reason: rejected.reason.as_str(),
            detail: &rejected.detail,
            read: &rejected.read,
        }
    }
}

fn record_timestamp(millis: Option<i64>) -> Option<String> {
    millis.map(|millis| rfc3339(EventTime::from_millis(millis)))
}

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
        let entry = |entry: Entry| {
            let booked = ledger.entry(entry);
            EntryAnswer {
                count: booked.count,
                pay_amount_exact: entry.has_amount().then(|| format_units(booked.amount)),
            }
        };
        Self {
            consumed: ledger.consumed,
            entries: EntriesAnswer {
                on_time: entry(Entry::OnTime),
                late: entry(Entry::Late),
                too_late: entry(Entry::TooLate),
                past_retention: entry(Entry::PastRetention),
                duplicate: entry(Entry::Duplicate),
                future: entry(Entry::Future),
                rejected: entry(Entry::Rejected),
                tombstone: entry(Entry::Tombstone),
            },
            balanced: ledger.balanced(),
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
    /// Seen before.
    pub duplicate: EntryAnswer,
    /// In no window: too far ahead.
    pub future: EntryAnswer,
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
