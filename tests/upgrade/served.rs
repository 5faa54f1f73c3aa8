//! Each state in the hands of the commands: inspected, backed up and restored, replayed beside, and served.

use std::time::Duration;

use serde_json::Value;

use super::{STATES, WRITTEN, copy, expected, log, records};
use crate::support::compare::Figures;
use crate::support::lab::{Kafka, Message};
use crate::support::service::Setup;

const PATIENCE: Duration = Duration::from_secs(60);

/// The first `count` records of the log.
fn messages(from: usize, to: usize) -> impl Iterator<Item = Message> {
    let records = records(to).into_iter().skip(from);
    records.map(|record| Message {
        partition: record.partition,
        timestamp: record.timestamp,
        payload: record.value,
        ..Message::default()
    })
}

/// Serves the state of `setup`, which `version` wrote, to the end of the topic and holds every figure against the log.
fn assert_served(setup: &Setup, version: u64) {
    let all = log::log().len();
    let service = setup.serve();
    service.await_consumed(all as u64);
    Figures::ask(&service).assert_true(&expected(version, all));
    let stopped = service.stop(PATIENCE);
    assert_eq!(stopped.status.code(), Some(0), "{}", stopped.stderr);
    let inspected = setup.run_json(&["state", "inspect", "-o", "json"]);
    assert_eq!(inspected["storage_version"], WRITTEN);
}

#[test]
fn a_state_of_each_version_serves_is_backed_up_restored_and_equals_a_replay() {
    // The topic has the name that is in the states.
    let Some(kafka) = Kafka::own() else { return };
    kafka.create_topic(log::TOPIC, 2);
    kafka.send(log::TOPIC, messages(0, log::log().len()));
    for (name, version) in STATES {
        let setup = Setup::of(&kafka, log::TOPIC);
        copy(name, &setup.path("state"));
        let inspected = setup.run_json(&["state", "inspect", "-o", "json"]);
        assert_eq!(inspected["storage_version"], version, "{name}");
        assert_eq!(inspected["ledger"]["consumed"], log::STORED, "{name}");

        // A backup of the state as it is, which another directory takes over.
        let backup = setup.path("backup").display().to_string();
        setup.run_json(&["state", "backup", &backup, "-o", "json"]);
        let restored = Setup::of(&kafka, log::TOPIC);
        restored.run_json(&["state", "restore", &backup, "-o", "json"]);
        let inspected = restored.run_json(&["state", "inspect", "-o", "json"]);
        // It has the version that it had, so that an older program reads it.
        assert_eq!(inspected["storage_version"], version, "{name}");
        assert_eq!(inspected["ledger"]["consumed"], log::STORED, "{name}");
        assert_served(&restored, version);

        // A replay reads the whole topic, and compares at the positions of the state as it is.
        let report = setup.run_json(&["replay", "-o", "json"]);
        assert_compared(&report["comparison"], version, name);
        assert_served(&setup, version);
        let resumed = setup.run(&["state", "resume"]);
        assert!(
            resumed.stderr.contains("no partition is stopped"),
            "{}",
            resumed.stderr
        );
        let mut swap = vec!["replay", "--swap", "-o", "json"];
        if version < 3 {
            swap.push("--accept-differences");
        }
        setup.run_json(&swap);
        let inspected = setup.run_json(&["state", "inspect", "-o", "json"]);
        assert_eq!(inspected["generation"], 2, "{name}");
        // What a replay makes is as if this version had read it all.
        assert_served(&setup, WRITTEN);
    }
}

/// A replay gives the same figures, but for the last event times that versions before 3 took from payments ahead.
fn assert_compared(comparison: &Value, version: u64, name: &str) {
    assert!(comparison["windows"]["1m"].as_u64() > Some(20), "{name}");
    let first = comparison["first"].as_array().unwrap();
    let fields: Vec<&str> = first
        .iter()
        .flat_map(|figure| figure["fields"].as_array().unwrap())
        .map(|field| field["field"].as_str().unwrap())
        .collect();
    let expected: &[&str] = if version < 3 {
        &["last_event_time"]
    } else {
        &[]
    };
    assert_eq!(fields, expected, "{name}: {comparison}");
    assert_eq!(comparison["differences"], expected.len(), "{name}");
}
