//! Checks a column of a layer: its operation must be possible on its field, and give a meaningful figure.

use serde_json::Value;

use super::layer_context::LayerContext;
use super::{Faults, text};
use crate::kibana::DocumentSet;
use crate::kibana::dashboard::{PAID, step};
use crate::view::field::FieldKind;
use crate::view::flat_row::FlatRow;
use crate::view::wire::WindowAnswer;

/// Kibana's name for the documents themselves, in place of a field.
pub(super) const RECORDS: &str = "___records___";

/// Whether `field` is a percentile: the sum or average of percentiles is meaningless.
pub(super) fn is_percentile(field: &str) -> bool {
    of_kind(|kind| matches!(kind, FieldKind::Percentile(_))).any(|name| name == field)
}

/// Whether `field` is a figure of windows that is never below zero.
fn is_count(field: &str) -> bool {
    of_kind(|kind| kind == FieldKind::Count).any(|name| name == field)
}

/// The figures of windows whose kind is right.
fn of_kind(is_right: impl Fn(FieldKind) -> bool) -> impl Iterator<Item = &'static str> {
    let fields = WindowAnswer::FIELDS.iter();
    fields
        .filter(move |field| is_right(field.kind))
        .map(|field| field.name)
}

/// Kibana's name for the type of a field.
fn type_of(kind: &str) -> &'static str {
    match kind {
        "keyword" => "string",
        "double" | "long" | "integer" => "number",
        "date" => "date",
        "boolean" => "boolean",
        // Text and other types can be neither grouped by nor added up.
        _ => "none",
    }
}

pub(super) fn operation(
    column: &Value,
    layer: &Value,
    ground: &LayerContext<'_>,
    faults: &mut Faults,
) {
    let LayerContext {
        location, fields, ..
    } = *ground;
    let field = text(&column["sourceField"]);
    let kind = match field.as_str() {
        RECORDS => "records",
        field => fields.get(field).map_or("missing", |kind| type_of(kind)),
    };
    if kind == "missing" {
        faults.add(location, format!("documents have no field {field}"));
        return;
    }
    let operation = text(&column["operationType"]);
    let (fits, is_bucketed, scale, data): (bool, bool, &str, &str) = match operation.as_str() {
        "terms" => (matches!(kind, "string" | "boolean"), true, "ordinal", kind),
        "date_histogram" => (kind == "date", true, "interval", "date"),
        "sum" => (kind == "number", false, "ratio", "number"),
        "max" | "min" => (matches!(kind, "number" | "date"), false, "ratio", kind),
        "count" => (kind == "records", false, "ratio", "number"),
        "last_value" if kind == "string" => (true, false, "ordinal", "string"),
        "last_value" => (matches!(kind, "number" | "date"), false, "ratio", kind),
        _ => {
            faults.add(
                location,
                format!("the operation {operation} is not supported by this check"),
            );
            return;
        }
    };
    faults.expect(
        fits,
        location,
        format!("{operation} is not possible on {field}"),
    );
    let said = column["isBucketed"] == is_bucketed
        && column["scale"] == scale
        && column["dataType"] == data;
    faults.expect(
        said,
        location,
        format!("{operation} has another dataType, scale or isBucketed"),
    );
    parameters(column, layer, ground, faults);
    filter(column, ground, faults);
    without_zeros(&operation, &field, column, ground, faults);
    additive(&operation, &field, layer, ground, faults);
}

fn parameters(column: &Value, layer: &Value, ground: &LayerContext<'_>, faults: &mut Faults) {
    let LayerContext {
        location, fields, ..
    } = *ground;
    let params = &column["params"];
    let has = |names: &[&str]| {
        params.as_object().is_some_and(|map| {
            map.len() == names.len() && names.iter().all(|name| map.contains_key(*name))
        })
    };
    let wrong = "its params are not those of the operation";
    match column["operationType"].as_str() {
        Some("terms") => {
            let names = [
                "exclude",
                "excludeIsRegex",
                "include",
                "includeIsRegex",
                "missingBucket",
                "orderBy",
                "orderDirection",
                "otherBucket",
                "parentFormat",
                "size",
            ];
            let size = params["size"].as_u64().unwrap_or(0);
            let right = has(&names) && (1..=1_000).contains(&size);
            faults.expect(right, location, wrong);
            ordered(params, layer, location, faults);
        }
        Some("date_histogram") => {
            let right = has(&["dropPartials", "includeEmptyRows", "interval"]);
            let interval = text(&params["interval"]);
            let known = interval == "auto" || is_interval(&interval);
            faults.expect(right && known, location, wrong);
            if let DocumentSet::Windows(definition) = ground.documents
                && ground.documents.overlap()
            {
                let step = step(definition);
                faults.expect(
                    interval == step,
                    location,
                    format!(
                        "its stretches are not {step} long: a shorter one has no window, and would be \
                         shown as zero"
                    ),
                );
            }
            let is_time = ground.time == column["sourceField"].as_str();
            faults.expect(
                is_time,
                location,
                "its time is not the one that the time picker selects by",
            );
        }
        Some("last_value") => {
            let right =
                has(&["showArrayValues", "sortField"]) && params["showArrayValues"] == false;
            faults.expect(right, location, wrong);
            let sort = text(&params["sortField"]);
            let is_date = fields.get(&sort).is_some_and(|kind| kind == "date");
            faults.expect(
                is_date,
                location,
                format!("documents have no date {sort} to sort by"),
            );
            let exists = format!("{}: *", text(&column["sourceField"]));
            let query = &column["filter"]["query"];
            let is_paid = *query == PAID && matches!(ground.documents, DocumentSet::Windows(_));
            faults.expect(
                is_paid || *query == exists.as_str(),
                location,
                format!("its filter is not \"{exists}\""),
            );
        }
        _ => {
            let right = has(&["emptyAsNull"]) && params["emptyAsNull"].is_boolean();
            faults.expect(right, location, wrong);
        }
    }
}

