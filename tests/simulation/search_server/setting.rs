//! Settings of an index, in one form however they are written.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::failure::Failure;

/// Settings by their whole names, such as `index.blocks.write`.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Settings(BTreeMap<String, Value>);

/// What names of settings may begin with, after `index.`.
const KNOWN: [&str; 16] = [
    "auto_expand_replicas",
    "blocks.",
    "codec",
    "default_pipeline",
    "final_pipeline",
    "gc_deletes",
    "hidden",
    "lifecycle.",
    "mapping.",
    "max_result_window",
    "number_of_replicas",
    "number_of_shards",
    "priority",
    "refresh_interval",
    "routing.",
    "translog.",
];

impl Settings {
    /// Reads settings that are nested or not, with or without `index.` before them.
    pub fn of(given: &Value) -> Result<Self, Failure> {
        let mut flat = BTreeMap::new();
        if !given.is_null() {
            flatten("", given, &mut flat);
        }
        let whole = |name: String| match name.starts_with("index.") {
            true => name,
            false => format!("index.{name}"),
        };
        let settings: BTreeMap<String, Value> = flat
            .into_iter()
            .map(|(name, value)| (whole(name), value))
            .collect();
        let is_known = |name: &str| {
            let name = name.trim_start_matches("index.");
            KNOWN.iter().any(|known| match known.strip_suffix('.') {
                Some(_) => name.starts_with(known),
                None => name == *known,
            })
        };
        match settings.keys().find(|name| !is_known(name)) {
            None => Ok(Self(settings)),
            Some(unknown) => Err(Failure::illegal(format!(
                "unknown setting [{unknown}] please check that any required plugins are installed, \
                 or check the breaking changes documentation for removed settings"
            ))),
        }
    }

    /// Takes over `others`; null removes one.
    pub fn change(&mut self, others: Self) {
        for (name, value) in others.0 {
            self.put(&name, value);
        }
    }

    /// Sets one; null removes it.
    pub fn put(&mut self, name: &str, value: Value) {
        if value.is_null() {
            self.0.remove(name);
        } else {
            self.0.insert(name.into(), value);
        }
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// As the server shows them: nested.
    pub fn shown(&self) -> Value {
        let mut shown = json!({});
        for (name, value) in &self.0 {
            let mut at = &mut shown;
            for part in name.split('.') {
                if !at.is_object() {
                    *at = Value::Object(Map::new());
                }
                at = &mut at[part];
            }
            *at = value.clone();
        }
        shown
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

// The server keeps all but lists as texts.
fn flatten(name: &str, value: &Value, flat: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(parts) => {
            for (part, value) in parts {
                let whole = match name {
                    "" => part.clone(),
                    name => format!("{name}.{part}"),
                };
                flatten(&whole, value, flat);
            }
        }
        Value::Null | Value::String(_) | Value::Array(_) => {
            flat.insert(name.into(), value.clone());
        }
        Value::Bool(_) | Value::Number(_) => {
            flat.insert(name.into(), value.to_string().into());
        }
    }
}
