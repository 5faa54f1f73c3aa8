//! The tree, the crate's interpreter and a naive oracle give the same for the common forms.

use std::cmp::Ordering;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

#[derive(Clone, Debug)]
enum Json {
    Null,
    Bool(bool),
    Number(&'static str),
    /// As JSON writes it, and what it stands for.
    Text(&'static str, &'static str),
    List(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
}

#[derive(Clone, Debug)]
enum Known {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(&'static str),
    /// As a condition writes it, and what it stands for.
    Text(&'static str, &'static str),
}

/// A path as a condition writes it, its steps (a list's with a `#`), and whether it ends at a name.
type Place = (&'static str, &'static [&'static str], bool);

#[derive(Clone, Debug)]
enum Form {
    Constant(bool),
    Truth(Place),
    Not(Box<Form>),
    And(Box<Form>, Box<Form>),
    Or(Box<Form>, Box<Form>),
    Compare(&'static str, Place, Known, bool),
    In(Place, Vec<Known>),
    Has(Place),
    Text(&'static str, Place, &'static str),
}

const PLACES: [Place; 11] = [
    ("a", &["a"], true),
    ("b", &["b"], true),
    ("this[\"odd-name\"]", &["odd-name"], true),
    ("this.a", &["a"], true),
    ("c.d", &["c", "d"], true),
    ("c[\"e\"]", &["c", "e"], true),
    ("c.d.x", &["c", "d", "x"], true),
    ("l[0]", &["l", "#0"], false),
    ("l[1]", &["l", "#1"], false),
    ("l[0].x", &["l", "#0", "x"], true),
    ("missing.x", &["missing", "x"], true),
];
const NUMBERS: [&str; 22] = [
    "0",
    "-0",
    "-0.0",
    "1",
    "-1",
    "1.0",
    "1.5",
    "1e3",
    "1000",
    "0.1",
    "-2.5E-3",
    "1e400",
    "-1e400",
    "9007199254740992",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "9007199254740992.0",
];
const DOUBLES: [&str; 8] = [
    "0.0",
    "-0.0",
    "1.0",
    "1.5",
    "1000.0",
    "0.1",
    "9007199254740992.0",
    "9223372036854775807.0",
];
const TEXTS: [(&str, &str); 9] = [
    ("\"\"", ""),
    ("\"a\"", "a"),
    ("\"\\u0061\"", "a"),
    ("\"ab\"", "ab"),
    ("\"a\\\\b\"", "a\\b"),
    ("\"\\\"\"", "\""),
    ("\"é\"", "é"),
    ("\"\\ud83d\\ude00\"", "😀"),
    ("\"1\"", "1"),
];
const CASES: u32 = 2_000;
const SEARCHES: [&str; 4] = ["startsWith", "endsWith", "contains", "matches"];
const PARTS: [&str; 5] = ["", "a", "b", "\u{e9}", "ab"];

impl Json {
    fn text(&self) -> String {
        let members = |texts: Vec<String>| texts.join(", ");
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(bool) => bool.to_string(),
            Self::Number(text) | Self::Text(text, _) => (*text).to_owned(),
            Self::List(list) => format!("[{}]", members(list.iter().map(Self::text).collect())),
            Self::Object(object) => {
                let member =
                    |(name, value): &(&str, Self)| format!("\"{name}\" : {}", value.text());
                format!("{{{}}}", members(object.iter().map(member).collect()))
            }
        }
    }

    fn at(&self, steps: &[&str]) -> Option<&Self> {
        let Some((step, rest)) = steps.split_first() else {
            return Some(self);
        };
        let next = match (self, step.strip_prefix('#')) {
            (Self::List(list), Some(index)) => list.get(index.parse::<usize>().unwrap())?,
            (Self::Object(object), None) => &object.iter().find(|(name, _)| name == step)?.1,
            _ => return None,
        };
        next.at(rest)
    }
}

impl Known {
    fn text(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(bool) => bool.to_string(),
            Self::Int(int) => int.to_string(),
            Self::Uint(uint) => format!("{uint}u"),
            Self::Double(text) | Self::Text(text, _) => (*text).to_owned(),
        }
    }

    /// How `json` compares with this; `None` if the two are of different types, or null.
    fn order(&self, json: &Json) -> Option<Ordering> {
        match (json, self) {
            (Json::Bool(left), Self::Bool(right)) => Some(left.cmp(right)),
            (Json::Text(_, left), Self::Text(_, right)) => Some(left.chars().cmp(right.chars())),
            (Json::Number(left), Self::Int(right)) => numbers(left, &right.to_string()),
            (Json::Number(left), Self::Uint(right)) => numbers(left, &right.to_string()),
            (Json::Number(left), Self::Double(right)) => numbers(left, right),
            _ => None,
        }
    }

    fn equals(&self, json: &Json) -> bool {
        let both_null = matches!((json, self), (Json::Null, Self::Null));
        both_null || self.order(json) == Some(Ordering::Equal)
    }
}

fn numbers(left: &str, right: &str) -> Option<Ordering> {
    let integer = |text: &str| {
        let value = text.parse::<i128>().ok().filter(|_| text != "-0")?;
        (i128::from(i64::MIN)..=i128::from(u64::MAX))
            .contains(&value)
            .then_some(value)
    };
    match (integer(left), integer(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left
            .parse::<f64>()
            .unwrap()
            .partial_cmp(&right.parse().unwrap()),
    }
}

impl Form {
    fn text(&self) -> String {
        match self {
            Self::Constant(constant) => constant.to_string(),
            Self::Truth(place) => place.0.to_owned(),
            Self::Not(form) => format!("!({})", form.text()),
            Self::And(left, right) => format!("{} && {}", left.inner(), right.inner()),
            Self::Or(left, right) => format!("{} || {}", left.inner(), right.inner()),
            Self::Compare(operator, place, known, true) => {
                format!("{} {operator} {}", known.text(), place.0)
            }
            Self::Compare(operator, place, known, false) => {
                format!("{} {operator} {}", place.0, known.text())
            }
            Self::In(place, list) => {
                let list: Vec<_> = list.iter().map(Known::text).collect();
                format!("{} in [{}]", place.0, list.join(", "))
            }
            Self::Has(place) => format!("has({})", place.0),
            Self::Text(name, place, part) => format!("{}.{name}(\"{part}\")", place.0),
        }
    }

    fn inner(&self) -> String {
        match self {
            Self::And(..) | Self::Or(..) => format!("({})", self.text()),
            _ => self.text(),
        }
    }

    /// `None` for an error.
    fn holds(&self, object: &Json) -> Option<bool> {
        match self {
            Self::Constant(constant) => Some(*constant),
            Self::Truth(place) => match object.at(place.1)? {
                Json::Bool(bool) => Some(*bool),
                _ => None,
            },
            Self::Not(form) => form.holds(object).map(|holds| !holds),
            Self::And(left, right) => match (left.holds(object), right.holds(object)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Self::Or(left, right) => match (left.holds(object), right.holds(object)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Self::Compare(operator, place, known, flipped) => {
                let json = object.at(place.1)?;
                match *operator {
                    "==" => return Some(known.equals(json)),
                    "!=" => return Some(!known.equals(json)),
                    _ => {}
                }
                let order = known.order(json)?;
                let order = if *flipped { order.reverse() } else { order };
                Some(match *operator {
                    "<" => order.is_lt(),
                    "<=" => order.is_le(),
                    ">" => order.is_gt(),
                    _ => order.is_ge(),
                })
            }
            Self::In(place, list) => {
                let json = object.at(place.1)?;
                Some(list.iter().any(|known| known.equals(json)))
            }
            Self::Has(place) => {
                let (_, parent) = place.1.split_last()?;
                match object.at(parent)? {
                    Json::Object(_) => Some(object.at(place.1).is_some()),
                    _ => None,
                }
            }
            Self::Text(name, place, part) => match object.at(place.1)? {
                Json::Text(_, text) => Some(match *name {
                    "startsWith" => text.find(part) == Some(0),
                    "endsWith" => {
                        let end = text.chars().rev().take(part.chars().count());
                        end.eq(part.chars().rev())
                    }
                    // None of the parts has a character that means more than itself in a pattern.
                    _ => text.find(part).is_some(),
                }),
                _ => None,
            },
        }
    }
}

fn scalar() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        select(&NUMBERS[..]).prop_map(Json::Number),
        select(&TEXTS[..]).prop_map(|(raw, text)| Json::Text(raw, text)),
    ]
}

fn some_of(names: &'static [&'static str], value: BoxedStrategy<Json>) -> BoxedStrategy<Json> {
    let member = (any::<bool>(), value);
    vec(member, names.len())
        .prop_map(|members| {
            let named = names.iter().copied().zip(members);
            let kept = named.filter(|(_, (kept, _))| *kept);
            Json::Object(kept.map(|(name, (_, value))| (name, value)).collect())
        })
        .boxed()
}

fn object() -> BoxedStrategy<Json> {
    let inner = prop_oneof![
        4 => scalar(),
        1 => some_of(&["x"], scalar().boxed()),
        1 => vec(scalar(), 0..2).prop_map(Json::List),
    ]
    .boxed();
    let value = prop_oneof![
        4 => scalar(),
        2 => some_of(&["d", "e"], inner.clone()),
        2 => vec(inner, 0..3).prop_map(Json::List),
    ]
    .boxed();
    some_of(&["a", "b", "odd-name", "c", "l"], value)
}

fn known() -> impl Strategy<Value = Known> {
    let ints = [0, 1, -1, 1000, 9_007_199_254_740_993, i64::MAX, i64::MIN];
    let uints = [0, 1, 9_223_372_036_854_775_808, u64::MAX];
    prop_oneof![
        1 => any::<bool>().prop_map(Known::Bool),
        2 => select(ints.to_vec()).prop_map(Known::Int),
        1 => select(uints.to_vec()).prop_map(Known::Uint),
        2 => select(&DOUBLES[..]).prop_map(Known::Double),
        // Their escapes mean the same in both languages, apart from the pair of surrogates.
        3 => select(&TEXTS[..7]).prop_map(|(written, text)| Known::Text(written, text)),
        1 => Just(Known::Text("\"\\U0001f600\"", "😀")),
    ]
}

fn form() -> impl Strategy<Value = Form> {
    let place = || select(&PLACES[..]);
    let any_known = || prop_oneof![1 => Just(Known::Null), 9 => known()];
    let leaf = prop_oneof![
        any::<bool>().prop_map(Form::Constant),
        place().prop_map(Form::Truth),
        (
            select(vec!["==", "!="]),
            place(),
            any_known(),
            any::<bool>()
        )
            .prop_map(|(operator, place, known, flipped)| {
                Form::Compare(operator, place, known, flipped)
            }),
        (
            select(vec!["<", "<=", ">", ">="]),
            place(),
            known(),
            any::<bool>()
        )
            .prop_map(|(operator, place, known, flipped)| {
                Form::Compare(operator, place, known, flipped)
            }),
        (place(), vec(any_known(), 0..4)).prop_map(|(place, list)| Form::In(place, list)),
        select(
            PLACES
                .into_iter()
                .filter(|place| place.2)
                .collect::<Vec<_>>()
        )
        .prop_map(Form::Has),
        (select(&SEARCHES[..]), place(), select(&PARTS[..]))
            .prop_map(|(name, place, part)| Form::Text(name, place, part)),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            inner.prop_map(|form| Form::Not(Box::new(form))),
            pair.clone()
                .prop_map(|(left, right)| Form::And(Box::new(left), Box::new(right))),
            pair.prop_map(|(left, right)| Form::Or(Box::new(left), Box::new(right))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn common_forms_give_what_the_oracle_and_the_crate_give(form in form(), object in object()) {
        let text = form.text();
        prop_assert!(is_tree(&text), "{} is not compiled to a tree", text);
        let result = evaluate(&text, &object.text());
        prop_assert_eq!(result.clone().ok(), form.holds(&object), "{} over {}: {:?}", text, object.text(), result);
    }
}
