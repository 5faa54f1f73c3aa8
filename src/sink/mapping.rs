//! What our indexes look like: fields, settings, templates; and how a live one differs.

use serde_json::{Map, Value, json};

use super::index::{DocumentKind, Names};
use super::template_config;
use crate::core::feedback::Family;
use crate::domain::provenance::Provenance;
use crate::view::field::{Field, FieldKind, Scalar};
use crate::view::flat_row::FlatRow;
use crate::view::wire::{NoWindowAnswer, RejectAnswer, TotalAnswer, WindowAnswer};

/// The template of a kind. It gives no alias: which generation readers see is not its business.
/// `histograms` says whether the server knows that type of field, `decided_by_server` whether it
/// decides on shards, replicas and refreshes itself.
pub(super) fn template(
    names: &Names,
    kind: DocumentKind,
    histograms: bool,
    decided_by_server: bool,
) -> Value {
    let mut meta = json!({ "managed_by": "tidegauge" });
    if decided_by_server {
        template_config::mark_decided(&mut meta);
    }
    json!({
        "index_patterns": [names.pattern(kind)],
        "priority": names.template_config().priority,
        "template": {
            "settings": names.template_config().settings(decided_by_server),
            "mappings": mapping(kind, histograms),
        },
        "_meta": meta,
    })
}

/// How an index is created. Its settings come from the template, which an operator may outbid; its
/// mapping does not. `is_public` says whether readers see it at once.
/// `provenance` is where its documents come from.
pub(super) fn index(
    names: &Names,
    family: Family,
    histograms: bool,
    is_public: bool,
    provenance: Option<&Provenance>,
) -> Value {
    let kind = DocumentKind::of(family);
    let mut aliases = Map::new();
    if is_public {
        aliases.insert(names.alias(kind), json!({}));
    }
    aliases.insert(names.write_alias(family), json!({ "is_hidden": true }));
    json!({ "mappings": owned(kind, histograms, provenance), "aliases": aliases })
}

/// The mapping of a kind, which says in `_meta` where the documents come from.
pub(super) fn owned(
    kind: DocumentKind,
    histograms: bool,
    provenance: Option<&Provenance>,
) -> Value {
    let mut mapping = mapping(kind, histograms);
    if let Some(provenance) = provenance {
        mapping["_meta"]["provenance"] = json!(provenance);
    }
    mapping
}

/// The mapping of a kind.
pub(super) fn mapping(kind: DocumentKind, histograms: bool) -> Value {
    let mut properties = Map::new();
    for field in fields(kind) {
        properties.insert(field.name.into(), definition(kind, field));
    }
    if histograms && matches!(kind, DocumentKind::Windows(_)) {
        properties.insert("pay_histogram".into(), json!({ "type": "histogram" }));
    }
    json!({
        "dynamic": "strict",
        "_meta": { "managed_by": "tidegauge" },
        "properties": properties,
    })
}

/// What is wrong with the live mapping, in words, each with its field: nothing if ours is in it.
pub(super) fn drift(live: &Value, ours: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if live["dynamic"] != ours["dynamic"] {
        found.push(format!(
            "dynamic is {}, not \"strict\"",
            shown(&live["dynamic"])
        ));
    }
    let empty = Map::new();
    let properties = ours["properties"].as_object().unwrap_or(&empty);
    for (field, wanted) in properties {
        let there = &live["properties"][field];
        if there.is_null() {
            found.push(format!("the field {field} is missing"));
        } else if !holds(there, wanted) {
            found.push(format!(
                "the field {field} is {}, not {}",
                shown_field(there),
                shown_field(wanted)
            ));
        }
    }
    found
}

/// Whether everything that `wanted` says is said by `there` too.
fn holds(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, wanted)| there.get(key).is_some_and(|there| holds(there, wanted))),
        _ => there == wanted,
    }
}

