//! What is a payment, a reject and a tombstone; and that scanner, layouts and parser agree.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod agreement;
mod faults;
mod mapped;
mod values;

use tidegauge_windows::EventTime;

use super::*;
use crate::domain::amount::Amount;
use crate::domain::payment::{BranchId, OrderId, PaymentNotices};

/// 2026-11-01 00:50:00 UTC.
const TIME: i64 = 1_793_494_200_000;
const ONE: i128 = 1_000_000_000_000_000_000;

/// The payment that the payloads of these tests hold unless they say otherwise.
fn usual() -> Payment {
    Payment {
        event_time: EventTime::from_millis(TIME),
        amount: Amount::from_units(12_345_670_000_000_000_000_000),
        branch: BranchId::new(3).unwrap(),
        order_id: Some(OrderId::Number(1_604_020_801)),
        platform: Some(0),
        notices: PaymentNotices::default(),
    }
}

/// Decodes both ways and holds them to the same.
fn decode_bytes(payload: &[u8]) -> Decoded {
    decode_in(Tz::UTC, payload)
}

fn decode_in(zone: Tz, payload: &[u8]) -> Decoded {
    let mut decoder = Decoder::original(zone);
    let record = Record::of(Some(payload));
    let decoded = decoder.decode(&record);
    let shown = payload.escape_ascii();
    assert_eq!(decoded, decoder.decode_json(&record), "{shown}");
    // By the layout that it has learned, if it has.
    assert_eq!(decoded, decoder.decode(&record), "{shown}");
    decoded
}

fn decode(payload: &str) -> Decoded {
    decode_bytes(payload.as_bytes())
}

fn payment(payload: &str) -> Payment {
    match decode(payload) {
        Decoded::Payment(payment) => payment,
        other => panic!("{payload}: {other:?}"),
    }
}

fn reject_of(decoded: Decoded) -> Reject {
    match decoded {
        Decoded::Reject(reject) => reject,
        other => panic!("{other:?}"),
    }
}

fn reason(payload: &str) -> Reason {
    reject_of(decode(payload)).reason
}

fn with_time(time: &str) -> String {
    format!(
        r#"{{"createTime":{time},"orderId":1604020801,"payAmount":12345.67,"payPlatform":0,"branchId":3}}"#
    )
}

fn with_amount(amount: &str) -> String {
    format!(
        r#"{{"createTime":"2026-11-01 00:50:00","orderId":1604020801,"payAmount":{amount},"payPlatform":0,"branchId":3}}"#
    )
}

fn with_branch(branch: &str) -> String {
    format!(
        r#"{{"createTime":"2026-11-01 00:50:00","orderId":1604020801,"payAmount":12345.67,"payPlatform":0,"branchId":{branch}}}"#
    )
}

/// The usual payment with further fields, after a comma.
fn with_more(more: &str) -> String {
    format!(
        r#"{{"createTime":"2026-11-01 00:50:00","orderId":1604020801,"payAmount":12345.67,"payPlatform":0,"branchId":3{more}}}"#
    )
}

fn scans(payload: &str) -> bool {
    scanner::scan(payload.as_bytes(), &mut Days::new(Tz::UTC)).is_some()
}

#[test]
fn the_usual_forms_are_scanned_and_need_no_parser() {
    let compact = with_more("");
    let spaced = compact.replace("\":", "\": ").replace(",\"", ", \"");
    for payload in [&compact, &spaced, &compact.replace("Id\":", "Id\": ")] {
        assert!(scans(payload), "{payload}");
        assert_eq!(payment(payload), usual());
    }
    for time in [
        r#""2026-11-01T00:50:00""#,
        r#""2026-11-01 00:50:00.000""#,
        r#""2026-11-01 00:50:00.000999999""#,
        r#""2026-11-01T00:50:00Z""#,
        r#""2026-11-01T08:50:00.0+08:00""#,
        r#""2026-10-31T19:20:00-05:30""#,
        "1793494200000",
    ] {
        assert!(scans(&with_time(time)), "{time}");
        assert_eq!(payment(&with_time(time)), usual());
    }
    for amount in [
        "0",
        "-1.5",
        "200000",
        "\"12345.67\"",
        "123456.78901234567",
        "999999999999999.999999999999999999",
    ] {
        assert!(scans(&with_amount(amount)), "{amount}");
    }
}

