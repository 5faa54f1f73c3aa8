//! The command is killed at each of its steps, and run again.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{
    assert_ended, assert_same, fate, fates, from_the_beginning, mend, messages, replay, wrong,
};
use crate::support::compare::Figures;
use crate::support::lab::{Fault, Kafka, unique};
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

#[test]
fn when_kafka_goes_away_it_says_what_is_done_and_the_same_command_does_the_rest() {
    let Some((kafka, proxy)) = Kafka::behind_proxy() else {
        return;
    };
    let name = unique("gone");
    kafka.create_topic(&name, 3);
    kafka.send(&name, messages(COUNT));
    let mut setup = wrong(&kafka, &name);
    setup.serve_until_end();
    mend(&mut setup);
    let broker = format!("127.0.0.1:{}", proxy.port());
    setup.set("kafka", "brokers", &quoted(&broker));
    // A page takes some seconds.
    proxy.set(Fault::Rate(60_000));
    let command = setup.spawn(&["rejects", "replay", "--adopt-rules", "-o", "json"]);
    let begun = Instant::now();
    loop {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "no page was done"
        );
        let outcome = setup.run(&["state", "inspect", "-o", "json"]);
        let state = serde_json::from_str::<Value>(&outcome.stdout).unwrap_or_default();
        if state["ledger"]["entries"]["on_time"]["count"].as_u64() > Some(0) {
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
    let done = fates(&report).values().sum::<u64>();
    assert_eq!(report["records"], done);
    assert!((1_024..3_000).contains(&done), "{report}");
    proxy.set(Fault::None);
    let rest = replay(&setup, &[]);
    assert!(rest["complete"] == true, "{rest}");
    let expected = from_the_beginning(&kafka, &name, &[]);
    assert_same(Figures::ask(&setup.serve()), &expected);
}
