//! The windows of payments by arithmetic: each payment is put to all of its windows, whenever it comes, and an
//! ordinary aggregation adds them up, which drops nothing.
//!
//! Numbers that are used several times get a name by `CROSS JOIN UNNEST(ARRAY[…])`. The array has columns of the row in
//! it: one of constants would be planned as a join that keeps all payments.

use tidegauge_windows::{Definition, Kind, Span};

use super::FlinkJob;
use super::accepted::VIEW;
use super::refusal::Refusals;
use super::sql_text::{floor_to, modulo, plus, sum_of};
use super::time_zones::{Clocks, ScriptZone};

/// A payment is put to at most so many windows of a definition.
const OVERLAP_MAX: u64 = 2_000;
/// In milliseconds.
const DAY: i64 = Span::DAY.millis();
/// A local day lasts at most so much longer than 24 hours, in milliseconds, where clocks change.
const LONGER: i64 = 3 * Span::HOUR.millis();

/// The query of a definition's windows: `id`, `branch_id`, `start_ms`, `end_ms`, `pay_count`, `amount`, `least`, `most`,
/// `is_final`.
pub(super) fn query(
    definition: &Definition,
    zone: &ScriptZone,
    job: &FlinkJob,
    refusals: &mut Refusals,
) -> String {
    let overlap = definition.overlap();
    if overlap > OVERLAP_MAX {
        refusals.add(
            format!("window \"{}\"", definition.name()),
            format!(
                "a payment is in up to {overlap} of these windows, and a script puts it to at most \
                 {OVERLAP_MAX}: give a longer slide or step, or leave the window out with --window"
            ),
        );
        return String::new();
    }
    let assignment = match even_shift(definition) {
        Some(shift) => even(definition, shift),
        None => by_days(definition, zone),
    };
    let retention = job.settings.retention.millis() / 1_000;
    let (amount, payments) = (sum_of("w.amount"), assignment.query());
    // The id alone is the key, so that Flink knows that it is the key of the table too: with another one, it would delete
    // a figure before it writes it again.
    format!(
        "\
SELECT g.id,
  REGEXP_EXTRACT(g.id, '^(.*)@-?[0-9]+--?[0-9]+$', 1) AS branch_id,
  CAST(REGEXP_EXTRACT(g.id, '@(-?[0-9]+)-(-?[0-9]+)$', 1) AS BIGINT) AS start_ms,
  CAST(REGEXP_EXTRACT(g.id, '@(-?[0-9]+)-(-?[0-9]+)$', 2) AS BIGINT) AS end_ms,
  g.pay_count, g.amount, g.least, g.most, FALSE AS is_final
FROM (
  SELECT /*+ STATE_TTL('w' = '{retention} s') */
    w.id, COUNT(*) AS pay_count, {amount} AS amount,
    MIN(w.amount) AS least, MAX(w.amount) AS most
  FROM (
{payments}
  ) AS w
  GROUP BY w.id
) AS g"
    )
}

/// How far windows are shifted from a grid that begins at 1970-01-01 00:00 in UTC, in milliseconds. `None` if clock
/// changes shift them.
pub(super) fn even_shift(definition: &Definition) -> Option<i64> {
    let offset = definition.offset().millis();
    if !definition.zoned() {
        return Some(offset);
    }
    match Clocks::of(definition.zone()) {
        Clocks::Fixed { ahead, .. } => Some(offset - ahead),
        Clocks::Changing => None,
    }
}

