//! Layouts and the parser agree for any mapping and any object.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::decode::mapping::{Path, PaymentCondition};

/// A JSON value that may be written with or without blanks.
#[derive(Clone, Debug)]
enum Json {
    Word(&'static str),
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    fn write(&self, blank: &str, out: &mut String) {
        match self {
            Self::Word(word) => out.push_str(word),
            Self::Number(number) => out.push_str(number),
            Self::Text(text) => out.push_str(&serde_json::to_string(text).unwrap()),
            Self::Array(items) => {
                out.push('[');
                for (number, item) in items.iter().enumerate() {
                    out.push_str(if number > 0 { "," } else { "" });
                    out.push_str(blank);
                    item.write(blank, out);
                }
                out.push(']');
            }
            Self::Object(fields) => {
                out.push('{');
                for (number, (name, field)) in fields.iter().enumerate() {
                    out.push_str(if number > 0 { "," } else { "" });
                    out.push_str(&serde_json::to_string(name).unwrap());
                    out.push(':');
                    out.push_str(blank);
                    field.write(blank, out);
                }
                out.push('}');
            }
        }
    }
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        proptest::sample::select(&["true", "false", "null"][..]).prop_map(Json::Word),
        "-?(0|[1-9][0-9]{0,9})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?".prop_map(Json::Number),
        "1793[0-9]{6}".prop_map(Json::Number),
        "2026-1[01]-0[1-9] [01][0-9]:[0-5][0-9]:[0-5][0-9]".prop_map(Json::Text),
        "EUR|JPY".prop_map(Json::Text),
        "[A-Za-zü\"\\\\/\n]{0,12}".prop_map(Json::Text),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            prop::collection::btree_map("[abc]", inner, 0..4).prop_map(Json::Object),
        ]
    })
}

fn fields() -> impl Strategy<Value = MappingSettings> {
    let path = || {
        let step = prop_oneof![
            3 => "[abc]".prop_map(|name| format!(".{name}")),
            1 => (0..3_usize).prop_map(|index| format!("[{index}]")),
        ];
        ("[abc]", prop::collection::vec(step, 0..3))
            .prop_map(|(first, steps)| -> Path { (first + &steps.concat()).parse().unwrap() })
    };
    let conditions = || {
        let forms = [
            "a == 'x' || b in [1, 2]",
            "has(a) && a != null",
            "!(a.b < 5)",
            "a[0] == true || c > 0.5",
            "size(this) > 1",
            "c.exists(i, i == 1)",
        ];
        let compiled = proptest::sample::select(forms.to_vec())
            .prop_map(|text| PaymentCondition::compile(text).unwrap());
        proptest::option::weighted(0.4, compiled)
    };
    let forms = &[
        "auto",
        "epoch_s",
        "epoch_ms",
        "epoch_us",
        "%Y-%m-%d %H:%M:%S",
    ][..];
    (
        proptest::option::weighted(0.3, path()),
        [path(), path(), path(), path()],
        proptest::sample::select(forms),
        0..4_u32,
        any::<[bool; 2]>(),
        proptest::option::weighted(0.3, (path(), any::<bool>())),
        (conditions(), conditions()),
    )
        .prop_map(
            |(
                envelope,
                [time, amount, branch, order],
                form,
                scale,
                [both, integer],
                currency,
                (condition, negative),
            )| {
                MappingSettings {
                    envelope,
                    event_time: Place::Payment(time),
                    event_time_form: form.parse().unwrap(),
                    amount: Place::Payment(amount.clone()),
                    amount_form: AmountForm {
                        scale: AmountScale::Fixed(scale),
                        ..AmountForm::PLAIN
                    },
                    branch: if both {
                        let template = format!("{{{branch}}}:{{{amount}}}");
                        KeyPlaces::Several(template.parse().unwrap())
                    } else {
                        KeyPlaces::One(Place::Payment(branch.clone()))
                    },
                    branch_type: if integer && !both {
                        BranchType::Integer
                    } else {
                        BranchType::Any
                    },
                    order_id: Some(if both {
                        let template = format!("{{{order}}}-{{{branch}}}");
                        KeyPlaces::Several(template.parse().unwrap())
                    } else {
                        KeyPlaces::One(Place::Payment(order))
                    }),
                    currencies: match currency {
                        Some((_, true)) => Currencies::Only("EUR".parse().unwrap()),
                        _ => Currencies::Apart,
                    },
                    currency: currency.map(|(path, _)| Place::Payment(path)),
                    condition,
                    negative,
                }
            },
        )
}

