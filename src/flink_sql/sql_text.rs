//! Texts of SQL as Flink reads it.

use tidegauge_windows::Span;

/// `text` as a literal: `'it''s'`.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `name` as an identifier.
pub(super) fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// `text` as it can stand in a comment: on one line.
pub(super) fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// A number of 64 bits, where nothing else in the expression has as many.
pub(super) fn big(number: i64) -> String {
    format!("CAST({number} AS BIGINT)")
}

/// `number` and `added` together; `number` has 64 bits.
pub(super) fn plus(number: &str, added: i64) -> String {
    match added {
        0 => number.to_owned(),
        added if added < 0 => format!("{number} - {}", added.unsigned_abs()),
        added => format!("{number} + {added}"),
    }
}

/// A length of time: `INTERVAL '90' MINUTE(2)`.
pub(super) fn interval(span: Span) -> String {
    const UNITS: [(Span, &str); 4] = [
        (Span::DAY, "DAY"),
        (Span::HOUR, "HOUR"),
        (Span::MINUTE, "MINUTE"),
        (Span::SECOND, "SECOND"),
    ];
    let millis = span.millis();
    for (unit, name) in UNITS {
        if millis % unit.millis() == 0 {
            let number = (millis / unit.millis()).to_string();
            return format!("INTERVAL '{number}' {name}({})", number.len());
        }
    }
    let (seconds, rest) = (millis / 1_000, millis % 1_000);
    let digits = seconds.to_string().len();
    format!("INTERVAL '{seconds}.{rest:03}' SECOND({digits}, 3)")
}

/// The largest multiple of `step` that is at most `number`, which has 64 bits: SQL's own division rounds towards zero.
pub(super) fn floor_to(number: &str, step: i64) -> String {
    format!("{number} - {}", modulo(number, step))
}

/// How far `number`, of 64 bits, is above the largest multiple of `step` that is at most as large.
pub(super) fn modulo(number: &str, step: i64) -> String {
    // MOD has the type of the step, and a sum of two may need more than 32 bits.
    let step = match step < i64::from(i32::MAX / 2) {
        true => step.to_string(),
        false => big(step),
    };
    format!("MOD(MOD({number}, {step}) + {step}, {step})")
}

/// The sum of amounts, NULL if it may be too large for a decimal: Flink's own sum would begin at zero again.
pub(super) fn sum_of(amount: &str) -> String {
    format!("CASE WHEN SUM(ABS(CAST({amount} AS DOUBLE))) < 9.9e19 THEN SUM({amount}) END")
}

/// The moment that is `millis` after 1970 in UTC, or on a clock, as a timestamp without a zone.
pub(super) fn timestamp(millis: &str) -> String {
    format!("(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL '0.001' SECOND(1, 3) * ({millis}))")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_written_in_its_largest_whole_unit() {
        for (millis, text) in [
            (86_400_000, "INTERVAL '1' DAY(1)"),
            (28_800_000, "INTERVAL '8' HOUR(1)"),
            (5_400_000, "INTERVAL '90' MINUTE(2)"),
            (5_000, "INTERVAL '5' SECOND(1)"),
            (12_250, "INTERVAL '12.250' SECOND(2, 3)"),
            (250, "INTERVAL '0.250' SECOND(1, 3)"),
        ] {
            assert_eq!(interval(Span::from_millis(millis)), text);
        }
    }

    #[test]
    fn quotes_in_texts_and_names_end_neither() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(identifier("a`b"), "`a``b`");
    }
}
