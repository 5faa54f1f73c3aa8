//! What is shown to people: one flat record per figure, the same in HTTP answers and in documents.
//!
//! Field names are public. Money is given twice: the nearest double for charts, and the exact
//! decimal as text. What is one row of fields is declared with its table of fields.

mod duplicate;
mod ledger;

use std::borrow::Cow;
use std::collections::BTreeMap;

use ethnum::I256;
use serde::Serialize;
use tidegauge_windows::{ClosedBy, Definition, EventTime, Summary, WindowResult};
use utoipa::ToSchema;

pub use self::duplicate::DuplicateAnswer;
pub use self::ledger::{EntriesAnswer, EntryAnswer, LedgerAnswer, LedgerRow};
use crate::core::effect::{PaymentInNoWindow, RejectedRecord};
use crate::domain::amount::{average, format_units, nearest_double};
use crate::domain::branch::Branches;
use crate::domain::payment::BranchId;
use crate::domain::timestamp::rfc3339;
use crate::domain::total::Total;
use crate::view::branch_id_answer::BranchIdAnswer;
use crate::view::field::Field;
use crate::view::flat_row::{FlatRow, flat_row};
use crate::view::reading::Reading;

/// The tables of fields, each with what one of its rows is.
pub const TABLES: [(&str, &[Field]); 6] = [
    ("total", TotalAnswer::FIELDS),
    ("window", WindowAnswer::FIELDS),
    ("payment in no window", NoWindowAnswer::FIELDS),
    ("duplicate", DuplicateAnswer::FIELDS),
    ("reject", RejectAnswer::FIELDS),
    ("ledger entry", LedgerRow::FIELDS),
];

/// The field `name` of whichever table has it. A name has the same kind in each.
#[must_use]
pub fn field_named(name: &str) -> Option<&'static Field> {
    let mut fields = TABLES.iter().flat_map(|(_, fields)| *fields);
    fields.find(|field| field.name == name)
}

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

flat_row! {
    /// A branch's running total.
    pub struct TotalAnswer<'a> {
        /// The branch's name.
        pub branch: Cow<'a, str> => Name,
        /// The branch's id: an integer, or a text.
        pub branch_id: BranchIdAnswer => Id,
        /// The sum of its payments: the nearest double.
        pub pay_amount: f64 => Money,
        /// The sum, exact.
        pub pay_amount_exact: String => ExactMoney,
        /// How many payments.
        pub pay_count: u64 => Count,
        /// The earliest event time among them, but for future ones; null when there are none.
        pub first_event_time: Option<String> => Time,
        /// The latest event time among them, but for future ones; null when there are none.
        pub last_event_time: Option<String> => Time,
    }
}

impl<'a> TotalAnswer<'a> {
    /// The total of branch `id`; without payments, zeros.
    #[must_use]
    pub fn new(id: BranchId, total: Option<&Total>, branches: &'a Branches) -> Self {
        let amount = total.map_or(I256::ZERO, |total| total.amount);
        Self {
            branch: branches.name(id),
            branch_id: branches.key(id).into(),
            pay_amount: nearest_double(amount),
            pay_amount_exact: format_units(amount),
            pay_count: total.map_or(0, |total| total.count),
            first_event_time: total.and_then(Total::first_event_time).map(rfc3339),
            last_event_time: total.and_then(Total::last_event_time).map(rfc3339),
        }
    }
}

