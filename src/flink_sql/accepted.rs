//! The table of records, and the view of those that are payments.

use tidegauge_windows::Span;

use super::raw_columns::{RawColumns, in_query, in_table};
use super::refusal::Refusals;
use super::sql_text::{interval, literal, plus, timestamp};
use super::time_zones::ScriptZone;
use super::{FlinkJob, LateRule, ReadFrom};
use super::{amount, branch, condition, event_time};

/// The statements that give the view [`VIEW`].
#[derive(Debug)]
pub(super) struct Payments {
    table: String,
    view: String,
}

/// The view of the payments that count: `event_ms`, `amount`, `branch_id`, `is_future`, and with
/// [`LateRule::Drop`] the time attribute `event_time`.
pub(super) const VIEW: &str = "payments";

/// The first and the last millisecond of the years 1 to 9999.
const YEARS: &str = "BETWEEN -62135596800000 AND 253402300799999";

impl Payments {
    pub(super) fn of(job: &FlinkJob, zone: &ScriptZone, refusals: &mut Refusals) -> Self {
        let settings = job.decoding.mapping.settings();
        let mut columns = RawColumns::new(settings.envelope.clone().unwrap_or_default());
        let millis = event_time::millis(job, zone, &mut columns, refusals);
        let mut amount = amount::decimal(job, &mut columns, refusals);
        let branch = branch::text(job, &mut columns);
        let recorded = columns.timestamp();
        let mut facts = vec!["event_ms", "amount", "branch_id", "record_ms"];
        let mut valid = vec![
            format!("f.event_ms {YEARS}"),
            "f.amount IS NOT NULL".to_owned(),
            "f.branch_id IS NOT NULL".to_owned(),
        ];
        // Currencies that are a part of the branch are checked there.
        let currency = branch::currency(job, &mut columns);
        let mut values = Vec::new();
        if let Some(currency) = currency {
            facts.push("currency");
            valid.push("f.currency IS NOT NULL".to_owned());
            values.push(currency);
        }
        if job.decoding.mapping.is_original() {
            for name in ["orderId", "payPlatform"] {
                let path = crate::decode::mapping::Path::field(name);
                let text = columns.payment_text(path.steps());
                valid.push(format!(
                    "({text} IS NULL OR (REGEXP({text}, {}) AND MOD(TRY_CAST({text} AS DECIMAL(38, 18)), 1) = 0))",
                    literal(event_time::NUMBER)
                ));
            }
        }
        if let Some(condition) = &settings.condition {
            valid.push(condition::boolean(
                "payment.where",
                condition,
                &mut columns,
                refusals,
            ));
        }
        if let Some(negative) = &settings.negative {
            let negative =
                condition::boolean("payment.negative_where", negative, &mut columns, refusals);
            // What it does not decide is left out.
            amount =
                format!("CASE {negative} WHEN TRUE THEN -({amount}) WHEN FALSE THEN {amount} END");
        }
        let mut of_facts = vec![millis.clone(), amount, branch, recorded.clone()];
        of_facts.append(&mut values);
        let is_future = is_future(job, "f.event_ms", "f.record_ms");
        let has_time = job.late == LateRule::Drop;
        let event_time = if has_time { ", r.event_time" } else { "" };
        let view = format!(
            "\
-- Payments that count. A record that is not one is left out.
CREATE TEMPORARY VIEW {VIEW} AS
SELECT f.event_ms, f.amount, f.branch_id, {is_future} AS is_future{event_time}
FROM records AS r
CROSS JOIN UNNEST(ARRAY[ROW(
      {}
  )]) AS f ({})
WHERE {};

",
            of_facts.join(",\n      "),
            facts.join(", "),
            valid.join("\n  AND "),
        );
        let mut definitions = columns.definitions(refusals);
        if has_time {
            definitions.extend(time_attribute(job, &millis, &recorded));
        }
        let table = format!(
            "\
-- Each value is read as the text that stands in the record.
CREATE TEMPORARY TABLE records (
  {}
) WITH (
  {}
);

",
            definitions.join(",\n  "),
            options(job, &columns).join(",\n  "),
        );
        Self {
            table,
            view: in_query(&view, "r"),
        }
    }

    pub(super) fn statements(&self) -> String {
        format!("\n{}{}", self.table, self.view)
    }
}

/// Whether a payment is dated so far ahead of its record that it is in no window.
fn is_future(job: &FlinkJob, event_ms: &str, record_ms: &str) -> String {
    let latest = plus(record_ms, job.settings.max_future.millis());
    format!("({record_ms} >= 0 AND {event_ms} > {latest})")
}

// A record that is not a payment has some time, and moves no watermark; neither does a future payment.
fn time_attribute(job: &FlinkJob, millis: &str, recorded: &str) -> [String; 2] {
    // Columns of a table are not those of the view.
    let (millis, recorded) = (in_table(millis), in_table(recorded));
    let time = timestamp(&format!("COALESCE({millis}, 0)"));
    let is_future = is_future(job, &format!("({millis})"), &recorded);
    [
        format!("event_time AS {time}"),
        format!(
            "WATERMARK FOR event_time AS CASE WHEN ({millis}) {YEARS} AND NOT {is_future} THEN event_time - {} END",
            // A watermark of Flink is the last moment that is over, ours the first that is not.
            interval(Span::from_millis(
                job.settings.out_of_orderness.millis() + 1
            ))
        ),
    ]
}

fn options(job: &FlinkJob, columns: &RawColumns) -> Vec<String> {
    let mut options = vec![
        ("connector", "kafka".to_owned()),
        ("topic", job.topic.clone()),
        ("properties.bootstrap.servers", job.brokers.clone()),
        ("properties.group.id", job.group.clone()),
        // Records of a transaction that was aborted do not count.
        ("properties.isolation.level", "read_committed".to_owned()),
    ];
    match &job.start {
        ReadFrom::Earliest => {
            options.push(("scan.startup.mode", "earliest-offset".to_owned()));
        }
        ReadFrom::Offsets(offsets) => {
            let offsets: Vec<String> = offsets
                .iter()
                .map(|(partition, offset)| format!("partition:{partition},offset:{offset}"))
                .collect();
            options.push(("scan.startup.mode", "specific-offsets".to_owned()));
            options.push(("scan.startup.specific-offsets", offsets.join(";")));
        }
    }
    if job.is_bounded {
        options.push(("scan.bounded.mode", "latest-offset".to_owned()));
    }
    if job.late == LateRule::Drop {
        // What is dropped then depends on the order of records, not on when a timer fires.
        options.push(("scan.watermark.emit.strategy", "on-event".to_owned()));
    }
    options.extend(columns.options());
    let mut lines: Vec<String> = options
        .iter()
        .map(|(key, value)| format!("'{key}' = {}", literal(value)))
        .collect();
    let of_format = columns.format_prefix();
    lines.push(format!("'{of_format}ignore-parse-errors' = 'true'"));
    lines.extend(job.properties.iter().map(|(key, value)| {
        format!(
            "{} = {}",
            literal(&format!("properties.{key}")),
            literal(value)
        )
    }));
    lines
}
