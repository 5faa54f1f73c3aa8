//! Which payments count, and which subtract.

use super::*;
use crate::decode::mapping::PaymentCondition;

fn by(condition: &str, negative: &str) -> Decoding {
    let compiled =
        |text: &str| (!text.is_empty()).then(|| PaymentCondition::compile(text).unwrap());
    Decoding::by(MappingSettings {
        condition: compiled(condition),
        negative: compiled(negative),
        ..short()
    })
}

fn with(more: &str) -> String {
    format!(r#"{{"at":{TIME},"sum":12.5,"shop":7{more}}}"#)
}

const CENTS_1250: Option<Amount> = Some(Amount::from_units(12_500_000_000_000_000_000));

#[test]
fn a_payment_that_does_not_count_is_filtered_with_its_amount() {
    let mut decoding = by(r#"status in ["captured", "settled"]"#, "");
    for (more, counts) in [
        (r#","status":"captured""#, true),
        (r#","status":"settled""#, true),
        (r#","status":"c\u0061ptured""#, true),
        (r#","status":"failed""#, false),
        (r#","status":"Captured""#, false),
        (r#","status":null"#, false),
        (r#","status":5"#, false),
    ] {
        match decoding.value(&with(more)) {
            Decoded::Payment(_) if counts => {}
            Decoded::Filtered(amount) if !counts => assert_eq!(amount, CENTS_1250, "{more}"),
            other => panic!("{more}: {other:?}"),
        }
    }
}

#[test]
fn what_does_not_count_need_not_be_a_payment() {
    let mut decoding = by(r#"kind == "payment""#, "");
    for (value, amount) in [
        (r#"{"kind":"login"}"#, None),
        (r#"{"kind":"login","sum":"many","at":"x"}"#, None),
        (r#"{"kind":"login","sum":12.5,"shop":{}}"#, CENTS_1250),
    ] {
        assert_eq!(decoding.value(value), Decoded::Filtered(amount), "{value}");
    }
    let twice = r#"{"kind":"login","kind":"login"}"#;
    assert!(
        decoding
            .detail(twice)
            .starts_with("bad_field: the field \"kind\" is given twice")
    );
}

/// A layout has the amount before it has the currency: what is filtered out must not depend on which
/// layouts were met.
#[test]
fn the_amount_of_a_filtered_payment_needs_its_currency_only_for_the_scale() {
    let by = |scale| {
        Decoding::by(MappingSettings {
            currency: Some(place("cur")),
            amount_form: AmountForm {
                scale,
                ..AmountForm::PLAIN
            },
            condition: Some(PaymentCondition::compile("status == 'captured'").unwrap()),
            ..short()
        })
    };
    for (currency, of_currency) in [
        (
            r#""EUR""#,
            Some(Amount::from_units(125_000_000_000_000_000)),
        ),
        ("null", None),
        ("5.5", None),
        (r#""XBT""#, None),
    ] {
        let value = with(&format!(r#","status":"failed","cur":{currency}"#));
        let fixed = by(AmountScale::Fixed(0)).value(&value);
        assert_eq!(fixed, Decoded::Filtered(CENTS_1250), "{currency}");
        let scaled = by(AmountScale::OfCurrency).value(&value);
        assert_eq!(scaled, Decoded::Filtered(of_currency), "{currency}");
    }
}

#[test]
fn a_condition_that_can_not_be_decided_rejects_with_the_field_and_what_stands_there() {
    let mut decoding = by("status == \"captured\"", "amount_sign < 0");
    let said = decoding.detail(&with(""));
    assert!(said.starts_with("bad_field: where: "), "{said}");
    assert!(said.contains("status"), "{said}");
    let said = decoding.detail(&with(r#","status":"captured","amount_sign":"-""#));
    assert!(said.starts_with("bad_field: negative_where: "), "{said}");
    assert!(
        said.contains("amount_sign") && said.contains("\"-\""),
        "{said}"
    );
    // What is not known to count is not looked at further.
    let said = decoding.detail("{}");
    assert!(said.starts_with("bad_field: where: "), "{said}");
}

#[test]
fn refunds_subtract() {
    let mut decoding = by("", r#"has(refund) && refund"#);
    for (more, amount) in [
        ("", "12.5"),
        (r#","refund":false"#, "12.5"),
        (r#","refund":true"#, "-12.5"),
    ] {
        assert_eq!(decoding.facts(&with(more)).1, amount, "{more}");
    }
    let negative = with(r#","refund":true"#).replace("12.5", "-12.5");
    assert_eq!(decoding.facts(&negative).1, "12.5");
}

#[test]
fn conditions_see_the_object_in_the_envelope() {
    for condition in [
        "paid.at > 1793494100",
        "size(this.parts) == 2 && paid.at > 0",
    ] {
        let mut decoding = Decoding::by(MappingSettings {
            condition: Some(PaymentCondition::compile(condition).unwrap()),
            ..nested()
        });
        assert_eq!(decoding.facts(NESTED), facts(TIME, "-12.5", "DE/7"));
        let none = NESTED.replace("1793494200", "0");
        assert_eq!(
            decoding.value(&none),
            Decoded::Filtered(CENTS_1250.map(Amount::negated))
        );
    }
}

#[test]
fn conditions_leave_the_original_message_as_strict_as_it_is() {
    let mut decoding = Decoding::by(MappingSettings {
        condition: Some(PaymentCondition::compile("payPlatform == 0").unwrap()),
        ..MappingSettings::default()
    });
    assert_eq!(decoding.value(&with_more("")), Decoded::Payment(usual()));
    let text = with_branch("\"3\"");
    assert!(
        decoding
            .detail(&text)
            .starts_with("bad_field: branchId \"3\" is not an integer")
    );
    let other = with_more("").replace("\"payPlatform\":0", "\"payPlatform\":1");
    assert!(matches!(decoding.value(&other), Decoded::Filtered(Some(_))));
}