flat_row! {
    /// One window of one branch.
    pub struct WindowAnswer<'a> {
        /// The name of the window definition.
        pub window: &'a str => Name,
        /// The first moment inside.
        pub window_start: String => Time,
        /// The first moment after.
        pub window_end: String => Time,
        /// The branch's name.
        pub branch: Cow<'a, str> => Name,
        /// The branch's id: an integer, or a text.
        pub branch_id: BranchIdAnswer => Id,
        /// The sum of the payments: the nearest double.
        pub pay_amount: f64 => Money,
        /// The sum, exact.
        pub pay_amount_exact: String => ExactMoney,
        /// How many payments.
        pub pay_count: u64 => Count,
        /// The smallest payment; null when there are none.
        pub pay_min: Option<f64> => Money,
        /// The largest payment; null when there are none.
        pub pay_max: Option<f64> => Money,
        /// The mean; null when there are no payments.
        pub pay_avg: Option<f64> => Money,
        /// The median to 2 significant digits; null when there are no payments.
        pub pay_p50: Option<f64> => Percentile(50),
        /// The 95th percentile to 2 significant digits; null when there are no payments.
        pub pay_p95: Option<f64> => Percentile(95),
        /// The 99th percentile to 2 significant digits; null when there are no payments.
        pub pay_p99: Option<f64> => Percentile(99),
        /// Whether every payment is expected to be in.
        pub is_final as "final": bool => Flag,
        /// What made it final: `watermark` or `quiet`; null while it is open.
        pub closed_by: Option<&'static str> => Word,
        /// How many payments came after it was final.
        pub revision: u64 => Count,
        /// How many of the payments were late.
        pub late_count: u64 => Count,
        /// The sum of the late payments: the nearest double.
        pub late_amount: f64 => Money,
        /// The sum of the late payments, exact.
        pub late_amount_exact: String => ExactMoney,
    }
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
            branch_id: branches.key(result.key).into(),
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

flat_row! {
    /// A payment that is in no window.
    pub struct NoWindowAnswer<'a> as "LateAnswer" {
        /// The partition it was read from.
        pub partition: i32 => Partition,
        /// The offset in that partition.
        pub offset: i64 => Offset,
        /// Its Kafka timestamp; null when it has none.
        pub record_timestamp: Option<String> => Time,
        /// `too_late`, `past_retention`, `future` or `conflict`.
        pub reason: &'static str => Word,
        /// When it happened.
        pub event_time: String => Time,
        /// Its partition's watermark before it; null when there was none.
        pub watermark: Option<String> => Time,
        /// The branch's name.
        pub branch: Cow<'a, str> => Name,
        /// The branch's id: an integer, or a text.
        pub branch_id: BranchIdAnswer => Id,
        /// The amount: the nearest double.
        pub pay_amount: f64 => Money,
        /// The amount, exact.
        pub pay_amount_exact: String => ExactMoney,
        /// What was read: at most the first 4 KiB.
        pub read: &'a str => Text,
    }
}

impl<'a> NoWindowAnswer<'a> {
    /// What is shown of `late`.
    #[must_use]
    pub fn new(late: &'a PaymentInNoWindow, branches: &'a Branches) -> Self {
        let amount = I256::from(late.amount.units());
        Self {
            partition: late.origin.partition,
            offset: late.origin.offset,
            record_timestamp: record_timestamp(late.timestamp),
            reason: late.reason.as_str(),
            event_time: rfc3339(late.event_time),
            watermark: late.watermark.map(rfc3339),
            branch: branches.name(late.branch),
            branch_id: branches.key(late.branch).into(),
            pay_amount: nearest_double(amount),
            pay_amount_exact: format_units(amount),
            read: &late.read,
        }
    }
}

flat_row! {
    /// A record that is not a payment.
    pub struct RejectAnswer<'a> {
        /// The partition it was read from.
        pub partition: i32 => Partition,
        /// The offset in that partition.
        pub offset: i64 => Offset,
        /// Its Kafka timestamp; null when it has none.
        pub record_timestamp: Option<String> => Time,
        /// The rule it breaks.
        pub reason: &'static str => Word,
        /// What was wrong and what would be right.
        pub detail: &'a str => Text,
        /// What was read: at most the first 4 KiB, invalid UTF-8 replaced.
        pub read: &'a str => Text,
    }
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

#[cfg(test)]
mod tests;
