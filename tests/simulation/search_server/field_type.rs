//! The types of fields, and which values they take.

use serde_json::Value;

use super::date;

/// Longer words of a `keyword` can't be indexed.
const KEYWORD_BYTES_MAX: usize = 32_766;

/// Whether there is a type of that name.
pub fn is_known(kind: &str, knows_histograms: bool) -> bool {
    match kind {
        "histogram" => knows_histograms,
        "boolean" | "date" | "double" | "float" | "integer" | "keyword" | "long" | "object"
        | "text" => true,
        _ => false,
    }
}

/// Whether a field of this type takes `value`, which is neither null nor a list.
pub fn takes(kind: &str, field: &Value, value: &Value) -> bool {
    match kind {
        "keyword" => text(value).is_some_and(|text| {
            let most = field["ignore_above"].as_u64();
            let is_ignored = most.is_some_and(|most| text.chars().count() as u64 > most);
            text.len() <= KEYWORD_BYTES_MAX || is_ignored
        }),
        "text" => text(value).is_some(),
        "long" => whole(value).is_some(),
        "integer" => whole(value).is_some_and(|number| i32::try_from(number).is_ok()),
        "double" | "float" => number(value).is_some_and(f64::is_finite),
        "date" => date::millis_of(value).is_some(),
        "boolean" => match value {
            Value::Bool(_) => true,
            Value::String(text) => matches!(text.as_str(), "true" | "false" | ""),
            _ => false,
        },
        "histogram" => is_histogram(value),
        _ => false,
    }
}

/// The text of a scalar.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The whole number that a `long` field takes a value for: what follows the point is dropped.
pub fn whole(value: &Value) -> Option<i64> {
    let of_text = |text: &str| -> Option<i64> {
        if let Ok(number) = text.parse() {
            return Some(number);
        }
        let number = text.parse::<f64>().ok()?.trunc();
        // Both bounds are exact as doubles.
        let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number);
        fits.then_some(number as i64)
    };
    match value {
        Value::Number(number) => of_text(&number.to_string()),
        Value::String(text) => of_text(text),
        _ => None,
    }
}

/// The number that a `double` field takes a value for.
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn is_histogram(value: &Value) -> bool {
    let (Some(values), Some(counts)) = (value["values"].as_array(), value["counts"].as_array())
    else {
        return false;
    };
    let numbers: Option<Vec<f64>> = values.iter().map(number).collect();
    let is_ascending =
        numbers.is_some_and(|numbers| numbers.windows(2).all(|two| two[0] <= two[1]));
    let has_no_more = value.as_object().is_some_and(|fields| fields.len() == 2);
    let are_counts = counts.iter().all(|count| count.as_u64().is_some());
    values.len() == counts.len() && is_ascending && are_counts && has_no_more
}
