//! Tools that watch a group's lag see how far the service is, while it runs and after it has stopped.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use crate::support::lab::{Kafka, Message, eventually, unique};
use crate::support::service::Setup;
use crate::support::topic::{START, paid, payment};

const PATIENCE: Duration = Duration::from_secs(30);

/// The group's offset of each partition; -1 where it has none.
fn committed(kafka: &Kafka, topic: &str) -> BTreeMap<i32, i64> {
    let tool: BaseConsumer = kafka.client().set("group.id", topic).create().unwrap();
    let mut list = TopicPartitionList::new();
    for partition in kafka.ends(topic).keys() {
        list.add_partition(topic, *partition);
    }
    let offsets = tool.committed_offsets(list, PATIENCE).unwrap();
    offsets
        .elements()
        .iter()
        .map(|element| match element.offset() {
            Offset::Offset(offset) => (element.partition(), offset),
            _ => (element.partition(), -1),
        })
        .collect()
}

fn payments(partition: i32, round: i64, count: i64) -> Vec<Message> {
    (0..count)
        .map(|n| paid(partition, START + round * 60_000 + n, "1.5", 3))
        .collect()
}

/// The positions in the state of a service that has stopped.
fn applied(setup: &Setup) -> BTreeMap<i32, i64> {
    let state = setup.run_json(&["state", "inspect", "-o", "json"]);
    let positions = state["positions"].as_object().unwrap();
    positions
        .iter()
        .map(|(partition, position)| (partition.parse().unwrap(), position.as_i64().unwrap()))
        .collect()
}

#[test]
fn a_groups_offsets_follow_round_after_round_and_equal_what_was_applied_after_the_stop() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("positions");
    kafka.create_topic(&topic, 2);
    let setup = Setup::of(kafka, &topic);
    let service = setup.serve();
    for round in 1..=3 {
        kafka.send(&topic, payments(0, round, 5));
        kafka.send(&topic, payments(1, round, 3));
        eventually(&format!("the offsets of round {round}"), || {
            (committed(kafka, &topic) == BTreeMap::from([(0, round * 5), (1, round * 3)]))
                .then_some(())
        });
    }
    kafka.send(&topic, payments(0, 4, 7));
    service.await_consumed(31);
    let outcome = service.stop(PATIENCE);
    assert_eq!(outcome.status.code(), Some(0), "{}", outcome.stderr);
    assert_eq!(
        committed(kafka, &topic),
        BTreeMap::from([(0, 22), (1, 9)]),
        "{}",
        outcome.stderr
    );
    assert_eq!(applied(&setup), committed(kafka, &topic));
}

#[test]
fn a_groups_offsets_reach_the_end_of_a_topic_written_in_transactions() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("marked");
    kafka.create_topic(&topic, 1);
    let producer: BaseProducer = kafka
        .client()
        .set("transactional.id", &topic)
        .create()
        .unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    let service = Setup::of(kafka, &topic);
    let service = (service.serve(), service);
    let mut consumed = 0;
    // Each transaction ends in a marker, which has an offset and is never delivered.
    for (round, is_committed) in [true, true, false, true, false].into_iter().enumerate() {
        let round = i64::try_from(round).unwrap();
        producer.begin_transaction().unwrap();
        let value = payment(START + round * 1_000, "2", 1);
        let record = BaseRecord::<(), [u8]>::to(&topic)
            .partition(0)
            .payload(&value);
        producer.send(record).unwrap();
        producer.flush(PATIENCE).unwrap();
        if is_committed {
            consumed += 1;
            producer.commit_transaction(PATIENCE).unwrap();
        } else {
            producer.abort_transaction(PATIENCE).unwrap();
        }
        let end = (round + 1) * 2;
        assert_eq!(kafka.ends(&topic), BTreeMap::from([(0, end)]));
        eventually(&format!("the offset behind marker {round}"), || {
            (committed(kafka, &topic) == BTreeMap::from([(0, end)])).then_some(())
        });
        assert_eq!(service.0.consumed(), consumed);
        eventually("a lag of 0", || {
            (service.0.ask("status")["lag"] == 0).then_some(())
        });
    }
    let (service, setup) = service;
    let outcome = service.stop(PATIENCE);
    assert_eq!(outcome.status.code(), Some(0), "{}", outcome.stderr);
    assert_eq!(applied(&setup), BTreeMap::from([(0, 10)]));
    assert_eq!(committed(kafka, &topic), BTreeMap::from([(0, 10)]));
}
