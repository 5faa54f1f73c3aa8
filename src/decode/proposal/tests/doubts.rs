//! What a sample does not say, and samples that say nothing.

use super::*;

#[test]
fn a_sample_without_payments_is_refused_with_what_is_missing() {
    let hopeless = [
        r#"{"level":"info","message":"started"}"#,
        r#"{"level":"warn","message":"slow"}"#,
    ];
    let refusal = refused(&hopeless);
    assert!(
        refusal.starts_with("an event time could not be found in 2 records: "),
        "{refusal}"
    );
    let no_branch = [r#"{"time":"2026-11-01T00:12:34Z","amount":1.5,"id":"a1"}"#];
    let refusal = refused(&no_branch);
    assert!(
        refusal.contains("a branch could not be found in 1 record: "),
        "{refusal}"
    );
    assert!(
        refusal.ends_with("this fits: event_time = \"time\", amount = \"amount\""),
        "{refusal}"
    );
    let with_signs = [r#"{"time":"2026-11-01T00:12:34Z","amount":"EUR 1.50","shop":1}"#];
    let refusal = refused(&with_signs);
    assert!(
        refusal.contains("amount holds texts such as \"EUR 1.50\""),
        "{refusal}"
    );
}

#[test]
fn no_records_and_no_json_are_told_apart() {
    assert_eq!(refused::<&str>(&[]), ProposalError::Empty.to_string());
    assert_eq!(refused(&[""]), ProposalError::Empty.to_string());
    let other = ["time,amount,shop", "2026-11-01,1.5,7", "[", "17", "\u{1}"];
    assert_eq!(refused(&other), ProposalError::NoObjects.to_string());
}

#[test]
fn damaged_records_among_good_ones_are_counted_with_the_first_of_each_reason() {
    let tried = of(&[
        "{",
        r#"{"time":"2026-11-01T00:12:34Z","amount":1.5,"shop":1,"id":"a"}"#,
        r#"{"time":"2026-11-01T00:12:35Z","amount":2.5,"shop":1,"id":"b"}"#,
        r#"{"time":"2026-11-01T00:12:36Z","amount":"much","shop":1,"id":"c"}"#,
        "}",
    ]);
    let trial = &tried.proposal.trial;
    assert_eq!((trial.payments, trial.rejects), (2, 3));
    let first: Vec<_> = trial
        .first
        .iter()
        .map(|(at, reject)| (*at, reject.reason.as_str()))
        .collect();
    assert_eq!(first, [(0, "not_json"), (3, "bad_amount")]);
    assert_eq!(
        tried.facts,
        [
            "not_json",
            "2026-11-01T00:12:34Z 1.5 1",
            "2026-11-01T00:12:35Z 2.5 1",
            "bad_amount",
            "not_json"
        ]
    );
}

#[test]
fn days_and_months_that_can_be_exchanged_are_asked_about() {
    let line = |day: &str| format!(r#"{{"date":"{day} 10:00:00","amount":1.5,"shop":1}}"#);
    let tried = of(&[line("03/04/2026")]);
    assert!(
        tried.asks("\"%m/%d/%Y %H:%M:%S\""),
        "{:?}",
        tried.proposal.decisions
    );
    assert_eq!(tried.facts, ["2026-04-03T10:00:00Z 1.5 1"]);
    let tried = of(&[line("03/04/2026"), line("03/14/2026")]);
    assert!(!tried.asks("event_time_format"));
    assert_eq!(
        tried.facts,
        ["2026-03-04T10:00:00Z 1.5 1", "2026-03-14T10:00:00Z 1.5 1"]
    );
}

#[test]
fn whole_amounts_and_single_signs_are_asked_about() {
    let whole: Vec<String> = (0..20)
        .map(|n| {
            format!(
                r#"{{"time":"2026-11-01T00:12:34Z","amount":{},"shop":1}}"#,
                100 + n
            )
        })
        .collect();
    let tried = of(&whole);
    assert!(tried.asks("amount_scale = 2"));
    assert_eq!(tried.facts[19], "2026-11-01T00:12:34Z 119 1");
    let tried = of(&[r#"{"time":"2026-11-01T00:12:34Z","amount":"1,234","shop":1}"#]);
    assert!(tried.asks("amount_thousands"));
    assert_eq!(tried.facts, ["2026-11-01T00:12:34Z 1234 1"]);
}

#[test]
fn refunds_are_asked_about_unless_they_subtract_already() {
    let line = |kind: &str, amount: &str| {
        format!(r#"{{"time":"2026-11-01T00:12:34Z","amount":{amount},"shop":1,"type":"{kind}"}}"#)
    };
    let lines = [line("sale", "5.5"), line("refund", "2.5")];
    let tried = of(&lines);
    assert_eq!(tried.negative(), Some(r#"type == "refund""#));
    assert_eq!(
        facts(&values(&lines), &tried.proposal.suggested),
        ["2026-11-01T00:12:34Z 5.5 1", "2026-11-01T00:12:34Z -2.5 1"]
    );
    let tried = of(&[line("sale", "5.5"), line("refund", "-2.5")]);
    assert_eq!(tried.negative(), None);
    assert_eq!(
        tried.facts,
        ["2026-11-01T00:12:34Z 5.5 1", "2026-11-01T00:12:34Z -2.5 1"]
    );
}

#[test]
fn a_condition_reads_odd_names_and_values_and_allows_for_records_without_the_field() {
    let plain = r#"{"time":"2026-11-01T00:12:34Z","amount":5.5,"shop":1}"#;
    let odd =
        r#"{"time":"2026-11-01T00:12:34Z","amount":2.5,"shop":1,"pay-type":"it's a \"refund\""}"#;
    let everywhere = of(&[odd]);
    assert_eq!(
        everywhere.negative(),
        Some(r#"this["pay-type"] == "it's a \"refund\"""#)
    );
    assert_eq!(
        facts(&values(&[odd]), &everywhere.proposal.suggested),
        ["2026-11-01T00:12:34Z -2.5 1"]
    );
    let lines = [plain.to_owned(), odd.replace("pay-type", "pay_type")];
    let somewhere = of(&lines);
    assert!(
        somewhere
            .negative()
            .unwrap()
            .starts_with("has(pay_type) && ")
    );
    assert_eq!(
        facts(&values(&lines), &somewhere.proposal.suggested),
        ["2026-11-01T00:12:34Z 5.5 1", "2026-11-01T00:12:34Z -2.5 1"]
    );
}

#[test]
fn a_reference_is_an_order_id_once_many_records_show_that_it_differs() {
    let lines: Vec<String> = (0..20)
        .map(|n| {
            format!(r#"{{"time":"2026-11-01T00:12:34Z","amount":{n}.5,"shop":1,"ref":"r{n}"}}"#)
        })
        .collect();
    let tried = of(&lines);
    assert_eq!(
        tried.proposal.settings.order_id,
        Some(KeyPlaces::One(place("ref")))
    );
    assert_eq!(tried.facts[19], "2026-11-01T00:12:34Z 19.5 1");
    assert_eq!(of(&lines[..1]).proposal.settings.order_id, None);
}

#[test]
fn a_branch_without_a_name_for_it_is_asked_about() {
    let lines: Vec<String> = (0..20)
        .map(|n| {
            let place = ["a", "b"][n % 2];
            format!(r#"{{"time":"2026-11-01T00:12:34Z","amount":1.5,"where_sold":"{place}","note":"n{n}"}}"#)
        })
        .collect();
    let tried = of(&lines);
    assert_eq!(tried.branch(), place("where_sold"));
    assert!(tried.asks("no name speaks for a branch"));
    let lines: Vec<String> = (0..20)
        .map(|n| format!(r#"{{"time":"2026-11-01T00:12:34Z","amount":1.5,"account":"{n}"}}"#))
        .collect();
    assert!(of(&lines).asks("choose another branch"));
}

#[test]
fn deep_and_wide_records_are_looked_at_within_bounds() {
    let deep = format!("{}1{}", r#"{"a":"#.repeat(100), "}".repeat(100));
    assert!(refused(&[deep]).contains("could not be found"));
    let members: Vec<String> = (0..5_000).map(|n| format!(r#""f{n}":{n}.5"#)).collect();
    let wide = format!(
        r#"{{"time":"2026-11-01T00:12:34Z","amount":1.5,"shop":1,{}}}"#,
        members.join(",")
    );
    let mut profile = SampleProfile::default();
    profile.take(&Record::of(Some(wide.as_bytes())), &[]);
    assert_eq!(profile.fields.len(), 256);
}

#[test]
fn an_order_id_is_known_by_its_name_although_each_order_comes_three_times() {
    for (field, place_of_id) in [
        (r#""order_id":"N""#, "order_id"),
        (r#""orderId":N"#, "orderId"),
        (r#""order":{"id":"N"}"#, "order.id"),
    ] {
        let line = |number: u32| {
            let id = field.replace('N', &(7_000 + number / 3).to_string());
            format!(
                r#"{{"paid_at":"2026-11-01T00:00:{:02}Z","amount":{number}.5,"store_code":"s{}",{id}}}"#,
                number % 60,
                number % 4
            )
        };
        let tried = of(&(0..60).map(line).collect::<Vec<_>>());
        let settings = &tried.proposal.settings;
        assert_eq!(
            settings.order_id,
            Some(KeyPlaces::One(place(place_of_id))),
            "{field}"
        );
        let reason = tried.reason("order_id");
        let words = "20 different in 60 of 60 records, so ids come again";
        assert!(reason.contains(words), "{reason}");
        assert_eq!(tried.branch(), place("store_code"));
    }
    // The name alone says it: this one has other values that come again.
    let line = |number: u32| {
        format!(
            r#"{{"paid_at":"2026-11-01T00:00:{:02}Z","amount":1.5,"store_code":"s","ref":"r{}"}}"#,
            number % 60,
            number / 3
        )
    };
    let tried = of(&(0..60).map(line).collect::<Vec<_>>());
    assert_eq!(tried.proposal.settings.order_id, None);
}
