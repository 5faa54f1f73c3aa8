//! Wrong clocks, wrong zones, wrong units: figures stay right, and what is odd is said.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::lab::{Dist, Elastic, Kafka, Message, eventually, unique};
use crate::support::service::{Setup, binary};
use crate::support::topic::{START, paid};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// What `compute` prints of `lines` as JSON, and what it says beside it.
#[track_caller]
fn compute(arguments: &[&str], lines: &[String]) -> (Value, String) {
    let mut child = binary()
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .args(["compute", "-o", "json", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = lines.join("\n") + "\n";
    let writing = thread::spawn(move || stdin.write_all(text.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    (serde_json::from_slice(&output.stdout).unwrap(), stderr)
}

/// A line of `compute` that names partition and timestamp.
fn line(partition: i32, timestamp: i64, time: &str, amount: i64, branch: u32) -> String {
    format!(
        r#"{{"partition":{partition},"timestamp":{timestamp},"payment":{{"createTime":{time},"payAmount":{amount},"branchId":{branch}}}}}"#
    )
}

fn items(answer: &Value) -> Vec<&Value> {
    answer["items"].as_array().unwrap().iter().collect()
}

#[test]
fn one_clock_a_year_ahead_that_stamps_its_records_too_leaves_the_windows_of_others_whole() {
    let at = |partition, time: i64, amount| line(partition, time, &time.to_string(), amount, 1);
    let log = [
        at(0, START, 10),
        at(1, START + 400 * DAY, 1),
        at(0, START + MINUTE, 10),
        at(1, START + MINUTE + 1_000, 5),
    ];
    // The wrong one may come first, and in one partition with the others.
    let orders: [&[usize]; 3] = [&[0, 1, 2, 3], &[1, 0, 3, 2], &[1, 3, 0, 2]];
    for (order, partitions) in orders
        .into_iter()
        .flat_map(|order| [(order, 2), (order, 1)])
    {
        let lines: Vec<String> = order.iter().map(|at| log[*at].clone()).collect();
        let lines: Vec<String> = match partitions {
            1 => lines
                .iter()
                .map(|line| line.replace("\"partition\":1", "\"partition\":0"))
                .collect(),
            _ => lines,
        };
        let (windows, stderr) = compute(&["--emit", "windows"], &lines);
        let sums: Vec<(String, String)> = items(&windows)
            .into_iter()
            .filter(|item| item["window"] == "1m" && item["pay_count"] != 0)
            .map(|item| {
                let text = |field: &str| item[field].as_str().unwrap().to_owned();
                (text("window_start"), text("pay_amount_exact"))
            })
            .collect();
        let expected = [
            ("2026-11-01T00:00:00Z", "10"),
            ("2026-11-01T00:01:00Z", "15"),
            ("2027-12-06T00:00:00Z", "1"),
        ];
        let expected = expected.map(|(start, sum)| (start.to_owned(), sum.to_owned()));
        assert_eq!(sums, expected, "{order:?} in {partitions}: {stderr}");
    }
}

#[test]
fn a_payment_behind_a_jump_that_it_agrees_with_is_late_and_never_too_late() {
    let plain = |time: i64| format!(r#"{{"createTime":{time},"payAmount":1,"branchId":1}}"#);
    let short = [
        "--emit",
        "ledger",
        "--set",
        "event_time.allowed_lateness=1h",
    ];
    let booked = |times: &[i64]| -> [u64; 3] {
        let lines: Vec<String> = times.iter().map(|time| plain(*time)).collect();
        let (ledger, stderr) = compute(&short, &lines);
        ["on_time", "late", "too_late"]
            .map(|entry| ledger["entries"][entry]["count"].as_u64().expect(&stderr))
    };
    let jump = START + 10 * DAY;
    let before = [START, START + 1_000, jump];
    for (behind, expected) in [
        (0, [4, 0, 0]),
        // As much as out_of_orderness is not late.
        (5_000, [4, 0, 0]),
        (5_001, [3, 1, 0]),
        // By the jump it would be too late.
        (20 * HOUR, [3, 1, 0]),
        (DAY, [3, 1, 0]),
        // It does not agree: it is a time of its own, far ahead of what is believed.
        (DAY + 1, [4, 0, 0]),
    ] {
        let times = [&before[..], &[jump - behind]].concat();
        assert_eq!(booked(&times), expected, "{behind}");
    }
    // The first event time of a partition is not believed by itself either.
    assert_eq!(booked(&[START, START - 5_001]), [1, 1, 0]);
    assert_eq!(booked(&[START, START - DAY - 1]), [2, 0, 0]);
    // Once the jump is believed, they are late by the watermark, and too late.
    let agreed = [&before[..], &[jump, jump, jump - 20 * HOUR]].concat();
    assert_eq!(booked(&agreed), [5, 0, 1]);
}

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
fn times_in_seconds_are_never_taken_for_1970_silently() {
    let line = format!(
        r#"{{"createTime":{},"payAmount":1,"branchId":1}}"#,
        START / 1_000
    );
    let (_, stderr) = compute(&[], &[line]);
    assert!(stderr.contains("does createTime hold seconds?"), "{stderr}");
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
    let Some(elastic) = Elastic::shared(Dist::Es7) else {
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

#[test]
fn a_partition_with_heartbeats_and_no_payments_holds_nothing_back() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("heartbeats");
    kafka.create_topic(&topic, 2);
    let setup = Setup::of(kafka, &topic).with("event_time", "idle_after", "\"1s\"");
    let service = setup.serve();
    let heartbeat = |payload: Option<&str>| Message {
        partition: 1,
        timestamp: START,
        payload: payload.map(|payload| payload.as_bytes().to_vec()),
    };
    let future = |second: i64| paid(1, START + second * 1_000 + HOUR, "1", 3);
    // More often than idle_after: a reject, a tombstone, a payment too far ahead.
    let mut second = 0;
    eventually("a final minute", || {
        let odd = match second % 3 {
            0 => heartbeat(Some(r#"{"type":"heartbeat"}"#)),
            1 => heartbeat(None),
            _ => Message {
                timestamp: START,
                ..future(second)
            },
        };
        kafka.send(&topic, [odd, paid(0, START + second * 30_000, "1", 1)]);
        second += 1;
        thread::sleep(Duration::from_millis(300));
        let windows = service.ask("windows/1m?final=true");
        (!items(&windows).is_empty()).then_some(())
    });
    let partitions = service.ask("status")["partitions"].clone();
    assert_eq!(partitions[1]["idle"], true, "{partitions}");
    assert_eq!(partitions[0]["idle"], false, "{partitions}");
}

#[test]
fn a_jump_that_nothing_agrees_with_is_named_by_the_status() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("jump");
    kafka.create_topic(&topic, 1);
    let minutes = (0..5).map(|minute| paid(0, START + minute * MINUTE, "1", 1));
    kafka.send(&topic, minutes.chain([paid(0, START + 400 * DAY, "1", 2)]));
    let setup = Setup::of(kafka, &topic).with("event_time", "idle_after", "\"200ms\"");
    let service = setup.serve();
    service.await_consumed(6);
    service.await_idle();
    let status = service.ask("status");
    assert_eq!(status["partitions"][0]["watermark"], "2026-11-01T00:03:55Z");
    let jump = "2027-12-06T00:00:00Z";
    assert_eq!(status["partitions"][0]["unconfirmed_event_time"], jump);
    let remark = status["remarks"][0].as_str().unwrap();
    assert!(
        remark.contains(jump) && remark.contains("partition 0"),
        "{remark}"
    );
    // It stands in the state: a restart believes it no sooner.
    service.kill();
    let service = setup.serve();
    service.await_idle();
    assert_eq!(
        service.ask("status")["partitions"][0]["unconfirmed_event_time"],
        jump
    );
}

#[test]
fn a_wrong_clock_that_is_alone_in_its_partition_takes_no_window_from_others() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("alone");
    kafka.create_topic(&topic, 2);
    let minutes =
        |from: i64, to: i64| (from..to).map(|minute| paid(0, START + minute * MINUTE, "1", 1));
    let wrong = (0..5).map(|minute| paid(1, START + 400 * DAY + minute * MINUTE, "1", 2));
    kafka.send(&topic, minutes(0, 3).chain(wrong));
    let setup = Setup::of(kafka, &topic).with("event_time", "idle_after", "\"200ms\"");
    let service = setup.serve();
    service.await_consumed(8);
    service.await_idle();
    eventually("both partitions are idle", || {
        let partitions = service.ask("status")["partitions"].clone();
        let partitions = partitions.as_array()?;
        partitions.iter().all(|p| p["idle"] == true).then_some(())
    });
    // A checkpoint, after which retention would count.
    kafka.send(&topic, [paid(1, START + 400 * DAY + 5 * MINUTE, "1", 2)]);
    service.await_consumed(9);
    kafka.send(&topic, minutes(3, 6));
    service.await_consumed(12);
    let ledger = service.ask("ledger");
    assert_eq!(ledger["entries"]["on_time"]["count"], 12, "{ledger}");
    let remarks = service.ask("status")["remarks"].to_string();
    assert!(
        remarks.contains("and partition 1 to 2027-12-06T00:05:00Z"),
        "{remarks}"
    );
    let windows = service.ask("windows/1m?branch=1&limit=6");
    let counts: Vec<_> = items(&windows)
        .iter()
        .map(|w| w["pay_count"].clone())
        .collect();
    assert_eq!(counts, [1, 1, 1, 1, 1, 1], "{windows}");
}
