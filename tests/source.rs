//! Reading a real topic: where it starts, what it delivers, and when it refuses to continue.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};
use tidegauge::core::effect::Progress;
use tidegauge::core::pipeline::fingerprint;
use tidegauge::domain::record::Record;
use tidegauge::observe::status::{Condition, End};
use tidegauge::source::{AssignedPartition, Config, Error, PolledBatch, Source, StartPosition};
use tidegauge_windows::EventTime;

use crate::support::lab::{Kafka, Message, eventually, free_port, unique};

const PATIENCE: Duration = Duration::from_secs(30);
const WAIT: Duration = Duration::from_millis(20);

/// A record as it was delivered.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Taken {
    partition: i32,
    offset: i64,
    timestamp: Option<i64>,
    payload: Option<Vec<u8>>,
}

impl Taken {
    fn of(record: Record<'_>) -> Self {
        Self {
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            payload: record.payload.map(<[u8]>::to_vec),
        }
    }

    /// What a pipeline knows after it has applied this.
    fn progress(&self) -> Progress {
        Progress {
            position: self.offset + 1,
            first: Some(0),
            fingerprint: Some(fingerprint(&Record {
                partition: self.partition,
                offset: self.offset,
                timestamp: self.timestamp,
                payload: self.payload.as_deref(),
            })),
        }
    }
}

fn config(kafka: &Kafka, topic: &str, start: StartPosition) -> Config {
    Config {
        brokers: kafka.bootstrap(),
        topic: topic.to_owned(),
        group_id: topic.to_owned(),
        start,
        properties: BTreeMap::new(),
    }
}

fn connect(kafka: &Kafka, topic: &str, start: StartPosition) -> Source {
    Source::connect(&config(kafka, topic, start), PATIENCE).unwrap()
}

fn started(kafka: &Kafka, topic: &str, start: StartPosition) -> Source {
    let mut source = connect(kafka, topic, start);
    source.assign(&BTreeMap::new()).unwrap();
    source
}

/// Numbered messages to one partition, each a second after the one before.
fn messages(partition: i32, numbers: std::ops::Range<i64>) -> Vec<Message> {
    numbers
        .map(|number| Message {
            partition,
            timestamp: 1_000_000 + number * 1_000,
            payload: Some(format!("{partition}:{number}").into_bytes()),
        })
        .collect()
}

/// Polls until `enough`, and returns all that was delivered.
#[track_caller]
fn read(source: &mut Source, enough: impl Fn(&Source, &[Taken]) -> bool) -> Vec<Taken> {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut taken = Vec::new();
    while !enough(source, &taken) {
        assert!(
            Instant::now() < deadline,
            "only this came: {taken:?}, halted: {:?}",
            source.halted()
        );
        taken.extend(source.poll(WAIT).unwrap().records().map(Taken::of));
    }
    taken
}

#[track_caller]
fn read_some(source: &mut Source, count: usize) -> Vec<Taken> {
    read(source, |_, taken| taken.len() >= count)
}

#[track_caller]
fn read_to_end(source: &mut Source) -> Vec<Taken> {
    read(source, |source, _| {
        source
            .partitions()
            .iter()
            .all(|partition| source.at_end(*partition) || source.halted().contains_key(partition))
    })
}

fn offsets(taken: &[Taken], partition: i32) -> Vec<i64> {
    taken
        .iter()
        .filter(|record| record.partition == partition)
        .map(|record| record.offset)
        .collect()
}

fn positions(assigned: &[AssignedPartition]) -> Vec<i64> {
    assigned.iter().map(|assigned| assigned.position).collect()
}

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
fn latest_sees_only_what_is_new() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("latest");
    kafka.create_topic(&topic, 2);
    kafka.send(
        &topic,
        messages(0, 0..3).into_iter().chain(messages(1, 0..2)),
    );
    let mut source = connect(kafka, &topic, StartPosition::Latest);
    let assigned = source.assign(&BTreeMap::new()).unwrap();
    assert_eq!(positions(&assigned), [3, 2]);
    assert_eq!(read_to_end(&mut source), []);

    kafka.send(
        &topic,
        messages(0, 3..5).into_iter().chain(messages(1, 2..3)),
    );
    let taken = read_some(&mut source, 3);
    assert_eq!(offsets(&taken, 0), [3, 4]);
    assert_eq!(offsets(&taken, 1), [2]);
}

