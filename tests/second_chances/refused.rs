//! What gets no second chance, and why.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegauge::service::generation::Generations;

use super::{assert_ended, fate, fates, inspected, mend, messages, replay, wrong};
use crate::support::lab::{Kafka, unique};
use crate::support::service::{Setup, quoted};
use crate::support::topic::{START, paid};

/// How long a service may take to say that it waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// A state with rejects of a topic of three partitions, with the right mapping in its configuration.
fn mended(kafka: &Kafka, name: &str, count: i64) -> Setup {
    kafka.create_topic(name, 3);
    kafka.send(name, messages(count));
    let mut setup = wrong(kafka, name);
    setup.serve_until_end();
    mend(&mut setup);
    setup
}

#[test]
fn records_that_kafka_no_longer_has_are_told_and_stay_listed() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("gone");
    let setup = mended(kafka, &name, 300);
    kafka.delete_before(&name, 1, 40);
    let outcome = setup.run(&["rejects", "replay", "--adopt-rules", "-o", "json"]);
    assert_ended(&outcome, 0, &["not in Kafka any more", "stay listed"]);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let gone = |report: &Value| {
        let fates = fates(report).into_iter();
        let gone = fates.filter(|((_, _, now), _)| now == "gone");
        gone.map(|(_, records)| records).sum::<u64>()
    };
    let found = gone(&report);
    assert!((35..=40).contains(&found), "{report}");
    let service = setup.serve();
    let listed = service.ask_all("rejects", 500);
    let listed = listed.iter();
    let listed = listed.filter(|it| it["partition"] == 1 && it["offset"].as_i64() < Some(40));
    assert_eq!(listed.count() as u64, found);
    assert_eq!(service.ask("ledger")["balanced"], true);
    drop(service);
    assert_eq!(gone(&replay(&setup, &["--partition", "1"])), found);
}

#[test]
fn a_topic_that_was_made_again_is_not_read() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("again");
    let setup = mended(kafka, &name, 60);
    kafka.delete_topic(&name);
    kafka.create_topic(&name, 3);
    kafka.send(&name, messages(60));
    let before = inspected(&setup);
    let outcome = setup.run(&["rejects", "replay", "--adopt-rules"]);
    assert_ended(&outcome, 1, &["deleted and recreated"]);
    assert_eq!(inspected(&setup), before);
}

#[test]
fn without_an_answer_of_kafka_nothing_is_adopted() {
    let Some(kafka) = Kafka::shared() else { return };
    let mut setup = mended(kafka, &unique("silent"), 60);
    let before = inspected(&setup);
    setup.set("kafka", "brokers", &quoted("127.0.0.1:1"));
    let outcome = setup.run(&["rejects", "replay", "--adopt-rules"]);
    assert_ended(&outcome, 75, &["no Kafka broker"]);
    assert_eq!(inspected(&setup), before);
}

#[test]
fn rules_that_decide_what_figures_are_about_are_not_adopted() {
    let Some(kafka) = Kafka::shared() else { return };
    let mut setup = mended(kafka, &unique("fixed"), 60);
    setup.set("event_time", "out_of_orderness", "\"9s\"");
    let before = inspected(&setup);
    let outcome = setup.run(&["rejects", "replay", "--adopt-rules"]);
    let words = ["event_time.out_of_orderness", "can't adopt", "replay"];
    assert_ended(&outcome, 78, &words);
    assert!(
        !outcome.stderr.contains("payment.amount"),
        "{}",
        outcome.stderr
    );
    assert_eq!(inspected(&setup), before);
}

