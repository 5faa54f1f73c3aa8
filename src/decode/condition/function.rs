//! The functions that a condition can call.

use super::kind::{Kinds, ValueKind};

/// A function of CEL's standard library, or one of its macros.
#[derive(Debug)]
pub(super) struct Function {
    pub name: &'static str,
    /// The types before the dot; `None` for a function that is called without a value before it.
    pub target: Option<Kinds>,
    pub arguments: &'static [Kinds],
    pub result: ValueKind,
    /// How to call it.
    pub usage: &'static str,
}

const STRING: Kinds = Kinds::of(&[ValueKind::String]);
const SIZED: Kinds = Kinds::of(&[
    ValueKind::String,
    ValueKind::Bytes,
    ValueKind::List,
    ValueKind::Map,
]);
const TO_NUMBER: Kinds = Kinds::of(&[
    ValueKind::Int,
    ValueKind::Uint,
    ValueKind::Double,
    ValueKind::String,
]);
const TO_STRING: Kinds = Kinds::of(&[
    ValueKind::Bool,
    ValueKind::Int,
    ValueKind::Uint,
    ValueKind::Double,
    ValueKind::String,
    ValueKind::Bytes,
]);
const TO_BOOL: Kinds = Kinds::of(&[ValueKind::Bool, ValueKind::String]);
const TO_BYTES: Kinds = Kinds::of(&[ValueKind::Bytes, ValueKind::String]);

const fn global(
    name: &'static str,
    arguments: &'static [Kinds],
    result: ValueKind,
    usage: &'static str,
) -> Function {
    Function {
        name,
        target: None,
        arguments,
        result,
        usage,
    }
}

const fn member(
    name: &'static str,
    target: Kinds,
    arguments: &'static [Kinds],
    result: ValueKind,
    usage: &'static str,
) -> Function {
    Function {
        name,
        target: Some(target),
        arguments,
        result,
        usage,
    }
}

/// The functions apart from macros. Where a name is called in two ways, both stand here.
pub(super) const FUNCTIONS: [Function; 15] = [
    global("size", &[SIZED], ValueKind::Int, "size(x) or x.size()"),
    member("size", SIZED, &[], ValueKind::Int, "size(x) or x.size()"),
    member(
        "startsWith",
        STRING,
        &[STRING],
        ValueKind::Bool,
        "x.startsWith(\"a\")",
    ),
    member(
        "endsWith",
        STRING,
        &[STRING],
        ValueKind::Bool,
        "x.endsWith(\"a\")",
    ),
    member(
        "contains",
        STRING,
        &[STRING],
        ValueKind::Bool,
        "x.contains(\"a\")",
    ),
    member(
        "matches",
        STRING,
        &[STRING],
        ValueKind::Bool,
        "x.matches(\"^a+$\")",
    ),
    global(
        "matches",
        &[STRING, STRING],
        ValueKind::Bool,
        "matches(x, \"^a+$\")",
    ),
    global("int", &[TO_NUMBER], ValueKind::Int, "int(x)"),
    global("uint", &[TO_NUMBER], ValueKind::Uint, "uint(x)"),
    global("double", &[TO_NUMBER], ValueKind::Double, "double(x)"),
    global("string", &[TO_STRING], ValueKind::String, "string(x)"),
    global("bool", &[TO_BOOL], ValueKind::Bool, "bool(x)"),
    global("bytes", &[TO_BYTES], ValueKind::Bytes, "bytes(x)"),
    global("dyn", &[Kinds::ALL], ValueKind::Any, "dyn(x)"),
    global("type", &[Kinds::ALL], ValueKind::Type, "type(x) == string"),
];

/// A macro that goes through the elements of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Macro {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

impl Macro {
    /// The macro called `name`.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "all" => Self::All,
            "exists" => Self::Exists,
            "exists_one" | "existsOne" => Self::ExistsOne,
            "filter" => Self::Filter,
            "map" => Self::Map,
            _ => return None,
        })
    }

    /// Whether it takes `count` arguments, with the name of the element.
    pub(super) const fn takes(self, count: usize) -> bool {
        count == 2 || (count == 3 && matches!(self, Self::Map))
    }

    /// What it gives.
    pub(super) const fn result(self) -> ValueKind {
        match self {
            Self::All | Self::Exists | Self::ExistsOne => ValueKind::Bool,
            Self::Filter | Self::Map => ValueKind::List,
        }
    }

    /// How to call it.
    pub(super) const fn usage(self) -> &'static str {
        match self {
            Self::All => "items.all(item, item.price > 10)",
            Self::Exists => "items.exists(item, item.price > 10)",
            Self::ExistsOne => "items.exists_one(item, item.price > 10)",
            Self::Filter => "items.filter(item, item.price > 10)",
            Self::Map => "items.map(item, item.price)",
        }
    }
}

/// The names of the macros.
const MACROS: [&str; 7] = [
    "has",
    "all",
    "exists",
    "exists_one",
    "existsOne",
    "filter",
    "map",
];

/// What to write instead of a function that does not exist.
pub(super) fn advice(name: &str) -> String {
    const CLOCK: &str = "a condition can't read a clock or random numbers, so that it gives the \
                         same answer whenever the log is read again";
    let known = match name.to_ascii_lowercase().as_str() {
        "now" | "today" | "time" | "date" | "rand" | "random" | "uuid" => CLOCK,
        "timestamp" | "duration" | "getfullyear" | "getmonth" | "getdate" | "getdayofmonth"
        | "getdayofweek" | "getdayofyear" | "gethours" | "getminutes" | "getseconds"
        | "getmilliseconds" => {
            "times are strings: those written alike compare in order of time, as in createTime >= \
             \"2026-01-01\""
        }
        "length" | "len" | "count" => "write size(x)",
        "lower" | "tolower" | "lowerascii" | "upper" | "toupper" | "upperascii" => {
            "write x.matches(\"(?i)^text$\") to compare without regard to case"
        }
        "and" => "write && for and",
        "or" => "write || for or",
        "not" => "write ! for not",
        "any" | "some" => "write items.exists(item, item.price > 10)",
        "every" => "write items.all(item, item.price > 10)",
        "exist" | "isset" | "defined" | "present" => "write has(x) to ask whether x is there",
        "isnull" | "null" => "write x == null",
        "includes" | "in" => "write x in [\"a\", \"b\"]",
        "like" | "regex" | "matches_regex" | "match" => "write x.matches(\"^a+$\")",
        _ => return nearest(name),
    };
    known.to_owned()
}

fn nearest(name: &str) -> String {
    let functions = FUNCTIONS.iter().map(|function| function.name);
    let mut names: Vec<&str> = functions.chain(MACROS).collect();
    let lower = name.to_ascii_lowercase();
    let distance = |known: &&str| strsim::osa_distance(&lower, &known.to_ascii_lowercase());
    match names.iter().copied().min_by_key(distance) {
        Some(known) if distance(&known) <= 2.min(name.len() / 2) => {
            format!("did you mean {known}()?")
        }
        _ => {
            names.sort_unstable();
            names.dedup();
            format!("there are {}", names.join(", "))
        }
    }
}
