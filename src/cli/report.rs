//! Figures as rows to print, with the same fields as over HTTP.

use serde::Serialize;

use super::failure::CommandFailure;
use super::row::JsonRow;
use crate::core::effect::{LatePayment, RejectedRecord};
use crate::domain::branch::Branches;
use crate::domain::count::grouped;
use crate::domain::ledger::{Entry, Ledger};
use crate::domain::payment::BranchId;
use crate::domain::total::Total;
use crate::view::wire::{LateAnswer, LedgerAnswer, RejectAnswer, TotalAnswer, WindowAnswer};

/// Rows, and the JSON value that they are part of.
pub(super) type Report = (Vec<JsonRow>, String);

/// The totals, by branch.
pub(super) fn totals(
    totals: &[(BranchId, Total)],
    branches: &Branches,
) -> Result<Report, CommandFailure> {
    let totals = totals
        .iter()
        .map(|(branch, total)| TotalAnswer::new(*branch, Some(total), branches));
    list("totals", totals)
}

/// The windows.
pub(super) fn windows<'a>(
    windows: impl Iterator<Item = WindowAnswer<'a>>,
) -> Result<Report, CommandFailure> {
    list("items", windows)
}

/// A value with the number of the line that it comes from, from 1.
#[derive(Clone, Debug)]
pub(super) struct Numbered<T> {
    pub(super) line: u64,
    pub(super) what: T,
}

/// A record as HTTP shows it, with the number of its line.
#[derive(Serialize)]
struct NumberedRow<T> {
    line: u64,
    #[serde(flatten)]
    answer: T,
}

/// Rejected records.
pub(super) fn rejects(rejects: &[Numbered<RejectedRecord>]) -> Result<Report, CommandFailure> {
    let rejects = rejects.iter().map(|reject| NumberedRow {
        line: reject.line,
        answer: RejectAnswer::new(&reject.what),
    });
    list("items", rejects)
}

/// Payments that are not in any window.
pub(super) fn late(
    late: &[Numbered<LatePayment>],
    branches: &Branches,
) -> Result<Report, CommandFailure> {
    let late = late.iter().map(|late| NumberedRow {
        line: late.line,
        answer: LateAnswer::new(&late.what, branches),
    });
    list("items", late)
}

/// The ledger: a row for each entry.
pub(super) fn ledger(ledger: &Ledger) -> Result<Report, CommandFailure> {
    #[derive(Serialize)]
    struct LedgerRow<'a> {
        entry: &'a str,
        count: u64,
        pay_amount_exact: Option<String>,
    }
    let line = |entry: Entry| {
        let booked = ledger.entry(entry);
        LedgerRow {
            entry: entry.as_str(),
            count: booked.count,
            pay_amount_exact: entry
                .has_amount()
                .then(|| crate::domain::amount::format_units(booked.amount)),
        }
    };
    let consumed = LedgerRow {
        entry: "consumed",
        count: ledger.consumed,
        pay_amount_exact: None,
    };
    let lines = Entry::ALL.into_iter().map(line).chain([consumed]);
    let rows = lines.map(|line| row(&line)).collect::<Result<_, _>>()?;
    Ok((rows, text(&LedgerAnswer::new(ledger))?))
}

/// A duration as a table shows it.
pub(super) fn seconds(seconds: f64) -> String {
    format!("{seconds:.1} s")
}

/// A rate as a table shows it.
pub(super) fn records_per_second(rate: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a conversion of a float stays within the bounds of the integer"
    )]
    let whole = rate.round() as u64;
    format!("{} records/s", grouped(whole))
}

/// Anything that is a JSON object, as one row.
pub(super) fn row(value: &impl Serialize) -> Result<JsonRow, CommandFailure> {
    JsonRow::of(value).map_err(|error| CommandFailure::Running(error.into()))
}

/// The JSON text of anything.
pub(super) fn text(value: &impl Serialize) -> Result<String, CommandFailure> {
    serde_json::to_string(value).map_err(|error| CommandFailure::Running(error.into()))
}

fn list<T: Serialize>(
    name: &str,
    values: impl Iterator<Item = T>,
) -> Result<Report, CommandFailure> {
    let rows = values
        .map(|value| row(&value))
        .collect::<Result<Vec<_>, _>>()?;
    let items: Vec<String> = rows.iter().map(JsonRow::to_json).collect();
    Ok((rows, format!("{{\"{name}\":[{}]}}", items.join(","))))
}
