//! Says what stands on the way to a value that is not there. Used for rejects only, so it may be slow.

use serde_json::Value;

use super::Reject;
use super::lookup::FoundValues;
use super::mapping::{Mapping, PathStep, Place};
use super::quoted::excerpt;

/// `reject`, which says that something is missing, with what stands where the first of it should.
pub(super) fn explain(
    mut reject: Reject,
    text: &str,
    mapping: &Mapping,
    found: &FoundValues<'_>,
) -> Reject {
    if mapping.is_original() {
        return reject;
    }
    let absent = mapping.required().find_map(|fact| {
        let slot = fact.slot?;
        found.get(slot).is_none().then_some(&fact.place)
    });
    let steps = match absent {
        Some(Place::Payment(path)) => {
            let envelope = mapping.settings().envelope.clone().unwrap_or_default();
            envelope.followed_by(path.steps())
        }
        Some(Place::Value(path)) => path.clone(),
        _ => return reject,
    };
    reject.detail.push_str(&of(text, steps.steps()));
    reject
}

/// How far into `text` the steps lead, and what stands there instead: a part of a sentence.
pub(super) fn of(text: &str, steps: &[PathStep]) -> String {
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return String::new();
    };
    let mut at = &value;
    let mut gone: Vec<PathStep> = Vec::new();
    for step in steps {
        let next = match step {
            PathStep::Field(name) => at.get(name.as_str()),
            PathStep::Index(index) => at.get(*index),
        };
        let Some(next) = next else {
            return format!("; {}", instead(&gone, step, at));
        };
        at = next;
        gone.push(step.clone());
    }
    String::new()
}

fn instead(gone: &[PathStep], step: &PathStep, at: &Value) -> String {
    let here = if gone.is_empty() {
        "the value".to_owned()
    } else {
        super::mapping::Path::from(gone.to_vec()).to_string()
    };
    match (step, at) {
        (PathStep::Field(_), Value::Object(fields)) if fields.is_empty() => {
            format!("{here} is an empty object")
        }
        (PathStep::Field(_), Value::Object(fields)) => {
            const SHOWN: usize = 10;
            let names: Vec<String> = fields
                .keys()
                .take(SHOWN)
                .map(|name| excerpt(name))
                .collect();
            let more = match fields.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let noun = if fields.len() == 1 { "field" } else { "fields" };
            format!("{here} has the {noun} {}{more}", names.join(", "))
        }
        (PathStep::Index(_), Value::Array(items)) => match items.len() {
            1 => format!("{here} has one item"),
            count => format!("{here} has {count} items"),
        },
        (PathStep::Field(_), other) => format!("{here} is {}, not an object", kind(other)),
        (PathStep::Index(_), other) => format!("{here} is {}, not an array", kind(other)),
    }
}

fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(_) => excerpt(&value.to_string()),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::mapping::Path;
    use super::*;

    #[test]
    fn what_stands_on_the_way_is_named() {
        let text =
            r#"{"store":{"ID":7,"name":"x"},"items":[1,2],"n":5,"s":"long","e":{},"z":null}"#;
        let said = |path: &str| of(text, path.parse::<Path>().unwrap().steps());
        for (path, words) in [
            ("id", "; the value has the fields e, items, n, s, store, z"),
            ("store.id", "; store has the fields ID, name"),
            ("items[2]", "; items has 2 items"),
            ("items.a", "; items is an array, not an object"),
            ("n.a", "; n is 5, not an object"),
            ("s[0]", "; s is \"long\", not an array"),
            ("e.a.b", "; e is an empty object"),
            ("z.a", "; z is null, not an object"),
            ("store.ID", ""),
        ] {
            assert_eq!(said(path), words, "{path}");
        }
        let many: Vec<String> = (10..22).map(|n| format!("\"f{n}\":1")).collect();
        let path: Path = "a".parse().unwrap();
        let words = of(&format!("{{{}}}", many.join(",")), path.steps());
        assert!(words.ends_with("f18, f19 and 2 more"), "{words}");
    }
}
