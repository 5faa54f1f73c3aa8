//! Whether a document fits the mapping of its index.

use serde_json::{Map, Value, json};

use super::date;
use super::failure::Failure;
use super::field_type;
use super::mapping::Mapping;

impl Mapping {
    /// Fails if the document called `id` does not fit. Gives the fields that it brings with it.
    pub fn admit(&self, id: &str, source: &Value) -> Result<Map<String, Value>, Failure> {
        let mut brought = Map::new();
        let Value::Object(fields) = source else {
            let reason = "Malformed content, must start with an object";
            return Err(Failure::new(400, "document_parsing_exception", reason));
        };
        let empty = Map::new();
        let known = self.properties().unwrap_or(&empty);
        let dynamic = self.dynamic();
        check(id, fields, known, "", dynamic, &mut brought)?;
        Ok(brought)
    }
}

fn check(
    id: &str,
    fields: &Map<String, Value>,
    known: &Map<String, Value>,
    within: &str,
    dynamic: &str,
    brought: &mut Map<String, Value>,
) -> Result<(), Failure> {
    for (name, value) in fields {
        let path = format!("{within}{name}");
        match (known.get(name), dynamic) {
            (Some(field), _) => check_values(id, &path, field, value, dynamic)?,
            (None, "strict") => {
                let parent = within.trim_end_matches('.');
                let parent = if parent.is_empty() { "_doc" } else { parent };
                let reason = format!(
                    "mapping set to strict, dynamic introduction of [{name}] within [{parent}] is \
                     not allowed"
                );
                return Err(Failure::new(
                    400,
                    "strict_dynamic_mapping_exception",
                    reason,
                ));
            }
            (None, "true") if within.is_empty() => {
                if let Some(field) = guessed(value) {
                    brought.insert(name.clone(), field);
                }
            }
            (None, _) => {}
        }
    }
    Ok(())
}

fn check_values(
    id: &str,
    path: &str,
    field: &Value,
    value: &Value,
    dynamic: &str,
) -> Result<(), Failure> {
    let kind = field["type"].as_str().unwrap_or("object");
    match (value, kind) {
        (Value::Null, _) => Ok(()),
        (Value::Array(values), _) if kind != "histogram" => values
            .iter()
            .try_for_each(|value| check_values(id, path, field, value, dynamic)),
        (Value::Object(fields), "object") => {
            let empty = Map::new();
            let known = field["properties"].as_object().unwrap_or(&empty);
            let within = format!("{path}.");
            check(id, fields, known, &within, dynamic, &mut Map::new())
        }
        _ if field_type::takes(kind, field, value) => Ok(()),
        _ => Err(Failure::new(
            400,
            "document_parsing_exception",
            format!(
                "failed to parse field [{path}] of type [{kind}] in document with id '{id}'. \
                 Preview of field's value: '{}'",
                preview(value)
            ),
        )),
    }
}

// As the server's own maps are written.
fn preview(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| format!("{name}={}", preview(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

// The field that is made of a value of a field that is not known.
fn guessed(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Null | Value::Object(_) => return None,
        Value::Array(values) => return values.iter().find_map(guessed),
        Value::Bool(_) => json!({ "type": "boolean" }),
        Value::Number(number) if number.is_f64() => json!({ "type": "float" }),
        Value::Number(_) => json!({ "type": "long" }),
        Value::String(text) if date::millis_of_text(text).is_some() && text.len() > 4 => {
            json!({ "type": "date" })
        }
        Value::String(_) => json!({
            "type": "text",
            "fields": { "keyword": { "type": "keyword", "ignore_above": 256 } },
        }),
    })
}
