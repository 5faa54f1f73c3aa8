//! Branches that are put together, and currencies.

use super::*;

#[test]
fn no_other_parts_give_the_same_branch() {
    let mut nested = Decoding::by(nested());
    let said = nested.detail(&NESTED.replace("\"DE\"", "\"D/E\""));
    assert!(
        said.starts_with("bad_field: country \"D/E\" and the \"/\" behind it"),
        "{said}"
    );
    // Nothing stands behind the last one.
    let last = NESTED.replace("\"id\":7", "\"id\":\"a/b\"");
    assert_eq!(nested.facts(&last).2, "DE/a/b");
}

#[test]
fn a_text_between_parts_that_overlaps_itself_tells_them_apart() {
    for (template, pairs) in [
        ("{c}--{s}", [("x-", "y"), ("x", "-y")]),
        ("{c}::{s}", [("x:", "y"), ("x", ":y")]),
        ("{c}aba{s}", [("xab", "y"), ("x", "bay")]),
    ] {
        let mut decoding = Decoding::by(MappingSettings {
            branch: KeyPlaces::Several(template.parse().unwrap()),
            ..short()
        });
        let branches = pairs.map(|(c, s)| {
            let value = format!(r#"{{"at":0,"sum":1,"c":"{c}","s":"{s}"}}"#);
            match decoding.value(&value) {
                Decoded::Payment(payment) => Some(payment.branch),
                _ => None,
            }
        });
        assert!(branches[0] != branches[1], "{template}: {branches:?}");
        assert!(branches.iter().any(Option::is_some), "{template}");
    }
}

#[test]
fn a_branch_with_slashes_has_its_currency_behind_it() {
    let mut decoding = Decoding::by(MappingSettings {
        currency: Some(place("cur")),
        ..short()
    });
    let value = |shop: &str| format!(r#"{{"at":0,"sum":1,"shop":"{shop}","cur":"EUR"}}"#);
    assert_eq!(decoding.facts(&value("DE/12")).2, "DE/12/EUR");
    let mut before = Decoding::by(MappingSettings {
        currency: Some(place("cur")),
        branch: KeyPlaces::Several("{cur}X{shop}".parse().unwrap()),
        ..short()
    });
    assert_eq!(before.facts(&value("B")).2, "EURXB");
    let said = before.detail(&value("B").replace("EUR", "AX"));
    assert!(
        said.starts_with("bad_field: the currency \"AX\" and the \"X\""),
        "{said}"
    );
}

#[test]
fn amounts_of_several_currencies_never_meet() {
    let by = |currencies, scale| {
        Decoding::by(MappingSettings {
            currency: Some(place("cur")),
            currencies,
            amount_form: AmountForm {
                scale,
                ..AmountForm::PLAIN
            },
            ..short()
        })
    };
    let mut apart = by(Currencies::Apart, AmountScale::OfCurrency);
    for (sum, currency, amount, branch) in [
        ("1250", "EUR", "12.5", "7/EUR"),
        ("1250", "jpy", "1250", "7/JPY"),
        ("1250", "KWD", "1.25", "7/KWD"),
    ] {
        let value = format!(r#"{{"at":{TIME},"sum":{sum},"shop":7,"cur":"{currency}"}}"#);
        assert_eq!(apart.facts(&value), facts(TIME, amount, branch));
    }
    let value = |currency: &str| format!(r#"{{"at":{TIME},"sum":1,"shop":7,"cur":{currency}}}"#);
    let said = apart.detail(&value("\"XBT\""));
    assert!(
        said.contains("the currency \"XBT\" has no number of decimals"),
        "{said}"
    );
    assert!(
        apart
            .detail(&value("null"))
            .starts_with("missing_field: cur is missing")
    );
    assert!(
        apart
            .detail(&value("5.5"))
            .starts_with("bad_field: cur 5.5 is not a code")
    );

    let mut by_currency = Decoding::by(MappingSettings {
        currency: Some(place("cur")),
        branch: KeyPlaces::One(place("cur")),
        ..short()
    });
    assert_eq!(by_currency.facts(&value("\"usd\"")).2, "USD");

    let only = Currencies::Only("EUR".parse().unwrap());
    let mut euros = by(only, AmountScale::Fixed(0));
    assert_eq!(euros.facts(&value("\"eur\"")), facts(TIME, "1", "7"));
    assert_eq!(
        euros.detail(&value("\"USD\"")),
        "bad_field: cur \"USD\" is not EUR, which is the only one that currencies allows"
    );
}