#[test]
fn earliest_reads_ten_partitions_completely_and_in_order() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("earliest");
    kafka.create_topic(&topic, 10);
    kafka.send(
        &topic,
        (0..10).flat_map(|partition| messages(partition, 0..2_000)),
    );
    let mut source = started(kafka, &topic, StartPosition::Earliest);
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
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("time");
    kafka.create_topic(&topic, 3);
    kafka.send(
        &topic,
        messages(0, 0..5).into_iter().chain(messages(1, 0..2)),
    );
    let start = StartPosition::At(EventTime::from_millis(1_002_500));
    let mut source = connect(kafka, &topic, start);
    let assigned = source.assign(&BTreeMap::new()).unwrap();
    assert_eq!(positions(&assigned), [3, 2, 0]);
    let taken = read_to_end(&mut source);
    assert_eq!(offsets(&taken, 0), [3, 4]);
    assert_eq!(taken.len(), 2);
}

#[test]
fn a_stored_position_wins_over_the_start() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("stored");
    kafka.create_topic(&topic, 1);
    kafka.send(&topic, messages(0, 0..6));
    let before = read_to_end(&mut started(kafka, &topic, StartPosition::Earliest));
    for start in [
        StartPosition::Latest,
        StartPosition::Earliest,
        StartPosition::At(EventTime::from_millis(0)),
    ] {
        let mut source = connect(kafka, &topic, start);
        let assigned = source
            .assign(&BTreeMap::from([(0, before[3].progress())]))
            .unwrap();
        assert_eq!(positions(&assigned), [4]);
        assert_eq!(offsets(&read_to_end(&mut source), 0), [4, 5], "{start:?}");
    }
}

#[test]
fn everything_applied_leaves_nothing_to_deliver_and_what_comes_is_next() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("applied");
    kafka.create_topic(&topic, 1);
    kafka.send(&topic, messages(0, 0..3));
    let before = read_to_end(&mut started(kafka, &topic, StartPosition::Earliest));
    let mut source = connect(kafka, &topic, StartPosition::Earliest);
    source
        .assign(&BTreeMap::from([(0, before[2].progress())]))
        .unwrap();
    assert_eq!(read_to_end(&mut source), []);
    kafka.send(&topic, messages(0, 3..4));
    assert_eq!(offsets(&read_some(&mut source, 1), 0), [3]);
}

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

#[test]
fn a_recreated_topic_that_is_shorter_is_not_read() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("shorter");
    kafka.create_topic(&topic, 2);
    kafka.send(
        &topic,
        messages(0, 0..4).into_iter().chain(messages(1, 0..4)),
    );
    let before = read_to_end(&mut started(kafka, &topic, StartPosition::Earliest));
    let applied: BTreeMap<i32, Progress> = before
        .iter()
        .map(|record| (record.partition, record.progress()))
        .collect();
    kafka.delete_topic(&topic);
    kafka.create_topic(&topic, 1);
    kafka.send(&topic, messages(0, 0..2));

    let mut source = connect(kafka, &topic, StartPosition::Earliest);
    let assigned = source.assign(&applied).unwrap();
    assert_eq!(positions(&assigned), [4, 4]);
    assert!(
        source.halted()[&0].contains("ends at offset 2"),
        "{:?}",
        source.halted()
    );
    assert!(
        source.halted()[&1].contains("fewer partitions"),
        "{:?}",
        source.halted()
    );
    kafka.send(&topic, messages(0, 2..9));
    assert_eq!(poll_often(&mut source), []);
}

#[test]
fn a_recreated_topic_that_is_longer_is_not_read() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("longer");
    kafka.create_topic(&topic, 2);
    kafka.send(
        &topic,
        messages(0, 0..4).into_iter().chain(messages(1, 0..4)),
    );
    let before = read_to_end(&mut started(kafka, &topic, StartPosition::Earliest));
    let applied: BTreeMap<i32, Progress> = before
        .iter()
        .map(|record| (record.partition, record.progress()))
        .collect();
    kafka.delete_topic(&topic);
    kafka.create_topic(&topic, 2);
    // Partition 1 is as it was before, to the last byte, and one record longer.
    kafka.send(
        &topic,
        messages(0, 100..109).into_iter().chain(messages(1, 0..5)),
    );

    let mut source = connect(kafka, &topic, StartPosition::Earliest);
    source.assign(&applied).unwrap();
    let taken = read_to_end(&mut source);
    assert!(
        source.halted()[&0].contains("not the one"),
        "{:?}",
        source.halted()
    );
    assert!(offsets(&taken, 0).is_empty());
    assert_eq!(offsets(&taken, 1), [4]);
    kafka.send(&topic, messages(0, 109..120));
    assert_eq!(poll_often(&mut source), []);
    assert!(!source.at_end(0));
}

