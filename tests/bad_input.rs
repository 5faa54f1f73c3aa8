//! Records that are not payments: each gets its reason, is counted and shown, and stops nothing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::compare::Figures;
use crate::support::lab::{Elastic, Kafka, Message, unique};
use crate::support::service::Setup;
use crate::support::topic::{START, paid, payment};

/// A payment with another text for one of its values, or without it.
fn with(field: &str, value: Option<&str>) -> Vec<u8> {
    let fields = [
        ("createTime", "\"2026-11-01 00:00:02\""),
        ("payAmount", "5"),
        ("branchId", "1"),
    ];
    let fields: Vec<String> = fields
        .into_iter()
        .chain((!["createTime", "payAmount", "branchId"].contains(&field)).then_some((field, "0")))
        .filter_map(|(name, usual)| {
            let value = if name == field { value? } else { usual };
            Some(format!("\"{name}\":{value}"))
        })
        .collect();
    format!("{{{}}}", fields.join(",")).into_bytes()
}

/// Records and the reason that each is rejected for.
fn bad() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    let mut bad = vec![
        ("not_json", text("{\"createTime\":\"2026-11-01 00:00")),
        ("not_json", text("payment")),
        ("not_json", text("[]")),
        ("not_json", vec![0xff, 0xfe, 0x00]),
        ("not_json", [payment(START, "1", 1), text("x")].concat()),
        (
            "bad_field",
            text("{\"createTime\":1,\"payAmount\":1,\"branchId\":1,\"branchId\":1}"),
        ),
    ];
    for field in ["createTime", "payAmount", "branchId"] {
        bad.push(("missing_field", with(field, None)));
        bad.push(("missing_field", with(field, Some("null"))));
    }
    let rejected = [
        (
            "bad_field",
            "branchId",
            ["-1", "1.5", "\"x\"", "2147483648", "[1]"],
        ),
        (
            "bad_field",
            "payPlatform",
            ["\"web\"", "{}", "true", "1.25", "[]"],
        ),
        (
            "bad_field",
            "orderId",
            ["\"web\"", "{}", "true", "1.25", "[]"],
        ),
        (
            "bad_time",
            "createTime",
            [
                "\"2026-02-30 00:00:00\"",
                "\"2026-11-01 24:00:00\"",
                "\"2026-11-01 00:00:60\"",
                "\"now\"",
                "\"\"",
            ],
        ),
        (
            "bad_amount",
            "payAmount",
            ["1e15", "-1000000000000000", "\"NaN\"", "\"12,50\"", "\"\""],
        ),
    ];
    for (reason, field, values) in rejected {
        bad.extend(
            values
                .into_iter()
                .map(|value| (reason, with(field, Some(value)))),
        );
    }
    let mut large = with("note", Some(&format!("\"{}\"", "x".repeat(256 * 1024))));
    bad.push(("too_large", large.clone()));
    large.extend_from_slice(b"not even JSON");
    bad.push(("too_large", large));
    bad
}

