//! The windows of payments by Flink's window functions: they drop what comes after their end, and forget a window
//! once it is final.

use tidegauge_windows::{Definition, Kind, Span};

use super::accepted::VIEW;
use super::refusal::Refusals;
use super::sql_text::{interval, sum_of};
use super::window_assignment::even_shift;

/// The query of a definition's windows, as that of [`super::window_assignment`].
pub(super) fn query(definition: &Definition, refusals: &mut Refusals) -> String {
    let key = || format!("window \"{}\"", definition.name());
    let (size, slide) = (definition.size(), definition.slide());
    let Some(shift) = even_shift(definition) else {
        refusals.add(
            key(),
            format!(
                "the clocks of {} change, and window functions can't follow them without merging the hour \
                 that is repeated: use --late correct, or leave the window out with --window",
                definition.zone()
            ),
        );
        return String::new();
    };
    if definition.kind() == Kind::Sliding && size.millis() % slide.millis() != 0 {
        refusals.add(
            key(),
            "the window function HOP wants a size that is a multiple of the slide: use --late correct, or give \
             such a size",
        );
        return String::new();
    }
    // The grid repeats after so long.
    let grid = match definition.kind() {
        Kind::Sliding => slide,
        Kind::Tumbling | Kind::Cumulative => size,
    };
    let shift = interval(Span::from_millis(shift.rem_euclid(grid.millis())));
    let (function, lengths) = match definition.kind() {
        Kind::Tumbling => ("TUMBLE", interval(size)),
        Kind::Sliding => ("HOP", format!("{}, {}", interval(slide), interval(size))),
        Kind::Cumulative => (
            "CUMULATE",
            format!("{}, {}", interval(slide), interval(size)),
        ),
    };
    let (start, end) = (millis("f.window_start"), millis("f.window_end"));
    let amount = sum_of("f.amount");
    format!(
        "\
SELECT CONCAT(w.branch_id, '@', CAST(w.start_ms AS STRING), '-', CAST(w.end_ms AS STRING)) AS id,
  w.branch_id, w.start_ms, w.end_ms, w.pay_count, w.amount, w.least, w.most, TRUE AS is_final
FROM (
  SELECT f.branch_id, {start} AS start_ms,
    {end} AS end_ms,
    COUNT(*) AS pay_count, {amount} AS amount,
    MIN(f.amount) AS least, MAX(f.amount) AS most
  FROM TABLE({function}(TABLE {IN_WINDOWS}, DESCRIPTOR(event_time), {lengths}, {shift})) AS f
  GROUP BY f.branch_id, f.window_start, f.window_end
) AS w"
    )
}

/// The view that window functions read: they take no condition.
const IN_WINDOWS: &str = "payments_in_windows";

/// The statement that makes it.
pub(super) fn view() -> String {
    format!(
        "CREATE TEMPORARY VIEW {IN_WINDOWS} AS\nSELECT branch_id, amount, event_time FROM {VIEW} WHERE NOT \
         is_future;\n\n"
    )
}

/// A timestamp without a zone as a number of milliseconds since 1970.
fn millis(timestamp: &str) -> String {
    format!("(1000 * EXTRACT(EPOCH FROM {timestamp}) + EXTRACT(MILLISECOND FROM {timestamp}))")
}
