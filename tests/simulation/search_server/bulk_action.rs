//! The lines of a bulk.

use serde_json::Value;

use super::document::Demand;
use super::failure::Failure;
use super::parsed;
use super::route::unsupported;

/// One action of a bulk.
pub struct BulkAction<'a> {
    /// The index or alias as it is called there.
    pub target: String,
    pub id: String,
    pub demand: Demand,
    /// The document; none if it is to be deleted.
    pub source: Option<&'a [u8]>,
}

impl BulkAction<'_> {
    /// The name of the action.
    pub const fn name(&self) -> &'static str {
        match self.source {
            Some(_) => "index",
            None => "delete",
        }
    }
}

/// What a line of an action may say.
const KEYS: [&str; 6] = [
    "_id",
    "_index",
    "if_primary_term",
    "if_seq_no",
    "version",
    "version_type",
];

/// Reads a bulk.
pub fn actions(body: &[u8]) -> Result<Vec<BulkAction<'_>>, Failure> {
    let Some((last, body)) = body.split_last() else {
        let reason = "request body is required";
        return Err(Failure::new(400, "parse_exception", reason));
    };
    if *last != b'\n' {
        return Err(Failure::illegal(
            "The bulk request must be terminated by a newline [\\n]",
        ));
    }
    let mut lines = body.split(|byte| *byte == b'\n').enumerate();
    let mut actions = Vec::new();
    while let Some((number, line)) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let line = parsed(line)?;
        let (kind, given) = only_field(&line, number + 1)?;
        let source = match kind {
            // Without a document after it, the last action is passed over.
            "index" => match lines.next() {
                Some((_, source)) => Some(source),
                None => break,
            },
            "delete" => None,
            "create" | "update" => return Err(unsupported(&format!("bulk action {kind}"))),
            other => {
                return Err(malformed(
                    number + 1,
                    &format!("field [create], [delete], [index] or [update] but found [{other}]"),
                ));
            }
        };
        actions.push(action(given, source)?);
    }
    if actions.is_empty() {
        return Err(Failure::invalid("no requests added"));
    }
    Ok(actions)
}

fn only_field(line: &Value, number: usize) -> Result<(&str, &Value), Failure> {
    let mut fields = line.as_object().into_iter().flatten();
    match (fields.next(), fields.next()) {
        (Some((kind, given)), None) => Ok((kind.as_str(), given)),
        _ => Err(malformed(number, "FIELD_NAME but found [END_OBJECT]")),
    }
}

fn action<'a>(given: &Value, source: Option<&'a [u8]>) -> Result<BulkAction<'a>, Failure> {
    let keys = given.as_object().into_iter().flat_map(|given| given.keys());
    for key in keys {
        if !KEYS.contains(&key.as_str()) {
            return Err(unsupported(&format!("{key} of a bulk action")));
        }
    }
    let text = |key: &str| given[key].as_str().map(str::to_owned);
    let (Some(target), Some(id)) = (text("_index"), text("_id")) else {
        return Err(unsupported("bulk action without _index or _id"));
    };
    let version = given["version"].as_i64();
    let demand = match (given["version_type"].as_str(), version, &given["if_seq_no"]) {
        (Some("external"), Some(version), Value::Null) => Demand::Lower(version),
        (Some("external_gte"), Some(version), Value::Null) => Demand::NotHigher(version),
        (None, None, Value::Null) => Demand::Nothing,
        (None, None, seq_no) => Demand::Unchanged {
            seq_no: seq_no.as_i64().unwrap_or(-1),
            primary_term: given["if_primary_term"].as_i64().unwrap_or(-1),
        },
        _ => return Err(unsupported(&format!("versions of a bulk action: {given}"))),
    };
    Ok(BulkAction {
        target,
        id,
        demand,
        source,
    })
}

fn malformed(line: usize, expected: &str) -> Failure {
    Failure::illegal(format!(
        "Malformed action/metadata line [{line}], expected {expected}"
    ))
}
