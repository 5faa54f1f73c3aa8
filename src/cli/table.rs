//! Rows as a table that a person likes to read.

mod wrapping;

use std::env;
use std::io::{self, IsTerminal};

use comfy_table::{Cell, CellAlignment, Color, LineStyle, Table, TableStyle};

use super::row::{JsonRow, plain};
use crate::domain::count::{grouped, in_threes};

/// A line above, under the header and below.
const STYLE: TableStyle = TableStyle::new()
    .top_border(LINE)
    .header_separator(LINE)
    .bottom_border(LINE);
const LINE: LineStyle = LineStyle::none().fill('─').junction('─');

/// A table shows what fits on a screen: these fields are left to the other forms. Of an amount it
/// shows the exact one.
const NOT_IN_TABLES: [&str; 8] = [
    "window",
    "pay_amount",
    "pay_avg",
    "pay_p95",
    "pay_p99",
    "closed_by",
    "late_amount",
    "late_amount_exact",
];

/// What a narrow screen does without, in this order.
const LEAST: [&str; 11] = [
    "first_event_time",
    "pay_p50",
    "record_timestamp",
    "read",
    "watermark",
    "branch_id",
    "revision",
    "late_count",
    "pay_max",
    "pay_min",
    "window_end",
];

/// Amounts beside those whose names end with `_exact`.
const AMOUNTS: [&str; 3] = ["pay_min", "pay_max", "pay_p50"];

/// The most of a free text that a cell shows, in characters.
const TEXT_MAX: usize = 60;

/// Sentences are wrapped at so many columns where there is no screen: in a file, a mail, a pager.
const NO_SCREEN_WIDTH: usize = 160;

/// What the table is shown on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TableOptions {
    /// Columns of the screen, which has no room for more; `None` if there is no end to a line.
    pub width: Option<usize>,
    /// At how many columns sentences are wrapped, if they are. Nothing is left out for it.
    pub wrap: Option<usize>,
    /// Whether windows that are open stand out.
    pub colour: bool,
}