/// A number and a unit, as Kibana writes an interval.
fn is_interval(text: &str) -> bool {
    let unit = text.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let number = &text[..text.len() - unit.len()];
    number.parse::<u32>().is_ok_and(|number| number > 0)
        && ["ms", "s", "m", "h", "d"].contains(&unit)
}

/// The order of terms: by name, or by a column that can be added up; only then is there a rest.
fn ordered(params: &Value, layer: &Value, location: &str, faults: &mut Faults) {
    let by = &params["orderBy"];
    let adds_up = match by["type"].as_str() {
        Some("alphabetical") => false,
        Some("column") => {
            let column = &layer["columns"][text(&by["columnId"]).as_str()];
            let adds_up = column["operationType"] == "sum" || column["operationType"] == "count";
            faults.expect(
                adds_up,
                location,
                "it is ordered by a column that does not exist, or that can't order it",
            );
            adds_up
        }
        _ => {
            faults.add(location, "it has no order");
            false
        }
    };
    let direction = matches!(params["orderDirection"].as_str(), Some("asc" | "desc"));
    faults.expect(direction, location, "its order has no direction");
    let figures: Vec<&Value> = layer["columns"]
        .as_object()
        .into_iter()
        .flat_map(|map| map.values())
        .filter(|column| column["isBucketed"] == false)
        .collect();
    let all_add_up = figures
        .iter()
        .all(|column| column["operationType"] == "sum" || column["operationType"] == "count");
    faults.expect(
        params["otherBucket"] == false || (adds_up && all_add_up),
        location,
        "the rest of the values has a figure that can't be added up",
    );
}

/// The part of KQL that is checked: a field exists, is above a number, or is true or false; several of
/// these with `and`.
fn filter(column: &Value, ground: &LayerContext<'_>, faults: &mut Faults) {
    let filter = &column["filter"];
    if filter.is_null() {
        return;
    }
    let query = text(&filter["query"]);
    faults.expect(
        filter["language"] == "kuery",
        ground.location,
        "its filter is not KQL",
    );
    let known = |term: &str| {
        let split = term
            .split_once(": ")
            .map(|(field, value)| (field, ":", value));
        let split = split.or_else(|| {
            let (field, value) = term.split_once(" > ")?;
            Some((field, ">", value))
        });
        split.and_then(|(field, sign, value)| {
            let kind = type_of(ground.fields.get(field)?);
            Some(match (sign, value) {
                (":", "*") => kind != "none",
                (":", "true" | "false") => kind == "boolean",
                (">", number) => kind == "number" && number.parse::<f64>().is_ok(),
                _ => false,
            })
        })
    };
    faults.expect(
        terms_of(&query).all(|term| known(term).unwrap_or(false)),
        ground.location,
        format!("the filter \"{query}\" is not supported by this check"),
    );
}

fn terms_of(query: &str) -> impl Iterator<Item = &str> {
    query.split(" and ")
}

/// A window without payments has no document: a figure must be the same with it.
fn without_zeros(
    operation: &str,
    field: &str,
    column: &Value,
    ground: &LayerContext<'_>,
    faults: &mut Faults,
) {
    if !matches!(ground.documents, DocumentSet::Windows(_)) {
        return;
    }
    let query = text(&column["filter"]["query"]);
    // Those without payments have no percentiles, and all their counts are zero.
    let leaves_zeros_out = terms_of(&query).any(|term| {
        let is_above_zero = term.strip_suffix(" > 0").is_some_and(is_count);
        is_above_zero || term.strip_suffix(": *").is_some_and(is_percentile)
    });
    let is_same = match operation {
        "sum" => column["params"]["emptyAsNull"] == false,
        "max" => leaves_zeros_out || is_count(field),
        "min" | "count" | "last_value" => leaves_zeros_out,
        _ => true,
    };
    faults.expect(
        is_same,
        ground.location,
        "windows without payments have no document, and would change this figure: leave them out, or \
         take nothing for zero",
    );
}

/// Windows that overlap are never added up, nor are percentiles; the last value is of one branch.
fn additive(
    operation: &str,
    field: &str,
    layer: &Value,
    ground: &LayerContext<'_>,
    faults: &mut Faults,
) {
    let adds = matches!(operation, "sum" | "count");
    faults.expect(
        !adds || !ground.documents.overlap(),
        ground.location,
        "it adds up windows that overlap: each payment would count several times",
    );
    faults.expect(
        !is_percentile(field) || operation == "last_value",
        ground.location,
        "percentiles can be neither added nor averaged",
    );
    let by_branch = layer["columns"]
        .as_object()
        .into_iter()
        .flat_map(|map| map.values())
        .any(|column| column["operationType"] == "terms" && column["sourceField"] == "branch");
    faults.expect(
        operation != "last_value" || by_branch,
        ground.location,
        "the last value is that of any branch: split by branch",
    );
    let is_by_end = ground.time == Some("window_end");
    faults.expect(
        !ground.documents.overlap() || is_by_end,
        ground.location,
        "windows that overlap must be selected by their ends",
    );
}
