//! Where reading begins, and that a stored position wins over it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::support::compare::Figures;
use crate::support::lab::{Kafka, Message, eventually, unique};
use crate::support::oracle::truth;
use crate::support::service::{Service, Setup, quoted};
use crate::support::topic::{START, paid, records};

/// Payments of 1 to two partitions, a second apart.
fn payments(seconds: std::ops::Range<i64>) -> Vec<Message> {
    seconds
        .map(|second| paid((second % 2) as i32, START + second * 1_000, "1", 3))
        .collect()
}

fn counted(service: &Service) -> u64 {
    service.ask("totals/3")["total"]["pay_count"]
        .as_u64()
        .unwrap()
}

/// Waits until the positions at which the partitions begin are stored.
fn await_positions(service: &Service, partitions: usize) {
    eventually("stored positions", || {
        let reading = service.ask("ledger")["reading"].take();
        (reading["positions"].as_object().unwrap().len() == partitions).then_some(())
    });
}

#[test]
fn latest_sees_only_what_is_new_and_after_a_restart_all_that_came_meanwhile() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("latest");
    kafka.create_topic(&name, 2);
    kafka.send(&name, payments(0..10));
    let mut setup = Setup::of(kafka, &name).with("kafka", "start", "\"latest\"");
    let service = setup.serve();
    await_positions(&service, 2);
    assert_eq!(service.consumed(), 0);
    // Nothing was ever read, and yet where it began is stored.
    service.kill();
    kafka.send(&name, payments(10..14));
    let service = setup.serve();
    service.await_consumed(4);
    kafka.send(&name, payments(14..19));
    service.await_consumed(9);
    assert_eq!(counted(&service), 9);
    service.kill();

    kafka.send(&name, payments(19..22));
    for (start, consumed) in [
        ("latest", 12),
        ("earliest", 13),
        ("2026-11-01T00:00:00Z", 14),
    ] {
        setup.set("kafka", "start", &format!("\"{start}\""));
        let service = setup.serve();
        service.await_consumed(consumed);
        assert_eq!(counted(&service), consumed, "{start}");
        service.kill();
        let next = 10 + consumed.cast_signed();
        kafka.send(&name, payments(next..next + 1));
    }
}

#[test]
fn what_latest_skips_is_said_in_the_log_the_summary_and_the_status() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("skipped");
    kafka.create_topic(&name, 2);
    kafka.send(&name, payments(0..10));
    let words = "10 records that the topic held before the start were skipped";
    let mut setup = Setup::of(kafka, &name).with("kafka", "start", "\"latest\"");
    let summary = setup.run(&["serve", "--until-end", "-o", "json"]);
    let told: serde_json::Value = serde_json::from_str(&summary.stdout).unwrap();
    assert_eq!(
        (&told["records"], &told["skipped"]),
        (&0.into(), &10.into())
    );
    assert!(summary.stderr.contains(words), "{}", summary.stderr);

    // As a service, of another state; from the next start on, nothing is skipped any more.
    let other = setup.path("other").display().to_string();
    setup.set("", "state_dir", &format!("{other:?}"));
    let service = setup.serve();
    let remarks = service.ask("status")["remarks"].to_string();
    assert!(
        remarks.contains(words) && remarks.contains("tidegauge replay"),
        "{remarks}"
    );
    await_positions(&service, 2);
    service.kill();
    let service = setup.serve();
    assert_eq!(service.ask("status")["remarks"], serde_json::json!([]));
    service.kill();
    // A start that asks for the rest now is told that the stored positions decide.
    setup.set("kafka", "start", "\"earliest\"");
    let service = setup.serve();
    let remarks = service.ask("status")["remarks"].to_string();
    assert!(
        remarks.contains("about 10 records before the stored positions were never read"),
        "{remarks}"
    );
    service.kill();
    assert_eq!(setup.serve_until_end()["skipped"], 0);
    // What is advised reads them.
    let replay = setup.run(&["replay", "--swap", "--accept-differences"]);
    assert_eq!(replay.status.code(), Some(0), "{}", replay.stderr);
    let service = setup.serve();
    service.await_consumed(10);
    assert_eq!(counted(&service), 10);
    assert_eq!(service.ask("status")["remarks"], serde_json::json!([]));
}

#[test]
fn earliest_replays_all_of_the_topic() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("earliest");
    kafka.create_topic(&name, 2);
    kafka.send(&name, payments(0..500));
    let setup = Setup::of(kafka, &name);
    assert_eq!(setup.serve_until_end()["records"], 500);
    let figures = Figures::ask(&setup.serve());
    figures.assert_true(&truth(&records(kafka, &name)));
    // There is nothing new.
    let summary = setup.serve_until_end();
    assert_eq!(
        (&summary["records"], &summary["ledger"]["consumed"]),
        (&0.into(), &500.into())
    );
}

#[test]
fn a_time_starts_at_the_first_record_stamped_with_it() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("time");
    kafka.create_topic(&name, 2);
    kafka.send(&name, payments(0..20));
    let setup = Setup::of(kafka, &name).with("kafka", "start", "\"2026-11-01T08:00:07+08:00\"");
    let summary = setup.serve_until_end();
    assert_eq!(summary["records"], 13, "{summary}");
    let service = setup.serve();
    assert_eq!(
        service.ask("totals/3")["total"]["first_event_time"],
        "2026-11-01T00:00:07Z"
    );
    assert_eq!(
        service.ask("ledger")["reading"]["positions"],
        serde_json::json!({"0": 10, "1": 10})
    );
}

#[test]
fn to_the_end_reads_what_was_there_at_the_start_of_an_empty_topic_too() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("empty");
    kafka.create_topic(&name, 3);
    let setup = Setup::of(kafka, &name);
    let summary = setup.serve_until_end();
    assert_eq!(
        (&summary["records"], &summary["ledger"]["balanced"]),
        (&0.into(), &true.into())
    );
    // One partition stays empty, and holds nothing back.
    kafka.send(&name, payments(0..400));
    assert_eq!(setup.serve_until_end()["records"], 400);
    Figures::ask(&setup.serve()).assert_true(&truth(&records(kafka, &name)));
}

#[test]
fn a_state_that_has_read_nothing_takes_the_topic_and_the_rules_of_the_next_start() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("typed-right");
    kafka.create_topic(&name, 2);
    kafka.send(&name, payments(0..10));
    let mut setup = Setup::of(kafka, &unique("mistyped")).with("", "time_zone", "\"Asia/Tokyo\"");
    let outcome = setup.run(&["serve"]);
    assert_eq!(outcome.status.code(), Some(1), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("does not exist"),
        "{}",
        outcome.stderr
    );

    setup.set("kafka", "topic", &quoted(&name));
    setup.set("", "time_zone", "\"UTC\"");
    assert_eq!(setup.serve_until_end()["records"], 10);
    // From now on it is of that topic, and by those rules.
    for (section, key, value) in [
        ("", "time_zone", "\"Asia/Tokyo\""),
        ("kafka", "topic", "\"another\""),
    ] {
        setup.set(section, key, value);
        let outcome = setup.run(&["serve"]);
        assert_eq!(outcome.status.code(), Some(78), "{}", outcome.stderr);
    }
}
