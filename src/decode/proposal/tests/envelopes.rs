//! Records that hold the payment within something else.

use super::*;
use crate::decode::mapping::AmountScale;

#[test]
fn rows_that_debezium_sends_are_read_from_after() {
    let line = |op: &str, n: u64, after: bool| {
        let row = format!(
            r#"{{"id":{n},"paid_at":{},"amount":"{n}.50","branch_id":{},"currency":"EUR"}}"#,
            1_793_491_954_000_000 + n * 1_000_000,
            n % 3
        );
        let after = if after { row.as_str() } else { "null" };
        format!(
            r#"{{"schema":{{"type":"struct"}},"payload":{{"before":null,"after":{after},"source":{{"ts_ms":1793491999000,"version":"2.7"}},"op":"{op}","ts_ms":1793491999000}}}}"#
        )
    };
    let mut lines: Vec<String> = (1..=20).map(|n| line("c", n, true)).collect();
    lines.push(line("d", 3, false));
    let tried = of(&lines);
    let settings = &tried.proposal.settings;
    assert_eq!(settings.envelope, Some("payload.after".parse().unwrap()));
    assert_eq!(settings.event_time, place("paid_at"));
    assert_eq!(settings.event_time_form, TimeForm::Epoch(EpochUnit::Micros));
    assert_eq!(settings.amount, place("amount"));
    assert_eq!(tried.branch(), place("branch_id"));
    assert_eq!(settings.order_id, Some(KeyPlaces::One(place("id"))));
    assert!(tried.asks("a row that is changed"));
    assert_eq!(tried.facts[0], "2026-11-01T00:12:35Z 1.5 1");
    assert_eq!(tried.facts[20], "tombstone");
    assert_eq!(tried.proposal.trial.tombstones, 1);
}

#[test]
fn the_time_of_a_change_is_taken_if_the_row_has_none() {
    let tried = of(&[
        r#"{"before":null,"after":{"id":1,"total":1.5,"store":"a"},"op":"c","ts_ms":1793491954000}"#,
        r#"{"before":null,"after":{"id":2,"total":2.5,"store":"b"},"op":"r","ts_ms":1793491955000}"#,
    ]);
    assert_eq!(tried.proposal.settings.event_time, place("$value.ts_ms"));
    assert_eq!(
        tried.facts,
        ["2026-11-01T00:12:34Z 1.5 a", "2026-11-01T00:12:35Z 2.5 b"]
    );
}

#[test]
fn the_data_of_a_cloud_event_is_read_and_its_time_if_need_be() {
    let tried = of(&[
        r#"{"specversion":"1.0","id":"e1","source":"/shop","type":"payment.done","time":"2026-11-01T00:12:34Z","data":{"paymentId":"p1","price":"3.20","outlet":"north"}}"#,
        r#"{"specversion":"1.0","id":"e2","source":"/shop","type":"payment.done","time":"2026-11-01T00:12:35Z","data":{"paymentId":"p2","price":"4","outlet":"south"}}"#,
    ]);
    let settings = &tried.proposal.settings;
    assert_eq!(settings.envelope, Some("data".parse().unwrap()));
    assert_eq!(settings.event_time, place("$value.time"));
    assert_eq!(settings.order_id, Some(KeyPlaces::One(place("paymentId"))));
    assert_eq!(
        tried.facts,
        [
            "2026-11-01T00:12:34Z 3.2 north",
            "2026-11-01T00:12:35Z 4 south"
        ]
    );
}

