//! When a payment happened: the expression that reads it as a number of milliseconds.

use super::FlinkJob;
use super::raw_columns::RawColumns;
use super::refusal::Refusals;
use super::sql_text::{big, literal};
use super::time_zones::ScriptZone;
use crate::decode::mapping::{EpochUnit, Place, TimeForm};

/// A number as JSON writes one. An exponent has at most three digits: Flink would write out a number with a larger one, and
/// never end.
pub(super) const NUMBER: &str = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?\z";

/// A day that exists, from the year 1 to 9999.
const DAY: &str = concat!(
    "(?!0000)(",
    "[0-9]{4}-(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])",
    "|[0-9]{4}-(0[469]|11)-(0[1-9]|[12][0-9]|30)",
    "|[0-9]{4}-02-(0[1-9]|1[0-9]|2[0-8])",
    "|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29",
    ")"
);
/// A time of day.
const CLOCK: &str = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?";
/// A distance from UTC.
const AHEAD: &str = "(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)";

/// The milliseconds since 1970, NULL if what stands there is not a valid time.
pub(super) fn millis(
    job: &FlinkJob,
    zone: &ScriptZone,
    columns: &mut RawColumns,
    refusals: &mut Refusals,
) -> String {
    let settings = job.decoding.mapping.settings();
    let text = columns.text(&settings.event_time);
    if settings.event_time == Place::Timestamp {
        return text;
    }
    match &settings.event_time_form {
        TimeForm::Auto => auto(&text, |local| zone.moment(job.decoding.zone, local)),
        TimeForm::Epoch(unit) => epoch(&text, *unit),
        TimeForm::Pattern(_) => {
            refusals.add(
                "payment.event_time_format",
                "a pattern of strftime is read in another way by Java: let the producer write times as \
                 YYYY-MM-DD HH:MM:SS, or as a number since 1970",
            );
            "NULL".to_owned()
        }
    }
}

fn auto(text: &str, moment: impl Fn(&str) -> String) -> String {
    let whole = format!("TRY_CAST(TRY_CAST({text} AS DECIMAL(38, 18)) AS BIGINT)");
    let plain = format!(r"^{DAY}[ T]{CLOCK}\z");
    let with_offset = format!(r"^{DAY}[ T]{CLOCK}{AHEAD}\z");
    let minute = minute(text);
    let rest = below_minute(text);
    let ahead = ahead(text);
    format!(
        "CASE\n        \
         WHEN REGEXP({text}, {}) THEN {} + {rest}\n        \
         WHEN REGEXP({text}, {}) THEN {minute} + {rest} - {ahead}\n        \
         WHEN REGEXP({text}, {}) AND MOD(TRY_CAST({text} AS DECIMAL(38, 18)), 1) = 0 THEN {whole}\n      \
         END",
        literal(&plain),
        moment(&minute),
        literal(&with_offset),
        literal(NUMBER),
    )
}

/// The milliseconds of the minute that `text` begins with, since 1970-01-01 00:00 on the same clock.
fn minute(text: &str) -> String {
    let number = |from: u8| format!("TRY_CAST(SUBSTRING({text} FROM {from} FOR 2) AS BIGINT)");
    format!(
        "({} * TIMESTAMPDIFF(DAY, DATE '1970-01-01', TRY_CAST(SUBSTRING({text} FROM 1 FOR 10) AS DATE)) + \
         3600000 * {} + 60000 * {})",
        big(86_400_000),
        number(12),
        number(15)
    )
}

/// The seconds with their first three decimals, in milliseconds.
fn below_minute(text: &str) -> String {
    format!(
        "CASE WHEN SUBSTRING({text} FROM 17 FOR 1) = ':' THEN 1000 * TRY_CAST(SUBSTRING({text} FROM 18 FOR 2) AS \
         BIGINT) ELSE 0 END + CASE WHEN SUBSTRING({text} FROM 20 FOR 1) = '.' THEN \
         TRY_CAST(RPAD(REGEXP_EXTRACT(SUBSTRING({text} FROM 21), '^([0-9]{{1,3}})', 1), 3, '0') AS BIGINT) ELSE \
         0 END"
    )
}

/// How far the clock is ahead of UTC, in milliseconds, by the end of the text.
fn ahead(text: &str) -> String {
    let group = |number: u8| {
        format!(
            "TRY_CAST(REGEXP_EXTRACT(SUBSTRING({text} FROM 17), '[+-]([0-9]{{2}}):?([0-9]{{2}})?\\z', {number}) AS \
             BIGINT)"
        )
    };
    format!(
        "CASE WHEN {text} LIKE '%Z' THEN 0 ELSE (CASE WHEN SUBSTRING({text} FROM 17) LIKE '%-%' THEN -1 ELSE 1 \
         END) * ({} * 3600000 + COALESCE({}, 0) * 60000) END",
        group(1),
        group(2),
    )
}

fn epoch(text: &str, unit: EpochUnit) -> String {
    let number = format!("TRY_CAST({text} AS DECIMAL(29, 9))");
    let millis = match unit {
        EpochUnit::Seconds => format!("FLOOR({number} * 1000)"),
        EpochUnit::Millis => format!("FLOOR({number})"),
        EpochUnit::Micros => format!("FLOOR(FLOOR({number}) * 0.001)"),
        EpochUnit::Nanos => format!("FLOOR(FLOOR({number}) * 0.000001)"),
    };
    format!(
        "CASE WHEN REGEXP({text}, {}) THEN TRY_CAST({millis} AS BIGINT) END",
        literal(NUMBER)
    )
}
