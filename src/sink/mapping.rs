//! What our indexes look like: fields, settings, templates; and how a live one differs.

use serde_json::{Map, Value, json};

use super::index::{DocumentKind, Names};
use crate::core::feedback::Family;
use crate::domain::provenance::Provenance;

/// The template of a kind. It gives no alias: which generation readers see is not its business.
/// `histograms` says whether the server knows that type of field.
pub(super) fn template(names: &Names, kind: DocumentKind, histograms: bool) -> Value {
    json!({
        "index_patterns": [names.pattern(kind)],
        "priority": names.template_priority(),
        "template": {
            "settings": {
                "index": {
                    "number_of_shards": 1,
                    "auto_expand_replicas": "0-1",
                    "refresh_interval": "1s",
                }
            },
            "mappings": mapping(kind, histograms),
        },
        "_meta": { "managed_by": "tidegauge" },
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
    for (field, definition) in fields(kind) {
        properties.insert(field.into(), definition);
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

fn fields(kind: DocumentKind) -> Vec<(&'static str, Value)> {
    let typed = |kind: &str| json!({ "type": kind });
    let date = || typed("date");
    let keyword = || typed("keyword");
    let double = || typed("double");
    let long = || typed("long");
    match kind {
        DocumentKind::Totals => vec![
            ("@timestamp", date()),
            // Dashboards made for an index whose mapping was guessed ask for branch.keyword.
            (
                "branch",
                json!({ "type": "keyword", "fields": { "keyword": { "type": "keyword" } } }),
            ),
            ("branch_id", keyword()),
            ("pay_amount", double()),
            ("pay_amount_exact", keyword()),
            ("pay_count", long()),
            ("first_event_time", date()),
            ("last_event_time", date()),
        ],
        DocumentKind::Windows(_) => vec![
            ("@timestamp", date()),
            ("window", keyword()),
            ("window_start", date()),
            ("window_end", date()),
            ("branch", keyword()),
            ("branch_id", keyword()),
            ("pay_amount", double()),
            ("pay_amount_exact", keyword()),
            ("pay_count", long()),
            ("pay_min", double()),
            ("pay_max", double()),
            ("pay_avg", double()),
            ("pay_p50", double()),
            ("pay_p95", double()),
            ("pay_p99", double()),
            ("final", typed("boolean")),
            ("closed_by", keyword()),
            ("revision", long()),
            ("late_count", long()),
            ("late_amount", double()),
            ("late_amount_exact", keyword()),
            ("watermark", date()),
        ],
        DocumentKind::Late => vec![
            ("@timestamp", date()),
            ("partition", typed("integer")),
            ("offset", long()),
            ("record_timestamp", date()),
            ("reason", keyword()),
            ("event_time", date()),
            ("watermark", date()),
            ("branch", keyword()),
            ("branch_id", keyword()),
            ("pay_amount", double()),
            ("pay_amount_exact", keyword()),
            ("read", typed("text")),
        ],
        DocumentKind::Rejects => vec![
            ("@timestamp", date()),
            ("partition", typed("integer")),
            ("offset", long()),
            ("record_timestamp", date()),
            ("reason", keyword()),
            ("detail", typed("text")),
            ("read", typed("text")),
        ],
    }
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
