//! A running service follows a swap, and one that starts waits for a swap that is being made.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Kafka, generation, paid, unique};
use crate::support::lab::{Elastic, eventually};
use crate::support::service::{Outcome, Setup};
use crate::support::topic::START;

#[test]
fn a_configuration_that_is_corrected_after_a_refused_swap_is_read_again() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("corrected");
    kafka.create_topic(&name, 1);
    let mut setup = Setup::of(kafka, &name);
    kafka.send(&name, (0..10).map(|n| paid(0, START + n * 1_000, "1", 1)));
    let service = setup.serve();
    service.await_consumed(10);
    // The commands know the new rule, and the file that the service reads does not yet.
    let rule = ["--set", "event_time.out_of_orderness=9s"];
    let replay = setup.run(&[&["replay", "-o", "json"][..], &rule].concat());
    assert_eq!(replay.status.code(), Some(0), "{}", replay.stderr);
    let swap = ["replay", "swap", "--accept-differences"];
    let swapped = setup.run(&[&swap[..], &rule].concat());
    let refused = "generation 2 is live now and can't be run";
    assert_refused(&swapped, refused);
    let log = || service.log();
    eventually("the refusal", || log().contains(refused).then_some(()));
    assert!(log().contains("out_of_orderness"), "{}", log());
    // It is looked at again and again, and told once.
    sleep(Duration::from_secs(7));
    assert_eq!(log().matches(refused).count(), 1, "{}", log());
    assert_eq!(generation(&service), 1);
    let status = service.ask("status");
    let swap = &status["swap"];
    assert_eq!(swap["state"], "refused", "{status}");
    assert_eq!(swap["generation"], 2, "{status}");
    let reason = swap["reason"].as_str().unwrap();
    for words in [refused, "out_of_orderness", "`tidegauge replay rollback`"] {
        assert!(reason.contains(words), "{words}: {reason}");
    }
    let shown = setup.run(&["query", "status", "--url", service.url()]);
    assert!(shown.words().contains(refused), "{}", shown.stdout);
    setup.set("event_time", "out_of_orderness", "\"9s\"");
    service.await_generation(2);
    service.await_consumed(10);
    assert!(service.ask("status")["swap"].is_null());
}

#[test]
fn a_swap_that_the_running_service_refuses_is_told_to_the_command_and_undone_by_a_rollback() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    for is_delivering in [true, false] {
        let name = unique("refused-swap");
        kafka.create_topic(&name, 1);
        let mut setup = Setup::of(kafka, &name);
        if is_delivering {
            setup = setup.delivering(elastic, &name);
        }
        kafka.send(&name, (0..10).map(|n| paid(0, START + n * 1_000, "1", 1)));
        let service = setup.serve();
        service.await_consumed(10);
        let rule = ["--set", "event_time.out_of_orderness=9s"];
        let replay = ["replay", "--swap", "--accept-differences"];
        let swapped = setup.run(&[&replay[..], &rule].concat());
        assert_refused(&swapped, "generation 2 is live now and can't be run");
        assert_eq!(generation(&service), 1);

        let back = setup.run(&["replay", "rollback"]);
        assert_eq!(back.status.code(), Some(0), "{}", back.stderr);
        eventually("a swap that is undone", || {
            service.ask("status")["swap"].is_null().then_some(())
        });
        // The file has the rules now; what was said of the swap before says nothing of this one.
        setup.set("event_time", "out_of_orderness", "\"9s\"");
        let swapped = setup.run(&["replay", "swap", "--accept-differences"]);
        assert_eq!(swapped.status.code(), Some(0), "{}", swapped.stderr);
        service.await_generation(2);
    }
}

#[track_caller]
fn assert_refused(swapped: &Outcome, refused: &str) {
    assert_eq!(swapped.status.code(), Some(78), "{}", swapped.stderr);
    let told = swapped.stderr.lines().last().unwrap();
    for words in [refused, "out_of_orderness", "`tidegauge replay rollback`"] {
        assert!(told.contains(words), "{words}: {}", swapped.stderr);
    }
}

#[test]
fn a_service_that_starts_waits_for_a_swap_that_is_being_made() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("held-off");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name);
    kafka.send(&name, (0..10).map(|n| paid(0, START + n * 1_000, "1", 1)));
    setup.serve_until_end();
    // What a swap does while it changes the aliases, which may take long.
    let path = setup.path("state.lock");
    let mut lock = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(&path)
        .unwrap();
    lock.lock().unwrap();
    lock.write_all(b"swap").unwrap();
    let service = setup.start();
    sleep(Duration::from_secs(2));
    assert!(!service.log().contains(" serving "), "{}", service.log());
    drop(lock);
    let service = service.await_address();
    service.await_consumed(10);
    assert_eq!(fs::read_to_string(&path).unwrap(), "service");

    // Another service is not a swap: the state itself says at once that it is in use.
    let begun = Instant::now();
    let second = setup.start().wait(Duration::from_secs(30));
    assert_eq!(second.status.code(), Some(1), "{}", second.stderr);
    assert!(second.stderr.contains("in use"), "{}", second.stderr);
    assert!(begun.elapsed() < Duration::from_secs(20));
}
