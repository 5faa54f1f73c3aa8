//! What a run with `--until-end` has done.

use std::time::Duration;

use serde::Serialize;

use crate::cli::failure::CommandFailure;
use crate::cli::output::{self, OutputFormat};
use crate::cli::report;
use crate::domain::ledger::{Entry, Ledger};
use crate::view::wire::LedgerAnswer;

/// The summary of a run with `--until-end`.
#[derive(Serialize)]
pub(super) struct ServeSummary {
    #[serde(flatten)]
    counts: RunCounts,
    /// From the start of the process's work to the last document delivered.
    seconds: f64,
    /// Records per second.
    rate: f64,
    /// Everything that this state has ever consumed.
    ledger: LedgerAnswer,
}

/// The records of this run. Those that are in no figure may be left out where there are none.
#[derive(Clone, Copy, Serialize)]
struct RunCounts {
    /// Payments applied in this run, whether they count or not.
    payments: u64,
    /// Records read in this run, payments or not.
    records: u64,
    /// Records before `kafka.start` that an empty state leaves unread.
    skipped: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicates: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conflicts: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filtered: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejects: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tombstones: Option<u64>,
}

impl RunCounts {
    fn between(before: &Ledger, after: &Ledger, skipped: u64) -> Self {
        let of = |entry| Some(after.entry(entry).count - before.entry(entry).count);
        Self {
            payments: payments(after) - payments(before),
            records: after.consumed - before.consumed,
            skipped,
            duplicates: of(Entry::Duplicate),
            conflicts: of(Entry::Conflict),
            filtered: of(Entry::Filtered),
            rejects: of(Entry::Rejected),
            tombstones: of(Entry::Tombstone),
        }
    }

    /// The same with what there was, as a table shows it.
    fn found(self) -> Self {
        let found = |count: Option<u64>| count.filter(|count| *count > 0);
        Self {
            duplicates: found(self.duplicates),
            conflicts: found(self.conflicts),
            filtered: found(self.filtered),
            rejects: found(self.rejects),
            tombstones: found(self.tombstones),
            ..self
        }
    }
}

/// The summary as one flat row.
#[derive(Serialize)]
struct ServeSummaryRow {
    #[serde(flatten)]
    counts: RunCounts,
    seconds: f64,
    rate: f64,
    balanced: bool,
}

/// The summary as a table shows it.
#[derive(Serialize)]
struct ServeSummaryText {
    #[serde(flatten)]
    counts: RunCounts,
    took: String,
    speed: String,
    ledger: &'static str,
}

impl ServeSummary {
    pub(super) fn new(before: &Ledger, after: &Ledger, skipped: u64, elapsed: Duration) -> Self {
        let seconds = elapsed.as_secs_f64();
        let counts = RunCounts::between(before, after, skipped);
        Self {
            counts,
            seconds,
            #[expect(clippy::cast_precision_loss, reason = "a rate is for people")]
            rate: counts.records as f64 / seconds.max(f64::MIN_POSITIVE),
            ledger: LedgerAnswer::new(after),
        }
    }

    /// Prints it in `format`.
    ///
    /// # Errors
    /// When stdout can't be written.
    pub(super) fn print(&self, format: OutputFormat) -> Result<(), CommandFailure> {
        let balanced = self.ledger.balanced;
        let row = if format == OutputFormat::Table {
            report::row(&ServeSummaryText {
                counts: self.counts.found(),
                took: report::seconds(self.seconds),
                speed: report::records_per_second(self.rate),
                ledger: if balanced { "balanced" } else { "NOT BALANCED" },
            })?
        } else {
            report::row(&ServeSummaryRow {
                counts: self.counts,
                seconds: self.seconds,
                rate: self.rate,
                balanced,
            })?
        };
        output::print(format, &[row], &report::text(self)?)?;
        Ok(())
    }
}

fn payments(ledger: &Ledger) -> u64 {
    Entry::ALL
        .into_iter()
        .filter(|entry| entry.has_amount())
        .map(|entry| ledger.entry(entry).count)
        .sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_summary_says_how_many_records_of_this_run_count_nowhere() {
        let mut before = Ledger::default();
        for entry in [Entry::OnTime, Entry::Rejected, Entry::Duplicate] {
            before.consumed += 1;
            before.book(entry, None);
        }
        let mut after = before.clone();
        let entries = [
            Entry::OnTime,
            Entry::Duplicate,
            Entry::Rejected,
            Entry::Rejected,
        ];
        for entry in entries {
            after.consumed += 1;
            after.book(entry, None);
        }
        let summary = ServeSummary::new(&before, &after, 0, Duration::from_secs(1));
        let whole = serde_json::to_value(&summary).unwrap();
        assert_eq!(
            (&whole["payments"], &whole["records"]),
            (&2.into(), &4.into())
        );
        for (field, count) in [
            ("duplicates", 1),
            ("conflicts", 0),
            ("filtered", 0),
            ("rejects", 2),
            ("tombstones", 0),
        ] {
            assert_eq!(whole[field], count, "{field}");
        }
        let shown = serde_json::to_value(summary.counts.found()).unwrap();
        assert_eq!(
            shown,
            serde_json::json!({
                "payments": 2, "records": 4, "skipped": 0, "duplicates": 1, "rejects": 2
            })
        );
    }
}
