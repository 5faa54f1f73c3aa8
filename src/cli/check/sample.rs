//! `tidegauge check --sample` and `--from-topic`: what is read from some records, and why others are rejected.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use serde::Serialize;
use tidegauge_windows::EventTime;

use crate::cli::failure::CommandFailure;
use crate::cli::line_envelope;
use crate::cli::lines;
use crate::cli::output::OutputFormat;
use crate::cli::report::{self, FigureList};
use crate::config::Config;
use crate::decode::{Decoded, Decoder, FoundFact};
use crate::domain::branch_texts::BranchTexts;
use crate::domain::count::{agreeing, counted_in_threes, grouped};
use crate::domain::record::{Headers, Record};
use crate::domain::timestamp::rfc3339;
use crate::source::{LogBatch, Source};

/// How long brokers may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a record says, as a row.
#[derive(Serialize)]
struct SampleRow {
    /// Of the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
    /// `payment`, `filtered`, `tombstone` or `rejected`.
    outcome: &'static str,
    event_time: Option<String>,
    pay_amount_exact: Option<String>,
    branch: Option<String>,
    /// Why it is rejected.
    reason: Option<&'static str>,
    detail: Option<String>,
    /// What stands at each place of the mapping.
    found: String,
}

const COLUMNS: [&str; 7] = [
    "outcome",
    "event_time",
    "pay_amount_exact",
    "branch",
    "reason",
    "detail",
    "found",
];

/// The records that were looked at, and what they say.
struct Sample {
    decoder: Decoder,
    texts: Arc<BranchTexts>,
    is_original: bool,
    rows: Vec<SampleRow>,
    outcomes: BTreeMap<&'static str, u64>,
    reasons: BTreeMap<&'static str, u64>,
}

impl Sample {
    fn new(config: &Config) -> Self {
        let texts: Arc<BranchTexts> = Arc::default();
        Self {
            decoder: Decoder::new(config.decoding(), Arc::clone(&texts)),
            texts,
            is_original: config.payment.is_original(),
            rows: Vec::new(),
            outcomes: BTreeMap::new(),
            reasons: BTreeMap::new(),
        }
    }

    fn take_line(&mut self, line: u64, value: &[u8]) {
        let mut record = Record::of(Some(value));
        let mut fault = None;
        let envelope = line_envelope::read(value, self.is_original);
        if let Some(envelope) = &envelope {
            record.timestamp = envelope.timestamp;
            record.key = envelope.key.as_deref().map(str::as_bytes);
            record.headers = Headers::new(&envelope.headers);
            match &envelope.payment {
                Ok(payment) => record.payload = *payment,
                Err(reject) => fault = Some(reject.clone()),
            }
        }
        let decoded = match fault {
            Some(reject) => Decoded::Reject(reject),
            None => self.decoder.decode(&record),
        };
        let row = self.row(&record, decoded);
        self.rows.push(SampleRow {
            line: Some(line),
            ..row
        });
    }

    fn take_record(&mut self, record: &Record<'_>) {
        let decoded = self.decoder.decode(record);
        let row = self.row(record, decoded);
        self.rows.push(SampleRow {
            partition: Some(record.partition),
            offset: Some(record.offset),
            ..row
        });
    }

    fn row(&mut self, record: &Record<'_>, decoded: Decoded) -> SampleRow {
        let found = self.decoder.find(record);
        let found: Vec<String> = found.iter().map(FoundFact::to_string).collect();
        let mut row = SampleRow {
            line: None,
            partition: None,
            offset: None,
            outcome: "tombstone",
            event_time: None,
            pay_amount_exact: None,
            branch: None,
            reason: None,
            detail: None,
            found: found.join(", "),
        };
        match decoded {
            Decoded::Payment(payment) => {
                row.outcome = "payment";
                row.event_time = Some(time(payment.event_time));
                row.pay_amount_exact = Some(payment.amount.to_string());
                row.branch = self.texts.key(payment.branch).map(|key| key.to_string());
            }
            Decoded::Reject(reject) => {
                row.outcome = "rejected";
                row.reason = Some(reject.reason.as_str());
                row.detail = Some(reject.detail);
                *self.reasons.entry(reject.reason.as_str()).or_default() += 1;
            }
            Decoded::Filtered(amount) => {
                row.outcome = "filtered";
                row.pay_amount_exact = amount.map(|amount| amount.to_string());
            }
            Decoded::Tombstone => {}
        }
        *self.outcomes.entry(row.outcome).or_default() += 1;
        row
    }

    fn print(self, format: OutputFormat) -> Result<(), CommandFailure> {
        let place: &[&str] = match self.rows.first() {
            Some(SampleRow { line: None, .. }) => &["partition", "offset"],
            _ => &["line"],
        };
        let rows = self.rows.iter().map(report::row);
        let list = FigureList {
            columns: place.iter().copied().chain(COLUMNS).collect(),
            rows: rows.collect::<Result<_, _>>()?,
            whole: report::text(&serde_json::json!({ "records": self.rows }))?,
        };
        list.print(format)?;
        self.conclude()
    }

    /// Says how many records were read; an error if none could be.
    fn conclude(&self) -> Result<(), CommandFailure> {
        let of = |outcome| self.outcomes.get(outcome).copied().unwrap_or_default();
        let (payments, rejected) = (of("payment"), of("rejected"));
        let all = self.rows.len() as u64;
        if all == 0 {
            return Err(anyhow!("there is no record to look at").into());
        }
        let reasons = self.reasons.iter();
        let reasons = reasons.map(|(reason, count)| format!("{} {reason}", grouped(*count)));
        let reasons = reasons.collect::<Vec<_>>().join(", ");
        if rejected == all {
            let rejects = anyhow!(
                "none of {} is a payment by this configuration ({reasons}); the section [payment] says \
                 where facts stand",
                counted_in_threes(all, "record"),
            );
            return Err(rejects.into());
        }
        if rejected > 0 {
            tracing::warn!(
                "{} of {} {}; rejected: {reasons}",
                grouped(payments),
                counted_in_threes(all, "record"),
                agreeing(payments, "is a payment", "are payments"),
            );
        }
        Ok(())
    }
}

fn time(time: EventTime) -> String {
    rfc3339(time)
}

/// Shows what is read from the first `limit` lines of `file`.
///
/// # Errors
/// When the file can't be read, or none of its records is a payment.
pub(super) fn of_file(
    file: &Path,
    limit: usize,
    config: &Config,
    format: OutputFormat,
) -> Result<(), CommandFailure> {
    let mut sample = Sample::new(config);
    let mut line = 0;
    lines::of_file(file, |value| {
        if sample.rows.len() >= limit {
            return ControlFlow::Break(());
        }
        line += 1;
        sample.take_line(line, value);
        ControlFlow::Continue(())
    })?;
    sample.print(format)
}

/// Shows what is read from the last records of each partition of the topic, about `limit` in all.
///
/// # Errors
/// When the topic can't be read, or none of its records is a payment.
pub(super) fn of_topic(
    limit: usize,
    config: &Config,
    format: OutputFormat,
) -> Result<(), CommandFailure> {
    let mut sample = Sample::new(config);
    let mut source = Source::connect_to_last(&config.kafka, limit, PATIENCE)?;
    while !source.finished() && sample.rows.len() < limit {
        let batch = source.poll(Duration::from_millis(100))?;
        for record in batch.records().take(limit - sample.rows.len()) {
            sample.take_record(&record);
        }
    }
    sample.print(format)
}
