//! Rows as a table for people.

mod times;

use std::env;
use std::io::{self, IsTerminal};

use comfy_table::{
    Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle,
    Width,
};
use unicode_width::UnicodeWidthStr;

use self::times::{Times, holds_times};
use super::row::{JsonRow, plain};
use crate::domain::count::{grouped, in_threes};
use crate::view::field::FieldKind;
use crate::view::wire::field_named;

/// A line above, under the header and below.
const STYLE: TableStyle = TableStyle::new()
    .top_border(LINE)
    .header_separator(LINE)
    .bottom_border(LINE);
const LINE: LineStyle = LineStyle::none().fill('─').junction('─');

/// A table shows what fits on a screen: these fields are only in the other formats. Of an amount, the
/// table shows the exact decimal.
const NOT_IN_TABLES: [&str; 6] = [
    "window",
    "pay_amount",
    "pay_avg",
    "closed_by",
    "late_amount",
    "late_amount_exact",
];

/// Fields that are left out on a narrow screen, in this order.
const LEAST_IMPORTANT: [&str; 11] = [
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

/// Sentences are not wrapped in fewer columns of the terminal than this.
const NARROW: usize = 40;

/// A cell shows at most so many characters of a JSON text.
const TEXT_MAX: usize = 60;

/// Sentences are wrapped at so many columns where there is no terminal: in a file, a mail, a pager.
const NO_SCREEN_WIDTH: usize = 160;

/// The screen that a table is drawn for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TableOptions {
    /// Columns of the terminal; `None` without a terminal, where lines may have any length.
    pub width: Option<usize>,
    /// Columns at which sentences are wrapped; `None` for never. No field is left out for it.
    pub wrap: Option<usize>,
    /// Whether open windows are coloured.
    pub colour: bool,
}

impl TableOptions {
    /// The options for stdout: colour only on a terminal, and not with `NO_COLOR`.
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
pub fn table(rows: &[JsonRow], options: TableOptions) -> String {
    let Some(first) = rows.first() else {
        return "nothing".to_owned();
    };
    let mut names: Vec<&str> = first
        .fields()
        .map(|(name, _)| name)
        .filter(|name| is_in_tables(name))
        .collect();
    let times = Times::of(rows, &names);
    let mut left_out = Vec::new();
    let mut least = LEAST_IMPORTANT.iter();
    let mut text = drawn(rows, &names, &times, options.colour, None);
    while options.width.is_some_and(|width| width_of(&text) > width) {
        let Some(name) = least.find(|name| names.contains(*name)) else {
            break;
        };
        names.retain(|other| other != name);
        left_out.push(heading(name));
        text = drawn(rows, &names, &times, options.colour, None);
    }
    if options.wrap.is_some_and(|wrap| width_of(&text) > wrap) {
        text = drawn(rows, &names, &times, options.colour, options.wrap);
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

/// Of percentiles, a table shows the median alone.
fn is_in_tables(name: &str) -> bool {
    let kind = field_named(name).map(|field| field.kind);
    let is_other_percentile = matches!(kind, Some(FieldKind::Percentile(n)) if n != 50);
    !is_other_percentile && !NOT_IN_TABLES.contains(&name)
}

/// What the top border spans: no cell is wider, and it has no colour.
fn width_of(table: &str) -> usize {
    table.lines().next().map_or(0, |line| line.chars().count())
}

/// The table, no wider than `wrap` as far as breaking sentences between words makes it so.
fn drawn(
    rows: &[JsonRow],
    names: &[&str],
    times: &Times,
    colour: bool,
    wrap: Option<usize>,
) -> String {
    let mut table = Table::new();
    table.load_style(STYLE);
    if colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(names.iter().map(|name| heading(name)));
    let columns: Vec<TableColumn> = names
        .iter()
        .map(|name| TableColumn::of(rows, name, times))
        .collect();
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
    for (drawn, (column, name)) in table.column_iter_mut().zip(columns.iter().zip(names)) {
        if column.is_number {
            drawn.set_cell_alignment(CellAlignment::Right);
        }
        if wrap.is_some() {
            let least = column.least_width(&heading(name)) + usize::from(drawn.padding_width());
            drawn.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(columns_u16(
                least,
            ))));
        }
    }
    if let Some(wrap) = wrap {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(columns_u16(wrap));
    }
    table.trim_fmt()
}

/// comfy-table counts the columns of a terminal in 16 bits.
fn columns_u16(columns: usize) -> u16 {
    u16::try_from(columns).unwrap_or(u16::MAX)
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
        if field_named(name).is_some_and(|field| field.kind.is_amount()) {
            return Self::of_amounts(values);
        }
        let is_number = values.clone().any(|value| value.parse::<f64>().is_ok())
            && values
                .clone()
                .all(|value| value == "null" || value.parse::<f64>().is_ok());
        let is_time = holds_times(name);
        let cells = values.map(|value| match (name, value) {
            ("final", "true") => "final".to_owned(),
            ("final", "false") => "open".to_owned(),
            _ if is_time => times.short(&shown(value)),
            _ => shown(value),
        });
        Self {
            cells: cells.collect(),
            is_number,
        }
    }

    /// The columns of the terminal that it needs, so that its heading stays on one line and no word
    /// is broken: a user may copy the name of an index.
    fn least_width(&self, heading: &str) -> usize {
        let words = self.cells.iter().flat_map(|cell| cell.split(' '));
        let longest_word = words.map(UnicodeWidthStr::width).max().unwrap_or(0);
        let whole = self.cells.iter().map(|cell| cell.width()).max();
        let narrow = whole.unwrap_or(0).min(NARROW);
        heading.width().max(longest_word).max(narrow)
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
        // A sentence is shown whole; a JSON text that came with a record is cut.
        Some((at, _)) if text.starts_with(['{', '[', '"']) => {
            format!("{}…", line.get(..at).unwrap_or_default())
        }
        _ => line,
    }
}

#[cfg(test)]
mod tests;
