//! Queries: which documents a search finds.

use serde_json::{Map, Value};

use super::date;
use super::failure::Failure;
use super::field_type;
use super::mapping::Mapping;
use super::regular_expression;
use super::route::unsupported;

/// A document that a query may find.
#[derive(Clone, Copy)]
pub struct Candidate<'a> {
    pub index: &'a str,
    pub id: &'a str,
    pub mapping: &'a Mapping,
    pub source: &'a Value,
}

/// Whether `query` finds the document.
pub fn finds(query: &Value, candidate: Candidate<'_>) -> Result<bool, Failure> {
    let empty = Map::new();
    let mut kinds = query.as_object().unwrap_or(&empty).iter();
    let (Some((kind, given)), None) = (kinds.next(), kinds.next()) else {
        return Err(unsupported(&format!("query {query}")));
    };
    match kind.as_str() {
        "match_all" => Ok(true),
        "bool" => is_bool(given, candidate),
        "term" => {
            let (field, value) = one_field(given)?;
            let value = match value {
                Value::Object(more) => more.get("value").unwrap_or(&Value::Null),
                value => value,
            };
            has_one_of(field, std::slice::from_ref(value), candidate)
        }
        "terms" => {
            let (field, values) = one_field(given)?;
            let values = values.as_array().map_or(&[][..], Vec::as_slice);
            has_one_of(field, values, candidate)
        }
        "range" => in_range(one_field(given)?, candidate),
        "regexp" => {
            let (field, expression) = one_field(given)?;
            let expression = expression.as_str().or(expression["value"].as_str());
            let expression = expression.unwrap_or_default();
            if candidate.mapping.field(field).is_none() {
                return Ok(false);
            }
            let mut is_found = false;
            for value in values(field, candidate) {
                let text = field_type::text(value).unwrap_or_default();
                let is_match = regular_expression::matches(expression, &text);
                is_found |= is_match.ok_or_else(|| unsupported(&format!("query {query}")))?;
            }
            Ok(is_found)
        }
        other => {
            let reason = format!("unknown query [{other}]");
            Err(Failure::new(400, "parsing_exception", reason))
        }
    }
}

fn one_field(given: &Value) -> Result<(&str, &Value), Failure> {
    let mut fields = given.as_object().into_iter().flatten();
    let first = fields.next().map(|(field, value)| (field.as_str(), value));
    first.ok_or_else(|| unsupported(&format!("query of {given}")))
}

fn is_bool(given: &Value, candidate: Candidate<'_>) -> Result<bool, Failure> {
    let clauses = |name: &str| -> Vec<&Value> {
        match &given[name] {
            Value::Null => Vec::new(),
            Value::Array(several) => several.iter().collect(),
            one => vec![one],
        }
    };
    let all = given.as_object().into_iter().flatten();
    for (name, _) in all {
        if !["filter", "must", "must_not", "should"].contains(&name.as_str()) {
            return Err(unsupported(&format!("{name} of a bool query")));
        }
    }
    let mut is_found = true;
    for clause in [clauses("filter"), clauses("must")].concat() {
        is_found &= finds(clause, candidate)?;
    }
    for clause in clauses("must_not") {
        is_found &= !finds(clause, candidate)?;
    }
    let should = clauses("should");
    let needs_one = clauses("filter").is_empty() && clauses("must").is_empty();
    let mut has_one = should.is_empty() || !needs_one;
    for clause in should {
        has_one |= finds(clause, candidate)?;
    }
    Ok(is_found && has_one)
}

fn has_one_of(field: &str, wanted: &[Value], candidate: Candidate<'_>) -> Result<bool, Failure> {
    let is_text = |text: &str| wanted.iter().any(|one| one.as_str() == Some(text));
    match field {
        "_index" => return Ok(is_text(candidate.index)),
        "_id" => return Ok(is_text(candidate.id)),
        _ => {}
    }
    let kind = match candidate.mapping.field(field) {
        None => return Ok(false),
        Some(kind) => kind,
    };
    let mut terms = Vec::new();
    for one in wanted {
        terms.push(term(kind, one).ok_or_else(|| {
            let shown = field_type::text(one).unwrap_or_default();
            Failure::search(format!(
                "failed to create query: For input string: \"{shown}\""
            ))
        })?);
    }
    let mut found = values(field, candidate).filter_map(|value| term(kind, value));
    Ok(found.any(|value| terms.contains(&value)))
}

/// A value as it is compared.
fn term(kind: &str, value: &Value) -> Option<Value> {
    Some(match kind {
        "long" | "integer" => field_type::whole(value)?.into(),
        "double" | "float" => field_type::number(value)?.into(),
        "date" => date::millis_of(value)?.into(),
        _ => field_type::text(value)?.into(),
    })
}

fn in_range((field, bounds): (&str, &Value), candidate: Candidate<'_>) -> Result<bool, Failure> {
    let kind = match candidate.mapping.field(field) {
        None => return Ok(false),
        Some(kind @ ("date" | "long" | "integer")) => kind,
        Some(other) => {
            return Err(unsupported(&format!(
                "range query of a field of type {other}"
            )));
        }
    };
    let number = |value: &Value| term(kind, value).and_then(|value| value.as_i64());
    for (bound, limit) in bounds.as_object().into_iter().flatten() {
        let limit = number(limit).ok_or_else(|| {
            Failure::search(format!(
                "failed to create query: failed to parse date field [{limit}]"
            ))
        })?;
        let is_within = |value: i64| match bound.as_str() {
            "gt" => Ok(value > limit),
            "gte" => Ok(value >= limit),
            "lt" => Ok(value < limit),
            "lte" => Ok(value <= limit),
            other => Err(unsupported(&format!("{other} of a range query"))),
        };
        let mut is_found = false;
        for value in values(field, candidate).filter_map(number) {
            is_found |= is_within(value)?;
        }
        if !is_found {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The values of a field: a list stands for each of its elements.
pub fn values<'a>(field: &str, candidate: Candidate<'a>) -> impl Iterator<Item = &'a Value> {
    let source = candidate.source;
    let whole = field.split_once('.').map_or(field, |(whole, _)| whole);
    let found = source.get(field).or_else(|| source.get(whole));
    let found: Vec<&Value> = match found {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(several)) => several.iter().collect(),
        Some(one) => vec![one],
    };
    found.into_iter()
}
