//! Whether a generation is proven equal is kept beside it, and a swap asks for it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Kafka, generation, paid, unique};
use crate::support::service::Setup;
use crate::support::topic::START;

/// The line of a generation in `replay status`.
#[track_caller]
fn line(setup: &Setup, generation: u32) -> Value {
    let status = setup.run_json(&["replay", "status", "-o", "json"]);
    let lines = status["generations"].as_array().unwrap();
    let line = lines.iter().find(|line| line["generation"] == generation);
    line.unwrap().clone()
}

#[test]
fn found_differences_are_kept_when_a_later_replay_can_compare_nothing() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("proof");
    kafka.create_topic(&name, 1);
    let mut setup = Setup::of(kafka, &name).with("kafka", "start", "\"latest\"");
    kafka.send(&name, (0..10).map(|n| paid(0, START + n * 1_000, "1", 1)));
    let service = setup.serve();
    kafka.send(&name, (10..15).map(|n| paid(0, START + n * 1_000, "1", 1)));
    service.await_consumed(5);
    service.stop(Duration::from_secs(30));
    setup.set("kafka", "start", "\"earliest\"");
    let report = setup.run_json(&["replay", "-o", "json"]);
    let found = report["comparison"]["differences"].as_u64().unwrap();
    assert!(found > 0, "{report}");

    // Records came while no service ran, so the other generation is ahead of the live one now.
    kafka.send(&name, (15..18).map(|n| paid(0, START + n * 1_000, "1", 1)));
    let built = setup.run_json(&["replay", "-o", "json"]);
    assert_eq!(built["positions"]["0"], 18);
    let refused = setup.run(&["replay", "--swap", "-o", "json"]);
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
    let words = format!("differs from the live one in {found} figures");
    assert!(refused.stderr.contains(&words), "{}", refused.stderr);
    let report: Value = serde_json::from_str(&refused.stdout).unwrap();
    assert_eq!(report["comparison"]["differences"], found, "{report}");
    let reason = report["not_compared"].as_str().unwrap();
    assert!(reason.contains("has not come as far"), "{reason}");
    let line = line(&setup, 2);
    assert_eq!(line["proof"], "differs", "{line}");
    assert_eq!(line["differences"], found, "{line}");
    let refused = setup.run(&["replay", "swap"]);
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("--accept-differences"),
        "{}",
        refused.stderr
    );
    assert!(!setup.run(&["replay", "status"]).stdout.contains("none"));
    let swapped = setup.run_json(&["replay", "swap", "--accept-differences", "-o", "json"]);
    assert_eq!(swapped["live"], 2);
}

#[test]
fn a_generation_that_was_never_compared_is_not_made_live_unasked() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("unproven");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name);
    // A state that has read nothing.
    setup.serve_until_end();
    kafka.send(&name, (0..10).map(|n| paid(0, START + n * 1_000, "1", 1)));
    for arguments in [&["replay", "--swap"][..], &["replay", "swap"]] {
        let refused = setup.run(arguments);
        assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
        for words in ["has read nothing yet", "--accept-differences"] {
            assert!(refused.stderr.contains(words), "{}", refused.stderr);
        }
    }
    assert_eq!(line(&setup, 2)["proof"], "none");
    assert_eq!(line(&setup, 1)["proof"], Value::Null);

    // Once the live generation has come as far, it can be proven, and needs no consent.
    let service = setup.serve();
    service.await_consumed(10);
    assert_eq!(generation(&service), 1);
    setup.run_json(&["replay", "--swap", "-o", "json"]);
    service.await_generation(2);
    assert_eq!(line(&setup, 2)["live"], true);
}

#[test]
fn windows_that_only_the_live_generation_has_prevent_a_proof() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("fewer");
    kafka.create_topic(&name, 1);
    let mut setup = Setup::of(kafka, &name);
    kafka.send(&name, (0..10).map(|n| paid(0, START + n * 1_000, "1", 1)));
    setup.serve_until_end();
    setup.set("", "window", "[{ name = \"1m\", size = \"2m\" }]");
    let refused = setup.run(&["replay", "--swap"]);
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
    for words in ["1m, 10m-by-1m, 1h, day", "--accept-differences"] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    assert_eq!(line(&setup, 2)["proof"], "none");
    setup.run_json(&["replay", "swap", "--accept-differences", "-o", "json"]);
}

#[test]
fn a_replay_with_another_lateness_tells_both_values_of_the_fields_that_differ() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("lateness");
    kafka.create_topic(&name, 1);
    let mut setup = Setup::of(kafka, &name);
    let times = [0, 20_000, 10_000];
    kafka.send(&name, times.map(|after| paid(0, START + after, "1.5", 1)));
    setup.serve_until_end();
    setup.set("event_time", "out_of_orderness", "\"1m\"");
    let report = setup.run_json(&["replay", "-o", "json"]);
    let first = report["comparison"]["first"].as_array().unwrap();
    let minute = first
        .iter()
        .find(|found| found["figure"].as_str().unwrap().starts_with("1m from "))
        .unwrap();
    assert_eq!(minute["live"], minute["replayed"], "{minute}");
    assert_eq!(
        minute["fields"],
        json!([
            {"field": "late_count", "live": 1, "replayed": 0},
            {"field": "late_amount_exact", "live": "1.5", "replayed": "0"},
        ])
    );
    for found in first {
        assert_ne!(found["fields"], json!([]), "{found}");
    }
    // The same without a machine: a line for each field.
    setup.run(&["replay", "drop", "2", "--yes"]);
    let told = setup.run(&["replay"]).stdout;
    let line = |field: &str| {
        let words = format!(" of Branch_1   {field} ");
        let line = told.lines().find(|line| line.contains(&words));
        let line = line.unwrap_or_else(|| panic!("{field} is not told: {told}"));
        let cells: Vec<String> = line.split("   ").map(|cell| cell.trim().into()).collect();
        let filled = cells.into_iter().filter(|cell| !cell.is_empty());
        filled.skip(1).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("late_count"), "late_count 1 0");
    assert_eq!(line("late_amount_exact"), "late_amount_exact 1.5 0");
}
