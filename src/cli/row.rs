//! A JSON object whose fields keep their order and digits.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON object with its fields in order and its numbers as they were written.
#[derive(Clone, Debug, Default)]
pub struct JsonRow {
    fields: Vec<(String, Box<RawValue>)>,
}

impl JsonRow {
    /// Parses `text`, a JSON object.
    ///
    /// # Errors
    /// When `text` is not a JSON object.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Serializes `value` as a JSON object.
    ///
    /// # Errors
    /// When `value` does not serialize to a JSON object.
    pub fn of(value: &impl serde::Serialize) -> Result<Self, serde_json::Error> {
        Self::parse(&serde_json::to_string(value)?)
    }

    /// The JSON text of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(field, _)| field == name);
        field.map(|(_, value)| value.get())
    }

    /// The fields in order, each with its JSON text.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.get()))
    }

    /// The row as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let members: Vec<String> = self
            .fields()
            .map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name)))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}

impl<'de> Deserialize<'de> for JsonRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowVisitor;

        impl<'de> Visitor<'de> for RowVisitor {
            type Value = JsonRow;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonRow, A::Error> {
                let mut row = JsonRow::default();
                while let Some(field) = map.next_entry()? {
                    row.fields.push(field);
                }
                Ok(row)
            }
        }

        deserializer.deserialize_map(RowVisitor)
    }
}

/// A JSON value as text: without quotes, and nothing for null.
pub(super) fn plain(value: &str) -> String {
    match serde_json::from_str(value) {
        Ok(serde_json::Value::Null) => String::new(),
        Ok(serde_json::Value::String(text)) => text,
        _ => value.to_owned(),
    }
}