#[test]
fn every_kind_of_bad_input_gets_its_reason_is_counted_and_stops_nothing() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("bad");
    kafka.create_topic(&name, 2);
    let bad = bad();
    let record = |payload| Message {
        partition: 1,
        timestamp: START + 5_000,
        payload,
        ..Message::default()
    };
    // A good one after each: nothing stops, and nothing is taken for its neighbour.
    let messages = bad.iter().zip(0..).flat_map(|((_, value), number)| {
        [
            record(Some(value.clone())),
            paid(1, START + number * 10, "0.01", 9),
        ]
    });
    let tombstones = [record(None), record(Some(Vec::new()))];
    kafka.send(
        &name,
        messages.chain(tombstones).chain([paid(0, START, "7", 8)]),
    );

    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    let service = setup.serve();
    let count = bad.len() as u64;
    service.await_consumed(2 * count + 3);
    service.await_delivered();
    let ledger = service.ask("ledger");
    assert_eq!(ledger["balanced"], true);
    assert_eq!(ledger["entries"]["rejected"], json!({"count": count}));
    assert_eq!(ledger["entries"]["tombstone"], json!({"count": 2}));
    let paid = exact_cents(count);
    assert_eq!(
        service.ask("totals/9")["total"]["pay_amount_exact"],
        Value::from(paid)
    );
    assert_eq!(service.ask("totals/9")["total"]["pay_count"], count);

    let figures = Figures::ask(&service);
    let reasons: Vec<_> = bad.iter().map(|(reason, _)| *reason).collect();
    let shown: Vec<_> = figures
        .rejects
        .iter()
        .rev()
        .map(|item| item["reason"].as_str().unwrap())
        .collect();
    let wrong: Vec<_> = (reasons.iter().zip(&shown).zip(&bad))
        .filter(|((expected, found), _)| expected != found)
        .map(|((expected, found), (_, value))| format!("{expected}, not {found}: {}", lossy(value)))
        .collect();
    assert!(
        wrong.is_empty() && reasons.len() == shown.len(),
        "{wrong:#?}"
    );
    for (item, (number, (_, value))) in figures.rejects.iter().rev().zip((0..).zip(&bad)) {
        assert_eq!(
            (&item["partition"], &item["offset"]),
            (&json!(1), &json!(2 * number))
        );
        assert_eq!(item["record_timestamp"], "2026-11-01T00:00:05Z");
        assert!(!item["detail"].as_str().unwrap().is_empty(), "{item}");
        let read = String::from_utf8_lossy(&value[..value.len().min(4_096)]);
        assert_eq!(item["read"], Value::from(read));
    }
    let mut by_reason: BTreeMap<&str, u64> = BTreeMap::new();
    reasons
        .iter()
        .for_each(|reason| *by_reason.entry(reason).or_default() += 1);
    assert_eq!(
        service.ask("status")["notices"]["rejects"],
        json!(by_reason)
    );
    assert_eq!(by_reason.len(), 6, "not every reason is tried");
    figures.assert_documented(elastic, &name);

    // It continues as before.
    kafka.send(
        &name,
        [crate::support::topic::paid(0, START + 1_000, "0.5", 8)],
    );
    service.await_consumed(2 * count + 4);
    assert_eq!(service.ask("totals/8")["total"]["pay_amount_exact"], "7.5");
}

fn exact_cents(cents: u64) -> String {
    let text = format!("{}.{:02}", cents / 100, cents % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn lossy(value: &[u8]) -> String {
    String::from_utf8_lossy(&value[..value.len().min(100)]).into_owned()
}

#[test]
fn payments_too_late_and_too_far_ahead_are_in_totals_and_shown_but_in_no_window() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("late");
    kafka.create_topic(&name, 1);
    let hour = 3_600_000;
    let stamped = |time: i64, amount: &str| Message {
        timestamp: START + 100 * hour,
        ..paid(0, time, amount, 2)
    };
    kafka.send(
        &name,
        [
            // Two that agree: one alone may come from a wrong clock.
            stamped(START + 100 * hour, "0.5"),
            stamped(START + 100 * hour, "0.5"),
            stamped(START, "2"),
            stamped(START + 101 * hour, "4"),
            stamped(START + 99 * hour, "8"),
        ],
    );
    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    assert_eq!(setup.serve_until_end()["records"], 5);
    let service = setup.serve();
    let figures = Figures::ask(&service);
    figures.assert_documented(elastic, &name);
    assert_eq!(figures.payments_in("1m"), 3);
    assert_eq!(figures.totals[0]["pay_amount_exact"], "15");
    let late: Vec<_> = figures
        .late
        .iter()
        .map(|item| (&item["offset"], &item["reason"], &item["pay_amount_exact"]))
        .collect();
    assert_eq!(
        late,
        [
            (&json!(3), &json!("future"), &json!("4")),
            (&json!(2), &json!("too_late"), &json!("2"))
        ]
    );
    assert_eq!(figures.late[1]["watermark"], "2026-11-05T03:59:55Z");
    assert_eq!(figures.late[1]["event_time"], "2026-11-01T00:00:00Z");
    let entries = &figures.ledger["entries"];
    for (entry, count, amount) in [
        ("on_time", 2, "1"),
        ("late", 1, "8"),
        ("too_late", 1, "2"),
        ("future", 1, "4"),
    ] {
        assert_eq!(
            entries[entry],
            json!({"count": count, "pay_amount_exact": amount}),
            "{entry}"
        );
    }
}
