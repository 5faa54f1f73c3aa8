//! The configuration as a JSON Schema (2020-12), for editors and for checks in a pipeline.

use serde_json::{Map, Value, json};

use super::key::{self, ConfigKey, SECTIONS, Shape};

const LIMITS: &str = "Configuration of Tidegauge. `tidegauge check` knows what a schema can't say: ports up to 65535, \
    retention against allowed_lateness and the longest window, windows that do not fit together, files that can't be \
    read, two branches or windows of one name, properties of librdkafka, times that no calendar has.";

/// Durations, the longest unit first.
const DURATION: &str = "^(?=.)([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";
const DURATION_ABOVE_ZERO: &str =
    "^(?=.*[1-9])([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";
const OFFSET: &str = "^-?(?=.)([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";
const SIZE_ABOVE_ZERO: &str = "^(?=.*[1-9])[0-9]+[kKmMgG]?[bB]$";
const WINDOWS_MAX: usize = 64;

/// The schema.
#[must_use]
pub fn json_schema() -> Value {
    let zones: Vec<&str> = chrono_tz::TZ_VARIANTS
        .iter()
        .map(|zone| zone.name())
        .collect();
    let mut schema = section("");
    let root = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tidegauge.toml",
        "description": LIMITS,
        "$defs": {
            "zone": { "type": "string", "enum": zones },
            // TOML reads security.protocol = "ssl" as a section within the section.
            "properties": {
                "type": ["string", "number", "boolean", "object"],
                "additionalProperties": { "$ref": "#/$defs/properties" },
            },
        },
    });
    if let (Value::Object(schema), Value::Object(root)) = (&mut schema, root) {
        schema.extend(root);
    }
    schema
}

fn section(name: &str) -> Value {
    let keys = key::of(name).unwrap_or_default();
    let meaning = SECTIONS
        .iter()
        .find(|section| section.name == name)
        .map_or("", |section| section.meaning);
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| (key.name.to_owned(), property(key)))
        .collect();
    let mut schema = json!({
        "type": "object",
        "description": meaning,
        "properties": properties,
        "additionalProperties": false,
    });
    if let (Value::Object(schema), Value::Object(more)) = (&mut schema, between_keys(name)) {
        schema.extend(more);
    }
    schema
}

/// Conditions between keys of a section: keys that need or exclude each other.
fn between_keys(section: &str) -> Value {
    let given = |key: &str| json!({ "properties": { key: { "minLength": 1 } }, "required": [key] });
    match section {
        "window" => json!({
            "required": ["name", "size"],
            "not": { "required": ["slide", "step"] },
        }),
        "http" => json!({
            "if": {
                "properties": { "listen": { "not": { "pattern": "^(127\\.|\\[::1\\])" } } },
                "required": ["listen"],
            },
            "then": given("token_file"),
        }),
        _ if key::of(section)
            .is_some_and(|keys| keys.iter().any(|key| key.name == "api_key_file")) =>
        {
            json!({ "allOf": [
                { "if": given("username"), "then": given("password_file") },
                { "if": given("password_file"), "then": given("username") },
                { "not": { "allOf": [given("api_key_file"), given("username")] } },
            ] })
        }
        _ => json!({}),
    }
}

fn property(key: &ConfigKey) -> Value {
    let mut property = match key.shape {
        Shape::Text("") | Shape::File => json!({ "type": "string" }),
        Shape::Text(pattern) => json!({ "type": "string", "pattern": pattern }),
        Shape::Duration { zero: true } => json!({ "type": "string", "pattern": DURATION }),
        Shape::Duration { zero: false } => {
            json!({ "type": "string", "pattern": DURATION_ABOVE_ZERO })
        }
        Shape::Offset => json!({ "type": "string", "pattern": OFFSET }),
        Shape::Size => json!({ "type": "string", "pattern": SIZE_ABOVE_ZERO }),
        Shape::Integer(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Shape::IntegerOr(least, most, word) => json!({
            "anyOf": [
                { "type": "integer", "minimum": least, "maximum": most },
                { "const": word },
            ]
        }),
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Zone => json!({ "$ref": "#/$defs/zone" }),
        Shape::Section(name) => section(name),
        Shape::List(name) => {
            json!({ "type": "array", "items": section(name), "minItems": 1, "maxItems": WINDOWS_MAX })
        }
        Shape::Free => free(key.name),
    };
    if let Value::Object(fields) = &mut property {
        fields.insert("description".to_owned(), description(key).into());
        // What TOML writes as a default is a JSON value, too.
        if let Some(default) = key.default.and_then(|text| serde_json::from_str(text).ok()) {
            fields.insert("default".to_owned(), default);
        }
    }
    property
}

fn free(name: &str) -> Value {
    match name {
        "branches" => json!({
            "type": "object",
            "propertyNames": { "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]{1,256}$" },
            "additionalProperties": {
                "type": "string", "minLength": 1, "maxLength": 256, "pattern": "^\\S(.*\\S)?$",
            },
        }),
        _ => json!({
            "type": "object",
            "additionalProperties": { "$ref": "#/$defs/properties" },
        }),
    }
}

fn description(key: &ConfigKey) -> String {
    let mut text = key.meaning.to_owned();
    if !key.range.is_empty() {
        text.push_str(&format!(" Takes {}.", key.range));
    }
    if key.is_rule {
        text.push_str(" A rule: it decides figures, and the state is bound to it.");
    }
    text
}
