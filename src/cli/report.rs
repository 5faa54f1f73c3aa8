//! Figures as rows to print, with the same fields as over HTTP.

use serde::Serialize;

use super::failure::CommandFailure;
use super::output::{self, OutputFormat};
use super::row::JsonRow;
use crate::core::effect::{PaymentInNoWindow, RejectedRecord, RepeatedPayment};
use crate::domain::branch::Branches;
use crate::domain::count::grouped;
use crate::domain::ledger::Ledger;
use crate::domain::payment::BranchId;
use crate::domain::total::Total;
use crate::view::field;
use crate::view::flat_row::FlatRow;
use crate::view::wire::{
    DuplicateAnswer, LedgerAnswer, LedgerRow, NoWindowAnswer, RejectAnswer, TotalAnswer,
    WindowAnswer,
};

/// Figures to print.
pub(super) struct FigureList {
    /// The names of the fields.
    pub(super) columns: Vec<&'static str>,
    /// The rows, which may be none.
    pub(super) rows: Vec<JsonRow>,
    /// The JSON value that the rows are part of.
    pub(super) whole: String,
}

impl FigureList {
    /// Prints them.
    ///
    /// # Errors
    /// When stdout can't be written.
    pub(super) fn print(&self, format: OutputFormat) -> anyhow::Result<()> {
        output::print_list(format, &self.columns, &self.rows, &self.whole)
    }
}

/// The totals, by branch.
pub(super) fn totals(
    totals: &[(BranchId, Total)],
    branches: &Branches,
) -> Result<FigureList, CommandFailure> {
    let totals = totals
        .iter()
        .map(|(branch, total)| TotalAnswer::new(*branch, Some(total), branches));
    list("totals", totals)
}

/// The windows.
pub(super) fn windows<'a>(
    windows: impl Iterator<Item = WindowAnswer<'a>>,
) -> Result<FigureList, CommandFailure> {
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
pub(super) fn rejects(rejects: &[Numbered<RejectedRecord>]) -> Result<FigureList, CommandFailure> {
    let rejects = rejects.iter().map(|reject| NumberedRow {
        line: reject.line,
        answer: RejectAnswer::new(&reject.what),
    });
    numbered("items", rejects)
}

/// Payments that are not in any window.
pub(super) fn in_no_window(
    payments: &[Numbered<PaymentInNoWindow>],
    branches: &Branches,
) -> Result<FigureList, CommandFailure> {
    let payments = payments.iter().map(|payment| NumberedRow {
        line: payment.line,
        answer: NoWindowAnswer::new(&payment.what, branches),
    });
    numbered("items", payments)
}

/// Payments that repeat others.
pub(super) fn repeated(
    payments: &[Numbered<RepeatedPayment>],
    branches: &Branches,
) -> Result<FigureList, CommandFailure> {
    let payments = payments.iter().map(|payment| NumberedRow {
        line: payment.line,
        answer: DuplicateAnswer::new(&payment.what, branches),
    });
    numbered("items", payments)
}

/// The ledger: a row for each entry.
pub(super) fn ledger(ledger: &Ledger) -> Result<FigureList, CommandFailure> {
    let mut list = list("entries", LedgerRow::all(ledger))?;
    list.whole = text(&LedgerAnswer::new(ledger))?;
    Ok(list)
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

fn list<R: FlatRow>(
    name: &str,
    rows: impl Iterator<Item = R>,
) -> Result<FigureList, CommandFailure> {
    let columns = field::names(R::FIELDS).collect();
    list_with(name, columns, rows)
}

fn numbered<R: FlatRow>(
    name: &str,
    rows: impl Iterator<Item = NumberedRow<R>>,
) -> Result<FigureList, CommandFailure> {
    let columns = ["line"].into_iter().chain(field::names(R::FIELDS));
    list_with(name, columns.collect(), rows)
}

fn list_with<T: Serialize>(
    name: &str,
    columns: Vec<&'static str>,
    values: impl Iterator<Item = T>,
) -> Result<FigureList, CommandFailure> {
    let rows = values
        .map(|value| row(&value))
        .collect::<Result<Vec<_>, _>>()?;
    let items: Vec<String> = rows.iter().map(JsonRow::to_json).collect();
    Ok(FigureList {
        columns,
        rows,
        whole: format!("{{\"{name}\":[{}]}}", items.join(",")),
    })
}
