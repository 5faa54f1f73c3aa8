//! One clock that is far ahead takes no window from the others.

use std::thread;
use std::time::Duration;

use super::{DAY, HOUR, MINUTE, compute, items, line};
use crate::support::lab::{Kafka, Message, eventually, unique};
use crate::support::service::Setup;
use crate::support::topic::{START, paid};

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
        ..Message::default()
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
