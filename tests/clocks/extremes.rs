//! Times that can't be real, and times too far ahead.

use super::{HOUR, MINUTE, compute, items, line};
use crate::support::lab::{Elastic, Kafka, Message, unique};
use crate::support::service::Setup;
use crate::support::topic::{START, paid};

#[test]
fn a_timestamp_that_can_not_be_real_counts_as_none() {
    // Zero; a counter; seconds, up to the last ones that are before 1971 as milliseconds; microseconds.
    for timestamp in [
        0,
        1,
        START / 1_000,
        4_102_444_801,
        31_535_999_999,
        START * 1_000,
    ] {
        let lines: Vec<String> = (0..5)
            .map(|minute| line(0, timestamp, &(START + minute * MINUTE).to_string(), 1, 1))
            .collect();
        let (ledger, stderr) = compute(&["--emit", "ledger"], &lines);
        assert_eq!(ledger["entries"]["on_time"]["count"], 5, "{timestamp}");
        assert!(
            stderr.contains("5 payments are in records whose timestamps"),
            "{stderr}"
        );
    }
    // The first that is believed: all payments are far ahead of it.
    let first = line(0, 31_536_000_000, &START.to_string(), 1, 1);
    let (ledger, stderr) = compute(&["--emit", "ledger"], &[first]);
    assert_eq!(ledger["entries"]["future"]["count"], 1);
    assert!(
        stderr.contains("1 payment is in no window (1 future)"),
        "{stderr}"
    );
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn a_time_beyond_the_year_9999_is_kept_apart_and_no_answer_names_one() {
    let plain = |time: &str, amount| {
        format!(r#"{{"createTime":"{time}","payAmount":{amount},"branchId":7}}"#)
    };
    let lines = [
        plain("2026-11-01 00:00:00", 1_000),
        // In UTC this is in the year 10000.
        plain("9999-12-31 23:59:59", 1),
        // In UTC it is not, but its minute ends there.
        plain("9999-12-31T23:59:59Z", 2),
        // The first day in Shanghai begins in the year 0.
        plain("0001-01-01T00:00:00Z", 4),
    ];
    let west = ["--set", "time_zone=America/New_York"];
    let (totals, _) = compute(&west, &lines);
    let total = &totals["totals"][0];
    assert_eq!(
        (&total["pay_count"], &total["pay_amount_exact"]),
        (&4.into(), &"1007".into())
    );
    assert_eq!(total["last_event_time"], "2026-11-01T04:00:00Z");
    let (ledger, _) = compute(&[&west[..], &["--emit", "ledger"]].concat(), &lines);
    let count = |entry: &str| ledger["entries"][entry]["count"].as_u64().unwrap();
    assert_eq!(
        (count("on_time"), count("future"), count("past_retention")),
        (1, 2, 1)
    );
    let (windows, _) = compute(&[&west[..], &["--emit", "windows"]].concat(), &lines);
    for item in items(&windows) {
        for field in ["window_start", "window_end"] {
            assert_eq!(item[field].as_str().unwrap().len(), 20, "{item}");
        }
    }
}

#[test]
fn a_branch_whose_only_payment_is_too_far_ahead_is_known_from_then_on() {
    // branch 1  00:00 00:01 00:02 ...... 00:20        the watermark is 00:19:55
    // branch 2  (written at 00:00) 00:10              ten minutes ahead: in no window
    let at = |written: i64, minute: i64, branch| {
        let (written, time) = (START + written * MINUTE, START + minute * MINUTE);
        line(0, written, &time.to_string(), 1, branch)
    };
    let mut log = vec![at(0, 10, 2)];
    log.extend((0..=20).map(|minute| at(minute, minute, 1)));
    let emit = ["--emit", "windows"];
    let (windows, _) = compute(&emit, &log);
    let of = |branch: u64| {
        let minutes = items(&windows).into_iter().filter(move |item| {
            item["window"] == "1m" && item["branch_id"] == branch && item["final"] == true
        });
        minutes.map(|item| item["window_start"].as_str().unwrap()[11..16].to_owned())
    };
    assert_eq!(of(1).next().unwrap(), "00:00");
    let zeros: Vec<String> = (10..19).map(|minute| format!("00:{minute}")).collect();
    assert_eq!(of(2).collect::<Vec<_>>(), zeros);
}

#[test]
fn a_time_beyond_the_year_9999_does_not_freeze_its_branch_in_elasticsearch() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let topic = unique("year9999");
    kafka.create_topic(&topic, 1);
    let odd = |timestamp, time: &str| Message {
        partition: 0,
        timestamp,
        payload: Some(
            format!(r#"{{"createTime":"{time}","payAmount":1,"branchId":7}}"#).into_bytes(),
        ),
        ..Message::default()
    };
    kafka.send(
        &topic,
        [
            Message {
                timestamp: START + 4 * HOUR,
                ..paid(0, START, "1000", 7)
            },
            odd(START, "9999-12-31 23:59:59"),
            odd(START, "9999-12-31T23:59:59-10:00"),
            // A record of the year 58803: its producer counts microseconds.
            odd(START * 1_000, "no time"),
        ],
    );
    let setup = Setup::of(kafka, &topic)
        .with("", "time_zone", "\"America/New_York\"")
        .delivering(elastic, &topic);
    setup.serve_until_end();
    let total = elastic
        .documents(&format!("{topic}-totals"))
        .remove(0)
        .source;
    assert_eq!(total["pay_amount_exact"], "1002");
    assert_eq!(total["last_event_time"], "2026-11-01T04:00:00Z");
    assert_eq!(elastic.count(&format!("{topic}-late")), 2);
    assert_eq!(elastic.count(&format!("{topic}-rejects")), 1);
}
