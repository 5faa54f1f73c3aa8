//! What our indexes hold, for those that look at them: fields, templates, and the live mapping.

use std::collections::BTreeMap;

use elasticsearch::indices::IndicesGetMappingParts;
use serde_json::{Map, Value, json};
use tidegauge_windows::Definition;

use super::client::Client;
use super::index::{DocumentKind, Names};
use super::{Config, mapping};

/// The fields of each kind of document with their types in Elasticsearch. Without `pay_histogram`,
/// which not every server knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DocumentFields {
    /// Of a branch's total.
    pub totals: BTreeMap<String, String>,
    /// Of a window.
    pub windows: BTreeMap<String, String>,
    /// Of a payment that is in no window.
    pub late: BTreeMap<String, String>,
    /// Of a rejected record.
    pub rejects: BTreeMap<String, String>,
}

impl DocumentFields {
    /// Those of our own mappings.
    #[must_use]
    pub fn ours() -> Self {
        let of = |kind| types(&mapping::mapping(kind, false));
        Self {
            totals: of(DocumentKind::Totals),
            windows: of(DocumentKind::Windows(0)),
            late: of(DocumentKind::NoWindow),
            rejects: of(DocumentKind::Rejects),
        }
    }
}

/// The index templates by name, as they are sent to a server that knows `histogram` fields, or to
/// one that doesn't.
#[must_use]
pub fn templates(
    config: &Config,
    definitions: &[Definition],
    histograms: bool,
) -> BTreeMap<String, Value> {
    let names = Names::new(config, definitions);
    names
        .kinds()
        .map(|kind| {
            let template = mapping::template(&names, kind, histograms, false);
            (names.template(kind), template)
        })
        .collect()
}

/// The fields behind an alias as the server has them, with their types: those that all its indexes
/// have. `None` while there is no such alias.
///
/// # Errors
/// A sentence that says why there is no answer.
pub async fn live_fields(
    config: &Config,
    alias: &str,
) -> Result<Option<BTreeMap<String, String>>, String> {
    let client = Client::new(config).map_err(|error| error.to_string())?;
    let path = IndicesGetMappingParts::Index(&[alias]).url();
    let answer = client
        .get(&path, &[])
        .await
        .map_err(|trouble| trouble.reason)?;
    if answer.status == 404 {
        return Ok(None);
    }
    let indexes: Map<String, Value> = answer.json().map_err(|trouble| trouble.reason)?;
    let all = indexes.values().map(|index| types(&index["mappings"]));
    Ok(all.reduce(|mut all, one| {
        all.retain(|field, kind| one.get(field) == Some(kind));
        all
    }))
}

fn types(mapping: &Value) -> BTreeMap<String, String> {
    let nothing = json!({});
    let properties = mapping.get("properties").unwrap_or(&nothing);
    properties
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(field, definition)| {
            Some((field.clone(), definition["type"].as_str()?.to_owned()))
        })
        .collect()
}
