//! The body of a search.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::failure::Failure;
use super::mapping::Mapping;
use super::query::{self, Candidate};
use super::route::unsupported;
use super::{date, field_type};

/// What a search asks for.
pub struct SearchBody {
    pub query: Value,
    pub size: usize,
    /// The field that hits are sorted by.
    pub sort: Option<String>,
    /// Only hits with a greater value of that field.
    pub after: Option<Value>,
    source: Value,
    pub seq_no: bool,
    pub version: bool,
}

/// What a search may say.
const KEYS: [&str; 7] = [
    "_source",
    "query",
    "search_after",
    "seq_no_primary_term",
    "size",
    "sort",
    "version",
];
/// So many hits are given if nothing else is asked for.
const USUAL: u64 = 10;

impl SearchBody {
    pub fn of(given: &Value) -> Result<Self, Failure> {
        let keys = given.as_object().into_iter().flat_map(|given| given.keys());
        for key in keys {
            if !KEYS.contains(&key.as_str()) {
                return Err(unsupported(&format!("{key} of a search")));
            }
        }
        let query = match &given["query"] {
            Value::Null => json!({ "match_all": {} }),
            query => query.clone(),
        };
        // A query that makes no sense is refused before the indexes are looked for.
        let nothing = Candidate {
            index: "",
            id: "",
            mapping: &Mapping::default(),
            source: &Value::Null,
        };
        query::finds(&query, nothing)?;
        Ok(Self {
            query,
            size: given["size"].as_u64().unwrap_or(USUAL) as usize,
            sort: sorted_by(&given["sort"])?,
            after: given.get("search_after").map(|after| after[0].clone()),
            source: given["_source"].clone(),
            seq_no: given["seq_no_primary_term"] == true,
            version: given["version"] == true,
        })
    }

    /// The part of a source that is asked for.
    pub fn source(&self, source: &Value) -> Option<Value> {
        match &self.source {
            Value::Bool(false) => None,
            Value::Array(fields) => {
                let mut part = json!({});
                for field in fields.iter().filter_map(Value::as_str) {
                    if let Some(value) = source.get(field) {
                        part[field] = value.clone();
                    }
                }
                Some(part)
            }
            _ => Some(source.clone()),
        }
    }
}

// One field, ascending.
fn sorted_by(sort: &Value) -> Result<Option<String>, Failure> {
    match sort.as_array().map(Vec::as_slice) {
        None if sort.is_null() => Ok(None),
        Some([one]) => match one.as_object().and_then(|one| one.iter().next()) {
            Some((field, order)) if order == "asc" => Ok(Some(field.clone())),
            _ => Err(unsupported(&format!("sort {sort}"))),
        },
        _ => Err(unsupported(&format!("sort {sort}"))),
    }
}

/// Fails if hits can't be sorted by the field.
pub fn check_sort(field: &str, mapping: &Mapping) -> Result<(), Failure> {
    match mapping.field(field) {
        Some("keyword" | "long" | "integer" | "date") => Ok(()),
        Some("text") => Err(Failure::search(format!(
            "Fielddata is disabled on [{field}]"
        ))),
        Some(other) => Err(unsupported(&format!("sort by a field of type {other}"))),
        None => Err(Failure::search(format!(
            "No mapping found for [{field}] in order to sort on"
        ))),
    }
}

/// What a hit is sorted by. Those without such a field come last.
pub fn sort_value(field: &str, candidate: Candidate<'_>) -> Value {
    let kind = candidate.mapping.field(field).unwrap_or_default();
    let of = |value: &Value| match kind {
        "long" | "integer" => field_type::whole(value).map(Value::from),
        "date" => date::millis_of(value).map(Value::from),
        _ => field_type::text(value).map(Value::from),
    };
    let found = query::values(field, candidate).filter_map(of);
    // Of several, the first one counts.
    found.min_by(order).unwrap_or_else(|| match kind {
        "long" | "integer" | "date" => i64::MAX.into(),
        _ => Value::Null,
    })
}

/// The order of two values that hits are sorted by.
pub fn order(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Greater,
        (_, Value::Null) => Ordering::Less,
        (Value::Number(one), Value::Number(other)) => one.as_i64().cmp(&other.as_i64()),
        _ => one.as_str().cmp(&other.as_str()),
    }
}
