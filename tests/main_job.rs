//! The main job on real servers: a topic with everything in it that a topic can have becomes totals
//! and windows in Elasticsearch and over HTTP, exact to the last digit, however often the service is
//! killed on the way.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(
    clippy::print_stderr,
    reason = "a failure at a random point must say which"
)]

use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::support::compare::Figures;
use crate::support::lab::{Elastic, Kafka, eventually, unique};
use crate::support::oracle::{Record, Truth, truth};
use crate::support::service::Setup;
use crate::support::topic::{produce, records};

/// How many payments the long runs read; `TIDEGAUGE_TEST_PAYMENTS` asks for others.
fn payments() -> u64 {
    let wanted = std::env::var("TIDEGAUGE_TEST_PAYMENTS").ok();
    wanted.map_or(100_000, |wanted| {
        wanted.parse().expect("TIDEGAUGE_TEST_PAYMENTS is a number")
    })
}

/// Something of every kind that there is.
const EVERYTHING: [&str; 14] = [
    "--partitions",
    "4",
    "--disorder",
    "4s",
    "--late-fraction",
    "0.01",
    "--too-late-fraction",
    "0.002",
    "--future-fraction",
    "0.002",
    "--duplicate-fraction",
    "0.005",
    "--bad-fraction",
    "0.004",
];

fn fill(setup: &Setup, count: u64, seed: u64, start: &str, per_second: u64) -> Value {
    let (count, seed, per_second) = (count.to_string(), seed.to_string(), per_second.to_string());
    let options = [
        "--count",
        &count,
        "--seed",
        &seed,
        "--start",
        start,
        "--per-second",
        &per_second,
    ];
    produce(setup, &[&options[..], &EVERYTHING[..]].concat())
}

/// The input is what it is said to be: nothing is proven with late payments that are not late.
#[track_caller]
fn assert_holds_everything(truth: &Truth) {
    for entry in [
        "on_time",
        "late",
        "too_late",
        "future",
        "rejected",
        "tombstone",
    ] {
        let count = truth.ledger.get(entry).map_or(0, |(count, _)| *count);
        assert!(count > 0, "the topic holds nothing that is {entry}");
    }
    assert!(
        truth
            .windows
            .values()
            .any(|figure| figure.is_final && figure.count == 0),
        "no zero window"
    );
    assert!(
        truth.windows.values().any(|figure| !figure.is_final),
        "no open window"
    );
}

/// Each reason for a reject is shown as often as it was put in.
#[track_caller]
fn assert_reasons(figures: &Figures, made: &Value) {
    for reason in [
        "not_json",
        "missing_field",
        "bad_field",
        "bad_time",
        "bad_amount",
        "too_large",
    ] {
        let shown = figures
            .rejects
            .iter()
            .filter(|reject| reject["reason"] == reason)
            .count();
        assert_eq!(Some(shown as u64), made[reason].as_u64(), "{reason}");
        assert!(shown > 0, "nothing was {reason}");
    }
}

/// Runs the job to its end and holds everything that can be asked against everything else.
fn job(count: u64, seed: u64, start: &str, per_second: u64) {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("job");
    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    let made = fill(&setup, count, seed, start, per_second);
    let records = records(kafka, &name);
    assert_eq!(records.len() as u64, count);
    let truth = truth(&records);
    assert_holds_everything(&truth);

    let summary = setup.serve_until_end();
    assert_eq!(summary["records"], count, "{summary}");
    assert_eq!(summary["ledger"]["consumed"], count, "{summary}");
    assert_eq!(summary["ledger"]["balanced"], true, "{summary}");
    let paid: u64 = truth.totals.values().map(|total| total.count).sum();
    assert_eq!(summary["payments"], paid, "{summary}");

    let service = setup.serve();
    let figures = Figures::ask(&service);
    figures.assert_true(&truth);
    assert_reasons(&figures, &made);
    figures.assert_documented(elastic, &name);
    figures.assert_computed(&setup, &records);
}

