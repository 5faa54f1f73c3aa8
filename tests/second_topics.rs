//! A topic that is deleted and created again under its old name: nothing of the new one is applied to
//! the figures of the old one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::support::lab::{Kafka, Message, eventually, http, unique};
use crate::support::service::{Service, Setup};
use crate::support::topic::{START, paid, payment};

const PATIENCE: Duration = Duration::from_secs(60);

/// Payments of 1 to a branch, a second apart, all in partition 0.
fn payments(seconds: std::ops::Range<i64>, branch: u32) -> Vec<Message> {
    seconds
        .map(|second| paid(0, START + second * 1_000, "1", branch))
        .collect()
}

/// Waits until the source says that it can't continue, and gives its words.
#[track_caller]
fn await_failed(service: &Service) -> String {
    eventually("the source to say that it can't continue", || {
        let (state, reason) = service.part("source");
        (state == "failed").then_some(reason)
    })
}

#[test]
fn not_one_record_of_a_topic_recreated_while_it_is_read_is_applied() {
    let Some(kafka) = Kafka::shared() else { return };
    // Asleep it sees nothing of the change: when it continues, the new topic is longer than the old one.
    for is_asleep in [true, false] {
        let topic = unique("second-running");
        kafka.create_topic(&topic, 1);
        kafka.send(&topic, payments(0..100, 1));
        let setup = Setup::of(kafka, &topic);
        let service = setup.serve();
        service.await_consumed(100);
        if is_asleep {
            service.signal("STOP");
        }
        kafka.delete_topic(&topic);
        kafka.create_topic(&topic, 1);
        kafka.send(&topic, payments(0..1_000, 2));
        if is_asleep {
            service.signal("CONT");
        }

        let reason = await_failed(&service);
        assert!(reason.contains("deleted and recreated"), "{reason}");
        assert_eq!(service.consumed(), 100);
        kafka.send(&topic, payments(1_000..1_010, 2));
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(service.consumed(), 100);
        assert_unknown_ends(&service, &setup);
        assert!(service.stop(PATIENCE).status.success());

        // A restart changes nothing.
        for _ in 0..2 {
            let service = setup.serve();
            assert_eq!(await_failed(&service), reason);
            assert_eq!(service.consumed(), 100);
            service.kill();
        }
    }
}

/// Sends payments to partition 0 as one transaction, which leaves a mark behind them.
fn send_together(kafka: &Kafka, topic: &str, seconds: std::ops::Range<i64>) {
    let producer: BaseProducer = kafka
        .client()
        .set("transactional.id", topic)
        .create()
        .unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    for second in seconds {
        let payload = payment(START + second * 1_000, "1", 2);
        let record = BaseRecord::<(), [u8]>::to(topic)
            .partition(0)
            .payload(&payload);
        producer.send(record).unwrap();
    }
    producer.commit_transaction(PATIENCE).unwrap();
}

// Where the topic ends that was read is of no use, and how far the new one goes is not asked for.
#[track_caller]
fn assert_unknown_ends(service: &Service, setup: &Setup) {
    let status = service.ask("status");
    for partitions in [&status["partitions"], &service.ask("windows")["partitions"]] {
        let partitions = partitions.as_array().unwrap();
        assert!(!partitions.is_empty());
        for partition in partitions {
            assert!(partition["halted"].is_string(), "{partition}");
            assert!(partition["end"].is_null(), "{partition}");
            assert!(partition["lag"].is_null(), "{partition}");
        }
    }
    assert!(status["lag"].is_null(), "{status}");
    let metrics = http::get(&format!("{}/metrics", service.url())).ok().text;
    for metric in [
        "tidegauge_lag_records ",
        "tidegauge_partition_end{",
        "tidegauge_partition_lag_records{",
        "tidegauge_end_age_seconds ",
    ] {
        assert!(!metrics.contains(&format!("\n{metric}")), "{metrics}");
    }
    let shown = setup
        .run(&["query", "status", "--url", service.url()])
        .stdout;
    assert!(shown.contains("lag unknown"), "{shown}");
    assert!(!shown.contains("lag 0"), "{shown}");
}

