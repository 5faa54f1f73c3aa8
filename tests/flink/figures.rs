//! With `--late correct` Flink's figures are those of the service, to the last digit.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use serde_json::Value;

use super::topic::{create, differences, exported, of_service, of_topics};
use crate::support::lab::{Elastic, Flink, Kafka, Message, unique};
use crate::support::service::{Service, Setup};

/// Windows of all kinds, shorter and longer than a day, with offsets, in a zone whose clocks change and in one whose don't.
const WINDOWS: &str = r#"[
  { name = "90m", size = "90m", offset = "-20m" },
  { name = "10m-by-4m", size = "10m", slide = "4m" },
  { name = "quarter", size = "250ms" },
  { name = "day", size = "1d" },
  { name = "so-far", size = "1d", step = "2h" },
  { name = "week-so-far", size = "7d", step = "1d" },
  { name = "2d-by-1d", size = "2d", slide = "1d", offset = "1h30m" },
  { name = "1d-by-3h", size = "1d", slide = "3h" },
  { name = "shanghai", size = "1d", step = "6h", time_zone = "Asia/Shanghai" },
]"#;
const NAMES: [&str; 9] = [
    "90m",
    "10m-by-4m",
    "quarter",
    "day",
    "so-far",
    "week-so-far",
    "2d-by-1d",
    "1d-by-3h",
    "shanghai",
];

/// Noon in New York two days before the clocks go back, and two days before they go forward.
const AROUND: [i64; 2] = [1_793_376_000_000, 1_772_816_400_000];
const HOUR: i64 = 3_600_000;

/// Records that are rejected here and by the script: bad times, amounts, branches and others.
const BAD: [&str; 23] = [
    r#"{"createTime":"2026-02-30 00:00:00","payAmount":1,"branchId":1}"#,
    r#"{"createTime":"2026-11-01 24:00:00","payAmount":1,"branchId":1}"#,
    r#"{"createTime":"2026-11-01 00:00:60","payAmount":1,"branchId":1}"#,
    r#"{"createTime":"2026-11-01 00:60","payAmount":1,"branchId":1}"#,
    r#"{"createTime":"2025-02-29 00:00:00","payAmount":1,"branchId":1}"#,
    r#"{"createTime":"0000-01-01 00:00:00","payAmount":1,"branchId":1}"#,
    r#"{"createTime":"2026-11-01 00:00:00+25:00","payAmount":1,"branchId":1}"#,
    r#"{"createTime":"2026-11-01 00:00:00.1234567890","payAmount":1,"branchId":1}"#,
    r#"{"createTime":253402300800000,"payAmount":1,"branchId":1}"#,
    r#"{"createTime":1793494200000.5,"payAmount":1,"branchId":1}"#,
    r#"{"createTime":"2026-11-01 00:00:00","payAmount":1e15,"branchId":1}"#,
    r#"{"createTime":"2026-11-01 00:00:00","payAmount":"NaN","branchId":1}"#,
    r#"{"createTime":"2026-11-01 00:00:00","payAmount":true,"branchId":1}"#,
    r#"{"createTime":"2026-11-01 00:00:00","payAmount":" 1","branchId":1}"#,
    r#"{"createTime":"2026-11-01 00:00:00","payAmount":1,"branchId":7.5}"#,
    r#"{"createTime":"2026-11-01 00:00:00","payAmount":1,"branchId":2147483648}"#,
    r#"{"createTime":"2026-11-01 00:00:00","payAmount":1,"branchId":-1}"#,
    r#"{"createTime":"2026-11-01 00:00:00","payAmount":1,"branchId":null}"#,
    r#"{"createTime":"2026-11-01 00:00:00","payAmount":1}"#,
    r#"{"createTime":"2026-11-01 00:00:00","payAmount":1,"branchId":1,"payPlatform":"web"}"#,
    "not JSON",
    "[1]",
    "null",
];

#[test]
fn figures_on_flink_2_are_those_of_the_service_to_the_last_digit() {
    let (Some(kafka), Some(flink)) = (Kafka::shared(), Flink::two()) else {
        return;
    };
    let (setup, service) = served(kafka);
    let prefix = unique("figures");
    create(kafka, &prefix, &NAMES);

    let script = exported(&setup, &["--prefix", &prefix]);
    flink.run(&script).unwrap_or_else(|error| panic!("{error}"));

    let ours = of_service(&service, &NAMES);
    let theirs = of_topics(kafka, &prefix, &NAMES);
    let differ = differences(&ours, &theirs);
    assert!(
        differ.is_empty(),
        "{} of {}: {:#?}",
        differ.len(),
        ours.len(),
        &differ[..differ.len().min(9)]
    );
}

