//! Where reading starts, with and without a stored position.

use std::collections::BTreeMap;

use tidegauge::source::StartPosition;
use tidegauge_windows::EventTime;

use super::{Taken, Topic, messages, offsets, positions, read, read_some, read_to_end};

#[test]
fn latest_sees_only_what_is_new() {
    let Some(topic) = Topic::new("latest", 2) else {
        return;
    };
    topic.send([(0, 0..3), (1, 0..2)]);
    let mut source = topic.connect(StartPosition::Latest);
    let assigned = source.assign(&BTreeMap::new()).unwrap();
    assert_eq!(positions(&assigned), [3, 2]);
    assert_eq!(read_to_end(&mut source), []);

    topic.send([(0, 3..5), (1, 2..3)]);
    let taken = read_some(&mut source, 3);
    assert_eq!(offsets(&taken, 0), [3, 4]);
    assert_eq!(offsets(&taken, 1), [2]);
}

#[test]
fn earliest_reads_ten_partitions_completely_and_in_order() {
    let Some(topic) = Topic::new("earliest", 10) else {
        return;
    };
    topic.send((0..10).map(|partition| (partition, 0..2_000)));
    let mut source = topic.started(StartPosition::Earliest);
    let ends = source.end_offsets().unwrap();
    assert_eq!(ends, (0..10).map(|partition| (partition, 2_000)).collect());
    source.stop_at(&ends);
    let taken = read(&mut source, |source, _| source.finished());
    for partition in 0..10 {
        let expected: Vec<Taken> = (0..)
            .zip(messages(partition, 0..2_000))
            .map(|(offset, message)| Taken {
                partition,
                offset,
                timestamp: Some(message.timestamp),
                payload: message.payload,
            })
            .collect();
        let found: Vec<&Taken> = taken.iter().filter(|t| t.partition == partition).collect();
        assert!(found.into_iter().eq(&expected), "partition {partition}");
        assert_eq!(source.end(partition), Some(2_000));
    }
}

#[test]
fn a_time_starts_at_its_first_record_and_without_one_at_the_end() {
    let Some(topic) = Topic::new("time", 3) else {
        return;
    };
    topic.send([(0, 0..5), (1, 0..2)]);
    let start = StartPosition::At(EventTime::from_millis(1_002_500));
    let mut source = topic.connect(start);
    let assigned = source.assign(&BTreeMap::new()).unwrap();
    assert_eq!(positions(&assigned), [3, 2, 0]);
    let taken = read_to_end(&mut source);
    assert_eq!(offsets(&taken, 0), [3, 4]);
    assert_eq!(taken.len(), 2);
}

#[test]
fn a_stored_position_wins_over_the_start() {
    let Some(topic) = Topic::new("stored", 1) else {
        return;
    };
    topic.send([(0, 0..6)]);
    let before = topic.read();
    for start in [
        StartPosition::Latest,
        StartPosition::Earliest,
        StartPosition::At(EventTime::from_millis(0)),
    ] {
        let mut source = topic.connect(start);
        let assigned = source
            .assign(&BTreeMap::from([(0, before[3].progress())]))
            .unwrap();
        assert_eq!(positions(&assigned), [4]);
        assert_eq!(offsets(&read_to_end(&mut source), 0), [4, 5], "{start:?}");
    }
}

#[test]
fn everything_applied_leaves_nothing_to_deliver_and_what_comes_is_next() {
    let Some(topic) = Topic::new("applied", 1) else {
        return;
    };
    topic.send([(0, 0..3)]);
    let before = topic.read();
    let mut source = topic.connect(StartPosition::Earliest);
    source
        .assign(&BTreeMap::from([(0, before[2].progress())]))
        .unwrap();
    assert_eq!(read_to_end(&mut source), []);
    topic.send([(0, 3..4)]);
    assert_eq!(offsets(&read_some(&mut source, 1), 0), [3]);
}