/// Puts a payment's facts where `fields` says, over whatever stands there.
fn with_facts(json: Json, fields: &MappingSettings, scalars: [Json; 4]) -> Json {
    use crate::decode::mapping::PathStep;
    fn put(at: Json, steps: &[PathStep], leaf: Json) -> Json {
        match (steps, at) {
            ([], _) => leaf,
            ([PathStep::Field(name), rest @ ..], Json::Object(mut fields)) => {
                let old = fields.remove(name).unwrap_or(Json::Word("null"));
                fields.insert(name.clone(), put(old, rest, leaf));
                Json::Object(fields)
            }
            ([PathStep::Field(_), ..], _) => put(Json::Object(BTreeMap::new()), steps, leaf),
            ([PathStep::Index(index), rest @ ..], Json::Array(mut items)) => {
                while items.len() <= *index {
                    items.push(Json::Word("null"));
                }
                let old = items[*index].clone();
                items[*index] = put(old, rest, leaf);
                Json::Array(items)
            }
            ([PathStep::Index(_), ..], _) => put(Json::Array(Vec::new()), steps, leaf),
        }
    }
    let envelope = fields.envelope.clone().unwrap_or_default();
    let mut places = vec![&fields.event_time, &fields.amount];
    match &fields.branch {
        KeyPlaces::One(place) => places.push(place),
        KeyPlaces::Several(template) => places.extend(template.places().take(1)),
    }
    match &fields.order_id {
        Some(KeyPlaces::One(place)) => places.push(place),
        Some(KeyPlaces::Several(template)) => places.extend(template.places().take(1)),
        None => {}
    }
    let mut all = json;
    for (place, leaf) in places.into_iter().zip(scalars) {
        if let Place::Payment(path) = place {
            all = put(all, envelope.followed_by(path.steps()).steps(), leaf);
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn layouts_and_parser_agree_for_any_mapping(
        fields in fields(),
        base in json(),
        rounds in prop::collection::vec(
            ([json(), json(), json(), json()], prop::option::weighted(0.2, json()), 0..4_u8),
            1..8,
        ),
        blank in proptest::sample::select(&["", " ", "\n\t"][..]),
    ) {
        let mut decoding = Decoding::by(fields.clone());
        let mut last: Vec<u8> = Vec::new();
        for (scalars, other, damage) in rounds {
            let time = match (&scalars[0], fields.event_time_form.to_string().as_str()) {
                (Json::Word(_) | Json::Array(_), "epoch_s") => Json::Number("1793494200".into()),
                (Json::Word(_) | Json::Array(_), "auto") => Json::Text("2026-11-01 00:50:00".into()),
                (given, _) => given.clone(),
            };
            let [_, amount, branch, order] = scalars;
            let filled = with_facts(other.unwrap_or(base.clone()), &fields, [time, amount, branch, order]);
            let mut text = String::new();
            filled.write(blank, &mut text);
            let mut bytes = text.into_bytes();
            if damage == 0 && !bytes.is_empty() {
                // What stood there before, but for a byte.
                let at = bytes.len() / 2;
                bytes[at] = bytes[at].wrapping_add(1);
            }
            for value in [&bytes, &last] {
                let record = Record::of(Some(value));
                let decoded = decoding.decoder.decode(&record);
                prop_assert_eq!(&decoded, &decoding.decoder.decode_json(&record), "{}", value.escape_ascii());
                prop_assert_eq!(&decoded, &decoding.decoder.decode(&record), "{}", value.escape_ascii());
            }
            last = bytes;
        }
    }
}
