//! The schema of a payment accepts what the decoder accepts.

use serde_json::{Value, json};
use tidegauge::decode::{Decoded, Decoder};
use tidegauge::domain::record::Record;

use super::agree;
use crate::support::service::binary;

/// Values of one field, right and wrong, as JSON.
const TIMES: [&str; 31] = [
    r#""2026-11-01T00:12""#,
    r#""2026-11-01 00:12+08:00""#,
    r#""2026-11-01T00:12.5""#,
    r#""2026-11-01T24:00""#,
    "1793491200000.5",
    r#""2026-11-01 00:12:34""#,
    r#""2026-11-01T00:12:34""#,
    r#""2026-11-01 00:12:34.1""#,
    r#""2026-11-01 00:12:34.123456789""#,
    r#""2026-11-01 00:12:34.1234567890""#,
    r#""2026-11-01T00:12:34Z""#,
    r#""2026-11-01 00:12:34+08:00""#,
    r#""2026-11-01 00:12:34-0330""#,
    r#""2026-11-01 00:12:34+08""#,
    r#""2026-11-01 00:12:34+24:00""#,
    r#""2026-11-01 24:00:00""#,
    r#""2026-11-01 23:59:60""#,
    r#""2026-02-30 00:00:00""#,
    r#""2024-02-29 00:00:00""#,
    r#""2023-02-29 00:00:00""#,
    r#""0001-01-01 00:00:00""#,
    r#""0000-01-01 00:00:00""#,
    r#""2026-13-01 00:00:00""#,
    r#""2026-11-01""#,
    r#""""#,
    "1793491200000",
    "-62135596800001",
    "253402300799999",
    "1793491200000.0",
    "true",
    "null",
];

const AMOUNTS: [&str; 20] = [
    "12345.67",
    "-5",
    "0",
    "-0.0",
    "1e3",
    "1E-20",
    "999999999999999.5",
    "1000000000000000",
    "-1e15",
    r#""12.50""#,
    r#""1e15""#,
    r#""-999999999999999""#,
    r#""12,50""#,
    r#"" 1""#,
    r#""NaN""#,
    r#""+1""#,
    r#""01""#,
    "false",
    "null",
    "{}",
];

const BRANCHES: [&str; 11] = [
    "0",
    "7",
    "2147483647",
    "2147483648",
    "-1",
    "1.0",
    "1e0",
    "1.5",
    r#""7""#,
    "null",
    "[7]",
];

const ORDERS: [&str; 8] = [
    "1793491955",
    "null",
    "-1",
    "99999999999999999999999",
    "1.0",
    r#""x""#,
    "true",
    "",
];

const ENDS: [&str; 6] = [
    "}",
    ",\"other\":[{\"a\":1}]}",
    ",\"branchId\":1}",
    ",\"o\":1,\"o\":2}",
    "} x",
    "",
];

#[test]
fn the_schema_of_a_payment_judges_as_the_decoder_does() {
    let mut texts: Vec<String> = Vec::new();
    for (time, amount, branch) in TIMES.iter().flat_map(|time| {
        AMOUNTS
            .iter()
            .flat_map(move |amount| BRANCHES.iter().map(move |branch| (time, amount, branch)))
    }) {
        // Each order and each end comes with all the rest by turns.
        let (order, end) = (
            ORDERS[texts.len() % ORDERS.len()],
            ENDS[(texts.len() / 7) % ENDS.len()],
        );
        let order = if order.is_empty() {
            String::new()
        } else {
            format!(",\"orderId\":{order}")
        };
        texts.push(format!(
            "{{\"createTime\":{time},\"payAmount\":{amount},\"branchId\":{branch}{order}}}"
        ));
        texts.push(format!(
            "{{\"createTime\":{time},\"payAmount\":{amount},\"branchId\":{branch}{end}"
        ));
    }
    for missing in ["createTime", "payAmount", "branchId"] {
        texts.push(r#"{"createTime":1,"payAmount":1,"branchId":1}"#.replace(missing, "other"));
    }
    texts.push(format!(
        r#"{{"createTime":1,"payAmount":1,"branchId":1,"x":"{}"}}"#,
        "y".repeat(262_144)
    ));
    texts.extend(["[]", "1", "null", "{", "{}", "\"x\""].map(str::to_owned));
    let mut produce = binary();
    produce.current_dir(std::env::temp_dir()).args([
        "produce",
        "--stdout",
        "--start",
        "2026-11-01T00:00:00Z",
        "--count",
        "20000",
        "--bad-fraction",
        "0.3",
        "--seed",
        "3",
    ]);
    let output = produce.output().unwrap();
    // A tombstone is an empty line; what is not UTF-8 can't be a JSON text.
    let produced = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    texts.extend(
        produced
            .filter_map(|line| str::from_utf8(line).ok())
            .map(str::to_owned),
    );
    let mut decoder = Decoder::original("UTC".parse().unwrap());
    let cases: Vec<Value> = texts
        .iter()
        .map(|text| {
            let decoded = decoder.decode(&Record::of(Some(text.as_bytes())));
            json!({"text": text, "accepted": matches!(decoded, Decoded::Payment(_))})
        })
        .collect();
    assert!(cases.len() > 30_000);
    let Some(counts) = agree("payment", &cases) else {
        return;
    };
    for outcome in [
        "taken by both",
        "refused by both",
        "repeated field",
        "too large",
        "magnitude",
        "calendar",
    ] {
        assert!(
            counts[outcome].as_u64() > Some(0),
            "no case of {outcome}: {counts}"
        );
    }
    assert!(counts["taken by both"].as_u64() > Some(13_000), "{counts}");
}
