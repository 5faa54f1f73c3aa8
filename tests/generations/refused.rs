//! What the commands say while a running service refuses a swap, and that the remedies that they name
//! work.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::{Kafka, generation, paid, unique};
use crate::support::lab::{Elastic, eventually};
use crate::support::service::{Outcome, Service, Setup};
use crate::support::topic::START;

/// The rule that generation 2 is built by; the file that the service reads does not have it.
const RULE: [&str; 2] = ["--set", "event_time.out_of_orderness=9s"];
/// What names the swap that is refused.
const REFUSED: &str =
    "generation 2 is live now and can't be run, so the service stays on generation 1";
const ROLLBACK: &str = "`tidegauge replay rollback`";
const PATIENCE: Duration = Duration::from_secs(60);

fn setup(kafka: &Kafka, elastic: Option<&Elastic>) -> Setup {
    let name = unique("refused");
    kafka.create_topic(&name, 1);
    kafka.send(&name, (0..10).map(|n| paid(0, START + n * 1_000, "1", 1)));
    let setup = Setup::of(kafka, &name);
    match elastic {
        Some(elastic) => setup.delivering(elastic, &name),
        None => setup,
    }
}

/// A service that serves generation 1 and refuses generation 2.
fn refusing(setup: &Setup) -> Service {
    let service = setup.serve();
    service.await_consumed(10);
    let built = setup.run(&[&["replay"][..], &RULE].concat());
    assert_eq!(built.status.code(), Some(0), "{}", built.stderr);
    let swap = ["replay", "swap", "--accept-differences"];
    let swapped = setup.run(&[&swap[..], &RULE].concat());
    assert_eq!(swapped.status.code(), Some(78), "{}", swapped.stderr);
    assert!(swapped.stderr.contains(REFUSED), "{}", swapped.stderr);
    assert_eq!(generation(&service), 1);
    service
}

/// Fails unless the command names the refused swap and both remedies, and nothing that does not work.
#[track_caller]
fn assert_refused(outcome: &Outcome, code: i32) {
    assert_eq!(outcome.status.code(), Some(code), "{}", outcome.stderr);
    let told = outcome.stderr.lines().last().unwrap();
    for words in [
        REFUSED,
        "out_of_orderness",
        "tidegauge.toml",
        "tries again every few seconds",
        ROLLBACK,
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    for words in ["replay drop", "index repair"] {
        assert!(!told.contains(words), "{words}: {told}");
    }
}

#[track_caller]
fn roll_back(setup: &Setup) {
    let back = setup.run(&["replay", "rollback"]);
    assert_eq!(back.status.code(), Some(0), "{}", back.stderr);
}

#[test]
fn while_a_swap_is_refused_verify_and_repair_name_it_with_its_remedies_and_move_no_alias() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let mut setup = setup(kafka, Some(elastic));
    let service = refusing(&setup);
    service.await_delivered();
    for step in ["verify", "repair", "setup", "verify"] {
        let told = setup.run(&["index", step, "-o", "json"]);
        assert_refused(&told, 1);
        let found: Value = serde_json::from_str(&told.stdout).unwrap();
        // It is about what readers see.
        assert_eq!(found["generation"], 1, "{step}: {found}");
        let drift = found["drift"].as_array().unwrap();
        assert_eq!(drift.len(), 1, "{step}: {found}");
        assert!(drift[0].as_str().unwrap().contains(REFUSED), "{found}");
    }
    // The first remedy.
    setup.set("event_time", "out_of_orderness", "\"9s\"");
    service.await_generation(2);
    let swapped = setup.run(&["replay", "swap"]);
    assert_eq!(swapped.status.code(), Some(0), "{}", swapped.stderr);
    let verified = setup.run(&["index", "verify"]);
    assert_eq!(verified.status.code(), Some(0), "{}", verified.stdout);
}

