//! `compute` says what it left out of its figures: nothing goes without a word.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use crate::support::service::binary;

const PAYMENT: &str = r#"{"createTime":"2026-11-01 00:00:10","payAmount":5,"branchId":1}"#;
const LATER: &str = r#"{"createTime":"2026-11-05 00:00:10","payAmount":6,"branchId":1}"#;

/// What `compute` prints of a file as JSON, and what it says beside it.
#[track_caller]
fn compute(emit: &str, file: &[u8]) -> (Value, String) {
    let (stdout, stderr) = printed(emit, "json", file);
    (serde_json::from_str(&stdout).unwrap(), stderr)
}

/// What `compute` prints of a file to stdout and to stderr.
#[track_caller]
fn printed(emit: &str, format: &str, file: &[u8]) -> (String, String) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("payments"), file).unwrap();
    let output = binary()
        .current_dir(dir.path())
        .args(["compute", "--emit", emit, "-o", format, "payments"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    (String::from_utf8(output.stdout).unwrap(), stderr)
}

fn entry(ledger: &Value, name: &str) -> u64 {
    ledger["entries"][name]["count"].as_u64().unwrap()
}

#[test]
fn rejects_are_counted_on_stderr_with_the_first_line_and_can_be_listed() {
    let lines = [
        PAYMENT,
        r#"{"partition":7,"timestamp":1793491210000,"payment":{"createTime":"x"}}"#,
        "no payment",
        "",
    ];
    let file = lines.join("\n");
    let (ledger, said) = compute("ledger", file.as_bytes());
    assert_eq!(
        (entry(&ledger, "on_time"), entry(&ledger, "rejected")),
        (1, 2)
    );
    assert!(
        said.contains("2 of 3 lines are not payments, first: line 2, "),
        "{said}"
    );
    assert!(said.contains("--emit rejects"), "{said}");

    let (listed, said) = compute("rejects", file.as_bytes());
    let items = listed["items"].as_array().unwrap();
    let places: Vec<_> = items
        .iter()
        .map(|item| (item["partition"].as_i64(), item["offset"].as_i64()))
        .collect();
    assert_eq!(places, [(Some(7), Some(0)), (Some(0), Some(1))]);
    let numbers: Vec<_> = items.iter().map(|item| item["line"].as_u64()).collect();
    assert_eq!(numbers, [Some(2), Some(3)]);
    assert_eq!(items[0]["record_timestamp"], "2026-11-01T00:00:10Z");
    assert_eq!(items[1]["reason"], "not_json");
    assert_eq!(items[1]["read"], "no payment");
    assert!(
        items.iter().all(|item| item["detail"].is_string()),
        "{listed}"
    );
    assert!(said.contains("2 of 3 lines"), "{said}");

    let (_, said) = compute("ledger", format!("{PAYMENT}\nx").as_bytes());
    assert!(
        said.contains("1 of 2 lines is not a payment, first: line 2, "),
        "{said}"
    );
    let (none, said) = compute("rejects", PAYMENT.as_bytes());
    assert_eq!(none["items"], Value::Array(Vec::new()));
    assert_eq!(said, "");
}

#[test]
fn payments_that_are_in_no_window_can_be_listed() {
    let future = r#"{"partition":1,"timestamp":1793491200000,"payment":{"createTime":"2026-11-01 01:00:00","payAmount":7,"branchId":2}}"#;
    let file = [PAYMENT, LATER, LATER, LATER, PAYMENT, future].join("\n");
    let (ledger, said) = compute("ledger", file.as_bytes());
    let words = "2 payments are in no window (1 too late, 1 future), but in the totals; --emit no-window \
                 lists them";
    assert!(said.contains(words), "{said}");
    // One is told as well: no figure is smaller without a word.
    let one = [PAYMENT, LATER, LATER, LATER, PAYMENT].join("\n");
    let (_, said) = compute("windows", one.as_bytes());
    assert!(
        said.contains("1 payment is in no window (1 too late)"),
        "{said}"
    );
    let (listed, _) = compute("late", file.as_bytes());
    let items = listed["items"].as_array().unwrap();
    assert_eq!(
        items.len() as u64,
        entry(&ledger, "too_late") + entry(&ledger, "future")
    );
    let last = &items[items.len() - 1];
    assert_eq!(
        (&last["reason"], &last["offset"]),
        (&"future".into(), &0.into())
    );
    let numbers: Vec<_> = items.iter().map(|item| item["line"].as_u64()).collect();
    assert_eq!(numbers, [Some(5), Some(6)]);
    assert_eq!(
        (&last["branch"], &last["pay_amount_exact"]),
        (&"Branch_2".into(), &"7".into())
    );
}

#[test]
fn csv_without_rows_has_the_header_of_csv_with_rows() {
    let file = [PAYMENT, LATER, LATER, LATER, PAYMENT, "no payment"].join("\n");
    for emit in ["totals", "windows", "late", "rejects", "ledger"] {
        let rows = printed(emit, "csv", file.as_bytes()).0;
        let no_rows = printed(emit, "csv", b"").0;
        assert!(rows.lines().count() > 1, "{emit}: {rows}");
        assert_eq!(no_rows.lines().next(), rows.lines().next(), "{emit}");
        if emit != "ledger" {
            assert_eq!(no_rows.lines().count(), 1, "{emit}: {no_rows}");
        }
    }
}

#[test]
fn line_ends_and_marks_of_windows_change_nothing() {
    let next = PAYMENT.replace("00:00:10", "00:00:11");
    let unix = format!("{PAYMENT}\n\n{next}\n\n");
    let windows = format!("\u{feff}{}", unix.replace('\n', "\r\n"));
    for emit in ["totals", "windows", "ledger", "rejects"] {
        let (plain, said) = compute(emit, unix.as_bytes());
        assert_eq!(said, "");
        assert_eq!(compute(emit, windows.as_bytes()), (plain, said), "{emit}");
    }
    let (ledger, _) = compute("ledger", windows.as_bytes());
    assert_eq!(
        (
            entry(&ledger, "on_time"),
            entry(&ledger, "tombstone"),
            entry(&ledger, "rejected")
        ),
        (2, 2, 0)
    );
    // A mark before a later line is that of a record, where it is skipped as well; a second one is not.
    let lines = format!("{PAYMENT}\n\u{feff}{PAYMENT}\n\u{feff}\u{feff}{PAYMENT}");
    let (ledger, said) = compute("ledger", lines.as_bytes());
    assert_eq!(
        (entry(&ledger, "on_time"), entry(&ledger, "rejected")),
        (2, 1)
    );
    assert!(said.contains("first: line 3, "), "{said}");
}

#[test]
fn the_number_of_a_rejected_line_is_given_far_into_a_file_too() {
    let mut lines = vec![PAYMENT.to_owned(); 120_000];
    // Partitions and blank lines move no number.
    lines[10] = String::new();
    lines[20] = format!(r#"{{"partition":3,"payment":{PAYMENT}}}"#);
    for bad in [0, 49_999, 50_000, 119_999] {
        lines[bad] = "no payment".into();
    }
    let (listed, said) = compute("rejects", lines.join("\n").as_bytes());
    let items = listed["items"].as_array().unwrap();
    let numbers: Vec<_> = items.iter().map(|item| item["line"].as_u64()).collect();
    assert_eq!(
        numbers,
        [Some(1), Some(50_000), Some(50_001), Some(120_000)]
    );
    assert!(said.contains("first: line 1, "), "{said}");
}

#[test]
fn a_file_that_holds_only_a_byte_order_mark_is_empty_and_a_line_that_does_is_a_reject() {
    for file in ["", "\u{feff}"] {
        let (ledger, said) = compute("ledger", file.as_bytes());
        assert_eq!(ledger["consumed"], 0, "{file:?}: {ledger}");
        assert_eq!(said, "");
    }
    // The mark is the file's, so this is a blank line.
    let (ledger, _) = compute("ledger", "\u{feff}\n".as_bytes());
    assert_eq!(
        (&ledger["consumed"], entry(&ledger, "tombstone")),
        (&1.into(), 1)
    );
    let (listed, _) = compute("rejects", format!("{PAYMENT}\n\u{feff}\n").as_bytes());
    let item = &listed["items"][0];
    assert_eq!(
        (&item["line"], &item["reason"]),
        (&2.into(), &"not_json".into())
    );
    let detail = item["detail"].as_str().unwrap();
    assert!(detail.contains("byte-order mark"), "{detail}");
}

#[test]
fn a_wrong_envelope_is_told_what_is_wrong_with_it() {
    for (line, partition, reason, words) in [
        (
            format!(r#"{{"partition":1,"timestmp":1793491200000,"payment":{PAYMENT}}}"#),
            1,
            "bad_field",
            "unknown key \"timestmp\": did you mean \"timestamp\"?",
        ),
        (
            format!(r#"{{"partitoin":1,"timestamp":1793491200000,"payment":{PAYMENT}}}"#),
            0,
            "bad_field",
            "unknown key \"partitoin\": did you mean \"partition\"?",
        ),
        (
            format!(r#"{{"partition":1,"payement":{PAYMENT}}}"#),
            1,
            "bad_field",
            "did you mean \"payment\"?",
        ),
        (
            format!(r#"{{"partition":1,"timestamp":"2026-11-01T00:00:10Z","payment":{PAYMENT}}}"#),
            1,
            "bad_field",
            "\"timestamp\" of the envelope is \"2026-11-01T00:00:10Z\": give integer epoch milliseconds",
        ),
        (
            format!(r#"{{"partition":1,"timestamp":1.5,"payment":{PAYMENT}}}"#),
            1,
            "bad_field",
            "is 1.5: give integer epoch milliseconds",
        ),
        (
            format!(r#"{{"partition":-3,"payment":{PAYMENT}}}"#),
            0,
            "bad_field",
            "\"partition\" of the envelope is -3: give an integer from 0",
        ),
        (
            format!(r#"{{"partition":"1","payment":{PAYMENT}}}"#),
            0,
            "bad_field",
            "\"partition\" of the envelope is \"1\"",
        ),
        (
            format!(r#"{{"timestamp":1793491200000,"payment":{PAYMENT}}}"#),
            0,
            "missing_field",
            "the envelope has no \"partition\"",
        ),
        (
            r#"{"partition":1}"#.to_owned(),
            1,
            "missing_field",
            "no \"payment\": give the payment's object, or null for a tombstone",
        ),
        (
            format!(r#"{{"partition":1,"partition":2,"payment":{PAYMENT}}}"#),
            1,
            "bad_field",
            "\"partition\" twice",
        ),
    ] {
        let (ledger, _) = compute("ledger", line.as_bytes());
        assert_eq!(entry(&ledger, "rejected"), 1, "{line}: {ledger}");
        let (listed, said) = compute("rejects", line.as_bytes());
        let item = &listed["items"][0];
        assert_eq!(item["reason"], reason, "{line}: {item}");
        assert_eq!(item["partition"], partition, "{line}: {item}");
        assert_eq!(item["read"], line.as_str());
        let detail = item["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{line}: {detail}");
        assert!(said.contains(words), "{line}: {said}");
    }
    let tombstone = r#"{"partition":1,"payment":null}"#;
    let (ledger, said) = compute("ledger", tombstone.as_bytes());
    assert_eq!((entry(&ledger, "tombstone"), said.as_str()), (1, ""));
}

#[test]
fn a_file_in_another_encoding_is_told_and_not_silent() {
    let utf16: Vec<u8> = format!("\u{feff}{PAYMENT}\n")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let (ledger, said) = compute("ledger", &utf16);
    assert_eq!(entry(&ledger, "on_time"), 0);
    assert!(said.contains("first: line 1, "), "{said}");
}

#[test]
fn a_list_of_duplicates_says_when_payments_are_not_compared() {
    let words = "payments are not compared, so none is a duplicate: set dedup.by";
    let (listed, said) = compute("duplicates", PAYMENT.as_bytes());
    assert_eq!(listed["items"], serde_json::json!([]));
    assert!(said.contains(words), "{said}");
    let (_, said) = compute("ledger", PAYMENT.as_bytes());
    assert!(!said.contains(words), "{said}");
}
