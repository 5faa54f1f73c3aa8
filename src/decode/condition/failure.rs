//! Says in a sentence why the crate's interpreter could not evaluate a condition.
//!
//! Values are left out: the crate would quote them at any length, and objects in any order.

use std::collections::BTreeSet;

use cel::{ExecutionError, Value};

use super::error::{EvaluationError, excerpt, first_characters};
use super::kind::ValueKind;
use super::operation::symbol;

/// The error for a condition that gave a value of the type that CEL calls `kind`.
pub(super) fn not_boolean(kind: &str) -> EvaluationError {
    undecided(format!("it gives {}, not true or false", kind_name(kind)))
}

/// The error that `error` stands for. Of `paths` the one that is meant is named.
pub(super) fn explain(error: &ExecutionError, paths: &BTreeSet<String>) -> EvaluationError {
    let problem = match error {
        ExecutionError::NoSuchKey(name) => {
            if let Some(path) = path_to(name, paths) {
                let path = first_characters(&path, 100);
                return EvaluationError::Missing {
                    question: format!("has({path})"),
                    path,
                };
            }
            format!("an object has no field `{}`", excerpt(name))
        }
        ExecutionError::NoSuchOverload(overload) => {
            let kinds: Vec<_> = overload
                .argument_types()
                .iter()
                .map(|k| kind_name(k))
                .collect();
            wrong_operands(overload.function(), &kinds)
        }
        ExecutionError::ValuesNotComparable(left, right) => format!(
            "it compares {} with {}",
            value_name(left),
            value_name(right)
        ),
        ExecutionError::UnsupportedBinaryOperator(operator, left, right) => {
            wrong_operands(operator, &[value_name(left), value_name(right)])
        }
        ExecutionError::UnexpectedType { got, want } => {
            format!(
                "it uses {} where {} is expected",
                kind_name(got),
                kind_name(want)
            )
        }
        ExecutionError::UnsupportedKeyType(key) => {
            format!("{} can't be the name of a field", value_name(key))
        }
        ExecutionError::UnsupportedIndex(index, container) => {
            format!(
                "{} has no element at {}",
                value_name(container),
                value_name(index)
            )
        }
        ExecutionError::IndexOutOfBounds(index) => match index {
            Value::Int(index) => format!("a list has no element {index}; ask for size(list) first"),
            _ => "a list has no such element; ask for size(list) first".to_owned(),
        },
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "it divides by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "a number goes beyond 64 bits".to_owned(),
        ExecutionError::DuplicateKey(_) => "an object in it has the same key twice".to_owned(),
        ExecutionError::FunctionError { function, message } if function.starts_with('@') => {
            message.clone()
        }
        ExecutionError::FunctionError { function, .. } => {
            format!("{function}() can't convert the value")
        }
        other => excerpt(&other.to_string()),
    };
    undecided(problem)
}

/// The name of a type, as an error says it, for the name that CEL has for it.
pub(super) fn kind_name(name: &str) -> &'static str {
    ValueKind::named(name).map_or("a value of another type", ValueKind::name)
}

fn value_name(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => ValueKind::Bool,
        Value::Int(_) => ValueKind::Int,
        Value::UInt(_) => ValueKind::Uint,
        Value::Float(_) => ValueKind::Double,
        Value::String(_) => ValueKind::String,
        Value::Bytes(_) => ValueKind::Bytes,
        Value::Null => ValueKind::Null,
        Value::List(_) => ValueKind::List,
        Value::Map(_) => ValueKind::Map,
        _ => ValueKind::Any,
    }
    .name()
}

fn wrong_operands(function: &str, kinds: &[&str]) -> String {
    match (function, kinds) {
        ("_._", [container, _]) => format!("{container} has no fields"),
        ("_[_]", [container, index]) => format!("{container} has no element at {index}"),
        _ => {
            let symbol = symbol(function).unwrap_or(match function {
                "add" => "+",
                "sub" => "-",
                "mul" => "*",
                "div" => "/",
                "rem" => "%",
                other => other,
            });
            format!("`{symbol}` can't take {}", kinds.join(" and "))
        }
    }
}

fn undecided(problem: String) -> EvaluationError {
    EvaluationError::Undecided { problem }
}

/// The first of `paths` on which `name` stands, up to there.
fn path_to(name: &str, paths: &BTreeSet<String>) -> Option<String> {
    if name.is_empty() {
        return None;
    }
    paths.iter().find_map(|path| {
        path.match_indices(name).find_map(|(start, _)| {
            let end = start + name.len();
            let begins = matches!(path[..start].bytes().next_back(), None | Some(b'.'));
            let ends = matches!(path[end..].bytes().next(), None | Some(b'.' | b'['));
            (begins && ends).then(|| path[..end].to_owned())
        })
    })
}
