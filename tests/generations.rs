//! A replay builds the next generation beside the live one; a reader of an alias meanwhile sees
//! the one or the other, whole.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(
    clippy::print_stderr,
    reason = "a failure at a random point must say which, and the rate is worth knowing"
)]

mod backup;
mod catching_up;
mod closed_pipe;
mod damaged;
mod elsewhere;
mod following;
mod indexes;
mod leftovers;
mod overrides;
mod proof;
mod readers;
mod refused;
mod rules;
mod told;
mod unanswered;
mod undeliverable;
mod way_back;

use std::fs::File;

use serde_json::{Value, json};
use tidegauge::domain::ledger::Entry;

use crate::support::compare::Figures;
use crate::support::lab::{Kafka, unique};
use crate::support::oracle::truth;
use crate::support::service::{Service, Setup};
use crate::support::topic::{START, paid, produce, records};

fn fill(setup: &Setup, count: u64, per_second: u64) {
    let (count, per_second) = (count.to_string(), per_second.to_string());
    let options = [
        "--count",
        &count,
        "--start",
        "2026-11-01T00:00:00Z",
        "--per-second",
        &per_second,
        "--disorder",
        "4s",
        "--late-fraction",
        "0.01",
        "--too-late-fraction",
        "0.002",
        "--future-fraction",
        "0.002",
        "--bad-fraction",
        "0.004",
    ];
    produce(setup, &options);
}

fn generation(service: &Service) -> u64 {
    service.ask("totals")["reading"]["generation"]
        .as_u64()
        .unwrap()
}

/// The report of a replay that found no difference.
#[track_caller]
fn assert_equal(report: &Value) {
    let comparison = &report["comparison"];
    assert_eq!(comparison["differences"], 0, "{report}");
    assert_eq!(comparison["first"], json!([]), "{report}");
    assert_eq!(comparison["because"], json!([]), "{report}");
    assert_eq!(report["complete"], true, "{report}");
    assert!(comparison["totals"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(comparison["ledger_entries"], Entry::ALL.len());
    for window in ["1m", "10m-by-1m", "1h", "day"] {
        assert!(
            comparison["windows"][window].as_u64().unwrap() > 0,
            "{report}"
        );
    }
}

#[test]
fn without_elasticsearch_and_without_a_service_the_state_alone_changes_over() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("alone");
    kafka.create_topic(&name, 2);
    let setup = Setup::of(kafka, &name);
    fill(&setup, 5_000, 2);
    setup.serve_until_end();
    let service = setup.serve();
    assert_eq!(generation(&service), 1);
    assert_equal(&setup.run_json(&["replay", "-o", "json"]));
    let report = setup.run_json(&["replay", "-o", "json"]);
    assert_equal(&report);
    assert_eq!(report["records"], 0, "it had read all: {report}");
    drop(service);

    let swapped = setup.run_json(&["replay", "swap", "-o", "json"]);
    assert_eq!(
        swapped,
        json!({"live": 2, "previous": 1, "aliases": "none"})
    );
    let service = setup.serve();
    assert_eq!(generation(&service), 2);
    let figures = Figures::ask(&service);
    figures.assert_true(&truth(&records(kafka, &name)));
    setup.run_json(&["replay", "rollback", "-o", "json"]);
    service.await_generation(1);
    assert_eq!(
        Figures::ask(&service).of_the_log().windows,
        figures.of_the_log().windows
    );
    // All in one go.
    assert_equal(&setup.run_json(&["replay", "--swap", "-o", "json"]));
    service.await_generation(2);
}

#[test]
fn a_second_replay_at_once_is_refused() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("second");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name);
    setup.serve_until_end();
    let lock = File::create(setup.path("state.replay.lock")).unwrap();
    lock.lock().unwrap();
    for arguments in [&["replay"][..], &["replay", "drop", "2", "--yes"]] {
        let outcome = setup.run(arguments);
        assert_eq!(outcome.status.code(), Some(1));
        assert!(
            outcome.stderr.contains("another replay"),
            "{}",
            outcome.stderr
        );
    }
    drop(lock);
    let refused = setup.run(&["replay", "swap"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.stderr.contains("`tidegauge replay` builds one"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_replay_names_the_cause_when_the_live_figures_began_later() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("began");
    kafka.create_topic(&name, 1);
    let mut setup = Setup::of(kafka, &name).with("kafka", "start", "\"latest\"");
    kafka.send(&name, (0..10).map(|n| paid(0, START + n * 1_000, "1", 1)));
    let service = setup.serve();
    kafka.send(&name, (10..15).map(|n| paid(0, START + n * 1_000, "1", 1)));
    service.await_consumed(5);
    setup.set("kafka", "start", "\"earliest\"");
    let report = setup.run_json(&["replay", "-o", "json"]);
    let comparison = &report["comparison"];
    assert!(comparison["differences"].as_u64().unwrap() > 0, "{report}");
    let because = comparison["because"].to_string();
    assert!(because.contains("10 records fewer"), "{because}");
    assert!(because.contains("kafka.start"), "{because}");
    let first = &comparison["first"][0];
    assert_eq!(first["live"]["count"], 5, "{report}");
    assert_eq!(first["replayed"]["count"], 15, "{report}");
    let refused = setup.run(&["replay", "swap"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.stderr.contains("--accept-differences"),
        "{}",
        refused.stderr
    );
    assert_eq!(generation(&service), 1);
}
