//! Mappings: which fields an index has.

use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::field_type;

/// The mapping of an index or template, checked, in the form that the server shows.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Mapping(Map<String, Value>);

/// Why a mapping is refused.
pub struct BadMapping(String);

/// What a mapping may say beside its fields.
const KEYS: [&str; 7] = [
    "_meta",
    "_source",
    "date_detection",
    "dynamic",
    "dynamic_templates",
    "numeric_detection",
    "properties",
];
/// Parameters of a field that can't be changed, with what they are if not given.
const FIXED: [(&str, bool); 3] = [("index", true), ("doc_values", true), ("store", false)];

impl Mapping {
    /// Reads a mapping; null is an empty one.
    pub fn of(given: &Value, knows_histograms: bool) -> Result<Self, BadMapping> {
        let mut mapping = given.as_object().cloned().unwrap_or_default();
        if let Some((key, value)) = mapping
            .iter()
            .find(|(key, _)| !KEYS.contains(&key.as_str()))
        {
            return Err(BadMapping(format!(
                "Root mapping definition has unsupported parameters:  [{key} : {value}]"
            )));
        }
        if let Some(Value::Bool(dynamic)) = mapping.get("dynamic") {
            let dynamic = dynamic.to_string();
            mapping.insert("dynamic".into(), dynamic.into());
        }
        if let Some(properties) = mapping.get("properties") {
            check(properties, knows_histograms)?;
        }
        mapping.retain(|key, value| key != "properties" || value != &json!({}));
        Ok(Self(mapping))
    }

    pub fn shown(&self) -> Value {
        Value::Object(self.0.clone())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn properties(&self) -> Option<&Map<String, Value>> {
        self.0.get("properties")?.as_object()
    }

    /// Whether documents may have other fields.
    pub fn dynamic(&self) -> &str {
        let dynamic = self.0.get("dynamic").and_then(Value::as_str);
        dynamic.unwrap_or("true")
    }

    /// The type of a field, which may be one of several that a field has: `branch.keyword`.
    pub fn field(&self, name: &str) -> Option<&str> {
        let properties = self.properties()?;
        let (field, part) = match (properties.get(name), name.split_once('.')) {
            (Some(field), _) => (field, None),
            (None, Some((whole, part))) => (properties.get(whole)?, Some(part)),
            (None, None) => return None,
        };
        match part {
            None => field["type"].as_str(),
            Some(part) => field["fields"][part]["type"].as_str(),
        }
    }

    /// Lays the mapping of an index over that of its template: fields replace fields of their names.
    pub fn overlay(&mut self, other: Self) {
        for (key, value) in other.0 {
            match (key.as_str(), self.0.get_mut(&key)) {
                ("properties", Some(Value::Object(there))) => {
                    there.extend(value.as_object().cloned().unwrap_or_default());
                }
                ("_meta", Some(there)) => lay_over(there, value),
                _ => {
                    self.0.insert(key, value);
                }
            }
        }
    }

    /// The mapping after an update: fields may be added.
    pub fn updated(&self, update: &Self) -> Result<Self, Failure> {
        let mut mapping = self.clone();
        for (key, value) in &update.0 {
            match (key.as_str(), mapping.0.get_mut(key)) {
                ("properties", Some(there)) => add_fields(there, value)?,
                _ => {
                    mapping.0.insert(key.clone(), value.clone());
                }
            }
        }
        Ok(mapping)
    }

    /// The same with fields that a document brought.
    pub fn grow(&mut self, fields: Map<String, Value>) {
        if fields.is_empty() {
            return;
        }
        let properties = self.0.entry("properties").or_insert_with(|| json!({}));
        for (name, field) in fields {
            properties[name] = field;
        }
    }
}

fn check(properties: &Value, knows_histograms: bool) -> Result<(), BadMapping> {
    for (name, field) in properties.as_object().into_iter().flatten() {
        match field["type"].as_str() {
            Some(kind) if field_type::is_known(kind, knows_histograms) => {}
            Some(kind) => {
                return Err(BadMapping(format!(
                    "The mapper type [{kind}] declared on field [{name}] does not exist. It might \
                     have been created within a future version or requires a plugin to be \
                     installed. Check the documentation."
                )));
            }
            None if field["properties"].is_object() => {}
            None => {
                return Err(BadMapping(format!("No type specified for field [{name}]")));
            }
        }
        check(&field["properties"], knows_histograms)?;
        check(&field["fields"], knows_histograms)?;
    }
    Ok(())
}

fn lay_over(there: &mut Value, over: Value) {
    match (there, over) {
        (Value::Object(there), Value::Object(over)) => {
            for (key, value) in over {
                lay_over(there.entry(key).or_insert(Value::Null), value);
            }
        }
        (there, over) => *there = over,
    }
}

fn add_fields(there: &mut Value, update: &Value) -> Result<(), Failure> {
    for (name, field) in update.as_object().into_iter().flatten() {
        let Some(known) = there.get_mut(name) else {
            there[name] = field.clone();
            continue;
        };
        let kind = |field: &Value| field["type"].as_str().unwrap_or("object").to_owned();
        let (old, new) = (kind(known), kind(field));
        if old != new {
            return Err(Failure::illegal(format!(
                "mapper [{name}] cannot be changed from type [{old}] to [{new}]"
            )));
        }
        for (parameter, usual) in FIXED {
            let value = |field: &Value| field[parameter].as_bool().unwrap_or(usual);
            let (old, new) = (value(known), value(field));
            if old != new {
                return Err(Failure::illegal(format!(
                    "Mapper for [{name}] conflicts with existing mapper:\n\tCannot update \
                     parameter [{parameter}] from [{old}] to [{new}]"
                )));
            }
        }
        for (key, value) in field.as_object().into_iter().flatten() {
            match known.get_mut(key) {
                Some(inner) if matches!(key.as_str(), "properties" | "fields") => {
                    add_fields(inner, value)?;
                }
                _ => known[key] = value.clone(),
            }
        }
    }
    Ok(())
}

impl BadMapping {
    /// What the creation of an index with it is answered with, and the update of a mapping.
    pub fn of_index(self) -> Failure {
        let reason = format!("Failed to parse mapping: {}", self.0);
        Failure::new(400, "mapper_parsing_exception", reason)
    }

    /// What it is answered with where an index had no mapping.
    pub fn of_first_update(self) -> Failure {
        Failure::new(400, "mapper_parsing_exception", self.0)
    }

    /// What a template with it is answered with.
    pub fn of_template(self, name: &str) -> Failure {
        Failure::illegal(format!(
            "composable template [{name}] template after composition is invalid"
        ))
    }
}
