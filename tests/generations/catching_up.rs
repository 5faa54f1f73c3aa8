//! After a swap that no service has caught up with, the aliases stay where they were, and it is said
//! who moves them.

use std::time::Duration;

use super::{Kafka, paid, unique};
use crate::support::lab::Elastic;
use crate::support::service::Setup;
use crate::support::topic::START;

#[test]
fn verify_and_repair_say_that_the_aliases_wait_for_a_service_that_catches_up() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("catching-up");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    kafka.send(&name, (0..10).map(|n| paid(0, START + n * 1_000, "1", 1)));
    let service = setup.serve();
    service.await_consumed(10);
    let built = setup.run(&["replay"]);
    assert_eq!(built.status.code(), Some(0), "{}", built.stderr);
    kafka.send(&name, (10..20).map(|n| paid(0, START + n * 1_000, "1", 1)));
    service.await_consumed(20);
    service.await_delivered();
    service.stop(Duration::from_secs(60));
    let swapped = setup.run_json(&["replay", "swap", "-o", "json"]);
    assert_eq!(swapped["aliases"], "follow", "{swapped}");

    for step in ["verify", "repair", "verify"] {
        let told = setup.run(&["index", step]);
        assert_eq!(told.status.code(), Some(1), "{}", told.stderr);
        let last = told.stderr.lines().last().unwrap();
        for words in [
            "the aliases point to generation 1",
            "until a service has caught up with it in generation 2",
            "start it, or wait for it",
        ] {
            assert!(last.contains(words), "{step}: {words}: {last}");
        }
        assert!(!last.contains("index repair"), "{last}");
    }
    // Waiting is the remedy, not another configuration.
    let dropped = setup.run(&["replay", "drop", "1", "--yes"]);
    assert_eq!(dropped.status.code(), Some(1), "{}", dropped.stderr);
    assert!(
        dropped.stderr.contains("still point to generation 1"),
        "{}",
        dropped.stderr
    );
    let service = setup.serve();
    service.await_consumed(20);
    service.await_delivered();
    let swapped = setup.run_json(&["replay", "swap", "-o", "json"]);
    assert_eq!(swapped["aliases"], "moved", "{swapped}");
    let verified = setup.run(&["index", "verify"]);
    assert_eq!(verified.status.code(), Some(0), "{}", verified.stdout);
}