#[test]
fn replay_status_names_the_refused_swap_until_it_is_undone() {
    let Some(kafka) = Kafka::shared() else { return };
    let setup = setup(kafka, None);
    let service = refusing(&setup);
    let shown = setup.run(&["replay", "status"]);
    assert_refused(&shown, 0);
    let status = setup.run_json(&["replay", "status", "-o", "json"]);
    assert_eq!(status["live"], 2, "{status}");
    assert_eq!(status["served"], 1, "{status}");
    let swap = &status["swap"];
    assert_eq!(swap["state"], "refused", "{status}");
    assert_eq!(swap["generation"], 2, "{status}");
    assert_eq!(swap["served"], 1, "{status}");
    let reason = swap["reason"].as_str().unwrap();
    assert!(reason.contains(ROLLBACK), "{reason}");
    let served = |status: &Value| -> Vec<Value> {
        let lines = status["generations"].as_array().unwrap();
        lines.iter().map(|line| line["served"].clone()).collect()
    };
    assert_eq!(served(&status), [true, false]);

    roll_back(&setup);
    let status = setup.run_json(&["replay", "status", "-o", "json"]);
    assert!(status["swap"].is_null(), "{status}");
    assert_eq!(status["served"], 1, "{status}");
    // What a service said before it ended is true of nothing.
    service.kill();
    let status = setup.run_json(&["replay", "status", "-o", "json"]);
    assert!(status["served"].is_null(), "{status}");
    assert_eq!(served(&status), [Value::Null, Value::Null]);
}

#[test]
fn a_refusal_is_gone_from_the_status_when_the_rollback_says_success() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    for elastic in [None, Some(elastic)] {
        let setup = setup(kafka, elastic);
        let service = refusing(&setup);
        roll_back(&setup);
        let status = service.ask("status");
        assert!(status["swap"].is_null(), "{status}");
        assert_eq!(generation(&service), 1);
    }
}

#[test]
fn a_swap_or_rollback_says_success_only_when_the_running_service_serves_it() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    for elastic in [None, Some(elastic)] {
        let setup = setup(kafka, elastic);
        let service = refusing(&setup);
        // The aliases never left generation 1, and the service can't say that it serves it.
        service.signal("STOP");
        let back = setup.run(&["replay", "rollback", "--timeout", "2s"]);
        service.signal("CONT");
        assert_eq!(back.status.code(), Some(75), "{}", back.stderr);
        let told = back.stderr.lines().last().unwrap();
        let words = "generation 1 is live now, and the running service has not said after 2 s";
        assert!(told.contains(words), "{told}");
        // Both have the rules of the file from here on: what is served is what HTTP answers at once.
        let swap = ["replay", "--swap", "--accept-differences"];
        setup.run(&["replay", "drop", "2", "--yes"]);
        let swapped = setup.run(&swap);
        assert_eq!(swapped.status.code(), Some(0), "{}", swapped.stderr);
        assert_eq!(generation(&service), 2);
        roll_back(&setup);
        assert_eq!(generation(&service), 1);
    }
}

#[test]
fn neither_the_live_generation_nor_the_one_that_is_served_can_be_dropped() {
    let Some(kafka) = Kafka::shared() else { return };
    let setup = setup(kafka, None);
    let service = refusing(&setup);
    let live = setup.run(&["replay", "drop", "2", "--yes"]);
    assert_eq!(live.status.code(), Some(1), "{}", live.stderr);
    assert!(live.stderr.contains(ROLLBACK), "{}", live.stderr);
    let served = setup.run(&["replay", "drop", "1", "--yes"]);
    assert_refused(&served, 1);
    assert!(setup.path("state/CURRENT").exists());
    assert_eq!(generation(&service), 1);

    roll_back(&setup);
    let dropped = setup.run(&["replay", "drop", "2", "--yes"]);
    assert_eq!(dropped.status.code(), Some(0), "{}", dropped.stderr);
}

#[test]
fn a_rollback_leads_back_to_what_is_served_however_many_swaps_were_refused() {
    let Some(kafka) = Kafka::shared() else { return };
    let setup = setup(kafka, None);
    let service = refusing(&setup);
    let third = ["--set", "event_time.out_of_orderness=8s"];
    let replay = ["replay", "--swap", "--accept-differences"];
    let swapped = setup.run(&[&replay[..], &third].concat());
    assert_eq!(swapped.status.code(), Some(78), "{}", swapped.stderr);
    let words = "generation 3 is live now and can't be run, so the service stays on generation 1";
    assert!(swapped.stderr.contains(words), "{}", swapped.stderr);
    roll_back(&setup);
    let status = service.ask("status");
    assert!(status["swap"].is_null(), "{status}");
    service.stop(PATIENCE);
    assert_eq!(generation(&setup.serve()), 1);
}