impl TableOptions {
    /// That of stdout: colour on a terminal alone, and not under `NO_COLOR`.
    #[must_use]
    pub fn of_stdout() -> Self {
        if !io::stdout().is_terminal() {
            return Self {
                wrap: Some(NO_SCREEN_WIDTH),
                ..Self::default()
            };
        }
        let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        Self {
            width,
            wrap: width,
            colour: env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }
}

/// The rows as a table, a column for each field of the first that fits on the screen.
#[must_use]
pub fn table(rows: &[JsonRow], look: TableOptions) -> String {
    let Some(first) = rows.first() else {
        return "nothing".to_owned();
    };
    let mut names: Vec<&str> = first
        .fields()
        .map(|(name, _)| name)
        .filter(|name| !NOT_IN_TABLES.contains(name))
        .collect();
    let times = Times::of(rows, &names);
    let mut left_out = Vec::new();
    let mut least = LEAST.iter();
    let mut text = drawn(rows, &names, &times, look.colour, 0);
    while look.width.is_some_and(|width| width_of(&text) > width) {
        let Some(name) = least.find(|name| names.contains(*name)) else {
            break;
        };
        names.retain(|other| other != name);
        left_out.push(heading(name));
        text = drawn(rows, &names, &times, look.colour, 0);
    }
    let excess = look
        .wrap
        .map_or(0, |wrap| width_of(&text).saturating_sub(wrap));
    if excess > 0 {
        text = drawn(rows, &names, &times, look.colour, excess);
    }
    if let Some(day) = &times.day {
        text.push_str(&format!("\n times of {day}, UTC"));
    }
    if !left_out.is_empty() {
        let left_out = left_out.join(", ");
        text.push_str(&format!("\n no room for {left_out}"));
    }
    text
}

/// What the top border spans: no cell is wider, and it has no colour.
fn width_of(table: &str) -> usize {
    table.lines().next().map_or(0, |line| line.chars().count())
}

// Narrower than it would be by `excess` characters, as far as wrapping sentences makes it so.
fn drawn(rows: &[JsonRow], names: &[&str], times: &Times, colour: bool, excess: usize) -> String {
    let mut table = Table::new();
    table.load_style(STYLE);
    if colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(names.iter().map(|name| heading(name)));
    let mut columns: Vec<TableColumn> = names
        .iter()
        .map(|name| TableColumn::of(rows, name, times))
        .collect();
    if excess > 0 {
        wrapping::wrap(columns.iter_mut().map(|column| &mut column.cells), excess);
    }
    for (number, row) in rows.iter().enumerate() {
        let is_open = row.get("final") == Some("false");
        table.add_row(columns.iter().map(|column| {
            let text = column.cells.get(number).map_or("", String::as_str);
            let cell = Cell::new(text);
            if is_open {
                cell.fg(Color::Yellow)
            } else {
                cell
            }
        }));
    }
    for (number, column) in columns.iter().enumerate() {
        if let Some(drawn) = table.column_mut(number).filter(|_| column.is_number) {
            drawn.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

fn heading(name: &str) -> String {
    match name {
        "final" => "state".to_owned(),
        _ => name
            .strip_suffix("_exact")
            .unwrap_or(name)
            .replace('_', " "),
    }
}

struct TableColumn {
    cells: Vec<String>,
    is_number: bool,
}

impl TableColumn {
    fn of(rows: &[JsonRow], name: &str, times: &Times) -> Self {
        let values = rows.iter().map(|row| row.get(name).unwrap_or("null"));
        if name.ends_with("_exact") || AMOUNTS.contains(&name) {
            return Self::of_amounts(values);
        }
        let is_number = values.clone().any(|value| value.parse::<f64>().is_ok())
            && values
                .clone()
                .all(|value| value == "null" || value.parse::<f64>().is_ok());
        let cells = values.map(|value| match (name, value) {
            ("final", "true") => "final".to_owned(),
            ("final", "false") => "open".to_owned(),
            _ if holds_times(name) => times.short(&shown(value)),
            _ => shown(value),
        });
        Self {
            cells: cells.collect(),
            is_number,
        }
    }

    /// With as many decimals in each as the one with most has, so that the points are aligned.
    fn of_amounts<'a>(values: impl Iterator<Item = &'a str> + Clone) -> Self {
        let amounts: Vec<String> = values
            .map(|value| match value.parse::<f64>() {
                // A double has no exact decimal that is short.
                Ok(double) => format!("{double:.2}"),
                Err(_) => plain(value),
            })
            .collect();
        let decimals = amounts
            .iter()
            .filter_map(|amount| Some(amount.split_once('.')?.1.len()))
            .max();
        let decimals = decimals.unwrap_or(0).max(2);
        let cells = amounts.iter().map(|amount| money(amount, decimals));
        Self {
            cells: cells.collect(),
            is_number: true,
        }
    }
}

/// An exact decimal with a comma before every three digits of its whole part and zeros up to
/// `decimals`, which change nothing.
fn money(amount: &str, decimals: usize) -> String {
    let (sign, digits) = match amount.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", amount),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return amount.to_owned();
    }
    let whole = in_threes(whole);
    format!("{sign}{whole}.{fraction:0<decimals$}")
}

/// A value as a cell of a table: integers in groups of three, other numbers with two decimals.
fn shown(value: &str) -> String {
    if let Ok(integer) = value.parse::<i64>() {
        let sign = if integer < 0 { "-" } else { "" };
        return format!("{sign}{}", grouped(integer.unsigned_abs()));
    }
    match value.parse::<f64>() {
        Ok(number) if number.is_finite() => money(&format!("{number:.2}"), 2),
        _ => short(&plain(value)),
    }
}

fn short(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    match line.char_indices().nth(TEXT_MAX) {
        // A sentence is worth its room, what a stranger sent is not.
        Some((at, _)) if text.starts_with(['{', '[', '"']) => {
            format!("{}…", line.get(..at).unwrap_or_default())
        }
        _ => line,
    }
}

/// Whether a field of that name holds a time and nothing else. The name decides, not the look: a
/// sentence, or a name that somebody gave a branch, may look like a time or end with one.
fn holds_times(name: &str) -> bool {
    let ends = ["_time", "_timestamp", "_start", "_end"];
    name == "watermark" || ends.iter().any(|end| name.ends_with(end))
}

/// How times are shown: what all have in common is left out.
#[derive(Default)]
struct Times {
    /// The day, where all times are of the same.
    day: Option<String>,
    /// How many characters of `HH:MM:SS.mmm` tell anything.
    clock: usize,
}

impl Times {
    fn of(rows: &[JsonRow], names: &[&str]) -> Self {
        let texts: Vec<String> = rows
            .iter()
            .flat_map(|row| {
                names
                    .iter()
                    .filter(|name| holds_times(name))
                    .filter_map(|name| row.get(name))
            })
            .map(plain)
            .collect();
        let times: Vec<(&str, &str)> = texts.iter().filter_map(|text| split(text)).collect();
        let Some((first, _)) = times.first() else {
            return Self::default();
        };
        let is_one_day = times.iter().all(|(day, _)| day == first);
        let has = |from: usize, zeros: &str| {
            times.iter().any(|(_, clock)| {
                clock
                    .get(from..)
                    .is_some_and(|rest| !zeros.starts_with(rest))
            })
        };
        Self {
            day: is_one_day.then(|| (*first).to_owned()),
            clock: if has(8, ".000") {
                12
            } else if has(5, ":00") {
                8
            } else {
                5
            },
        }
    }

    /// The text, shorter if it is a time.
    fn short(&self, text: &str) -> String {
        let Some((day, clock)) = split(text) else {
            return text.to_owned();
        };
        let clock = clock.get(..self.clock).unwrap_or(clock);
        match self.day {
            Some(_) => clock.to_owned(),
            None => format!("{day} {clock}"),
        }
    }
}

/// The day and the clock of `2026-11-01T00:12:34.5Z`.
fn split(text: &str) -> Option<(&str, &str)> {
    let (day, clock) = text.strip_suffix('Z')?.split_once('T')?;
    // Nines stand for digits.
    let has_form = |text: &str, form: &[u8]| {
        text.len() == form.len()
            && text.bytes().zip(form).all(|(byte, form)| match form {
                b'9' => byte.is_ascii_digit(),
                _ => byte == *form,
            })
    };
    let (seconds, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let is_time = has_form(day, b"9999-99-99")
        && has_form(seconds, b"99:99:99")
        && fraction.bytes().all(|byte| byte.is_ascii_digit());
    is_time.then_some((day, clock))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn drawn(rows: &[&str], look: TableOptions) -> String {
        let rows: Vec<JsonRow> = rows
            .iter()
            .map(|row| JsonRow::parse(row).unwrap())
            .collect();
        table(&rows, look)
    }

    const WINDOWS: [&str; 2] = [
        r#"{"window":"1h","window_start":"2026-11-01T00:00:00Z","window_end":"2026-11-01T01:00:00Z","branch":"North","branch_id":0,"pay_amount":28601549.25,"pay_amount_exact":"28601549.25","pay_count":1288,"pay_min":-5,"pay_max":198965.51,"pay_p50":null,"final":true,"closed_by":"watermark","revision":2}"#,
        r#"{"window":"1h","window_start":"2026-11-01T01:00:00Z","window_end":"2026-11-01T02:00:00Z","branch":"北京","branch_id":11,"pay_amount":1,"pay_amount_exact":"1.005","pay_count":1,"pay_min":1,"pay_max":1,"pay_p50":1.005,"final":false,"closed_by":null,"revision":0}"#,
    ];

    #[test]
    fn money_is_aligned_at_the_point_and_times_say_what_differs() {
        let lines: Vec<String> = drawn(&WINDOWS, TableOptions::default())
            .lines()
            .map(str::to_owned)
            .collect();
        assert_eq!(
            lines[1..],
            [
                " window start   window end   branch   branch id       pay amount   pay count   pay min      pay max   pay p50   state   revision",
                &"─".repeat(lines[0].chars().count()),
                " 00:00          01:00        North            0   28,601,549.250       1,288     -5.00   198,965.51             final          2",
                " 01:00          02:00        北京            11            1.005           1      1.00         1.00      1.00   open           0",
                &"─".repeat(lines[0].chars().count()),
                " times of 2026-11-01, UTC",
            ]
        );
    }

    #[test]
    fn a_narrow_screen_does_without_the_least() {
        let look = TableOptions {
            width: Some(80),
            ..TableOptions::default()
        };
        let narrow = drawn(&WINDOWS, look);
        assert!(
            narrow.lines().all(|line| line.chars().count() <= 80),
            "{narrow}"
        );
        assert!(
            narrow.contains("28,601,549.250") && narrow.contains("open"),
            "{narrow}"
        );
        assert!(narrow.contains(" no room for pay p50, "), "{narrow}");
    }

    #[test]
    fn sentences_are_wrapped_where_there_is_no_screen_and_no_column_is_left_out() {
        let long = "the index payments-totals-g1 lacks the alias payments-totals, ".repeat(5);
        let row = format!(
            r#"{{"kind":"drift","record_timestamp":null,"what":"{}"}}"#,
            long.trim()
        );
        let row = JsonRow::parse(&row).unwrap();
        let look = TableOptions {
            wrap: Some(100),
            ..TableOptions::default()
        };
        let wrapped = table(&[row], look);
        assert!(wrapped.lines().count() > 6, "{wrapped}");
        assert!(
            wrapped.lines().all(|line| line.chars().count() <= 100),
            "{wrapped}"
        );
        assert!(wrapped.contains("record timestamp"), "{wrapped}");
        let cells: Vec<&str> = wrapped.split_whitespace().collect();
        assert!(cells.join(" ").contains(long.trim()), "{wrapped}");
        // Rows of figures stay rows.
        let figures = drawn(&WINDOWS, look);
        assert_eq!(figures, drawn(&WINDOWS, TableOptions::default()));
    }

    #[test]
    fn colour_marks_open_windows_only_where_it_is_wanted() {
        assert!(!drawn(&WINDOWS, TableOptions::default()).contains('\u{1b}'));
        let look = TableOptions {
            colour: true,
            ..TableOptions::default()
        };
        let coloured = drawn(&WINDOWS, look);
        let marked = |word: &str| {
            let line = coloured.lines().find(|line| line.contains(word)).unwrap();
            line.contains('\u{1b}')
        };
        assert!(marked("open") && !marked("North"), "{coloured}");
    }

    #[test]
    fn times_of_several_days_have_their_day() {
        let rows = [
            r#"{"event_time":"2026-11-01T00:00:01Z"}"#,
            r#"{"event_time":"2026-11-02T00:00:00.25Z"}"#,
            r#"{"event_time":null}"#,
            r#"{"event_time":"no time"}"#,
        ];
        let table = drawn(&rows, TableOptions::default());
        assert!(table.contains(" 2026-11-01 00:00:01\n"), "{table}");
        assert!(table.contains(" 2026-11-02 00:00:00.25\n"), "{table}");
        assert!(!table.contains("UTC"), "{table}");
    }

    #[test]
    fn a_text_that_ends_like_a_time_or_is_one_stays_whole() {
        let rows = [
            r#"{"part":"partition 0","reason":"position 250000, lag 0, watermark 2026-11-01T01:06:34Z","branch":"2026-11-01T01:00:00Z","watermark":"2026-11-01T01:06:34Z"}"#,
            r#"{"part":"partition 1","reason":"position 250000, lag 0, watermark 2026-11-01T01:06:34Z","branch":"2026-11-01T02:00:00Z","watermark":"2026-11-01T01:06:35Z"}"#,
        ];
        let table = drawn(&rows, TableOptions::default());
        for shown in [
            "position 250000, lag 0, watermark 2026-11-01T01:06:34Z   2026-11-01T01:00:00Z   01:06:34\n",
            "position 250000, lag 0, watermark 2026-11-01T01:06:34Z   2026-11-01T02:00:00Z   01:06:35\n",
            "\n times of 2026-11-01, UTC",
        ] {
            assert!(table.contains(shown), "{table}");
        }
        for (text, expected) in [
            ("2026-11-01T00:12:34.5Z", true),
            ("since 2026-11-01T00:12:34Z", false),
            ("2026-11-01T00:12Z", false),
            ("2026-11-01T00:12:34.5.6Z", false),
            ("2026-1101-T00:12:34Z", false),
        ] {
            assert_eq!(split(text).is_some(), expected, "{text}");
        }
    }

    #[test]
    fn numbers_are_made_readable() {
        let row = r#"{"window":"1m","n":1234567,"m":-1234,"x":0.12999999,"y":419181.694,"pay_amount_exact":"-12345.678"}"#;
        let table = drawn(&[row], TableOptions::default());
        assert!(
            table.contains(" 1,234,567   -1,234   0.13   419,181.69   -12,345.678"),
            "{table}"
        );
        assert!(!table.contains("1m") && !table.contains("exact"), "{table}");
        assert_eq!(money("", 2), "");
        assert_eq!(drawn(&[], TableOptions::default()), "nothing");
    }
}
