//! Whether a generation is proven equal is kept beside it, and a swap asks for it.

use std::time::Duration;

use serde_json::Value;

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
fn windows_that_only_the_live_generation_has_are_no_proof() {
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