#[test]
fn a_restart_with_the_old_values_names_the_rollback_and_the_values_of_the_new_rules() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let mut setup = setup(kafka, Some(elastic));
    refusing(&setup).stop(PATIENCE);
    let refused = setup.run(&["serve"]);
    assert_eq!(refused.status.code(), Some(78), "{}", refused.stderr);
    let told = refused.stderr.lines().last().unwrap();
    for words in ["out_of_orderness", "9s", "generation 1", ROLLBACK] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(!told.contains("put the old values back"), "{told}");
    // Both remedies, the last one first.
    let changed = setup.run(&[&["serve", "--until-end"][..], &RULE].concat());
    assert_eq!(changed.status.code(), Some(0), "{}", changed.stderr);
    roll_back(&setup);
    let service = setup.serve();
    assert_eq!(generation(&service), 1);
    drop(service);

    // Where the generation before does not fit either, nothing of it is named.
    setup.set("event_time", "out_of_orderness", "\"7s\"");
    let refused = setup.run(&["serve"]);
    assert_eq!(refused.status.code(), Some(78), "{}", refused.stderr);
    assert!(!refused.stderr.contains(ROLLBACK), "{}", refused.stderr);
}

#[test]
fn a_swap_to_a_generation_whose_state_is_gone_is_undone_or_followed_when_it_is_back() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let setup = setup(kafka, Some(elastic));
    let service = setup.serve();
    service.await_consumed(10);
    service.await_delivered();
    let (state, away) = (setup.path("state-g2"), setup.path("away"));
    for is_put_back in [false, true] {
        let built = setup.run(&["replay"]);
        assert_eq!(built.status.code(), Some(0), "{}", built.stderr);
        service.signal("STOP");
        let swapped = setup.run(&["replay", "swap", "--timeout", "1s"]);
        fs::rename(&state, &away).unwrap();
        service.signal("CONT");
        assert_eq!(swapped.status.code(), Some(75), "{}", swapped.stderr);
        let reason = eventually("the refusal", || {
            let status = service.ask("status");
            status["swap"]["reason"].as_str().map(str::to_owned)
        });
        for words in [
            REFUSED,
            "there is no state of it in",
            "state-g2. Either correct that",
            ROLLBACK,
        ] {
            assert!(reason.contains(words), "{words}: {reason}");
        }
        assert!(!reason.contains("live = N"), "{reason}");
        let status = setup.run_json(&["replay", "status", "-o", "json"]);
        assert_eq!(status["swap"]["reason"], reason, "{status}");
        let verified = setup.run(&["index", "verify"]);
        assert_eq!(verified.status.code(), Some(1), "{}", verified.stderr);
        assert!(verified.stderr.contains(REFUSED), "{}", verified.stderr);
        if is_put_back {
            fs::rename(&away, &state).unwrap();
            service.await_generation(2);
        } else {
            roll_back(&setup);
            assert_eq!(generation(&service), 1);
            fs::remove_dir_all(&away).unwrap();
        }
    }
}

#[test]
fn the_rollback_is_advised_with_the_configuration_that_it_needs() {
    let Some(kafka) = Kafka::shared() else { return };
    let mut setup = setup(kafka, None);
    let service = refusing(&setup);
    let right = fs::read_to_string(setup.config()).unwrap();
    let needs = "`tidegauge replay rollback`, with the configuration that it was built with";
    let refusal = |part: &str| {
        eventually("another refusal", || {
            let status = service.ask("status");
            let reason = status["swap"]["reason"].as_str().unwrap();
            reason.contains(part).then(|| reason.to_owned())
        })
    };
    assert!(!refusal(ROLLBACK).contains(needs));
    // The file fits neither generation, and the commands read it too.
    setup.set("event_time", "out_of_orderness", "\"7s\"");
    assert!(refusal("7s").contains(needs));
    let refused = setup.run(&["replay", "rollback"]);
    assert_eq!(refused.status.code(), Some(78), "{}", refused.stderr);
    fs::write(setup.config(), format!("{right}\nno_such_key = 1\n")).unwrap();
    assert!(refusal("no_such_key").contains(needs));
    fs::write(setup.config(), &right).unwrap();
    roll_back(&setup);
    assert!(service.ask("status")["swap"].is_null());
}
