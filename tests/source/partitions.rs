//! Partitions that are added, and many of them.

use std::collections::BTreeMap;

use tidegauge::source::StartPosition;

use super::{Topic, assert_halted, offsets, positions, read_some, read_to_end};
use crate::support::lab::eventually;

#[test]
fn a_partition_added_while_running_is_read_from_its_beginning() {
    let Some(topic) = Topic::new("added", 1) else {
        return;
    };
    let mut source = topic.started(StartPosition::Latest);
    topic.kafka.grow_topic(&topic.name, 3);
    topic.send([(1, 0..2), (2, 0..1)]);
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
    let Some(topic) = Topic::new("thousand", 1_000) else {
        return;
    };
    let mut source = topic.started(StartPosition::Earliest);
    assert_eq!(source.end_offsets().unwrap().len(), 1_000);
    read_to_end(&mut source);
    assert!((0..1_000).all(|partition| source.at_end(partition)));
    let mut taken = Vec::new();
    for round in 0..20 {
        topic.send([(7, round * 50..(round + 1) * 50)]);
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
    let Some(topic) = Topic::new("added", 1) else {
        return;
    };
    topic.send([(0, 0..2)]);
    let before = topic.read();
    topic.kafka.grow_topic(&topic.name, 2);
    topic.send([(1, 0..3)]);
    let mut source = topic.connect(StartPosition::Latest);
    source
        .assign(&BTreeMap::from([(0, before[1].progress())]))
        .unwrap();
    let taken = read_to_end(&mut source);
    assert!(offsets(&taken, 0).is_empty());
    assert_eq!(offsets(&taken, 1), [0, 1, 2]);
}

#[test]
fn records_removed_from_an_added_partition_before_it_was_found_halt_it() {
    let Some(topic) = Topic::new("added", 1) else {
        return;
    };
    topic.send([(0, 0..2)]);
    let before = topic.read();
    topic.kafka.grow_topic(&topic.name, 2);
    topic.send([(1, 0..3)]);
    topic.kafka.delete_before(&topic.name, 1, 2);
    let mut source = topic.connect(StartPosition::Latest);
    source
        .assign(&BTreeMap::from([(0, before[1].progress())]))
        .unwrap();
    assert_halted(&source, 1, "[0, 2)");
    assert_eq!(source.position(1), Some(0));

    // The same while it runs.
    topic.kafka.grow_topic(&topic.name, 3);
    topic.send([(2, 0..3)]);
    topic.kafka.delete_before(&topic.name, 2, 1);
    let found = eventually("the new partition", || {
        let found = source.discover().unwrap();
        (!found.is_empty()).then_some(found)
    });
    assert_eq!(positions(&found), [0]);
    assert_halted(&source, 2, "[0, 1)");
}
