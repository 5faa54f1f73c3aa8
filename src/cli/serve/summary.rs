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
    /// Payments applied in this run, whether they count or not.
    payments: u64,
    /// Records read in this run, payments or not.
    records: u64,
    /// Records before `kafka.start` that an empty state leaves unread.
    skipped: u64,
    #[serde(flatten)]
    uncounted: Uncounted,
    /// From the start of the process's work to the last document delivered.
    seconds: f64,
    /// Records per second.
    rate: f64,
    /// Everything that this state has ever consumed.
    ledger: LedgerAnswer,
}

/// Records of this run that are in no figure.
#[derive(Clone, Copy, Serialize)]
struct Uncounted {
    duplicates: u64,
    conflicts: u64,
    filtered: u64,
    rejects: u64,
    tombstones: u64,
}

/// The same as a table shows it: only what there was.
#[derive(Serialize)]
struct UncountedText {
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

impl Uncounted {
    fn between(before: &Ledger, after: &Ledger) -> Self {
        let of = |entry| after.entry(entry).count - before.entry(entry).count;
        Self {
            duplicates: of(Entry::Duplicate),
            conflicts: of(Entry::Conflict),
            filtered: of(Entry::Filtered),
            rejects: of(Entry::Rejected),
            tombstones: of(Entry::Tombstone),
        }
    }

    fn text(self) -> UncountedText {
        let some = |count: u64| (count > 0).then_some(count);
        UncountedText {
            duplicates: some(self.duplicates),
            conflicts: some(self.conflicts),
            filtered: some(self.filtered),
            rejects: some(self.rejects),
            tombstones: some(self.tombstones),
        }
    }
}

/// The summary as one flat row.
#[derive(Serialize)]
struct ServeSummaryRow {
    payments: u64,
    records: u64,
    skipped: u64,
    #[serde(flatten)]
    uncounted: Uncounted,
    seconds: f64,
    rate: f64,
    balanced: bool,
}

/// The summary as a table shows it.
#[derive(Serialize)]
struct ServeSummaryText {
    payments: u64,
    records: u64,
    skipped: u64,
    #[serde(flatten)]
    uncounted: UncountedText,
    took: String,
    speed: String,
    ledger: &'static str,
}

impl ServeSummary {
    pub(super) fn new(before: &Ledger, after: &Ledger, skipped: u64, elapsed: Duration) -> Self {
        let seconds = elapsed.as_secs_f64();
        let records = after.consumed - before.consumed;
        Self {
            payments: payments(after) - payments(before),
            records,
            skipped,
            uncounted: Uncounted::between(before, after),
            seconds,
            #[expect(clippy::cast_precision_loss, reason = "a rate is for people")]
            rate: records as f64 / seconds.max(f64::MIN_POSITIVE),
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
                payments: self.payments,
                records: self.records,
                skipped: self.skipped,
                uncounted: self.uncounted.text(),
                took: report::seconds(self.seconds),
                speed: report::records_per_second(self.rate),
                ledger: if balanced { "balanced" } else { "NOT BALANCED" },
            })?
        } else {
            report::row(&ServeSummaryRow {
                payments: self.payments,
                records: self.records,
                skipped: self.skipped,
                uncounted: self.uncounted,
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
        let shown = serde_json::to_value(summary.uncounted.text()).unwrap();
        assert_eq!(shown, serde_json::json!({ "duplicates": 1, "rejects": 2 }));
    }
}
