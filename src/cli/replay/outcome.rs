//! Prints the report of a replay.

use serde::Serialize;
use serde_json::Value;

use crate::cli::failure::CommandFailure;
use crate::cli::output::{self, OutputFormat};
use crate::cli::{report, streams};
use crate::service::replay::{self, Report};

/// The report as one flat row.
#[derive(Serialize)]
struct ReplaySummary {
    generation: u32,
    records: u64,
    seconds: f64,
    rate: f64,
    totals: u64,
    windows: u64,
    ledger_entries: u64,
    differences: Option<u64>,
}

/// The report as a table shows it.
#[derive(Serialize)]
struct ReplaySummaryText {
    generation: u32,
    records: u64,
    took: String,
    speed: String,
    totals: u64,
    windows: u64,
    ledger_entries: u64,
    differences: Option<u64>,
}

/// A field that differs between the two generations.
#[derive(Serialize)]
struct Differs<'a> {
    figure: &'a str,
    field: &'a str,
    live: Value,
    replayed: Value,
}

/// Prints the report of a replay.
pub(super) fn print(report: &Report, output: OutputFormat) -> Result<(), CommandFailure> {
    let comparison = report.comparison.as_ref();
    let summary = ReplaySummary {
        generation: report.generation,
        records: report.records,
        seconds: report.seconds,
        rate: report.rate,
        totals: comparison.map_or(0, |c| c.totals),
        windows: comparison.map_or(0, replay::Comparison::window_count),
        ledger_entries: comparison.map_or(0, |c| c.ledger_entries),
        differences: comparison.map(|c| c.differences),
    };
    let row = if output == OutputFormat::Table {
        report::row(&ReplaySummaryText {
            generation: summary.generation,
            records: summary.records,
            took: report::seconds(summary.seconds),
            speed: report::records_per_second(summary.rate),
            totals: summary.totals,
            windows: summary.windows,
            ledger_entries: summary.ledger_entries,
            differences: summary.differences,
        })?
    } else {
        report::row(&summary)?
    };
    output::print(output, &[row], &report::text(report)?)?;
    if output != OutputFormat::Table {
        return Ok(());
    }
    if let Some(reason) = &report.not_compared {
        streams::note(format_args!("not compared: {reason}"));
    }
    let Some(comparison) = comparison else {
        return Ok(());
    };
    for name in &comparison.windows_not_compared {
        streams::note(format_args!(
            "not compared: the windows {name}, which only one has or which differ"
        ));
    }
    for reason in &comparison.because {
        streams::note(format_args!("{reason}"));
    }
    if comparison.first.is_empty() {
        return Ok(());
    }
    let shown = |value: &Value| match value {
        Value::Null => Value::from("none"),
        value => value.clone(),
    };
    let mut rows = Vec::new();
    for found in &comparison.first {
        for differs in &found.fields {
            rows.push(report::row(&Differs {
                figure: &found.figure,
                field: &differs.field,
                live: shown(&differs.live),
                replayed: shown(&differs.replayed),
            })?);
        }
    }
    // A report of an older version, which is kept where nothing could be compared, names no field.
    if rows.is_empty() {
        return Ok(());
    }
    output::print(output, &rows, "")?;
    Ok(())
}
