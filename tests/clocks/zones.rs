//! Payments in another zone or another unit are told as such.

use super::{HOUR, MINUTE, compute, line};
use crate::support::topic::START;

#[test]
fn payments_all_hours_ahead_of_their_records_are_said_to_have_the_wrong_zone() {
    let ahead = |hours: i64| -> Vec<String> {
        let minutes = 0..600;
        let lines = minutes.map(|minute| {
            let time = START + minute * MINUTE;
            line(0, time - hours * HOUR, &time.to_string(), 1, 1)
        });
        lines.collect()
    };
    let (ledger, stderr) = compute(&["--emit", "ledger"], &ahead(8));
    assert_eq!(ledger["entries"]["future"]["count"], 600);
    assert!(stderr.contains("8 h ahead of their records"), "{stderr}");
    assert!(stderr.contains("time_zone"), "{stderr}");
    let (ledger, stderr) = compute(&["--emit", "ledger"], &ahead(-5));
    assert_eq!(ledger["entries"]["on_time"]["count"], 600);
    assert!(stderr.contains("5 h behind their records"), "{stderr}");
    // Nothing to say.
    let (_, stderr) = compute(&["--emit", "ledger"], &ahead(0));
    assert_eq!(stderr, "");
}

#[test]
fn devices_in_another_zone_are_told_with_their_share_though_they_are_few() {
    // Of 25 payments one is from a device that is set to another zone.
    let few = |hours: i64| -> Vec<String> {
        let minutes = 0..1_000;
        let lines = minutes.map(|minute| {
            let recorded = START + minute * MINUTE;
            let wrong = if minute % 25 == 0 { hours * HOUR } else { 0 };
            line(0, recorded, &(recorded + wrong).to_string(), 1, 1)
        });
        lines.collect()
    };
    let (ledger, stderr) = compute(&["--emit", "ledger"], &few(8));
    assert_eq!(ledger["entries"]["future"]["count"], 40);
    assert!(
        stderr.contains("4 % of payments (40 of 1000) are 8 h ahead of their records"),
        "{stderr}"
    );
    assert!(!stderr.contains("most payments"), "{stderr}");
    assert!(
        stderr.contains("40 payments are in no window (40 future)"),
        "{stderr}"
    );
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
    let (ledger, stderr) = compute(&["--emit", "ledger"], &few(-5));
    // The first payment is behind nothing.
    assert_eq!(ledger["entries"]["late"]["count"], 39);
    assert!(
        stderr.contains("4 % of payments (40 of 1000) are 5 h behind their records"),
        "{stderr}"
    );
    // What comes late by anything up to some hours is not a zone.
    let late: Vec<String> = (0..1_000)
        .map(|minute| {
            let recorded = START + minute * MINUTE;
            let behind = if minute % 3 == 0 { minute % 300 } else { 0 };
            line(0, recorded, &(recorded - behind * MINUTE).to_string(), 1, 1)
        })
        .collect();
    let (_, stderr) = compute(&["--emit", "ledger"], &late);
    assert_eq!(stderr, "");
}

#[test]
fn times_in_seconds_are_never_taken_for_1970_silently() {
    let line = format!(
        r#"{{"createTime":{},"payAmount":1,"branchId":1}}"#,
        START / 1_000
    );
    let (_, stderr) = compute(&[], &[line]);
    assert!(
        stderr.contains("does the event time hold seconds?"),
        "{stderr}"
    );
}