/// How payments `p` get their windows.
struct WindowAssignment {
    /// Arrays to be unnested one after the other, each with the alias and the names of its columns.
    arrays: Vec<(String, &'static str)>,
    start: String,
    end: String,
    /// What must hold beside that the payment is in the window.
    condition: Option<String>,
}

impl WindowAssignment {
    fn query(&self) -> String {
        let Self {
            arrays, start, end, ..
        } = self;
        let joins: String = arrays
            .iter()
            .map(|(array, alias)| format!("    CROSS JOIN UNNEST(ARRAY[{array}]) AS {alias}\n"))
            .collect();
        let condition = match &self.condition {
            Some(condition) => format!(" AND {condition}"),
            None => String::new(),
        };
        format!(
            "    SELECT CONCAT(p.branch_id, '@', CAST({start} AS STRING), '-', CAST({end} AS STRING)) AS id, p.amount
    FROM {VIEW} AS p
{joins}    WHERE NOT p.is_future AND {start} <= p.event_ms AND p.event_ms < {end}{condition}"
        )
    }
}

fn even(definition: &Definition, shift: i64) -> WindowAssignment {
    let (size, slide) = (definition.size().millis(), definition.slide().millis());
    let on_grid = |step| {
        let shifted = match shift {
            0 => "p.event_ms".to_owned(),
            shift => format!("({})", plus("p.event_ms", -shift)),
        };
        format!("p.event_ms - {}", modulo(&shifted, step))
    };
    let steps = 0..i64::try_from(definition.overlap()).unwrap_or_default();
    match definition.kind() {
        Kind::Tumbling => WindowAssignment {
            arrays: vec![(on_grid(size), "n (start_ms)")],
            start: "n.start_ms".to_owned(),
            end: plus("n.start_ms", size),
            condition: None,
        },
        // Backwards from the last window that has begun.
        Kind::Sliding => WindowAssignment {
            arrays: vec![
                (on_grid(slide), "n (last_ms)"),
                (
                    listed(steps.map(|n| plus("n.last_ms", -n * slide))),
                    "s (start_ms)",
                ),
            ],
            start: "s.start_ms".to_owned(),
            end: plus("s.start_ms", size),
            condition: None,
        },
        Kind::Cumulative => WindowAssignment {
            arrays: vec![
                (on_grid(size), "n (start_ms)"),
                (
                    listed((1..=size / slide).map(|n| plus("n.start_ms", n * slide))),
                    "e (end_ms)",
                ),
            ],
            start: "n.start_ms".to_owned(),
            end: "e.end_ms".to_owned(),
            condition: None,
        },
    }
}

// Days around that of the payment are tried: when a clock change repeats the beginning of a day, the date on the clock
// is not always that of the day.
fn by_days(definition: &Definition, zone: &ScriptZone) -> WindowAssignment {
    let days = LocalDays { definition, zone };
    let (size, slide) = (definition.size().millis(), definition.slide().millis());
    let (size_days, slide_days) = (size / DAY, slide / DAY);
    let in_steps =
        |length: i64| listed((0..=(length - 1) / slide).map(|n| plus("b.start_ms", n * slide)));
    let whole = |arrays| WindowAssignment {
        arrays,
        start: "b.start_ms".to_owned(),
        end: "b.end_ms".to_owned(),
        condition: None,
    };
    match definition.kind() {
        Kind::Tumbling => whole(days.periods(size_days, size_days)),
        Kind::Sliding if slide_days > 0 => whole(days.periods(slide_days, size_days)),
        // Starts are elapsed time since the day began, and begin again with the next day.
        Kind::Sliding => {
            let mut arrays = days.periods_before(1, 1, size_days);
            arrays.push((in_steps(DAY + LONGER), "s (start_ms)"));
            WindowAssignment {
                arrays,
                start: "s.start_ms".to_owned(),
                end: plus("s.start_ms", size),
                condition: Some("s.start_ms < b.end_ms".to_owned()),
            }
        }
        Kind::Cumulative if slide % DAY == 0 => {
            let mut arrays = days.periods(size_days, size_days);
            let ends = (1..=size / slide).map(|n| days.begin("k.number", n * slide_days));
            arrays.push((listed(ends), "e (end_ms)"));
            WindowAssignment {
                end: "e.end_ms".to_owned(),
                ..whole(arrays)
            }
        }
        Kind::Cumulative => {
            let mut arrays = days.periods(size_days, size_days);
            arrays.push((in_steps(size + LONGER), "s (from_ms)"));
            WindowAssignment {
                end: format!("LEAST({}, b.end_ms)", plus("s.from_ms", slide)),
                condition: Some("s.from_ms < b.end_ms".to_owned()),
                ..whole(arrays)
            }
        }
    }
}

/// The days of a definition's zone: they begin at local midnight plus the offset.
struct LocalDays<'a> {
    definition: &'a Definition,
    zone: &'a ScriptZone,
}

impl LocalDays<'_> {
    /// The periods of `length` days, one every `step` days, that may hold the payment: `b.start_ms` and `b.end_ms`, with
    /// the number `k.number` of the day that they begin with.
    fn periods(&self, step: i64, length: i64) -> Vec<(String, &'static str)> {
        self.periods_before(step, length, (length + step - 1) / step)
    }

    fn periods_before(&self, step: i64, length: i64, before: i64) -> Vec<(String, &'static str)> {
        let tz = self.definition.zone();
        let offset = self.definition.offset().millis();
        let shown = plus(&self.zone.local(tz, "p.event_ms"), -offset);
        let numbers = (-before..=1).map(|n| plus("t.number", n * step));
        let period = format!(
            "ROW({}, {})",
            self.begin("k.number", 0),
            self.begin("k.number", length)
        );
        vec![
            (shown, "c (clock_ms)"),
            (
                format!("({}) / {DAY}", floor_to("c.clock_ms", DAY)),
                "d (number)",
            ),
            (floor_to("d.number", step), "t (number)"),
            (listed(numbers), "k (number)"),
            (period, "b (start_ms, end_ms)"),
        ]
    }

    /// When the day `days` after that with the number `number` begins.
    fn begin(&self, number: &str, days: i64) -> String {
        let offset = self.definition.offset().millis();
        // Clocks are read at whole minutes.
        let (minutes, rest) = (offset - offset % 60_000, offset % 60_000);
        let number = match days {
            0 => number.to_owned(),
            days => format!("({})", plus(number, days)),
        };
        let local = plus(&format!("{number} * {DAY}"), minutes);
        plus(&self.zone.moment(self.definition.zone(), &local), rest)
    }
}

fn listed(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}
