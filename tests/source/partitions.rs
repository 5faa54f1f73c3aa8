//! Partitions that are added, and many of them.

use std::collections::BTreeMap;

use tidegauge::source::StartPosition;

use super::{connect, messages, offsets, positions, read_some, read_to_end, started};
use crate::support::lab::{Kafka, eventually, unique};

#[test]
fn a_partition_added_while_running_is_read_from_its_beginning() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("added");
    kafka.create_topic(&topic, 1);
    let mut source = started(kafka, &topic, StartPosition::Latest);
    kafka.grow_topic(&topic, 3);
    kafka.send(
        &topic,
        messages(1, 0..2).into_iter().chain(messages(2, 0..1)),
    );
    let found = eventually("the new partitions", || {
        let found = source.discover().unwrap();
        (!found.is_empty()).then_some(found)
    });
    assert_eq!(positions(&found), [0, 0]);
    assert_eq!(source.partitions(), [0, 1, 2]);
    let taken = read_some(&mut source, 3);
    assert_eq!(offsets(&taken, 1), [0, 1]);
    assert_eq!(offsets(&taken, 2), [0]);
    assert_eq!(source.discover().unwrap(), []);
}

#[test]
fn a_thousand_quiet_partitions_are_looked_after_while_another_is_read() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("thousand");
    kafka.create_topic(&topic, 1_000);
    let mut source = started(kafka, &topic, StartPosition::Earliest);
    assert_eq!(source.end_offsets().unwrap().len(), 1_000);
    read_to_end(&mut source);
    assert!((0..1_000).all(|partition| source.at_end(partition)));
    let mut taken = Vec::new();
    for round in 0..20 {
        kafka.send(&topic, messages(7, round * 50..(round + 1) * 50));
        source.discover().unwrap();
        let so_far = taken.len();
        taken.extend(read_some(&mut source, 50));
        assert_eq!(taken.len(), so_far + 50);
    }
    assert!(offsets(&taken, 7).into_iter().eq(0..1_000));
    assert!(source.halted().is_empty());
    assert_eq!(source.partitions().len(), 1_000);
}

#[test]
fn a_partition_added_while_stopped_is_read_from_its_beginning() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("added");
    kafka.create_topic(&topic, 1);
    kafka.send(&topic, messages(0, 0..2));
    let before = read_to_end(&mut started(kafka, &topic, StartPosition::Earliest));
    kafka.grow_topic(&topic, 2);
    kafka.send(&topic, messages(1, 0..3));
    let mut source = connect(kafka, &topic, StartPosition::Latest);
    source
        .assign(&BTreeMap::from([(0, before[1].progress())]))
        .unwrap();
    let taken = read_to_end(&mut source);
    assert!(offsets(&taken, 0).is_empty());
    assert_eq!(offsets(&taken, 1), [0, 1, 2]);
}
