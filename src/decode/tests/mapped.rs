//! Other messages than the original one: what is found where, and that layouts and the parser agree.

mod any_mapping;
mod branches;
mod conditions;
mod order_ids;

use super::*;
use crate::decode::mapping::{
    AmountForm, AmountScale, BranchType, Currencies, KeyPlaces, MappingSettings, Place,
};
use crate::domain::record::{Headers, OwnedHeaders, ReadHeaders};

fn place(text: &str) -> Place {
    text.parse().unwrap()
}

/// `at`, `sum`, `shop` and `no`, without an envelope; branches may be texts.
fn short() -> MappingSettings {
    MappingSettings {
        event_time: place("at"),
        amount: place("sum"),
        branch: KeyPlaces::One(place("shop")),
        branch_type: BranchType::Any,
        order_id: Some(KeyPlaces::One(place("no"))),
        ..MappingSettings::default()
    }
}

/// A payment in cents and seconds within an envelope, its facts in objects and arrays.
fn nested() -> MappingSettings {
    MappingSettings {
        envelope: Some("payload.after".parse().unwrap()),
        event_time: place("paid.at"),
        event_time_form: "epoch_s".parse().unwrap(),
        amount: place("parts[1].cents"),
        amount_form: AmountForm {
            scale: AmountScale::Fixed(2),
            ..AmountForm::PLAIN
        },
        branch: KeyPlaces::Several("{country}/{store.id}".parse().unwrap()),
        branch_type: BranchType::Any,
        order_id: Some(KeyPlaces::One(place("$value.payload.id"))),
        ..MappingSettings::default()
    }
}

struct Decoding {
    decoder: Decoder,
    texts: Arc<BranchTexts>,
}

impl Decoding {
    fn by(fields: MappingSettings) -> Self {
        let texts: Arc<BranchTexts> = Arc::default();
        let rules = DecodeRules {
            mapping: Arc::new(Mapping::new(fields)),
            zone: Tz::UTC,
            text_order_ids: true,
        };
        Self {
            decoder: Decoder::new(rules, Arc::clone(&texts)),
            texts,
        }
    }

    /// Decodes three ways and holds them to the same.
    fn decode(&mut self, record: &Record<'_>) -> Decoded {
        let decoded = self.decoder.decode(record);
        assert_eq!(decoded, self.decoder.decode_json(record));
        assert_eq!(decoded, self.decoder.decode(record));
        decoded
    }

    fn value(&mut self, value: &str) -> Decoded {
        self.decode(&Record::of(Some(value.as_bytes())))
    }

    /// Event time, amount and branch of the payment in `value`.
    fn facts(&mut self, value: &str) -> (i64, String, String) {
        let decoded = self.value(value);
        self.facts_of(value, decoded)
    }

    fn facts_of(&self, value: &str, decoded: Decoded) -> (i64, String, String) {
        match decoded {
            Decoded::Payment(payment) => (
                payment.event_time.millis(),
                payment.amount.to_string(),
                self.texts.key(payment.branch).unwrap().to_string(),
            ),
            other => panic!("{value}: {other:?}"),
        }
    }

    fn detail(&mut self, value: &str) -> String {
        let reject = reject_of(self.value(value));
        format!("{}: {}", reject.reason, reject.detail)
    }
}

fn facts(millis: i64, amount: &str, branch: &str) -> (i64, String, String) {
    (millis, amount.to_owned(), branch.to_owned())
}

