//! Answers of the service as rows of a table.

use std::time::Duration;

use super::latencies;
use super::parsing::{line, row_in, rows_in, text_in, unexpected};
use crate::cli::arguments::QueryCommand;
use crate::cli::failure::CommandFailure;
use crate::cli::row::JsonRow;
use crate::domain::count::{agreeing, counted_in_threes, grouped};
use crate::domain::duration;
use crate::view::field;
use crate::view::flat_row::FlatRow;
use crate::view::wire::{
    DuplicateAnswer, LedgerRow, NoWindowAnswer, RejectAnswer, TotalAnswer, WindowAnswer,
};

/// The definitions in words.
pub(super) fn definitions(definitions: &[JsonRow]) -> Result<Vec<JsonRow>, CommandFailure> {
    let in_words = |definition: &JsonRow| {
        let text = |name| text_in(definition, name).unwrap_or_default();
        let length = |name| {
            let millis = definition.get(name).and_then(|millis| millis.parse().ok());
            millis.map_or_else(String::new, |millis| {
                duration::text(Duration::from_millis(millis))
            })
        };
        let held_back_by = definition.get("held_back_by").unwrap_or("null");
        let held_back_by = match JsonRow::parse(held_back_by) {
            Ok(holder) => format!("partition {}", holder.get("partition").unwrap_or("?")),
            Err(_) => String::new(),
        };
        let row = serde_json::json!([
            text("name"),
            text("kind"),
            length("size_ms"),
            length("slide_ms"),
            text("time_zone"),
            held_back_by
        ]);
        let names = ["name", "kind", "size", "every", "zone", "held_back_by"];
        let members = names.iter().zip(row.as_array().into_iter().flatten());
        let members: Vec<String> = members
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        JsonRow::parse(&format!("{{{}}}", members.join(","))).map_err(unexpected)
    };
    definitions.iter().map(in_words).collect()
}

/// The parts of the service at `url`, each with how it is doing.
pub(super) fn status(status: &JsonRow, url: &str) -> Result<Vec<JsonRow>, CommandFailure> {
    let mut rows = vec![line(&["service", &service_line(status, url), ""])?];
    rows.push(line(&["lag", "", &lag_of(status)])?);
    let parts = status.get("parts").unwrap_or("{}");
    for (part, health) in JsonRow::parse(parts).map_err(unexpected)?.fields() {
        let health = JsonRow::parse(health).map_err(unexpected)?;
        let state = text_in(&health, "state").unwrap_or_default();
        let reason = text_in(&health, "reason").unwrap_or_default();
        rows.push(line(&[part, &state, &reason])?);
    }
    rows.extend(latencies::rows(status)?);
    let remarks = status.get("remarks").unwrap_or("[]");
    for remark in serde_json::from_str::<Vec<String>>(remarks).map_err(unexpected)? {
        rows.push(line(&["note", "", &remark])?);
    }
    for partition in rows_in(status, "partitions")? {
        let field = |name| match partition.get(name) {
            None | Some("null") => "unknown".to_owned(),
            Some(number) => number.parse().map_or_else(|_| number.to_owned(), grouped),
        };
        let name = format!("partition {}", partition.get("partition").unwrap_or("?"));
        let state = match (text_in(&partition, "halted"), partition.get("idle")) {
            (Some(_), _) => "halted",
            (None, Some("true")) => "idle",
            (None, _) => "active",
        };
        let halted = text_in(&partition, "halted").map(|why| format!("; {why}"));
        let watermark = text_in(&partition, "watermark").unwrap_or_else(|| "none".into());
        let more = format!(
            "position {}, lag {}, watermark {watermark}{}",
            field("position"),
            field("lag"),
            halted.unwrap_or_default(),
        );
        rows.push(line(&[&name, state, &more])?);
    }
    Ok(rows)
}

fn service_line(status: &JsonRow, url: &str) -> String {
    let is_ready = status.get("ready") == Some("true");
    let state = if is_ready { "ready" } else { "not ready" };
    let version = text_in(status, "version").unwrap_or_default();
    format!("{state} ({version} at {})", url)
}

fn still_to_be_read(lag: u64) -> String {
    let are = agreeing(lag, "is", "are");
    format!(
        "{} {are} still to be read",
        counted_in_threes(lag, "record")
    )
}

/// How many records are still to be read, in words.
fn lag_of(status: &JsonRow) -> String {
    match status.get("lag").and_then(|lag| lag.parse::<u64>().ok()) {
        Some(0) => "all records are read".to_owned(),
        Some(lag) => still_to_be_read(lag),
        None => "unknown how many records are still to be read".to_owned(),
    }
}

/// One row for each entry of a ledger, and one for all.
pub(super) fn ledger(ledger: &JsonRow) -> Result<Vec<JsonRow>, CommandFailure> {
    let entries = row_in(ledger, "entries")?;
    let mut rows = Vec::new();
    for (name, entry) in entries.fields() {
        let entry = JsonRow::parse(entry).map_err(unexpected)?;
        rows.push(LedgerRow {
            entry: name,
            count: number_in(&entry, "count"),
            pay_amount_exact: text_in(&entry, "pay_amount_exact").map(Into::into),
        });
    }
    rows.push(LedgerRow::consumed(number_in(ledger, "consumed")));
    let rows = rows.iter().map(JsonRow::of);
    rows.collect::<Result<_, _>>().map_err(unexpected)
}

fn number_in(row: &JsonRow, field: &str) -> u64 {
    let number = row.get(field).and_then(|number| number.parse().ok());
    number.unwrap_or_default()
}

/// The names of the fields of `subject` where there may be no rows; else none.
pub(super) fn columns(subject: &QueryCommand) -> Vec<&'static str> {
    let fields = match subject {
        QueryCommand::Totals { .. } => TotalAnswer::FIELDS,
        QueryCommand::Windows(_) => WindowAnswer::FIELDS,
        QueryCommand::Late(_) => NoWindowAnswer::FIELDS,
        QueryCommand::Duplicates(_) => DuplicateAnswer::FIELDS,
        QueryCommand::Rejects(_) => RejectAnswer::FIELDS,
        QueryCommand::Definitions | QueryCommand::Ledger | QueryCommand::Status => &[],
    };
    field::names(fields).collect()
}

/// What a table of `subject` needs to be understood, as `status` knows it: the end of the line below it.
pub(super) fn note(subject: &QueryCommand, status: &JsonRow) -> &'static str {
    // A service of an older version has no such field.
    match subject {
        QueryCommand::Duplicates(_) if status.get("order_ids") == Some("null") => {
            " · payments are not compared: dedup.by is not set"
        }
        _ => "",
    }
}