#[test]
fn elasticsearch_http_compute_and_an_independent_computation_agree_to_the_last_digit() {
    job(payments(), 1, "2026-11-01T00:00:00Z", 5);
}

/// Across a midnight in Shanghai, and the end of a month in UTC, where indexes change.
#[test]
fn all_agree_across_midnight_and_the_end_of_a_month() {
    job(12_000, 2, "2026-10-31T15:30:00Z", 1);
    // 15:30 and 12,000 s more is before midnight in UTC: a second job begins shortly before that.
    job(3_000, 3, "2026-10-31T23:40:00Z", 1);
}

#[test]
fn killed_twenty_times_on_the_way_it_ends_with_the_same_figures() {
    const KILLS: u64 = 20;
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("killed");
    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    let seed = fastrand::u64(..);
    eprintln!("killed at the points of seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let slice = payments() / KILLS;
    let mut sent = 0;
    for life in 0..KILLS {
        // Each life finds new records, beside those that the lives before it did not come to.
        let hour = format!("2026-11-01T{life:02}:00:00Z");
        fill(&setup, slice, life, &hour, (slice / 3_600).max(1));
        sent += slice;
        let mut process = setup.start();
        if random.u8(..4) == 0 {
            // While it starts.
            sleep(Duration::from_millis(random.u64(..300)));
            assert!(process.is_running(), "{}", process.log());
            process.kill();
            continue;
        }
        let service = process.await_address();
        if random.bool() {
            let before = service.consumed();
            if before < sent {
                eventually("another checkpoint", || {
                    (service.consumed() > before).then_some(())
                });
            }
        }
        sleep(Duration::from_millis(random.u64(..250)));
        service.kill();
    }
    let summary = setup.serve_until_end();
    assert_eq!(summary["ledger"]["consumed"], sent, "{summary}");
    assert!(
        summary["records"].as_u64().unwrap() < sent,
        "no life before the last has kept anything: {summary}"
    );

    let records: Vec<Record> = records(kafka, &name);
    assert_eq!(records.len() as u64, sent);
    let truth = truth(&records);
    assert_holds_everything(&truth);
    let service = setup.serve();
    let figures = Figures::ask(&service);
    figures.assert_true(&truth);
    figures.assert_documented(elastic, &name);
}

/// Each life has a reader and a number of appliers of its own, and reads little at a time.
#[test]
fn readers_and_appliers_that_change_with_fifty_kills_leave_the_same_figures() {
    const KILLS: u64 = 50;
    let Some(kafka) = Kafka::shared() else {
        return;
    };
    let name = unique("switched");
    let mut setup = Setup::of(kafka, &name);
    fill(&setup, payments(), 9, "2026-11-01T00:00:00Z", 5);
    for (property, bytes) in [
        ("fetch.max.bytes", "3000"),
        ("fetch.message.max.bytes", "2000"),
        ("message.max.bytes", "1000"),
    ] {
        setup.set("kafka.properties", &format!("\"{property}\""), bytes);
    }
    let seed = fastrand::u64(..);
    eprintln!("killed at the points of seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut switch = |setup: &mut Setup| {
        let readers = ["\"auto\"", "\"direct\"", "\"librdkafka\""];
        setup.set("kafka", "reader", readers[random.usize(..3)]);
        setup.set("kafka", "appliers", &random.usize(1..=4).to_string());
        Duration::from_millis(random.u64(..60))
    };
    for _ in 0..KILLS {
        let reading = switch(&mut setup);
        let service = setup.serve();
        sleep(reading);
        service.kill();
    }
    switch(&mut setup);
    let summary = setup.serve_until_end();
    assert_eq!(summary["ledger"]["consumed"], payments(), "{summary}");
    assert!(
        summary["records"].as_u64().unwrap() < payments(),
        "no life before the last has kept anything: {summary}"
    );
    let records: Vec<Record> = records(kafka, &name);
    let truth = truth(&records);
    assert_holds_everything(&truth);
    let service = setup.serve();
    Figures::ask(&service).assert_true(&truth);
}
