//! `[payment]`: which mappings are valid, and what they are rules of.

use tidegauge::decode::mapping::{
    AmountScale, BranchType, Currencies, KeyPlaces, MappingSettings, TimeForm,
};

use super::{valid, wrong};

/// The one problem of `toml` is in this line, and `says` what is wrong.
fn refuses(toml: &str, line: usize, says: &str) {
    let text = wrong(toml);
    assert!(text.starts_with(&format!("t.toml:{line}:")), "{text}");
    assert!(text.ends_with("the configuration has 1 problem"), "{text}");
    assert!(text.contains(says), "{says} is not in {text}");
}

fn fields(keys: &str) -> MappingSettings {
    let config = valid(&format!("[payment]\n{keys}"));
    config.payment.settings().clone()
}

#[test]
fn without_keys_it_is_the_original_message() {
    assert!(valid("").payment.is_original());
    assert!(valid("[payment]").payment.is_original());
    assert_eq!(fields(""), MappingSettings::default());
    let said = "envelope = ''\nevent_time = 'createTime'\nevent_time_format = 'auto'\n\
                amount = 'payAmount'\namount_scale = 0\namount_thousands = ''\namount_point = '.'\n\
                branch = 'branchId'\nbranch_type = 'auto'\norder_id = 'orderId'\ncurrency = ''\n";
    assert_eq!(fields(said), MappingSettings::default());
    let rules = valid(&format!("[payment]\n{said}")).rules();
    assert_eq!(rules, valid("").rules());
}

#[test]
fn keys_say_where_facts_stand_and_how_they_are_written() {
    let all = fields(
        "envelope = 'payload.after'\nevent_time = 'paid.at'\nevent_time_format = 'epoch_ms'\n\
         amount = 'total[0].\"minor.units\"'\namount_scale = 2\namount_thousands = ','\n\
         branch = '{country}/{store.id}'\norder_id = '$key'\ncurrency = 'cur'\ncurrencies = 'EUR'\n",
    );
    assert_eq!(all.envelope.unwrap().to_string(), "payload.after");
    assert_eq!(all.event_time.to_string(), "paid.at");
    assert!(matches!(all.event_time_form, TimeForm::Epoch(_)));
    assert_eq!(all.amount.to_string(), "total[0].\"minor.units\"");
    assert_eq!(all.amount_form.scale, AmountScale::Fixed(2));
    assert_eq!(all.amount_form.thousands, Some(','));
    assert!(matches!(all.branch, KeyPlaces::Several(_)));
    assert_eq!(all.branch_type, BranchType::Any);
    assert_eq!(all.order_id.unwrap().to_string(), "$key");
    assert_eq!(all.currencies, Currencies::Only("EUR".parse().unwrap()));
    let scale = fields("currency = 'cur'\namount_scale = 'currency'")
        .amount_form
        .scale;
    assert_eq!(scale, AmountScale::OfCurrency);
    assert_eq!(fields("order_id = ''").order_id, None);
}

#[test]
fn only_the_branch_of_the_original_message_must_be_an_integer() {
    for (keys, branch_type) in [
        ("amount = 'a'", BranchType::Integer),
        ("branch_type = 'any'", BranchType::Any),
        ("branch = 'shop'", BranchType::Any),
        ("branch = 'shop'\nbranch_type = 'auto'", BranchType::Any),
        (
            "branch = 'shop'\nbranch_type = 'integer'",
            BranchType::Integer,
        ),
        ("branch = '$key'", BranchType::Any),
        ("currency = 'c'", BranchType::Any),
    ] {
        assert_eq!(fields(keys).branch_type, branch_type, "{keys}");
    }
}