#[test]
fn not_one_record_of_a_topic_recreated_while_stopped_is_applied() {
    let Some(kafka) = Kafka::shared() else { return };
    // What stands where the last record was that was applied, at offset 99 of partition 0.
    for now in ["another record", "nothing", "a mark", "the end"] {
        let topic = unique("second-stopped");
        kafka.create_topic(&topic, 2);
        kafka.send(&topic, payments(0..100, 1));
        let setup = Setup::of(kafka, &topic);
        assert_eq!(setup.serve_until_end()["records"], 100);
        kafka.delete_topic(&topic);
        kafka.create_topic(&topic, 3);
        match now {
            "another record" => kafka.send(&topic, payments(0..200, 2)),
            "nothing" => {
                kafka.send(&topic, payments(0..200, 2));
                kafka.delete_before(&topic, 0, 100);
            }
            "a mark" => {
                send_together(kafka, &topic, 0..99);
                kafka.send(&topic, payments(100..150, 2));
            }
            _ => {}
        }
        // Partition 1 never had a record, and partition 2 was not there.
        let others = (0..70).map(|second| paid(1 + second % 2, START, "1", 2));
        kafka.send(&topic, others);

        let service = setup.serve();
        let reason = await_failed(&service);
        assert!(reason.contains("deleted and recreated"), "{now}: {reason}");
        assert!(reason.contains("index_prefix"), "{now}: {reason}");
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(service.consumed(), 100, "{now}");
        let positions = service.ask("ledger")["reading"]["positions"].take();
        assert_eq!(positions, serde_json::json!({"0": 100, "1": 0}), "{now}");
        assert_unknown_ends(&service, &setup);
        service.kill();
        let inspection = setup.run_json(&["state", "inspect", "-o", "json"]);
        let halted = inspection["halted"].as_object().unwrap();
        assert_eq!(halted.len(), 2, "{now}: {halted:?}");
        assert!(
            reason.ends_with(halted["0"].as_str().unwrap()),
            "{now}: {reason}"
        );
        // `--until-end` does not get around it.
        let outcome = setup.run(&["serve", "--until-end"]);
        assert_eq!(outcome.status.code(), Some(1), "{}", outcome.stderr);
    }
}

#[test]
fn a_replay_reads_nothing_of_a_topic_that_only_has_the_name_of_the_live_ones() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("second-replay");
    kafka.create_topic(&topic, 1);
    kafka.send(&topic, payments(0..10, 1));
    let setup = Setup::of(kafka, &topic);
    assert_eq!(setup.serve_until_end()["records"], 10);
    kafka.delete_topic(&topic);
    kafka.create_topic(&topic, 1);
    kafka.send(&topic, payments(0..50, 2));
    let outcome = setup.run(&["replay"]);
    assert_eq!(outcome.status.code(), Some(1), "{}", outcome.stdout);
    assert!(
        outcome.stderr.contains("deleted and recreated"),
        "{}",
        outcome.stderr
    );
    let built = setup.run_json(&["state", "inspect", "--generation", "2", "-o", "json"]);
    assert_eq!(built["ledger"]["consumed"], 0);
}

#[test]
fn who_starts_on_a_topic_that_was_deleted_is_not_told_to_create_it() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("second-gone");
    kafka.create_topic(&topic, 1);
    kafka.send(&topic, payments(0..10, 1));
    let setup = Setup::of(kafka, &topic);
    assert_eq!(setup.serve_until_end()["records"], 10);
    kafka.delete_topic(&topic);
    for arguments in [&["serve", "--until-end"][..], &["replay"]] {
        let outcome = setup.run(arguments);
        let told = outcome.stderr.lines().last().unwrap();
        assert!(!outcome.status.success(), "{told}");
        for words in ["was deleted", "DESCRIBE", "kafka.start = \"earliest\""] {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert!(!told.contains("--create"), "{told}");
    }
}

#[test]
fn a_stopped_partition_stays_so_until_an_operator_has_it_judged_again() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("halts");
    kafka.create_topic(&topic, 1);
    kafka.send(&topic, payments(0..10, 1));
    let setup = Setup::of(kafka, &topic);
    assert_eq!(setup.serve_until_end()["records"], 10);
    kafka.send(&topic, payments(10..40, 1));
    kafka.delete_before(&topic, 0, 20);
    let service = setup.serve();
    let first = await_failed(&service);
    assert!(first.contains("[10, 20)"), "{first}");
    let outcome = setup.run(&["state", "resume"]);
    assert!(
        outcome.stderr.contains("in use by another process"),
        "{}",
        outcome.stderr
    );
    service.kill();

    // It would be judged differently now, and it is not judged.
    kafka.delete_before(&topic, 0, 30);
    for _ in 0..2 {
        let service = setup.serve();
        assert_eq!(await_failed(&service), first);
        assert_eq!(service.consumed(), 10);
        service.kill();
    }

    let outcome = setup.run(&["state", "resume", "--partition", "1"]);
    assert_eq!(outcome.status.code(), Some(1), "{}", outcome.stdout);
    let resumed = setup.run_json(&["state", "resume", "-o", "json"]);
    assert_eq!(resumed[0]["partition"], 0);
    assert!(first.ends_with(resumed[0]["reason"].as_str().unwrap()));
    let service = setup.serve();
    let second = await_failed(&service);
    assert!(second.contains("[10, 30)"), "{second}");
    assert_eq!(service.consumed(), 10);
}

#[test]
fn where_a_partition_ends_that_is_stopped_for_removed_records_is_unknown() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("removed-end");
    kafka.create_topic(&topic, 1);
    kafka.send(&topic, payments(0..10, 1));
    let setup = Setup::of(kafka, &topic);
    setup.serve_until_end();
    kafka.send(&topic, payments(10..40, 1));
    kafka.delete_before(&topic, 0, 20);
    let service = setup.serve();
    await_failed(&service);
    assert_unknown_ends(&service, &setup);
}
