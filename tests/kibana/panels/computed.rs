//! The same computed from the answers of HTTP: plain loops over rows, sums of exact decimals.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Figure, Panel, Picked, Shown, length, millis};

pub(super) fn compute(panel: &Panel, picked: &Picked, rows: &[Value]) -> Shown {
    let columns = panel.columns();
    let (buckets, figures): (Vec<_>, Vec<_>) = columns
        .iter()
        .partition(|(_, column)| column["isBucketed"] == true);
    let mut groups: BTreeMap<Vec<String>, Vec<&Value>> = BTreeMap::new();
    for row in rows.iter().filter(|row| is_picked(panel, picked, row)) {
        let path: Option<Vec<String>> = buckets
            .iter()
            .map(|(_, column)| key(column, picked, row))
            .collect();
        // What has no such field is in no bucket.
        if let Some(path) = path {
            groups.entry(path).or_default().push(row);
        }
    }
    let mut shown = Shown::new();
    for (path, rows) in groups {
        let has_payments = !panel.of_windows || rows.iter().any(|row| row["pay_count"] != 0);
        let mut values = BTreeMap::new();
        for (id, column) in &figures {
            let zero = panel.of_windows && panel.fills_with_zero;
            let figure = figure(column, &rows).or_else(|| zero.then_some(Figure::ZERO));
            values.extend(figure.map(|figure| (id.clone(), figure)));
        }
        // A table has no row of a branch without payments, a bridged line no point.
        if has_payments || panel.fills_with_zero {
            shown.insert(path, values);
        } else {
            assert!(
                values.values().all(Figure::is_zero),
                "{} leaves out {path:?}: {values:?}",
                panel.id
            );
        }
    }
    shown
}

fn is_picked(panel: &Panel, picked: &Picked, row: &Value) -> bool {
    let in_time = panel.time.as_ref().is_none_or(|time| {
        let (from, to) = picked.time;
        let time = row[time.as_str()].as_str().map(millis);
        time.is_some_and(|time| (from..=to).contains(&time))
    });
    if !panel.obeys_controls() {
        return in_time;
    }
    let branch = row["branch"].as_str().unwrap();
    let in_branches = picked
        .branches
        .as_ref()
        .is_none_or(|branches| branches.iter().any(|wanted| wanted == branch));
    in_time && in_branches && (!picked.only_final || row["final"] == true)
}

fn key(column: &Value, picked: &Picked, row: &Value) -> Option<String> {
    let value = row[column["sourceField"].as_str().unwrap()].as_str()?;
    if column["operationType"] == "terms" {
        return Some(value.to_owned());
    }
    let length = length(picked.interval_of(column));
    let time = millis(value);
    Some((time - time.rem_euclid(length)).to_string())
}

fn figure(column: &Value, rows: &[&Value]) -> Option<Figure> {
    let rows: Vec<&Value> = match column["filter"]["query"].as_str() {
        Some(query) => rows
            .iter()
            .copied()
            .filter(|row| matches(query, row))
            .collect(),
        None => rows.to_vec(),
    };
    let field = column["sourceField"].as_str().unwrap();
    match column["operationType"].as_str().unwrap() {
        "count" => Some(Figure::Number(rows.len() as f64, 0.0)),
        "sum" => sum(field, &rows),
        "max" => {
            let values = rows.iter().filter_map(|row| number(&row[field]));
            values
                .reduce(f64::max)
                .map(|most| Figure::Number(most, 0.0))
        }
        "last_value" => {
            let sort = column["params"]["sortField"].as_str().unwrap();
            let last = rows
                .iter()
                .max_by_key(|row| millis(row[sort].as_str().unwrap()))?;
            match (column["dataType"].as_str().unwrap(), &last[field]) {
                ("string", Value::String(text)) => Some(Figure::Text(text.clone())),
                (_, value) => Some(Figure::Number(number(value)?, 0.0)),
            }
        }
        other => panic!("{other} is not computed"),
    }
}

/// The exact sum, and how far one of doubles may be off: half a last digit for reading each, as
/// much for adding it. Counts are doubles without loss, and so are their sums.
fn sum(field: &str, rows: &[&Value]) -> Option<Figure> {
    let exact = format!("{field}_exact");
    if rows.iter().all(|row| row[exact.as_str()].is_null()) {
        let total: i64 = rows.iter().map(|row| row[field].as_i64().unwrap()).sum();
        return Some(Figure::Number(total as f64, 0.0));
    }
    let units = |row: &&Value| units_of(row[exact.as_str()].as_str().unwrap());
    let total: i128 = rows.iter().map(units).sum();
    let size: f64 = rows.iter().map(|row| (units(row) as f64).abs()).sum();
    let off = size / UNIT as f64 * f64::EPSILON * (rows.len() as f64 + 2.0);
    Some(Figure::Number(total as f64 / UNIT as f64, off))
}

/// One, in units of 10^-18.
const UNIT: i128 = 1_000_000_000_000_000_000;

fn units_of(text: &str) -> i128 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = format!("{fraction:0<18}");
    sign * (whole.parse::<i128>().unwrap() * UNIT + fraction.parse::<i128>().unwrap())
}

fn matches(query: &str, row: &Value) -> bool {
    if query.contains(" and ") {
        return query.split(" and ").all(|term| matches(term, row));
    }
    if let Some(field) = query.strip_suffix(": *") {
        return !row[field].is_null();
    }
    if let Some((field, least)) = query.split_once(" > ") {
        return number(&row[field]) > Some(least.parse().unwrap());
    }
    let (field, value) = query.split_once(": ").unwrap();
    row[field].as_bool() == Some(value == "true")
}

/// A number, or a time in ms.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(time) => Some(millis(time) as f64),
        value => value.as_f64(),
    }
}
