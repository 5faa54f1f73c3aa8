//! The parameter `filter_path`: which parts of an answer are given.

use serde_json::{Map, Value, json};

use super::expression::matches;

/// What `paths`, separated by commas, keep of `body`.
pub fn kept(body: &Value, paths: &str) -> Value {
    let paths: Vec<Vec<&str>> = paths
        .split(',')
        .map(|path| path.split('.').collect())
        .collect();
    let paths: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
    of(body, &paths).unwrap_or_else(|| json!({}))
}

// Nothing where no path leads to.
fn of(value: &Value, paths: &[&[&str]]) -> Option<Value> {
    if paths.iter().any(|path| path.is_empty()) {
        return Some(value.clone());
    }
    match value {
        Value::Object(fields) => {
            let mut left = Map::new();
            for (name, value) in fields {
                let further: Vec<&[&str]> = paths
                    .iter()
                    .filter(|path| matches(path[0], name))
                    .map(|path| &path[1..])
                    .collect();
                if let Some(value) = of(value, &further).filter(|_| !further.is_empty()) {
                    left.insert(name.clone(), value);
                }
            }
            (!left.is_empty()).then_some(Value::Object(left))
        }
        // A list stands for each of its elements.
        Value::Array(elements) => {
            let left: Vec<Value> = elements.iter().filter_map(|one| of(one, paths)).collect();
            (!left.is_empty()).then_some(Value::Array(left))
        }
        _ => None,
    }
}
