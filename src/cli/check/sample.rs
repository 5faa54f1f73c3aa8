//! `tidegauge check --sample` and `--from-topic`: what is read from some records, and why others are rejected.

mod repeats;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use serde::Serialize;
use tracing::warn;

use self::repeats::Repeats;
use crate::cli::failure::CommandFailure;
use crate::cli::line_envelope;
use crate::cli::lines;
use crate::cli::output::OutputFormat;
use crate::cli::report::{self, FigureList};
use crate::config::Config;
use crate::decode::mapping::AmountScale;
use crate::decode::{Decoded, Decoder, FoundFact};
use crate::domain::amount::Amount;
use crate::domain::branch_texts::BranchTexts;
use crate::domain::count::{agreeing, counted, counted_in_threes, grouped};
use crate::domain::duration;
use crate::domain::record::Record;
use crate::domain::timestamp::{looks_like_seconds, rfc3339};
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
    /// `payment`, `duplicate`, `conflict`, `filtered`, `tombstone` or `rejected`.
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
    /// Finds duplicates, if payments are compared.
    repeats: Option<Repeats>,
    rows: Vec<SampleRow>,
    outcomes: BTreeMap<&'static str, u64>,
    reasons: BTreeMap<&'static str, u64>,
    /// Payments of January and February 1970.
    like_seconds: u64,
    /// What one minor unit is in units of amounts, if all amounts are in the same ones.
    minor_unit: Option<i128>,
    /// Payments that are not a whole number of minor units.
    parts_of_minor_units: u64,
    /// Whether there are more records than were looked at.
    is_cut: bool,
}

impl Sample {
    fn new(config: &Config) -> anyhow::Result<Self> {
        let texts: Arc<BranchTexts> = Arc::default();
        Ok(Self {
            repeats: Repeats::new(config)?,
            decoder: Decoder::new(config.decoding(), Arc::clone(&texts)),
            texts,
            is_original: config.payment.is_original(),
            rows: Vec::new(),
            outcomes: BTreeMap::new(),
            reasons: BTreeMap::new(),
            like_seconds: 0,
            minor_unit: match config.payment.settings().amount_form.scale {
                AmountScale::Fixed(scale) if scale > 0 => {
                    Some(10_i128.pow(Amount::SCALE.saturating_sub(scale)))
                }
                AmountScale::Fixed(_) | AmountScale::OfCurrency => None,
            },
            parts_of_minor_units: 0,
            is_cut: false,
        })
    }

    fn take_line(&mut self, line: u64, value: &[u8]) -> anyhow::Result<()> {
        let envelope = line_envelope::read(value, self.is_original);
        let (record, fault) = match &envelope {
            Some(envelope) => envelope.record(value),
            None => (Record::of(Some(value)), None),
        };
        let decoded = match fault {
            Some(reject) => Decoded::Reject(reject),
            None => self.decoder.decode(&record),
        };
        let row = self.row(&record, decoded)?;
        self.rows.push(SampleRow {
            line: Some(line),
            ..row
        });
        Ok(())
    }

    fn take_record(&mut self, record: &Record<'_>) -> anyhow::Result<()> {
        let decoded = self.decoder.decode(record);
        let row = self.row(record, decoded)?;
        self.rows.push(SampleRow {
            partition: Some(record.partition),
            offset: Some(record.offset),
            ..row
        });
        Ok(())
    }

    fn row(&mut self, record: &Record<'_>, decoded: Decoded) -> anyhow::Result<SampleRow> {
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
                let repeats = self.repeats.as_mut();
                let repeats = repeats.map(|repeats| repeats.outcome(record));
                row.outcome = repeats.transpose()?.flatten().unwrap_or("payment");
                self.like_seconds += u64::from(looks_like_seconds(payment.event_time.millis()));
                let is_part = |unit: i128| payment.amount.units() % unit != 0;
                self.parts_of_minor_units += u64::from(self.minor_unit.is_some_and(is_part));
                row.event_time = Some(rfc3339(payment.event_time));
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
        Ok(row)
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

    /// Says what the rows don't show at a glance; an error if nothing could be read.
    fn conclude(&self) -> Result<(), CommandFailure> {
        let of = |outcome| self.outcomes.get(outcome).copied().unwrap_or_default();
        let (rejected, filtered) = (of("rejected"), of("filtered"));
        let payments = of("payment") + of("duplicate") + of("conflict");
        let all = self.rows.len() as u64;
        if all == 0 {
            return Err(anyhow!("there is no record to look at").into());
        }
        let reasons = self.reasons.iter();
        let reasons = reasons.map(|(reason, count)| format!("{} {reason}", grouped(*count)));
        let reasons = reasons.collect::<Vec<_>>().join(", ");
        let records = counted_in_threes(all, "record");
        if payments == 0 && filtered == 0 && rejected > 0 {
            let rejects = anyhow!(
                "none of {records} is a payment by this configuration ({reasons}); the section [payment] \
                 says where facts stand"
            );
            return Err(rejects.into());
        }
        if self.is_cut {
            warn!("these are the first {records}; --limit looks at more");
        }
        if self.like_seconds > 0 {
            warn!(
                "{} {} dated January or February 1970: does the event time hold seconds? \
                 payment.event_time_format = \"epoch_s\" takes them",
                counted(self.like_seconds, "payment"),
                agreeing(self.like_seconds, "is", "are")
            );
        }
        if self.parts_of_minor_units > 0 {
            warn!(
                "{} {} a fraction of the minor unit that payment.amount_scale names: are some amounts in \
                 whole units of the currency?",
                counted(self.parts_of_minor_units, "payment"),
                agreeing(self.parts_of_minor_units, "has", "have")
            );
        }
        if payments == 0 && filtered > 0 {
            warn!(
                "none of {records} counts: payment.where leaves out {}",
                grouped(filtered)
            );
        }
        let repeats = repeats::told(of("duplicate"), of("conflict"));
        if rejected > 0 || repeats.is_some() {
            let rejects = (rejected > 0).then(|| format!("; rejected: {reasons}"));
            warn!(
                "{} of {records} {}{}{}",
                grouped(payments),
                agreeing(payments, "is a payment", "are payments"),
                repeats.unwrap_or_default(),
                rejects.unwrap_or_default(),
            );
        }
        Ok(())
    }
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
    let mut sample = Sample::new(config)?;
    let (mut line, mut outcome) = (0, Ok(()));
    lines::of_file(file, |value| {
        if sample.rows.len() >= limit {
            sample.is_cut = true;
            return ControlFlow::Break(());
        }
        line += 1;
        outcome = sample.take_line(line, value);
        match outcome {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    outcome?;
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
    let mut sample = Sample::new(config)?;
    let mut source = Source::connect_to_last(&config.kafka, limit, PATIENCE)?;
    let mut heard = Instant::now();
    while !source.finished() && sample.rows.len() < limit {
        let batch = source.poll(Duration::from_millis(100))?;
        if batch.len() > 0 {
            heard = Instant::now();
        } else if heard.elapsed() >= PATIENCE {
            return Err(CommandFailure::Unavailable(anyhow!(
                "no more records of topic \"{}\" came within {}, and its end was not reached: do its \
                 brokers still run?",
                config.kafka.topic,
                duration::text(PATIENCE)
            )));
        }
        for record in batch.records().take(limit - sample.rows.len()) {
            sample.take_record(&record)?;
        }
    }
    sample.print(format)
}
