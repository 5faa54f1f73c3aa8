//! Records that Kafka removed before they were read halt their partition.

use std::collections::BTreeMap;

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{Offset, TopicPartitionList};
use tidegauge::source::StartPosition;

use super::{connect, messages, offsets, read, read_some, read_to_end, started};
use crate::support::lab::{Kafka, unique};

fn delete_before(kafka: &Kafka, topic: &str, partition: i32, offset: i64) {
    let admin: AdminClient<DefaultClientContext> = kafka.client().create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(offset))
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime
        .block_on(admin.delete_records(&list, &AdminOptions::new()))
        .unwrap();
}

#[test]
fn offsets_removed_while_stopped_halt_the_partition_and_are_named() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("gap");
    kafka.create_topic(&topic, 2);
    kafka.send(
        &topic,
        messages(0, 0..9).into_iter().chain(messages(1, 0..9)),
    );
    let before = read_to_end(&mut started(kafka, &topic, StartPosition::Earliest));
    let third = |partition| {
        before
            .iter()
            .find(|record| record.partition == partition && record.offset == 2)
            .unwrap()
            .progress()
    };
    delete_before(kafka, &topic, 0, 5);
    delete_before(kafka, &topic, 1, 3);

    let mut source = connect(kafka, &topic, StartPosition::Earliest);
    source
        .assign(&BTreeMap::from([(0, third(0)), (1, third(1))]))
        .unwrap();
    let taken = read_to_end(&mut source);
    assert!(
        source.halted()[&0].contains("[3, 5)"),
        "{:?}",
        source.halted()
    );
    assert!(offsets(&taken, 0).is_empty());
    // Only what was applied is gone: nothing is missing.
    assert_eq!(offsets(&taken, 1), [3, 4, 5, 6, 7, 8]);
}

#[test]
fn offsets_removed_while_running_halt_the_partition_and_are_named() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("gap");
    kafka.create_topic(&topic, 2);
    kafka.send(&topic, messages(0, 0..2));
    let mut source = started(kafka, &topic, StartPosition::Earliest);
    assert_eq!(read_to_end(&mut source).len(), 2);
    source.pause(&[0]);
    kafka.send(&topic, messages(0, 2..9));
    delete_before(kafka, &topic, 0, 6);
    source.resume(&[0]);
    let taken = read(&mut source, |source, _| source.halted().contains_key(&0));
    assert_eq!(taken, []);
    assert!(
        source.halted()[&0].contains("[2, 6)"),
        "{:?}",
        source.halted()
    );
    kafka.send(&topic, messages(1, 0..1));
    assert_eq!(offsets(&read_some(&mut source, 1), 1), [0]);
}