#[test]
fn beside_a_service_only_a_dry_run_works() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("beside");
    kafka.create_topic(&name, 1);
    kafka.send(&name, (0..20).map(|at| paid(0, START + at, "1", 1)));
    let mut setup = wrong(kafka, &name);
    let service = setup.serve();
    service.await_consumed(20);
    mend(&mut setup);
    let outcome = setup.run(&["rejects", "replay", "--adopt-rules"]);
    assert_ended(&outcome, 1, &["a service runs on this state", "--dry-run"]);
    let tried = replay(&setup, &["--adopt-rules", "--dry-run"]);
    let expected = BTreeMap::from([(fate("rejects", "missing_field", "on_time"), 20)]);
    assert_eq!(fates(&tried), expected);
    assert_eq!(service.ask("ledger")["entries"]["rejected"]["count"], 20);
}

#[test]
fn a_service_that_waits_for_a_command_says_so_once_and_starts_when_that_ends() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("waits");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name);
    let generations = Generations::of(&setup.path("state"));
    let command = generations.hold_services_off().unwrap().unwrap();
    let waiting = setup.start();
    let words = format!(
        "a swap, a restore or a `rejects replay` holds the lock of {}: waiting until it ends",
        setup.path("state").display()
    );
    let begun = Instant::now();
    while !waiting.log().contains(&words) {
        assert!(begun.elapsed() < PATIENCE, "{}", waiting.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    // It would say it again by then, if it did so each time that it looks.
    std::thread::sleep(Duration::from_millis(200));
    drop(command);
    let service = waiting.await_address();
    assert_eq!(service.log().matches("holds the lock").count(), 1);
}

#[test]
fn a_command_line_that_asks_for_nothing_is_refused() {
    let setup = Setup::new("127.0.0.1:1", "none");
    let outcome = setup.run(&[
        "rejects",
        "replay",
        "--from-offset",
        "7",
        "--to-offset",
        "7",
    ]);
    assert_ended(&outcome, 2, &["--to-offset 7 is not after --from-offset 7"]);
    let outcome = setup.run(&["rejects", "replay", "--reason", "wrong"]);
    assert_ended(&outcome, 2, &["missing_field", "past_retention"]);
    let outcome = setup.run(&["rejects", "replay"]);
    assert_ended(&outcome, 1, &["there is no state"]);
}

#[test]
fn a_comparison_says_since_when_rules_hold_that_were_adopted() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("compared");
    let setup = mended(kafka, &name, 60);
    replay(&setup, &["--adopt-rules"]);
    let built = setup.run_json(&["replay", "-o", "json"]);
    let because = built["comparison"]["because"].as_array().unwrap();
    let told = because.iter().filter_map(Value::as_str);
    let told: Vec<&str> = told.filter(|it| it.contains("adopted")).collect();
    assert_eq!(told.len(), 1, "{built}");
    let since =
        "hold since offset 20 of partition 0, offset 20 of partition 1, offset 20 of partition 2";
    assert!(told[0].starts_with("generation 1 "), "{}", told[0]);
    assert!(told[0].contains(since), "{}", told[0]);
    let rules = &inspected(&setup)["former_rules"][0]["rules"];
    assert_eq!(*rules, json!(["payment.amount = \"paid\""]));
}

#[test]
fn what_a_replay_proved_holds_no_longer_after_a_second_chance() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("proven");
    kafka.create_topic(&name, 3);
    kafka.send(&name, messages(60));
    let mut setup = wrong(kafka, &name);
    setup.serve_until_end();
    setup.run_json(&["replay", "-o", "json"]);
    let built = |setup: &Setup| {
        let status = setup.run_json(&["replay", "status", "-o", "json"]);
        status["generations"][1].clone()
    };
    assert_eq!(built(&setup)["proof"], "equal");
    mend(&mut setup);
    replay(&setup, &["--adopt-rules", "--dry-run"]);
    assert_eq!(built(&setup)["proof"], "equal");
    replay(&setup, &["--adopt-rules"]);
    let built = built(&setup);
    assert_eq!(built["proof"], "none");
    let why = built["unproven"].as_str().unwrap();
    assert!(why.contains("second chance"), "{built}");
    let refused = setup.run(&["replay", "swap"]);
    assert_ne!(refused.status.code(), Some(0), "{}", refused.stderr);
}