#[test]
fn fields_may_come_in_any_order_with_any_white_space_and_others_among_them() {
    for payload in [
        r#"{"branchId":3,"payPlatform":0,"payAmount":12345.67,"orderId":1604020801,"createTime":"2026-11-01 00:50:00"}"#,
        "\r\n\t { \"createTime\" :\t\"2026-11-01 00:50:00\"\n, \"orderId\":  1604020801 , \"payAmount\" : 12345.67,\
         \"payPlatform\":0,\"branchId\" :3 } \n",
        &with_more(
            r#","note":"x","nested":{"createTime":1,"a":[{"a":[]},null,true,-1.5e300]},"":0"#,
        ),
        &with_more(r#","createtime":1,"BranchId":2"#),
        &with_more(r#","lone":"\ud800""#),
        &with_more("").replace("payAmount", "pay\\u0041mount"),
    ] {
        assert_eq!(payment(payload), usual(), "{payload}");
    }
}

#[test]
fn required_fields_that_are_missing_or_null_are_named() {
    for field in ["createTime", "payAmount", "branchId"] {
        let renamed = with_more("").replace(field, "other");
        let null = match field {
            "createTime" => with_time("null"),
            "payAmount" => with_amount("null"),
            _ => with_branch("null"),
        };
        for payload in [renamed, null] {
            let reject = reject_of(decode(&payload));
            assert_eq!(reject.reason, Reason::MissingField, "{payload}");
            assert!(
                reject.detail.starts_with(&format!("{field} is missing")),
                "{}",
                reject.detail
            );
        }
    }
    let reject = reject_of(decode("{}"));
    assert_eq!(reject.reason, Reason::MissingField);
    assert!(
        reject
            .detail
            .starts_with("createTime, payAmount and branchId are missing"),
        "{}",
        reject.detail
    );
}

#[test]
fn a_field_given_twice_is_a_reject_whichever_it_is() {
    for more in [
        r#","branchId":3"#,
        r#","createTime":"2026-11-01 00:50:00""#,
        r#","orderId":null"#,
        r#","x":1,"y":2,"x":1"#,
        r#","x":1,"\u0078":1"#,
        r#","branch\u0049d":3"#,
        r#","":1,"":1"#,
    ] {
        assert_eq!(reason(&with_more(more)), Reason::BadField, "{more}");
    }
    // Deeper down it is up to the reader of that value.
    assert_eq!(payment(&with_more(r#","x":{"y":1,"y":2},"y":1"#)), usual());
    let null_twice =
        r#"{"createTime":null,"createTime":"2026-11-01 00:50:00","payAmount":1,"branchId":3}"#;
    assert_eq!(reason(null_twice), Reason::BadField);
}

#[test]
fn whatever_is_not_one_json_object_is_not_json() {
    let usual = with_more("");
    for payload in [
        " ",
        "null",
        "true",
        "5",
        "\"text\"",
        "[]",
        &format!("[{usual}]"),
        &format!("{usual}x"),
        &format!("{usual}{usual}"),
        &format!("{usual},"),
        &format!("{usual}\0"),
        &format!("\u{feff}\u{feff}{usual}"),
        &format!("{usual}\u{feff}"),
        "\u{feff}",
        &usual[..usual.len() - 1],
        &usual[1..],
        &usual.replace('"', "'"),
        &with_more(","),
        &with_more(r#","x":"#),
        &with_more(r#","x":01"#),
        &with_more(r#","x":1."#),
        &with_more(r#","x":+1"#),
        &with_more(r#","x":"\q""#),
        &with_more(",\"x\":\"\n\""),
        &with_more(",x:1"),
        &with_more(r#","\ud800":1"#),
        &with_more(" /* no */"),
        &with_amount("12345.67.8"),
        &with_amount("012345.67"),
        &with_amount(".5"),
        &with_branch("03"),
        "{{}}",
    ] {
        assert_eq!(reason(payload), Reason::NotJson, "{payload}");
    }
    for payload in [
        &b"\xff"[..],
        b"{\"x\":\"\xff\"}",
        b"{\"\xc3\x28\":1}",
        b"\xef\xbb{}",
        b"{}\xff",
    ] {
        assert_eq!(reject_of(decode_bytes(payload)).reason, Reason::NotJson);
    }
    let mut latin_1 = with_more(",\"x\":\"e\"").into_bytes();
    let at = latin_1.len() - 3;
    latin_1[at] = 0xe9;
    assert_eq!(reject_of(decode_bytes(&latin_1)).reason, Reason::NotJson);
}

#[test]
fn deep_nesting_is_harmless() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(40_000), close.repeat(40_000));
    assert_eq!(reason(&"[".repeat(PAYLOAD_MAX)), Reason::NotJson);
    assert_eq!(reason(&"{\"a\":".repeat(50_000)), Reason::NotJson);
    assert_eq!(reason(&deep("[", "]")), Reason::NotJson);
    assert_eq!(
        payment(&with_more(&format!(",\"x\":{}", deep("[", "]")))),
        usual()
    );
    assert_eq!(reason(&with_amount(&deep("[", "]"))), Reason::BadAmount);
}

#[test]
fn payloads_over_256_kib_are_too_large_whatever_they_hold() {
    let pad = |length: usize| {
        let empty = with_more(",\"x\":\"\"").len();
        with_more(&format!(",\"x\":\"{}\"", "x".repeat(length - empty)))
    };
    assert_eq!(pad(PAYLOAD_MAX).len(), 262_144);
    assert_eq!(payment(&pad(PAYLOAD_MAX)), usual());
    assert_eq!(reason(&pad(PAYLOAD_MAX + 1)), Reason::TooLarge);
    assert_eq!(
        reject_of(decode_bytes(&vec![0xff; PAYLOAD_MAX + 1])).reason,
        Reason::TooLarge
    );
}

#[test]
fn no_value_or_an_empty_one_is_a_tombstone() {
    let mut decoder = Decoder::original(Tz::UTC);
    for payload in [None, Some(&b""[..])] {
        assert_eq!(decoder.decode(&Record::of(payload)), Decoded::Tombstone);
        assert_eq!(
            decoder.decode_json(&Record::of(payload)),
            Decoded::Tombstone
        );
    }
}

#[test]
fn of_several_faults_the_first_in_the_stated_order_is_the_reason() {
    let mut fields = vec![
        (r#""payPlatform":"x""#, Reason::BadField, "payPlatform"),
        (r#""orderId":"x""#, Reason::BadField, "orderId"),
        (r#""branchId":"x""#, Reason::BadField, "branchId"),
        (r#""payAmount":"x""#, Reason::BadAmount, "payAmount"),
        (r#""createTime":"x""#, Reason::BadTime, "createTime"),
    ];
    let good = [
        r#""payPlatform":0"#,
        r#""orderId":0"#,
        r#""branchId":0"#,
        r#""payAmount":0"#,
        r#""createTime":0"#,
    ];
    // The first so many are bad, the last of these decides.
    for count in 1..=fields.len() {
        let parts: Vec<&str> = fields[..count]
            .iter()
            .map(|field| field.0)
            .chain(good[count..].iter().copied())
            .collect();
        let reject = reject_of(decode(&format!("{{{}}}", parts.join(","))));
        let (_, reason, name) = fields[count - 1];
        assert_eq!(reject.reason, reason);
        assert!(reject.detail.starts_with(name), "{}", reject.detail);
    }
    let all: Vec<&str> = fields.drain(..).map(|field| field.0).collect();
    let all = all.join(",");
    assert_eq!(
        reason(&format!("{{{}}}", all.replace("branchId", "b"))),
        Reason::MissingField
    );
    assert_eq!(
        reason(&format!("{{{all},\"orderId\":1}}").replace("branchId", "b")),
        Reason::BadField
    );
    assert_eq!(
        reason(&format!("{{{all},\"orderId\":1}},").replace("branchId", "b")),
        Reason::NotJson
    );
}

#[test]
fn a_detail_names_the_field_and_never_holds_the_payload() {
    let long = "9".repeat(10_000);
    for (payload, names) in [
        (with_time(&format!("\"{long}\"")), "createTime"),
        (with_amount(&long), "payAmount"),
        (with_branch(&long), "branchId"),
        (
            with_more(&format!(",\"{long}\":1,\"{long}\":1")),
            "999 is given twice",
        ),
        (format!("\"{long}\""), "JSON object"),
        (format!("{{\"{long}"), "JSON"),
    ] {
        let detail = reject_of(decode(&payload)).detail;
        assert!(detail.len() < 250, "{detail}");
        assert!(
            detail.contains(names) || detail.contains("given twice"),
            "{detail}"
        );
    }
    let detail = reject_of(decode(&with_amount("[1,\n2]"))).detail;
    assert!(
        detail.starts_with("payAmount [1, 2] is not a finite number"),
        "{detail}"
    );
}

#[test]
fn reasons_are_numbered_and_named_as_listed() {
    let names = [
        "not_json",
        "missing_field",
        "bad_field",
        "bad_time",
        "bad_amount",
        "too_large",
    ];
    for (number, (reason, name)) in Reason::ALL.into_iter().zip(names).enumerate() {
        assert_eq!((reason as usize, reason.as_str()), (number, name));
        assert_eq!(reason.to_string(), name);
    }
}

#[test]
fn every_beginning_of_a_payload_is_decoded_the_same_both_ways() {
    for payload in [
        with_more(""),
        with_amount("NaN"),
        with_time("\"2026-11-01T08:50:00.5+08:00\""),
    ] {
        for end in 1..payload.len() {
            assert_eq!(reason(&payload[..end]), Reason::NotJson);
        }
    }
}

#[test]
fn a_date_of_zero_bytes_is_refused_even_before_the_first_was_read() {
    let mut payload = with_time("\"2026-11-01T00:50:00Z\"").into_bytes();
    let at = payload.iter().position(|c| *c == b'2').unwrap();
    payload[at..at + 10].fill(0);
    assert_eq!(reject_of(decode_bytes(&payload)).reason, Reason::NotJson);
    let epoch = payment(&with_time("\"1970-01-01 00:00:00\""));
    assert_eq!(epoch.event_time, EventTime::from_millis(0));
}