fn shown_field(field: &Value) -> String {
    match (&field["type"], field.as_object()) {
        (Value::String(kind), Some(all)) if all.len() == 1 => kind.clone(),
        _ => field.to_string(),
    }
}

fn shown(value: &Value) -> String {
    if value.is_null() {
        "not set".into()
    } else {
        value.to_string()
    }
}

/// The fields of a kind of document, but for `pay_histogram`.
pub(super) fn fields(kind: DocumentKind) -> impl Iterator<Item = &'static Field> {
    let (row, more): (&[Field], &[Field]) = match kind {
        DocumentKind::Totals => (TotalAnswer::FIELDS, &[]),
        DocumentKind::Windows(_) => (WindowAnswer::FIELDS, &[WATERMARK]),
        DocumentKind::NoWindow => (NoWindowAnswer::FIELDS, &[]),
        DocumentKind::Rejects => (RejectAnswer::FIELDS, &[]),
    };
    [&TIMESTAMP].into_iter().chain(row).chain(more)
}

/// The field that Elasticsearch and Kibana take for the time of a document.
const TIMESTAMP: Field = Field::new(
    "@timestamp",
    FieldKind::Time,
    Scalar::Text,
    true,
    "The time of the document.",
);

/// A field of windows, beside those of the answer.
const WATERMARK: Field = Field::new(
    "watermark",
    FieldKind::Time,
    Scalar::Text,
    true,
    "The combined watermark when the document was rendered; null while a partition had none.",
);

fn definition(kind: DocumentKind, field: &Field) -> Value {
    let stored = match field.kind {
        FieldKind::Name | FieldKind::Id | FieldKind::Word | FieldKind::ExactMoney => "keyword",
        FieldKind::Money | FieldKind::Percentile(_) => "double",
        FieldKind::Count | FieldKind::Offset => "long",
        FieldKind::Partition => "integer",
        FieldKind::Time => "date",
        FieldKind::Flag => "boolean",
        FieldKind::Text => "text",
    };
    let mut definition = json!({ "type": stored });
    if kind == DocumentKind::Totals && field.name == "branch" {
        // Dashboards made for an index whose mapping was guessed ask for branch.keyword.
        definition["fields"] = json!({ "keyword": { "type": "keyword" } });
    }
    definition
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_mapping_has_not_drifted() {
        let ours = mapping(DocumentKind::Windows(0), true);
        assert!(drift(&ours, &ours).is_empty());
        let mut more = ours.clone();
        more["properties"]["somebody_elses"] = json!({ "type": "keyword" });
        more["properties"]["pay_count"]["store"] = json!(true);
        assert!(drift(&more, &ours).is_empty());
    }

    #[test]
    fn drift_names_the_field_and_what_is_wrong_with_it() {
        let ours = mapping(DocumentKind::Totals, false);
        let mut live = ours.clone();
        live["dynamic"] = Value::Null;
        live["properties"]["pay_amount"] = json!({ "type": "float" });
        live["properties"]["branch"] = json!({ "type": "keyword" });
        let _ = live["properties"]
            .as_object_mut()
            .map(|p| p.remove("pay_count"));
        assert_eq!(
            drift(&live, &ours),
            [
                "dynamic is not set, not \"strict\"",
                "the field branch is keyword, not \
                 {\"fields\":{\"keyword\":{\"type\":\"keyword\"}},\"type\":\"keyword\"}",
                "the field pay_amount is float, not double",
                "the field pay_count is missing",
            ]
        );
    }

    #[test]
    fn a_histogram_is_mapped_only_where_the_server_knows_it() {
        let with =
            |kind, histograms| mapping(kind, histograms)["properties"]["pay_histogram"].clone();
        assert_eq!(with(DocumentKind::Windows(0), true)["type"], "histogram");
        assert!(with(DocumentKind::Windows(0), false).is_null());
        assert!(with(DocumentKind::Totals, true).is_null());
    }
}
