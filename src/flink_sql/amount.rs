//! What was paid: the expression that reads it as a decimal.

use super::FlinkJob;
use super::event_time::NUMBER;
use super::raw_columns::RawColumns;
use super::refusal::Refusals;
use super::sql_text::literal;
use crate::decode::mapping::AmountScale;

/// The amount with 18 decimals, NULL if what stands there is not a valid amount.
pub(super) fn decimal(job: &FlinkJob, columns: &mut RawColumns, refusals: &mut Refusals) -> String {
    let settings = job.decoding.mapping.settings();
    let form = &settings.amount_form;
    if !form.is_plain_text() {
        refusals.add(
            "payment.amount_point, payment.amount_thousands",
            "only numbers as JSON writes them are read: let the producer write them so",
        );
    }
    let text = columns.text(&settings.amount);
    let scale = match form.scale {
        AmountScale::Fixed(scale) => scale,
        AmountScale::OfCurrency => {
            refusals.add(
                "payment.amount_scale",
                "\"currency\" can't be done: let the producer write amounts in one scale",
            );
            0
        }
    };
    // Decimals that are left out are given as an exponent, so that nothing is rounded before.
    let (valid, number) = match scale {
        0 => (NUMBER.to_owned(), text.clone()),
        scale => (
            r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?\z".to_owned(),
            format!("CONCAT({text}, 'e-{scale}')"),
        ),
    };
    let number = format!("TRY_CAST({number} AS DECIMAL(38, 18))");
    format!(
        "CASE WHEN REGEXP({text}, {}) AND ABS({number}) < 1000000000000000 THEN {number} END",
        literal(&valid)
    )
}