#[test]
fn what_can_not_be_used_is_refused_with_what_would_be_right() {
    for (line, says) in [
        ("event_time = ''", "a name is missing at character 1"),
        (
            "event_time = 'a..b'",
            "\"a..b\" is not a path: a name is missing at character 3",
        ),
        ("event_time = '$time'", "\"$timestamp\""),
        ("event_time_format = 'iso'", "\"iso\" is not a format"),
        (
            "event_time_format = '%H:%M'",
            "does not say which moment it is",
        ),
        (
            "event_time_format = 'epoch_s'\nevent_time = '$timestamp'",
            "$timestamp is in milliseconds",
        ),
        ("where = '$key == \"a\"'", "sees the payment's object alone"),
        ("envelope = '$value.a'", "write \"a\""),
        ("envelope = '$key'", "\"$key\" is not a path"),
        ("amount_scale = 19", "a whole number from 0 to 18"),
        (
            "amount_scale = 'two'",
            "a whole number from 0 to 18, or \"currency\"",
        ),
        ("amount_point = '/'", "can't stand before decimals"),
        ("event_time_format = '%Y-%m-%d %Z'", "names of zones"),
        ("amount_scale = 'currency'", "needs payment.currency"),
        ("amount_thousands = '5'", "can't stand between thousands"),
        ("amount_thousands = '.'", "amount_point already"),
        ("amount_point = ''", "can't stand before decimals"),
        ("branch = '{a}{b}'", "nothing stands between {a} and {b}"),
        ("branch = '{a'", "a brace is not closed"),
        ("branch = '{{}}'", "the template has no place"),
        ("order_id = '{a}{b}'", "nothing stands between {a} and {b}"),
        ("order_id = '{a'", "a brace is not closed"),
        ("order_id = '{{}}'", "the template has no place"),
        ("branch_type = 'text'", "\"text\" is not a type"),
        ("currencies = 'EUR'", "needs payment.currency"),
        ("where = 'status = 1'", "at column"),
        (
            "where = '5'",
            "the condition gives an int, not true or false",
        ),
        ("negative_where = 'now() > 5'", "now"),
    ] {
        refuses(&format!("[payment]\n{line}\n"), 2, says);
    }
    let typed = "[payment]\nbranch = '{a}/{b}'\nbranch_type = 'integer'\n";
    refuses(typed, 3, "made of several values");
    let unknown = "[payment]\ncurrency = 'c'\ncurrencies = 'any of'\n";
    refuses(unknown, 3, "\"any of\" is not known");
    for word in ["Apart", "all", "eur"] {
        let text = format!("[payment]\ncurrency = 'c'\ncurrencies = '{word}'\n");
        refuses(&text, 3, "in capital letters");
    }
    let scaled = "[payment]\ncurrency = 'c'\ncurrencies = 'BTC'\namount_scale = 'currency'\n";
    refuses(scaled, 3, "no number of decimals in ISO 4217");
    let utc = "time_zone = 'Asia/Shanghai'\n[payment]\nevent_time_format = '%Y-%m-%dT%H:%M:%SZ'\n";
    refuses(utc, 3, "set time_zone to UTC");
    refuses("[payment]\neventtime = 'a'\n", 2, "event_time");
}

#[test]
fn a_mapping_is_a_rule_and_is_printed_as_it_was_read() {
    let rules = valid("").rules();
    let mut seen = vec![rules.clone()];
    for keys in [
        "envelope = 'after'",
        "event_time = '$timestamp'",
        "event_time_format = '%d.%m.%Y %H:%M'",
        "amount = '\"a \\\"b\\\".c\"'",
        "amount_scale = 2",
        "amount_thousands = ' '",
        "amount_thousands = '\u{202f}'",
        "amount_point = ','",
        "branch = '{a} {{x}}/{b}'",
        "branch = 'b'",
        "branch_type = 'any'",
        "order_id = ''",
        "currency = '$header.cur'",
        "currency = 'c'\ncurrencies = 'USD'",
        "currency = 'c'\namount_scale = 'currency'",
        "where = 'status in [\"a\", \"b\"]'",
        "negative_where = 'type == \"refund\"'",
    ] {
        let config = valid(&format!("[payment]\n{keys}\n"));
        assert!(config.rules().starts_with(&rules), "{keys}");
        assert!(!seen.contains(&config.rules()), "{keys}");
        seen.push(config.rules());
        let again = valid(&config.to_toml());
        assert_eq!(again.rules(), config.rules(), "{}", config.to_toml());
        assert_eq!(again.payment.settings(), config.payment.settings());
        assert_eq!(again.to_toml(), config.to_toml());
    }
}