#[test]
fn documents_of_flink_1_say_what_those_of_the_service_say() {
    let (Some(kafka), Some(flink), Some(elastic)) =
        (Kafka::shared(), Flink::one(), Elastic::seven())
    else {
        return;
    };
    let (mut setup, service) = served(kafka);
    let prefix = unique("flink-documents");
    setup.set("elasticsearch", "url", &format!("\"{}\"", elastic.url()));
    for name in NAMES.iter().chain(&["totals"]) {
        elastic.put(&format!("/{prefix}-{name}"), &mapping()).ok();
    }

    let script = exported(&setup, &["--target", "flink-1.20", "--prefix", &prefix]);
    flink.run(&script).unwrap_or_else(|error| panic!("{error}"));

    let windows = NAMES
        .iter()
        .map(|name| (*name, service.ask_all(&format!("windows/{name}"), 10_000)));
    let totals = service.ask("totals")["totals"].as_array().unwrap().clone();
    for (name, items) in windows.chain([("totals", totals)]) {
        let mut documents: BTreeMap<String, Value> = BTreeMap::new();
        for document in elastic.documents(&format!("{prefix}-{name}")) {
            documents.insert(document.id, document.source);
        }
        for item in items.iter().filter(|item| item["pay_count"] != 0) {
            let id = match name {
                "totals" => item["branch"].as_str().unwrap().to_owned(),
                _ => format!(
                    "{}@{}-{}",
                    item["branch_id"],
                    millis(&item["window_start"]),
                    millis(&item["window_end"])
                ),
            };
            let document = documents
                .remove(&id)
                .unwrap_or_else(|| panic!("{name}: {id} is missing"));
            for (key, value) in document.as_object().unwrap() {
                match key.as_str() {
                    "id" | "final" => {}
                    "@timestamp" if name == "totals" => {
                        assert_eq!(value, &item["last_event_time"], "{id}")
                    }
                    "@timestamp" => assert_eq!(value, &item["window_start"], "{id}"),
                    "branch_id" => {
                        assert_eq!(value.as_str().unwrap(), item["branch_id"].to_string())
                    }
                    // The mean is rounded twice. Java writes doubles in another form, which serde_json reads less exactly.
                    "pay_amount" | "pay_min" | "pay_max" | "pay_avg" => {
                        let (theirs, ours) = (value.as_f64().unwrap(), item[key].as_f64().unwrap());
                        assert!(
                            (theirs - ours).abs() <= ours.abs() * 4.0 * f64::EPSILON,
                            "{id}: {theirs}, not {ours}"
                        );
                    }
                    _ => assert_eq!(value, &item[key], "{name} {id}: {key}"),
                }
            }
        }
        assert!(documents.is_empty(), "{name}: {documents:?}");
    }
}

/// A topic with payments in any order around two clock changes, written in all ways that are read, some dated ahead of
/// their records, and bad records; and a service that has read it.
fn served(kafka: &Kafka) -> (Setup, Service) {
    let topic = unique("flink-payments");
    kafka.create_topic(&topic, 3);
    let mut random = fastrand::Rng::with_seed(15);
    let mut messages: Vec<Message> = (0..2_000).map(|_| payment(&mut random)).collect();
    messages.extend(BAD.map(|value| Message {
        timestamp: AROUND[0],
        payload: Some(value.as_bytes().to_vec()),
        ..Message::default()
    }));
    messages.push(Message {
        timestamp: AROUND[0],
        ..Message::default()
    });
    random.shuffle(&mut messages);
    let count = messages.len() as u64;
    kafka.send(&topic, messages);
    let setup = Setup::of(kafka, &topic)
        .with("", "time_zone", "\"America/New_York\"")
        .with("", "window", WINDOWS)
        // Payments that are too late here correct their windows in Flink.
        .with("event_time", "allowed_lateness", "\"400d\"")
        .with("event_time", "retention", "\"800d\"")
        .with("event_time", "zero_windows", "false")
        .with("branches", "2", "\"O'Hare\"");
    let service = setup.serve();
    service.await_consumed(count);
    let ledger = service.ask("ledger");
    assert_eq!(ledger["entries"]["rejected"]["count"], BAD.len());
    assert_ne!(ledger["entries"]["future"]["count"], 0);
    assert_ne!(ledger["entries"]["late"]["count"], 0);
    assert_eq!(ledger["entries"]["too_late"]["count"], 0);
    (setup, service)
}

fn payment(random: &mut fastrand::Rng) -> Message {
    let mut one_of = |from: &[&'static str]| from[random.usize(..from.len())];
    let amount = one_of(&[
        "12.34",
        "-5.10",
        "1.5e2",
        "0.000000000000000001",
        "\"12.50\"",
        "999999999999999.999",
        "0",
        "1e-3",
        "100",
    ]);
    let millis = one_of(&["", ".005", ".25", ".999999999", ".1"]);
    let offset = one_of(&["", "", "", "Z", "+08:00", "-0530", "+02", "-00:15"]);
    let between = one_of(&[" ", "T"]);
    let around = AROUND[random.usize(..2)];
    let time = around + i64::from(random.u32(..4 * 24 * 3_600)) * 1_000;
    let date_time = chrono::DateTime::from_timestamp_millis(time).unwrap();
    let written = match random.u8(..10) {
        0 => time.to_string(),
        1 => format!("{}.0e3", time / 1_000),
        2 => format!("\"{}\"", date_time.format("%Y-%m-%d %H:%M")),
        _ => format!(
            "\"{}{between}{}{millis}{offset}\"",
            date_time.format("%Y-%m-%d"),
            date_time.format("%H:%M:%S")
        ),
    };
    let value = format!(
        "{{\"createTime\":{written},\"orderId\":{},\"payAmount\":{amount},\"payPlatform\":0,\"branchId\":{}}}",
        random.u32(..),
        random.u32(..4)
    );
    // Most records are stamped so much later that no zone makes their payment a future one.
    let behind = if random.u8(..10) == 0 {
        -30 * HOUR
    } else {
        20 * HOUR
    };
    Message {
        partition: i32::from(random.u8(..3)),
        timestamp: time + behind,
        payload: Some(value.into_bytes()),
        ..Message::default()
    }
}

/// What a template for indexes of Flink must say: amounts are doubles, ids keywords.
fn mapping() -> Value {
    let double = serde_json::json!({"type": "double"});
    let keyword = serde_json::json!({"type": "keyword"});
    serde_json::json!({"mappings": {"properties": {
        "pay_amount": double, "pay_min": double, "pay_max": double, "pay_avg": double,
        "branch": keyword, "branch_id": keyword, "pay_amount_exact": keyword,
    }}})
}

fn millis(time: &Value) -> i64 {
    let time = chrono::DateTime::parse_from_rfc3339(time.as_str().unwrap()).unwrap();
    time.timestamp_millis()
}