#[test]
fn charges_of_stripe_are_scaled_by_their_currency() {
    let tried = of(&[
        r#"{"id":"ch_1","object":"charge","amount":2000,"amount_captured":2000,"amount_refunded":0,"balance_transaction":"txn_1","created":1793491954,"currency":"usd","customer":"cus_1","metadata":{"store":"north"},"paid":true,"status":"succeeded"}"#,
        r#"{"id":"ch_2","object":"charge","amount":500,"amount_captured":500,"amount_refunded":0,"balance_transaction":"txn_2","created":1793491955,"currency":"jpy","customer":"cus_2","metadata":{"store":"south"},"paid":true,"status":"succeeded"}"#,
    ]);
    let settings = &tried.proposal.settings;
    assert_eq!(settings.amount, place("amount"));
    assert_eq!(settings.amount_form.scale, AmountScale::OfCurrency);
    assert_eq!(settings.event_time, place("created"));
    assert_eq!(tried.branch(), place("metadata.store"));
    assert_eq!(settings.order_id, Some(KeyPlaces::One(place("id"))));
    assert_eq!(tried.counting(), None);
    assert_eq!(
        tried.facts,
        [
            "2026-11-01T00:12:34Z 20 north/USD",
            "2026-11-01T00:12:35Z 500 south/JPY"
        ]
    );
}

#[test]
fn an_event_of_stripe_holds_its_charge_in_data_object() {
    let tried = of(&[
        r#"{"id":"evt_1","object":"event","account":"acct_9","created":1793491999,"type":"charge.succeeded","data":{"object":{"id":"ch_1","object":"charge","amount":2050,"created":1793491954,"currency":"usd"}}}"#,
    ]);
    let settings = &tried.proposal.settings;
    assert_eq!(settings.envelope, Some("data.object".parse().unwrap()));
    assert_eq!(tried.branch(), place("$value.account"));
    assert_eq!(tried.facts, ["2026-11-01T00:12:34Z 20.5 acct_9"]);
}

#[test]
fn a_value_with_its_schema_is_read_from_its_payload() {
    let tried = of(&[
        r#"{"schema":{"type":"struct","fields":[{"field":"amount"}]},"payload":{"amount":1.5,"shop_id":3,"created_at":1793491954000,"order_no":"o1"}}"#,
    ]);
    assert_eq!(
        tried.proposal.settings.envelope,
        Some("payload".parse().unwrap())
    );
    assert_eq!(tried.facts, ["2026-11-01T00:12:34Z 1.5 3"]);
}

#[test]
fn an_object_that_holds_all_facts_and_the_status_is_the_envelope() {
    let tried = of(&[
        r#"{"meta":{"host":"a"},"body":{"payment":{"id":"1","amount":1.5,"shop":"a","time":"2026-11-01T00:12:34Z","status":"paid"}}}"#,
        r#"{"meta":{"host":"b"},"body":{"payment":{"id":"2","amount":2.5,"shop":"b","time":"2026-11-01T00:12:35Z","status":"failed"}}}"#,
    ]);
    assert_eq!(
        tried.proposal.settings.envelope,
        Some("body.payment".parse().unwrap())
    );
    assert_eq!(tried.counting(), Some(r#"status == "paid""#));
    assert_eq!(
        tried.facts,
        ["2026-11-01T00:12:34Z 1.5 a", "2026-11-01T00:12:35Z 2.5 b"]
    );
}

#[test]
fn the_only_item_of_an_array_is_read_and_one_of_several_is_not() {
    let tried = of(&[
        r#"{"time":"2026-11-01T00:12:34Z","shop":1,"parts":[{"amount":1.5}],"lines":[{"price":9.5},{"price":8.5}]}"#,
        r#"{"time":"2026-11-01T00:12:34Z","shop":1,"parts":[{"amount":2.5}],"lines":[{"price":7.5}]}"#,
    ]);
    assert_eq!(tried.proposal.settings.amount, place("parts[0].amount"));
    assert_eq!(
        tried.facts,
        ["2026-11-01T00:12:34Z 1.5 1", "2026-11-01T00:12:34Z 2.5 1"]
    );
    let several =
        [r#"{"time":"2026-11-01T00:12:34Z","shop":1,"lines":[{"price":9.5},{"price":8.5}]}"#];
    assert!(refused(&several).contains("an amount could not be found"));
}