#[test]
fn a_topic_recreated_while_running_is_halted_when_it_is_looked_at() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("recreated");
    kafka.create_topic(&topic, 1);
    kafka.send(&topic, messages(0, 0..4));
    let mut source = started(kafka, &topic, StartPosition::Earliest);
    read_to_end(&mut source);
    source.pause(&[0]);
    kafka.delete_topic(&topic);
    kafka.create_topic(&topic, 1);
    kafka.send(&topic, messages(0, 100..109));
    eventually("the halt", || {
        source.discover().unwrap();
        source.halted().contains_key(&0).then_some(())
    });
    assert!(
        source.halted()[&0].contains("deleted and recreated"),
        "{:?}",
        source.halted()
    );
    source.resume(&[0]);
    assert_eq!(poll_often(&mut source), []);
}

#[test]
fn a_partition_read_again_delivers_each_record_once() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("again");
    kafka.create_topic(&topic, 2);
    kafka.send(
        &topic,
        messages(0, 0..5_000)
            .into_iter()
            .chain(messages(1, 0..5_000)),
    );
    let mut source = started(kafka, &topic, StartPosition::Earliest);
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

    let mut source = connect(kafka, &topic, StartPosition::Earliest);
    source.assign(&BTreeMap::from([(0, third)])).unwrap();
    discover_often(&mut source);
    let taken = read_to_end(&mut source);
    assert!(offsets(&taken, 0).into_iter().eq(3..5_000));
    assert!(offsets(&taken, 1).into_iter().eq(0..5_000));
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

#[test]
fn aborted_records_are_unseen_and_marks_do_not_hide_the_end() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("transactions");
    kafka.create_topic(&topic, 1);
    let producer: BaseProducer = kafka
        .client()
        .set("transactional.id", &topic)
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
                BaseRecord::<(), str>::to(&topic)
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
    let mut source = started(kafka, &topic, StartPosition::Earliest);
    let ends = source.end_offsets().unwrap();
    assert_eq!(ends, BTreeMap::from([(0, 8)]));
    source.stop_at(&ends);
    let taken = read(&mut source, |source, _| source.finished());
    let payloads: Vec<&[u8]> = taken.iter().filter_map(|t| t.payload.as_deref()).collect();
    assert_eq!(payloads, [b"one".as_slice(), b"three"]);
    assert_eq!(source.position(0), Some(8));

    // The position after the last record is not the end, and yet there is nothing more.
    let mut source = connect(kafka, &topic, StartPosition::Latest);
    source
        .assign(&BTreeMap::from([(0, taken[1].progress())]))
        .unwrap();
    source.stop_at(&ends);
    assert_eq!(read(&mut source, |source, _| source.finished()), []);
}

#[test]
fn nothing_at_or_past_the_end_given_is_delivered() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("until");
    kafka.create_topic(&topic, 3);
    kafka.send(
        &topic,
        messages(0, 0..5).into_iter().chain(messages(1, 0..5)),
    );
    let mut source = started(kafka, &topic, StartPosition::Earliest);
    let ends = source.end_offsets().unwrap();
    source.stop_at(&ends);
    kafka.send(
        &topic,
        (0..3).flat_map(|partition| messages(partition, 5..500)),
    );
    let mut taken = read(&mut source, |source, _| source.finished());
    taken.extend(poll_often(&mut source));
    assert_eq!(offsets(&taken, 0), [0, 1, 2, 3, 4]);
    assert_eq!(offsets(&taken, 1), [0, 1, 2, 3, 4]);
    assert_eq!(taken.len(), 10);
}

#[test]
fn a_tombstone_is_told_from_an_empty_value() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("tombstone");
    kafka.create_topic(&topic, 1);
    let with = |payload| Message {
        partition: 0,
        timestamp: 1_000,
        payload,
    };
    kafka.send(
        &topic,
        [with(None), with(Some(Vec::new())), with(Some(vec![0, 255]))],
    );
    let taken = read_to_end(&mut started(kafka, &topic, StartPosition::Earliest));
    let payloads: Vec<Option<Vec<u8>>> = taken.iter().map(|t| t.payload.clone()).collect();
    assert_eq!(payloads, [None, Some(vec![]), Some(vec![0, 255])]);

    let mut source = connect(kafka, &topic, StartPosition::Earliest);
    source
        .assign(&BTreeMap::from([(0, taken[0].progress())]))
        .unwrap();
    assert_eq!(offsets(&read_to_end(&mut source), 0), [1, 2]);
}

