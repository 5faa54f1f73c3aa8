//! Answers without what may differ: times, sizes, positions in texts, and names that a server makes up.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The names that each of the two servers made up so far: what is the same index to one of them is
/// the same to the other.
#[derive(Default)]
pub struct Comparable {
    simulated: BTreeMap<String, String>,
    real: BTreeMap<String, String>,
}

/// What a client has no use for.
const DROPPED: [&str; 21] = [
    "_score",
    "caused_by",
    "col",
    "created_date_millis",
    "creation_date",
    "failed_shards",
    "forced_refresh",
    "grouped",
    "ingest_took",
    "line",
    "max_score",
    "modified_date_millis",
    "phase",
    "provided_name",
    "root_cause",
    "routing",
    "shard",
    "store.size",
    "suppressed",
    "took",
    "cluster_name",
];
/// Errors about a text that can't be read: each parser has its own words for them.
const UNREADABLE: [&str; 2] = ["x_content_parse_exception", "parsing_exception"];
/// What servers make up names for.
const MADE_UP: [&str; 3] = ["uuid", "index_uuid", "cluster_uuid"];

impl Comparable {
    /// Both answers, each status with its body, the simulated one first, if they differ.
    pub fn differ(
        &mut self,
        is_sorted: bool,
        real: (u16, &str),
        simulated: (u16, &str),
    ) -> Option<(Value, Value)> {
        let theirs = plain(is_sorted, real.1, &mut self.real);
        let ours = plain(is_sorted, simulated.1, &mut self.simulated);
        (real.0 != simulated.0 || theirs != ours).then_some((ours, theirs))
    }
}

fn plain(is_sorted: bool, body: &str, names: &mut BTreeMap<String, String>) -> Value {
    let Ok(body) = serde_json::from_str::<Value>(body) else {
        return body.into();
    };
    let mut body = without("", body, names);
    if body.get("tagline").is_some() {
        body["name"] = Value::Null;
    }
    // Without an order of its own, a search gives its hits in any.
    if !is_sorted && let Some(hits) = body.pointer_mut("/hits/hits").and_then(Value::as_array_mut) {
        hits.sort_by_key(|hit| hit["_id"].to_string());
    }
    body
}

/// `value`, which is called `name`, without what may differ.
fn without(name: &str, value: Value, names: &mut BTreeMap<String, String>) -> Value {
    match value {
        Value::Object(fields) if name == "_shards" => json!({ "failed": fields["failed"] }),
        Value::Object(mut fields) => {
            if fields.contains_key("uuid") {
                // The copies of an index are as many as there are nodes for.
                fields.remove("number_of_replicas");
                fields.remove("version");
            }
            if name == "version" {
                fields.retain(|name, _| matches!(name.as_str(), "number" | "build_flavor"));
            }
            let kind = fields.get("type").and_then(Value::as_str);
            if kind.is_some_and(|kind| UNREADABLE.contains(&kind)) {
                fields.remove("reason");
            }
            fields.retain(|name, _| !DROPPED.contains(&name.as_str()));
            // Names first: reasons hold them.
            for made_up in MADE_UP {
                if let Some(value) = fields.get_mut(made_up) {
                    *value = renamed(value, names);
                }
            }
            let fields = fields.into_iter().map(|(name, value)| {
                let value = without(&name, value, names);
                (name, value)
            });
            Value::Object(fields.collect())
        }
        Value::Array(elements) => {
            let elements = elements.into_iter();
            elements
                .map(|element| without("", element, names))
                .collect()
        }
        Value::String(text) if name == "reason" => words(&text, names).into(),
        other => other,
    }
}

/// What stands for a name that the server made up.
fn renamed(value: &Value, names: &mut BTreeMap<String, String>) -> Value {
    let Some(name) = value.as_str().filter(|name| *name != "_na_") else {
        return value.clone();
    };
    let number = names.len();
    let known = names.entry(name.to_owned());
    known
        .or_insert_with(|| format!("name-{number}"))
        .clone()
        .into()
}

/// A reason without positions such as `[1:10]`, and without what follows the first line.
fn words(reason: &str, names: &BTreeMap<String, String>) -> String {
    let mut reason = reason;
    while let Some((position, rest)) = reason.split_once("] ") {
        let is_position = position.starts_with('[')
            && position[1..]
                .chars()
                .all(|one| one == ':' || one.is_ascii_digit());
        if !is_position {
            break;
        }
        reason = rest;
    }
    // It shows the bytes of the word.
    let reason = reason
        .split(" (whose UTF8 encoding")
        .next()
        .unwrap_or_default();
    // How a parser sees a body that is no JSON.
    let reason = reason
        .split("Unrecognized token")
        .next()
        .unwrap_or_default();
    let mut reason = reason.to_owned();
    // A name may be a part of a longer one.
    let mut names: Vec<_> = names.iter().collect();
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    for (name, known) in names {
        reason = reason.replace(name.as_str(), known);
    }
    reason
}
