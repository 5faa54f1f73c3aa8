//! What a poll delivers: each record once, in order, and nothing that is not to be seen.

use std::collections::BTreeMap;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use tidegauge::source::{KafkaBatch, LogBatch, StartPosition};

use super::{
    PATIENCE, Taken, Topic, WAIT, discover_often, offsets, poll_often, read, read_some, read_to_end,
};
use crate::support::lab::{Message, eventually};

#[test]
fn a_partition_read_again_delivers_each_record_once() {
    let Some(topic) = Topic::new("again", 2) else {
        return;
    };
    topic.send([(0, 0..5_000), (1, 0..5_000)]);
    let mut source = topic.started(StartPosition::Earliest);
    let mut taken = read_some(&mut source, 1);
    // Who does not poll looks like one to whom nothing comes.
    discover_often(&mut source);
    taken.extend(read_to_end(&mut source));
    for partition in 0..2 {
        assert!(
            offsets(&taken, partition).into_iter().eq(0..5_000),
            "partition {partition}"
        );
    }
    let third = taken
        .iter()
        .find(|t| (t.partition, t.offset) == (0, 2))
        .unwrap()
        .progress();

    let mut source = topic.connect(StartPosition::Earliest);
    source.assign(&BTreeMap::from([(0, third)])).unwrap();
    discover_often(&mut source);
    let taken = read_to_end(&mut source);
    assert!(offsets(&taken, 0).into_iter().eq(3..5_000));
    assert!(offsets(&taken, 1).into_iter().eq(0..5_000));
}

#[test]
fn aborted_records_are_unseen_and_marks_do_not_hide_the_end() {
    let Some(topic) = Topic::new("transactions", 1) else {
        return;
    };
    let producer: BaseProducer = topic
        .kafka
        .client()
        .set("transactional.id", &topic.name)
        .create()
        .unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    for (payload, committed) in [
        ("one", true),
        ("two", false),
        ("three", true),
        ("four", false),
    ] {
        producer.begin_transaction().unwrap();
        producer
            .send(
                BaseRecord::<(), str>::to(&topic.name)
                    .partition(0)
                    .payload(payload),
            )
            .unwrap();
        if committed {
            producer.commit_transaction(PATIENCE).unwrap();
        } else {
            producer.flush(PATIENCE).unwrap();
            producer.abort_transaction(PATIENCE).unwrap();
        }
    }
    let mut source = topic.started(StartPosition::Earliest);
    let ends = source.end_offsets().unwrap();
    assert_eq!(ends, BTreeMap::from([(0, 8)]));
    source.stop_at(&ends);
    let taken = read(&mut source, |source, _| source.finished());
    let payloads: Vec<&[u8]> = taken.iter().filter_map(|t| t.payload.as_deref()).collect();
    assert_eq!(payloads, [b"one".as_slice(), b"three"]);
    assert_eq!(source.position(0), Some(8));

    // The position after the last record is not the end, and yet there is nothing more.
    let mut source = topic.connect(StartPosition::Latest);
    source
        .assign(&BTreeMap::from([(0, taken[1].progress())]))
        .unwrap();
    source.stop_at(&ends);
    assert_eq!(read(&mut source, |source, _| source.finished()), []);
}

#[test]
fn nothing_at_or_past_the_end_given_is_delivered() {
    let Some(topic) = Topic::new("until", 3) else {
        return;
    };
    topic.send([(0, 0..5), (1, 0..5)]);
    let mut source = topic.started(StartPosition::Earliest);
    let ends = source.end_offsets().unwrap();
    source.stop_at(&ends);
    topic.send((0..3).map(|partition| (partition, 5..500)));
    let mut taken = read(&mut source, |source, _| source.finished());
    taken.extend(poll_often(&mut source));
    assert_eq!(offsets(&taken, 0), [0, 1, 2, 3, 4]);
    assert_eq!(offsets(&taken, 1), [0, 1, 2, 3, 4]);
    assert_eq!(taken.len(), 10);
}

#[test]
fn a_tombstone_is_told_from_an_empty_value() {
    let Some(topic) = Topic::new("tombstone", 1) else {
        return;
    };
    let with = |payload| Message {
        partition: 0,
        timestamp: 1_000,
        payload,
        ..Message::default()
    };
    topic.kafka.send(
        &topic.name,
        [with(None), with(Some(Vec::new())), with(Some(vec![0, 255]))],
    );
    let taken = topic.read();
    let payloads: Vec<Option<Vec<u8>>> = taken.iter().map(|t| t.payload.clone()).collect();
    assert_eq!(payloads, [None, Some(vec![]), Some(vec![0, 255])]);

    let mut source = topic.connect(StartPosition::Earliest);
    source
        .assign(&BTreeMap::from([(0, taken[0].progress())]))
        .unwrap();
    assert_eq!(offsets(&read_to_end(&mut source), 0), [1, 2]);
}

#[test]
fn a_paused_partition_delivers_nothing_and_then_each_record_once() {
    let Some(topic) = Topic::new("paused", 2) else {
        return;
    };
    topic.send([(0, 0..20_000), (1, 0..20_000)]);
    let mut source = topic.started(StartPosition::Earliest);
    let mut taken = read_some(&mut source, 1);
    source.resume(&[1]);
    source.pause(&[0]);
    source.pause(&[0]);
    let before = offsets(&taken, 0).len();
    taken.extend(read(&mut source, |source, _| source.at_end(1)));
    assert_eq!(offsets(&taken, 0).len(), before);
    source.resume(&[0]);
    taken.extend(read_to_end(&mut source));
    for partition in 0..2 {
        assert!(
            offsets(&taken, partition).into_iter().eq(0..20_000),
            "partition {partition}"
        );
    }
}

#[test]
fn a_batch_outlives_its_source() {
    let Some(topic) = Topic::new("batch", 1) else {
        return;
    };
    topic.send([(0, 0..3)]);
    let mut source = topic.started(StartPosition::Earliest);
    let batch: KafkaBatch = eventually("a batch", || {
        let batch = source.poll(WAIT).unwrap();
        (!batch.is_empty()).then_some(batch)
    });
    source.close(PATIENCE);
    let first = std::thread::spawn(move || batch.records().next().map(Taken::of))
        .join()
        .unwrap();
    assert_eq!(first.unwrap().payload.unwrap(), b"0:0");
}

#[test]
fn each_position_reported_is_shown_to_lag_tools_and_the_last_one_by_the_end_of_closing() {
    let Some(topic) = Topic::new("report", 2) else {
        return;
    };
    topic.send([(0, 0..5)]);
    let mut source = topic.started(StartPosition::Earliest);
    read_to_end(&mut source);
    let tool: BaseConsumer = topic
        .kafka
        .client()
        .set("group.id", &topic.name)
        .create()
        .unwrap();
    let shown = || {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&topic.name, 0, 1);
        let committed = tool.committed_offsets(list, PATIENCE).unwrap();
        [0, 1].map(|partition| {
            committed
                .find_partition(&topic.name, partition)
                .unwrap()
                .offset()
        })
    };
    for position in 1..=3 {
        source.report(&BTreeMap::from([(0, position), (1, 0)]));
        eventually("the positions", || {
            (shown() == [Offset::Offset(position), Offset::Offset(0)]).then_some(())
        });
    }
    source.report(&BTreeMap::from([(0, 4), (1, 0)]));
    source.report(&BTreeMap::from([(0, 5), (1, 0)]));
    source.close(PATIENCE);
    assert_eq!(shown(), [Offset::Offset(5), Offset::Offset(0)]);
}
