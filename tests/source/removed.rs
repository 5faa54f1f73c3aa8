//! Records that Kafka removed before they were read halt their partition.

use std::collections::BTreeMap;

use tidegauge::source::StartPosition;

use super::{Topic, assert_halted, offsets, read, read_some, read_to_end};

#[test]
fn offsets_removed_while_stopped_halt_the_partition_and_are_named() {
    let Some(topic) = Topic::new("gap", 2) else {
        return;
    };
    topic.send([(0, 0..9), (1, 0..9)]);
    let before = topic.read();
    let third = |partition| {
        before
            .iter()
            .find(|record| record.partition == partition && record.offset == 2)
            .unwrap()
            .progress()
    };
    topic.kafka.delete_before(&topic.name, 0, 5);
    topic.kafka.delete_before(&topic.name, 1, 3);

    let mut source = topic.connect(StartPosition::Earliest);
    source
        .assign(&BTreeMap::from([(0, third(0)), (1, third(1))]))
        .unwrap();
    let taken = read_to_end(&mut source);
    assert_halted(&source, 0, "[3, 5)");
    assert!(offsets(&taken, 0).is_empty());
    // Only what was applied is gone: nothing is missing.
    assert_eq!(offsets(&taken, 1), [3, 4, 5, 6, 7, 8]);
}

#[test]
fn offsets_removed_while_running_halt_the_partition_and_are_named() {
    let Some(topic) = Topic::new("gap", 2) else {
        return;
    };
    topic.send([(0, 0..2)]);
    let mut source = topic.started(StartPosition::Earliest);
    assert_eq!(read_to_end(&mut source).len(), 2);
    source.pause(&[0]);
    topic.send([(0, 2..9)]);
    topic.kafka.delete_before(&topic.name, 0, 6);
    source.resume(&[0]);
    let taken = read(&mut source, |source, _| source.halted().contains_key(&0));
    assert_eq!(taken, []);
    assert_halted(&source, 0, "[2, 6)");
    topic.send([(1, 0..1)]);
    assert_eq!(offsets(&read_some(&mut source, 1), 1), [0]);
}

// A start reads the last record applied once more, to verify that this is the same log.
//
// applied | to be read
//  0 1 2  |  3 4 5 6 7 8
//  -----> removed once the start has looked where the log begins
#[test]
fn the_last_applied_record_may_be_removed_while_it_is_read_once_more() {
    let Some(topic) = Topic::new("gap", 1) else {
        return;
    };
    topic.send([(0, 0..9)]);
    let before = topic.read();
    let third = before.iter().find(|record| record.offset == 2).unwrap();
    let mut source = topic.connect(StartPosition::Earliest);
    source
        .assign(&BTreeMap::from([(0, third.progress())]))
        .unwrap();
    source.pause(&[0]);
    topic.kafka.delete_before(&topic.name, 0, 3);
    source.resume(&[0]);
    let taken = read_to_end(&mut source);
    assert!(source.halted().is_empty(), "{:?}", source.halted());
    assert_eq!(offsets(&taken, 0), [3, 4, 5, 6, 7, 8]);
}
