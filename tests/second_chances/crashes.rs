//! The command is killed at each of its steps, and run again.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{
    assert_ended, assert_same, fate, fates, from_the_beginning, mend, messages, replay, wrong,
};
use crate::support::compare::Figures;
use crate::support::lab::{Fault, FaultProxy, Kafka, unique};
use crate::support::service::{Setup, quoted};

/// Rejects of several pages.
const COUNT: i64 = 3_000;

/// Lets the command end at `point`, which it must come to after it was passed `passes` times.
#[track_caller]
fn crash(setup: &Setup, point: &str, passes: u32) {
    let mut command = setup.command(&["rejects", "replay", "--adopt-rules"]);
    command.env("CRASH_AT", format!("{point}={passes}"));
    let outcome = setup
        .start_command(&mut command)
        .wait(Duration::from_secs(60));
    assert_eq!(
        outcome.status.code(),
        None,
        "it does not come to {point}: {}",
        outcome.stderr
    );
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
}

#[test]
fn killed_at_any_step_each_record_counts_once() {
    if !cfg!(feature = "simulation") {
        return;
    }
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("killed");
    kafka.create_topic(&name, 3);
    kafka.send(&name, messages(COUNT));
    let expected = from_the_beginning(kafka, &name, &[]);
    for (point, passes) in [
        ("adoption: before the batch", 0),
        ("adoption: after the batch", 0),
        ("second chance: before the checkpoint", 1),
        ("checkpoint: before the batch", 0),
        ("checkpoint: before the batch", 2),
        ("checkpoint: after the batch", 0),
        ("checkpoint: after the batch", 1),
        ("second chance: after the checkpoint", 1),
    ] {
        let mut setup = wrong(kafka, &name);
        setup.serve_until_end();
        mend(&mut setup);
        crash(&setup, point, passes);
        let rest = replay(&setup, &["--adopt-rules"]);
        assert!(rest["complete"] == true, "{rest}");
        let again = fates(&replay(&setup, &["--list", "rejects"]));
        let of_none = |fate: &(String, String, String)| fate.2 == "rejected";
        assert!(again.keys().all(of_none), "{point}: {again:?}");
        assert!(again.contains_key(&fate("rejects", "not_json", "rejected")));
        assert_same(Figures::ask(&setup.serve()), &expected);
    }
}

#[test]
fn interrupted_it_says_so_and_the_same_command_does_the_rest() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("interrupted");
    kafka.create_topic(&name, 3);
    kafka.send(&name, messages(COUNT));
    let mut setup = wrong(kafka, &name);
    setup.serve_until_end();
    mend(&mut setup);
    let command = setup.spawn(&["rejects", "replay", "--adopt-rules", "-o", "json"]);
    command.terminate();
    let outcome = command.wait(Duration::from_secs(60));
    // It may have ended before, or not have begun.
    if outcome.status.code() == Some(1) {
        assert!(outcome.stderr.contains("interrupted"), "{}", outcome.stderr);
    }
    replay(&setup, &["--adopt-rules"]);
    let expected = from_the_beginning(kafka, &name, &[]);
    assert_same(Figures::ask(&setup.serve()), &expected);
}

/// Rejects that a corrected mapping reads, behind a network that passes a page in some seconds.
fn rejected_behind_proxy() -> Option<(Kafka, FaultProxy, String, Setup)> {
    let (kafka, proxy) = Kafka::behind_proxy()?;
    let name = unique("gone");
    kafka.create_topic(&name, 3);
    kafka.send(&name, messages(COUNT));
    let mut setup = wrong(&kafka, &name);
    setup.serve_until_end();
    mend(&mut setup);
    let broker = format!("127.0.0.1:{}", proxy.port());
    setup.set("kafka", "brokers", &quoted(&broker));
    proxy.set(Fault::Rate(60_000));
    Some((kafka, proxy, name, setup))
}

/// Runs the command, and has Kafka fall silent once the state is as it should be then. Gives the report, and what was logged.
#[track_caller]
fn break_off(
    setup: &Setup,
    proxy: &FaultProxy,
    is_then: impl Fn(&Value) -> bool,
) -> (Value, String) {
    let command = setup.spawn(&["rejects", "replay", "--adopt-rules", "-o", "json"]);
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never is");
        let outcome = setup.run(&["state", "inspect", "-o", "json"]);
        let state = serde_json::from_str::<Value>(&outcome.stdout).unwrap_or_default();
        if is_then(&state) {
            break;
        }
    }
    proxy.set(Fault::Blackhole);
    let outcome = command.wait(Duration::from_secs(60));
    let words = [
        "no Kafka broker",
        "the same command continues with what is left",
    ];
    assert_ended(&outcome, 75, &words);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(report["complete"], false);
    assert_eq!(report["adopted_rules"][0]["rule"], "payment.amount");
    (report, outcome.stderr)
}

#[test]
fn when_kafka_goes_away_it_says_what_is_done_and_the_same_command_does_the_rest() {
    let Some((kafka, proxy, name, setup)) = rejected_behind_proxy() else {
        return;
    };
    let counts = |state: &Value| state["ledger"]["entries"]["on_time"]["count"].as_u64() > Some(0);
    let (report, _) = break_off(&setup, &proxy, counts);
    let done = fates(&report).values().sum::<u64>();
    assert_eq!(report["records"], done);
    assert!((1_024..3_000).contains(&done), "{report}");
    proxy.set(Fault::None);
    let rest = replay(&setup, &[]);
    assert!(rest["complete"] == true, "{rest}");
    let expected = from_the_beginning(&kafka, &name, &[]);
    assert_same(Figures::ask(&setup.serve()), &expected);
}

#[test]
fn when_kafka_goes_away_before_the_first_page_nothing_is_said_of_an_empty_list() {
    let Some((_kafka, proxy, _, setup)) = rejected_behind_proxy() else {
        return;
    };
    let has_adopted = |state: &Value| !state["former_rules"][0].is_null();
    let (report, said) = break_off(&setup, &proxy, has_adopted);
    assert_eq!(report["records"], 0);
    assert!(!said.contains("no record like that is listed"), "{said}");
}
