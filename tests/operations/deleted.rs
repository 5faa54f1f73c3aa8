//! A state that is deleted under a running service is noticed, and never shared with another process.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::lab::{Kafka, unique};
use crate::support::service::{Outcome, Service, Setup};
use crate::support::topic::{START, paid};

/// It is noticed within seconds.
const SOON: Duration = Duration::from_secs(10);

fn serving(kafka: &Kafka, prefix: &str) -> (Setup, Service) {
    let topic = unique(prefix);
    kafka.create_topic(&topic, 1);
    kafka.send(&topic, [paid(0, START, "1", 1)]);
    let setup = Setup::of(kafka, &topic);
    let service = setup.serve();
    service.await_consumed(1);
    (setup, service)
}

#[track_caller]
fn says_what_is_gone(outcome: &Outcome, path: &std::path::Path) {
    assert_eq!(outcome.status.code(), Some(1), "{}", outcome.stderr);
    let gone = format!("{} was deleted, moved or replaced", path.display());
    let last = outcome.stderr.lines().last().unwrap();
    assert!(last.starts_with("error: "), "{}", outcome.stderr);
    assert!(last.contains(&gone), "{}", outcome.stderr);
}

#[test]
fn a_state_directory_that_is_deleted_moved_or_emptied_ends_the_service_with_exit_code_1() {
    let Some(kafka) = Kafka::shared() else { return };
    let (setup, service) = serving(kafka, "deleted");
    let state = setup.path("state");
    fs::remove_dir_all(&state).unwrap();
    let outcome = service.into_process().wait(SOON);
    says_what_is_gone(&outcome, &state);
    // A supervisor may have started the next one, which begins a state there.
    for words in [
        "kafka.start",
        "Stop the service, if it was started again, put ",
    ] {
        assert!(outcome.stderr.contains(words), "{outcome:?}");
    }

    let (setup, service) = serving(kafka, "moved");
    let state = setup.path("state");
    fs::rename(&state, setup.path("elsewhere")).unwrap();
    fs::create_dir(&state).unwrap();
    says_what_is_gone(&service.into_process().wait(SOON), &state);
    // What was moved away is whole.
    fs::remove_dir_all(&state).unwrap();
    fs::rename(setup.path("elsewhere"), &state).unwrap();
    assert_eq!(setup.serve_until_end()["ledger"]["consumed"], 1);

    let (setup, service) = serving(kafka, "emptied");
    let state = setup.path("state");
    fs::remove_file(state.join("LOCK")).unwrap();
    let outcome = service.into_process().wait(SOON);
    says_what_is_gone(&outcome, &state.join("LOCK"));
    // The state itself is whole.
    assert!(!outcome.stderr.contains("state restore"), "{outcome:?}");
    assert_eq!(setup.serve_until_end()["ledger"]["consumed"], 1);
}

#[test]
fn a_later_generation_that_is_deleted_while_it_is_live_has_a_way_to_continue() {
    let Some(kafka) = Kafka::shared() else { return };
    let (mut setup, service) = serving(kafka, "deleted-later");
    let backup = setup.path("backup").display().to_string();
    setup.run_json(&["replay", "--swap", "-o", "json"]);
    service.await_generation(2);
    service.await_consumed(1);
    setup.run_json(&["state", "backup", &backup, "-o", "json"]);
    let state = setup.path("state-g2");
    fs::remove_dir_all(&state).unwrap();
    let outcome = service.into_process().wait(SOON);
    says_what_is_gone(&outcome, &state);
    // A start is refused, and says the same.
    let refused = setup.run(&["serve", "--until-end"]);
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
    for told in [&outcome.stderr, &refused.stderr] {
        let told = told.lines().last().unwrap();
        assert!(!told.contains("or start again"), "{told}");
        let pointer = setup.path("state.live").display().to_string();
        let stop = "Stop the service, if it";
        for words in [
            stop,
            "`tidegauge state restore DIR`",
            "`live = N`",
            &pointer,
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
    }
    let listed = setup.run_json(&["replay", "status", "-o", "json"]);
    assert_eq!(listed["generations"][0]["generation"], 1, "{listed}");
    fs::write(setup.path("state.live"), "live = 1\n").unwrap();
    assert_eq!(setup.serve_until_end()["ledger"]["consumed"], 1);
    let restored = setup.path("restored").display().to_string();
    setup.set("", "state_dir", &format!("{restored:?}"));
    setup.run_json(&["state", "restore", &backup, "-o", "json"]);
    let service = setup.serve();
    service.await_consumed(1);
    assert_eq!(service.ask("ledger")["reading"]["generation"], 2);
}

#[test]
fn a_second_process_does_not_run_on_a_directory_that_was_deleted_under_the_first() {
    let Some(kafka) = Kafka::shared() else { return };
    let (setup, service) = serving(kafka, "second");
    fs::remove_dir_all(setup.path("state")).unwrap();
    let second = setup.start();
    let first = service.into_process().wait(SOON);
    says_what_is_gone(&first, &setup.path("state"));
    let second = second.await_address();
    second.await_consumed(1);
    let log = second.into_process().log();
    // Log lines begin with the time.
    let line = |log: &str, part: &str| {
        log.lines()
            .find(|line| line.contains(part))
            .map(str::to_owned)
    };
    let (noticed, served) = (line(&first.stderr, "ERROR"), line(&log, " serving "));
    assert!(
        noticed.is_some() && noticed < served,
        "{noticed:?} {served:?}"
    );
}

#[test]
fn a_lock_that_is_deleted_ends_the_service_with_exit_code_1() {
    let Some(kafka) = Kafka::shared() else { return };
    let (setup, service) = serving(kafka, "unlocked");
    let lock = setup.path("state.lock");
    fs::remove_file(&lock).unwrap();
    let noticed = Instant::now();
    let outcome = service.into_process().wait(SOON);
    says_what_is_gone(&outcome, &lock);
    assert!(noticed.elapsed() < SOON);
    assert!(outcome.stderr.contains("ERROR"), "{}", outcome.stderr);
    assert_eq!(setup.serve_until_end()["ledger"]["consumed"], 1);
}
