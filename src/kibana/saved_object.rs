//! A saved object: one line of what Kibana imports.

use serde::Serialize;
use serde_json::Value;

/// The form in which all exports of Kibana 8.8 and newer are.
pub(super) const CORE: &str = "8.8.0";

/// One line of what Kibana imports.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedObject {
    /// The content; its form depends on the type.
    pub attributes: Value,
    /// The form of the line itself.
    pub core_migration_version: &'static str,
    /// The id: the same at each load, so that the object is replaced and not doubled.
    pub id: String,
    /// The references to other objects, by name.
    pub references: Vec<Reference>,
    /// `index-pattern` or `dashboard`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The form of the attributes. Without it Kibana would run every migration since 7.0 over them;
    /// newer than Kibana itself, it would be refused.
    pub type_migration_version: &'static str,
}

/// A reference to another object.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Reference {
    /// The other's id.
    pub id: String,
    /// The name of the reference in the object that has it.
    pub name: String,
    /// The other's type.
    #[serde(rename = "type")]
    pub kind: &'static str,
}

impl Reference {
    /// A reference to the data view `id`.
    pub(super) fn data_view(id: &str, name: String) -> Self {
        Self {
            id: id.to_owned(),
            name,
            kind: DATA_VIEW,
        }
    }
}

/// Kibana's type of a data view.
pub(super) const DATA_VIEW: &str = "index-pattern";
/// Kibana's type of a dashboard.
pub(super) const DASHBOARD: &str = "dashboard";

/// The objects as Kibana imports them, one a line.
#[must_use]
pub fn ndjson(objects: &[SavedObject]) -> String {
    let line = |object| serde_json::json!(object).to_string() + "\n";
    objects.iter().map(line).collect()
}
