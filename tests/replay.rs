//! A replay loses nothing, whatever the order in which partitions are read.
//!
//! The topic is like the one on which engines whose clock belongs to a task, a key or a table lose
//! most of the payments: event time runs at different speed through each partition, and in
//! partition 0 some payments come up to 10 s behind newer ones although only 5 s are allowed for.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::support::compare::Figures;
use crate::support::lab::{Elastic, Kafka, Message, unique};
use crate::support::oracle::{Record, truth};
use crate::support::service::Setup;
use crate::support::topic::{START, paid, records};

/// How many payments each partition gets for the same two hours.
const SIZES: [i64; 4] = [24_000, 4_000, 1_500, 500];
const HOURS: i64 = 2 * 3_600_000;
/// Payments in partition 0 that come 7 to 10 s behind newer ones.
const BEHIND: u64 = 400;

/// The log of one partition.
fn log(partition: i32) -> Vec<Message> {
    let mut random = fastrand::Rng::with_seed(partition.unsigned_abs().into());
    let size = SIZES[partition as usize];
    let every = size / BEHIND.cast_signed();
    (0..size)
        .map(|number| {
            let clock = START + HOURS * number / size;
            let late = partition == 0 && number % every == every - 1;
            let behind = if late {
                random.i64(7_000..10_000)
            } else {
                random.i64(0..4_000)
            };
            let amount = format!("{}.{:02}", random.u32(..200_000), random.u32(..100));
            let mut message = paid(partition, clock - behind, &amount, random.u32(..10));
            message.timestamp = clock;
            message
        })
        .collect()
}

/// Each payment is in exactly one minute, one hour and ten of the sliding windows.
#[track_caller]
fn assert_nothing_is_missing(figures: &Figures, payments: u64) {
    assert_eq!(figures.payments_in("1m"), payments);
    assert_eq!(figures.payments_in("1h"), payments);
    assert_eq!(figures.payments_in("10m-by-1m"), 10 * payments);
    assert_eq!(figures.ledger["entries"]["too_late"]["count"], 0);
}

#[test]
fn every_payment_is_in_its_windows_in_the_worst_order_and_in_every_replay() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("replay");
    kafka.create_topic(&name, 4);

    // Live, one partition wholly before the next, and the smallest first: when the large ones come,
    // all their windows are final already.
    let setup = Setup::of(kafka, &name).delivering(elastic, &name).with(
        "event_time",
        "idle_after",
        "\"500ms\"",
    );
    let service = setup.serve();
    let mut sent = 0;
    for partition in (0..4).rev() {
        kafka.send(&name, log(partition));
        sent += SIZES[partition as usize].unsigned_abs();
        service.await_consumed(sent);
        service.await_idle();
    }
    let live = Figures::ask(&service);
    service.await_delivered();
    let records = records(kafka, &name);
    let truth = truth(&records);
    assert!(truth.ledger["late"].0 > BEHIND / 2, "{:?}", truth.ledger);
    assert_nothing_is_missing(&live, sent);
    live.assert_true(&truth);
    live.assert_documented(elastic, &name);
    let revised = |item: &&serde_json::Value| item["revision"].as_u64().unwrap() > 0;
    assert!(
        live.windows["1m"].iter().filter(revised).count() > 100,
        "the order was not the worst"
    );
    drop(service);

    // The whole topic at once, as the broker happens to hand it over.
    let live = live.of_the_log();
    let fetches: [&[(&str, &str)]; 3] = [
        &[],
        &[
            ("fetch.message.max.bytes", "20000"),
            ("queued.min.messages", "1"),
            ("fetch.wait.max.ms", "5"),
        ],
        &[
            ("fetch.message.max.bytes", "50000000"),
            ("fetch.min.bytes", "1000000"),
            ("fetch.wait.max.ms", "50"),
        ],
    ];
    for properties in fetches {
        let mut setup = Setup::of(kafka, &name);
        for (property, value) in properties {
            setup.set(
                "kafka.properties",
                &format!("\"{property}\""),
                &format!("\"{value}\""),
            );
        }
        assert_eq!(setup.serve_until_end()["records"], sent);
        let figures = Figures::ask(&setup.serve());
        assert_nothing_is_missing(&figures, sent);
        assert_eq!(figures.of_the_log().windows, live.windows, "{properties:?}");
    }

    // And without Kafka, one partition wholly before the next, in both directions.
    let backwards: Vec<Record> = (0..4)
        .rev()
        .flat_map(|partition| {
            records
                .iter()
                .filter(move |record| record.partition == partition)
        })
        .cloned()
        .collect();
    live.assert_computed(&setup, &records);
    live.assert_computed(&setup, &backwards);
}

#[test]
fn a_partition_read_before_all_others_makes_none_of_their_payments_late() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("uneven");
    kafka.create_topic(&name, 3);
    let setup = Setup::of(kafka, &name).with("event_time", "idle_after", "\"200ms\"");
    let service = setup.serve();
    // Three days ahead: what follows is more than a day behind the highest watermark.
    let day = 86_400_000;
    kafka.send(
        &name,
        (0..50).map(|second| paid(2, START + 3 * day + second * 1_000, "1", 0)),
    );
    service.await_consumed(50);
    service.await_idle();
    kafka.send(
        &name,
        (0..50).map(|second| paid(1, START + second * 1_000, "2", 1)),
    );
    service.await_consumed(100);
    service.await_idle();
    let figures = Figures::ask(&service);
    assert_eq!(figures.ledger["entries"]["on_time"]["count"], 100);
    figures.assert_true(&truth(&records(kafka, &name)));
}