#[test]
fn a_paused_partition_delivers_nothing_and_then_each_record_once() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("paused");
    kafka.create_topic(&topic, 2);
    kafka.send(
        &topic,
        messages(0, 0..20_000)
            .into_iter()
            .chain(messages(1, 0..20_000)),
    );
    let mut source = started(kafka, &topic, StartPosition::Earliest);
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
fn a_topic_that_does_not_exist_is_named_with_what_to_do() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("nowhere");
    let error = Source::connect(&config(kafka, &topic, StartPosition::Latest), PATIENCE)
        .err()
        .unwrap();
    assert!(matches!(error, Error::NoTopic { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains(&format!("--create --topic {topic}")),
        "{error}"
    );
}

#[test]
fn a_broker_that_does_not_answer_is_named_with_the_reason() {
    let config = Config {
        brokers: format!("127.0.0.1:{}", free_port()),
        topic: "payment_msg".to_owned(),
        group_id: String::new(),
        start: StartPosition::Latest,
        properties: BTreeMap::new(),
    };
    let error = Source::connect(&config, Duration::from_millis(500))
        .err()
        .unwrap();
    assert!(matches!(error, Error::NoBroker { .. }), "{error}");
    assert!(error.to_string().contains(&config.brokers), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[test]
fn a_property_that_the_client_refuses_is_named() {
    let config = Config {
        brokers: "127.0.0.1:1".to_owned(),
        topic: "payment_msg".to_owned(),
        group_id: String::new(),
        start: StartPosition::Latest,
        properties: BTreeMap::from([("fetch.banana".to_owned(), "1".to_owned())]),
    };
    let error = Source::connect(&config, PATIENCE).err().unwrap();
    assert!(matches!(error, Error::Setting { .. }), "{error}");
    assert!(error.to_string().contains("\"fetch.banana\""), "{error}");
}

#[test]
fn a_batch_outlives_its_source() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("batch");
    kafka.create_topic(&topic, 1);
    kafka.send(&topic, messages(0, 0..3));
    let mut source = started(kafka, &topic, StartPosition::Earliest);
    let batch: PolledBatch = eventually("a batch", || {
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
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("report");
    kafka.create_topic(&topic, 2);
    kafka.send(&topic, messages(0, 0..5));
    let mut source = started(kafka, &topic, StartPosition::Earliest);
    read_to_end(&mut source);
    let tool: BaseConsumer = kafka.client().set("group.id", &topic).create().unwrap();
    let shown = || {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&topic, 0, 1);
        let committed = tool.committed_offsets(list, PATIENCE).unwrap();
        [0, 1].map(|partition| {
            committed
                .find_partition(&topic, partition)
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

#[test]
fn a_broker_that_comes_back_is_read_on_without_loss_or_doubling() {
    let Some(mut kafka) = Kafka::own() else {
        return;
    };
    let topic = unique("restart");
    kafka.create_topic(&topic, 2);
    kafka.send(&topic, messages(0, 0..100));
    let mut source = started(&kafka, &topic, StartPosition::Earliest);
    let mut taken = read_to_end(&mut source);
    assert_eq!(source.condition().0, Condition::Ok);

    kafka.kill();
    taken.extend(read(&mut source, |source, _| {
        source.condition().0 == Condition::Degraded
    }));
    // Now it is unknown whether there is more.
    source.poll(WAIT).unwrap();
    assert!(!source.at_end(0) && !source.at_end(1));
    eventually("a question without an answer", || source.discover().err());

    kafka.start_again();
    kafka.send(
        &topic,
        messages(0, 100..200).into_iter().chain(messages(1, 0..100)),
    );
    taken.extend(read(&mut source, |source, taken| {
        taken.len() >= 200 && source.condition().0 == Condition::Ok
    }));
    taken.extend(read_to_end(&mut source));
    assert!(offsets(&taken, 0).into_iter().eq(0..200));
    assert!(offsets(&taken, 1).into_iter().eq(0..100));
}

#[test]
fn closing_ends_although_the_broker_is_gone() {
    let Some(mut kafka) = Kafka::own() else {
        return;
    };
    let topic = unique("gone");
    kafka.create_topic(&topic, 1);
    kafka.send(&topic, messages(0, 0..5));
    let mut source = started(&kafka, &topic, StartPosition::Earliest);
    read_to_end(&mut source);
    kafka.kill();
    source.report(&BTreeMap::from([(0, 5)]));
    source.close(Duration::from_millis(200));
}

#[test]
fn a_deleted_topic_is_told_and_a_new_one_of_its_name_is_not_read() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("deleted");
    kafka.create_topic(&topic, 1);
    kafka.send(&topic, messages(0, 0..5));
    let mut source = started(kafka, &topic, StartPosition::Earliest);
    read_to_end(&mut source);
    kafka.delete_topic(&topic);
    let told = eventually("the missing topic", || {
        source.poll(WAIT).unwrap();
        source.discover().unwrap();
        let (condition, reason) = source.condition();
        (condition == Condition::Degraded && reason.contains("not found")).then_some(reason)
    });
    assert!(told.contains(&topic), "{told}");
    discover_often(&mut source);
    // Two answers may come from a broker that has just started.
    assert!(source.halted().is_empty(), "{:?}", source.halted());

    // More partitions than before: none of them is read either.
    kafka.create_topic(&topic, 2);
    kafka.send(
        &topic,
        messages(0, 100..120).into_iter().chain(messages(1, 0..20)),
    );
    let taken = read(&mut source, |source, _| source.halted().contains_key(&0));
    assert_eq!(taken, []);
    assert!(
        source.halted()[&0].contains("deleted and recreated"),
        "{:?}",
        source.halted()
    );
    discover_often(&mut source);
    assert_eq!(poll_often(&mut source), []);
    assert_eq!(source.halted(), source.lasting());
}

#[test]
fn a_deleted_topic_is_told_as_such_and_never_as_brokers_that_do_not_answer() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("deleted-told");
    kafka.create_topic(&topic, 3);
    kafka.send(&topic, messages(0, 0..5));
    let mut source = started(kafka, &topic, StartPosition::Earliest);
    read_to_end(&mut source);
    kafka.delete_topic(&topic);
    // The regular look at the topic is up to 30 s away.
    let told = eventually("the missing topic", || {
        source.poll(WAIT).unwrap();
        let (condition, reason) = source.condition();
        (condition != Condition::Ok).then_some(reason)
    });
    assert!(told.contains("not found"), "{told}");
    assert!(!source.is_silence_logged());
}

#[test]
fn a_topic_that_is_not_found_for_a_while_is_read_on_when_it_is_back() {
    use RDKafkaRespErr as Code;
    // As for a user who may not see it any more, which brokers tell in one way or the other.
    for (error, words) in [
        (Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "not found"),
        (
            Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            "does not allow to read",
        ),
    ] {
        let cluster = MockCluster::new(1).unwrap();
        let topic = "hidden";
        cluster.create_topic(topic, 1, 1).unwrap();
        let send = |numbers: std::ops::Range<i64>| {
            let producer: BaseProducer = rdkafka::ClientConfig::new()
                .set("bootstrap.servers", cluster.bootstrap_servers())
                .create()
                .unwrap();
            for number in numbers {
                let payload = number.to_string();
                let record = BaseRecord::<(), str>::to(topic)
                    .partition(0)
                    .payload(&payload);
                producer.send(record).unwrap();
            }
            producer.flush(PATIENCE).unwrap();
        };
        send(0..5);
        let properties = [
            ("topic.metadata.propagation.max.ms", "100"),
            ("topic.metadata.refresh.interval.ms", "200"),
        ];
        let config = Config {
            brokers: cluster.bootstrap_servers(),
            topic: topic.to_owned(),
            group_id: String::new(),
            start: StartPosition::Earliest,
            properties: properties
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        };
        let mut source = Source::connect(&config, PATIENCE).unwrap();
        source.assign(&BTreeMap::new()).unwrap();
        let id = source.topic_id().unwrap();
        assert_eq!(offsets(&read_some(&mut source, 5), 0), [0, 1, 2, 3, 4]);

        cluster.topic_error(topic, error).unwrap();
        eventually("the missing topic", || {
            source.poll(WAIT).unwrap();
            source.discover().unwrap_or_default();
            source.condition().1.contains(words).then_some(())
        });
        for _ in 0..30 {
            source.discover().unwrap_or_default();
            assert!(source.poll(WAIT).unwrap().is_empty());
        }
        assert!(source.halted().is_empty(), "{:?}", source.halted());
        assert_eq!(source.condition().0, Condition::Degraded);
        assert!(!source.at_end(0), "the end is unknown");

        cluster
            .topic_error(topic, Code::RD_KAFKA_RESP_ERR_NO_ERROR)
            .unwrap();
        send(5..8);
        let mut taken = Vec::new();
        eventually("the rest", || {
            source.discover().unwrap_or_default();
            taken.extend(source.poll(WAIT).unwrap().records().map(Taken::of));
            (taken.len() >= 3).then_some(())
        });
        assert_eq!(offsets(&taken, 0), [5, 6, 7]);
        eventually("that all is well", || {
            source.discover().unwrap_or_default();
            assert!(source.poll(WAIT).unwrap().is_empty());
            (source.condition().0 == Condition::Ok).then_some(())
        });
        assert_eq!(source.topic_id(), Some(id));
    }
}

#[test]
fn a_partition_whose_leader_is_away_is_not_read_to_its_end() {
    let cluster = MockCluster::new(1).unwrap();
    let topic = "away";
    cluster.create_topic(topic, 2, 1).unwrap();
    let config = Config {
        brokers: cluster.bootstrap_servers(),
        topic: topic.to_owned(),
        group_id: String::new(),
        start: StartPosition::Earliest,
        properties: BTreeMap::new(),
    };
    let mut source = Source::connect(&config, PATIENCE).unwrap();
    source.assign(&BTreeMap::new()).unwrap();
    read_to_end(&mut source);
    // Another broker answers, so Kafka is not away.
    let tell = |error| cluster.topic_error(topic, error).unwrap();
    tell(RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
    eventually("the ends to be unknown", || {
        source.discover().unwrap_or_default();
        source.poll(WAIT).unwrap();
        (!source.at_end(0) && !source.at_end(1)).then_some(())
    });
    let (condition, reason) = source.condition();
    assert_eq!(condition, Condition::Degraded);
    assert!(reason.contains("no broker serves it"), "{reason}");
    tell(RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR);
    eventually("the ends", || {
        source.discover().unwrap_or_default();
        source.poll(WAIT).unwrap();
        (source.at_end(0) && source.at_end(1) && source.condition().0 == Condition::Ok)
            .then_some(())
    });
}

#[test]
fn a_partition_without_a_leader_makes_the_ends_of_no_others_unknown() {
    let cluster = MockCluster::new(2).unwrap();
    let topic = "half";
    cluster.create_topic(topic, 2, 1).unwrap();
    let config = Config {
        brokers: cluster.bootstrap_servers(),
        topic: topic.to_owned(),
        group_id: String::new(),
        start: StartPosition::Earliest,
        properties: BTreeMap::new(),
    };
    let mut source = Source::connect(&config, PATIENCE).unwrap();
    source.assign(&BTreeMap::new()).unwrap();
    read_to_end(&mut source);
    // The mock does not survive a fetch from a partition without a leader.
    source.pause(&[1]);
    poll_often(&mut source);
    cluster.partition_leader(topic, 1, None).unwrap();
    eventually("that it is told", || {
        source.discover().unwrap_or_default();
        source.poll(WAIT).unwrap();
        let (condition, reason) = source.condition();
        (condition == Condition::Degraded && reason.contains("partition 1")).then_some(())
    });
    // Longer than an end stays known that no broker confirms.
    let until = Instant::now() + Duration::from_secs(12);
    while Instant::now() < until {
        source.poll(WAIT).unwrap();
    }
    assert!(source.at_end(0) && !source.at_end(1));
    let End::Known { age, .. } = source.known_end(0) else {
        panic!("{:?}", source.condition());
    };
    assert!(age < Duration::from_secs(10), "{age:?}");
}

/// Asks three times, and takes in the answers.
fn discover_often(source: &mut Source) {
    for _ in 0..30 {
        source.discover().unwrap();
        std::thread::sleep(WAIT);
    }
}

/// What comes when nothing should: long enough for what is under way to arrive.
fn poll_often(source: &mut Source) -> Vec<Taken> {
    (0..50)
        .flat_map(|_| {
            let batch = source.poll(WAIT).unwrap();
            batch.records().map(Taken::of).collect::<Vec<_>>()
        })
        .collect()
}