#[test]
fn facts_are_found_at_other_names_and_other_fields_never_reject() {
    let mut short = Decoding::by(short());
    for (value, branch) in [
        (
            r#"{"at":"2026-11-01 00:50:00","sum":12.5,"shop":7,"no":"a-1","branchId":"x","payPlatform":"y"}"#,
            "7",
        ),
        (
            r#"{ "shop" : "DE-0042" , "sum" : "12.50" , "at" : 1793494200000 }"#,
            "DE-0042",
        ),
        (
            r#"{"at":"2026-11-01T00:50Z","sum":1.25e1,"shop":"7","no":null}"#,
            "7",
        ),
        (
            r#"{"x":[1,{"y":"\\\"\u00fc"}],"at":"2026-11-01 00:50:00","sum":12.5,"shop":"Zürich \"1\"","no":5}"#,
            "Zürich \"1\"",
        ),
        (r#"{"at":"2026-11-01 00:50:00","sum":12.5,"shop":-7}"#, "-7"),
        (r#"{"at":"2026-11-01 00:50:00","sum":12.5,"shop":7.0}"#, "7"),
        (
            r#"{"at":"2026-11-01 00:50:00","sum":12.5,"shop":99999999999}"#,
            "99999999999",
        ),
        (
            r#"{"at":"2026-11-01 00:50:00","sum":12.5,"shop":"007"}"#,
            "007",
        ),
    ] {
        assert_eq!(short.facts(value), facts(TIME, "12.5", branch), "{value}");
    }
}

#[test]
fn what_is_wrong_at_a_place_is_named_with_what_stands_there() {
    let mut short = Decoding::by(short());
    for (value, detail) in [
        (
            r#"{"at":"2026-11-01 00:50:00","sum":1,"store":{"id":1}}"#,
            "missing_field: shop is missing or null; at, sum and shop are required; the value has the \
             fields at, store, sum",
        ),
        (
            r#"{"at":"yesterday","sum":1,"shop":1}"#,
            "bad_time: at \"yesterday\" is not a time",
        ),
        (
            r#"{"at":0,"sum":"1,234.50","shop":1}"#,
            "bad_amount: sum \"1,234.50\" is not a finite number",
        ),
        (
            r#"{"at":0,"sum":1,"shop":true}"#,
            "bad_field: shop true is not an integer or a text",
        ),
        (
            r#"{"at":0,"sum":1,"shop":1.5}"#,
            "bad_field: shop 1.5 is not an integer or a text",
        ),
        (
            r#"{"at":0,"sum":1,"shop":""}"#,
            "bad_field: shop \"\" can't be a branch: a branch can't be an empty text",
        ),
        (
            r#"{"at":0,"sum":1,"shop":1,"no":{}}"#,
            "bad_field: no {} is not an integer or a text",
        ),
        (
            r#"{"at":0,"sum":1,"shop":1,"shop":1}"#,
            "bad_field: the field \"shop\" is given twice",
        ),
        (
            r#"{"at":0,"sum":NaN,"shop":1}"#,
            "bad_amount: sum \"NaN\" is not a finite number",
        ),
    ] {
        let said = short.detail(value);
        assert!(said.starts_with(detail), "{said}\n{detail}");
    }
}

const NESTED: &str = r#"{"payload":{"op":"c","id":41,"before":null,"after":{"paid":{"at":1793494200},"country":"DE","parts":[{"cents":1},{"cents":-1250}],"store":{"id":7,"name":"x"}}}}"#;

#[test]
fn facts_are_found_within_an_envelope_by_objects_and_arrays() {
    let mut nested = Decoding::by(nested());
    assert_eq!(nested.facts(NESTED), facts(TIME, "-12.5", "DE/7"));
    let Decoded::Payment(payment) = nested.value(NESTED) else {
        panic!()
    };
    assert_eq!(payment.order_id, Some(OrderId::Number(41)));
    let Decoded::Payment(payment) = nested.value(&NESTED.replace("\"id\":41", "\"id\":\"41\""))
    else {
        panic!()
    };
    assert_eq!(payment.order_id, Some(OrderId::of_text("41")));
    let text = NESTED.replace("1793494200", "\"1793494200.25\"");
    assert_eq!(nested.facts(&text), facts(TIME + 250, "-12.5", "DE/7"));
}

#[test]
fn a_deleted_row_is_a_tombstone_and_a_missing_envelope_is_not() {
    let mut nested = Decoding::by(nested());
    let deleted = r#"{"payload":{"op":"d","before":{"country":"DE"},"after":null}}"#;
    assert_eq!(nested.value(deleted), Decoded::Tombstone);
    for (value, detail) in [
        (
            r#"{"payload":{"op":"d"}}"#,
            "missing_field: the envelope payload.after is missing; payload has the field op",
        ),
        (
            "{}",
            "missing_field: the envelope payload.after is missing; the value is an empty object",
        ),
        (
            r#"{"payload":{"after":[1]}}"#,
            "bad_field: the envelope payload.after is [1], not an object that holds a payment",
        ),
        (
            r#"{"payload":{"after":{},"after":{}}}"#,
            "bad_field: the field \"after\" is given twice; give it once",
        ),
    ] {
        assert_eq!(nested.detail(value), detail);
    }
    let other = NESTED.replace("\"store\":{\"id\":7", "\"store\":{\"ID\":7");
    let said = nested.detail(&other);
    assert!(
        said.ends_with("payload.after.store has the fields ID, name"),
        "{said}"
    );
    let short = NESTED.replace("{\"cents\":1},", "");
    let said = nested.detail(&short);
    assert!(said.ends_with("payload.after.parts has one item"), "{said}");
}

#[test]
fn a_name_whose_escape_stands_for_no_character_is_no_json_also_within() {
    let mut decoding = Decoding::by(MappingSettings {
        branch: KeyPlaces::One(place("s.id")),
        ..short()
    });
    for object in [r#"{"\ud800":1,"id":7}"#, r#"{"id":7,"\ud800":1,"id":8}"#] {
        let value = format!(r#"{{"at":0,"sum":1,"s":{object}}}"#);
        assert_eq!(
            decoding.detail(&value),
            "not_json: the value is not JSON: a name in the object at offset 20 has an escape that stands \
             for no character; write the character itself"
        );
    }
}

#[test]
fn key_timestamp_and_headers_hold_facts_too() {
    let mut decoding = Decoding::by(MappingSettings {
        event_time: place("$timestamp"),
        branch: KeyPlaces::One(place("$key")),
        amount: place("$header.amount"),
        order_id: Some(KeyPlaces::One(place("$header.id"))),
        ..short()
    });
    let headers = OwnedHeaders(vec![
        ("amount".to_owned(), Some(b"1".to_vec())),
        ("amount".to_owned(), Some(b"12.50".to_vec())),
        ("empty".to_owned(), None),
    ]);
    let record = Record {
        timestamp: Some(TIME),
        key: Some("Köln".as_bytes()),
        headers: Headers::new(&headers),
        ..Record::of(Some(b"{}"))
    };
    let decoded = decoding.decode(&record);
    assert_eq!(decoding.facts_of("", decoded), facts(TIME, "12.5", "Köln"));
    let no_key = Record {
        key: None,
        ..record
    };
    let reject = reject_of(decoding.decode(&no_key));
    assert_eq!(
        (reject.reason, reject.detail.as_str()),
        (
            Reason::MissingField,
            "$key is missing or null; $timestamp, $header.amount and $key are required"
        )
    );
    let binary = Record {
        key: Some(b"a\xff"),
        ..record
    };
    let reject = reject_of(decoding.decode(&binary));
    assert_eq!(
        reject.detail,
        "$key is not UTF-8 at offset 1; only text can be read here"
    );
    assert_eq!(headers.last("empty"), None);
}

#[test]
fn the_fields_of_the_original_message_are_the_default() {
    let default = Mapping::default();
    assert!(default.is_original());
    for fields in [
        MappingSettings {
            order_id: None,
            ..MappingSettings::default()
        },
        MappingSettings {
            branch_type: BranchType::Any,
            ..MappingSettings::default()
        },
    ] {
        assert!(!Mapping::new(fields.clone()).is_original());
        // Only the original message has a platform that must be an integer.
        let value = with_more("").replace("\"payPlatform\":0", "\"payPlatform\":\"x\"");
        assert!(matches!(
            Decoding::by(fields).value(&value),
            Decoded::Payment(_)
        ));
        assert_eq!(reason(&value), Reason::BadField);
    }
}
