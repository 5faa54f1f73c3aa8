//! Exact records in exact partitions, and all of a topic as it stands.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message as _, Offset, TopicPartitionList};
use serde_json::Value;
use serde_json::value::RawValue;

use super::lab::{Kafka, Message};
use super::oracle::Record;
use super::service::Setup;

/// 2026-11-01T00:00:00Z.
pub const START: i64 = 1_793_491_200_000;

/// A payment of `amount`, a number as JSON writes it, at `time` in ms since the epoch.
pub fn payment(time: i64, amount: &str, branch: u32) -> Vec<u8> {
    let time = chrono::DateTime::from_timestamp_millis(time).unwrap();
    let time = time.format("%Y-%m-%d %H:%M:%S%.3f");
    let text = format!(
        "{{\"createTime\":\"{time}\",\"orderId\":7,\"payAmount\":{amount},\"payPlatform\":0,\"branchId\":{branch}}}"
    );
    text.into_bytes()
}

/// A record in `partition` with that payment, stamped with the time at which it happened.
pub fn paid(partition: i32, time: i64, amount: &str, branch: u32) -> Message {
    Message {
        partition,
        timestamp: time,
        payload: Some(payment(time, amount, branch)),
        ..Message::default()
    }
}

/// Makes payments with the project's own command, and gives its summary.
#[track_caller]
pub fn produce(setup: &Setup, options: &[&str]) -> Value {
    setup.run_json(&[&["produce", "-o", "json"], options].concat())
}

/// All records of a topic, by partition and offset. The test fails if an offset holds none.
#[track_caller]
pub fn records(kafka: &Kafka, topic: &str) -> Vec<Record> {
    let ends = kafka.ends(topic);
    let records = committed_records(kafka, topic);
    let mut next = BTreeMap::new();
    for record in &records {
        let next = next.entry(record.partition).or_insert(0);
        assert_eq!(record.offset, *next, "{topic} has a gap");
        *next += 1;
    }
    for (partition, end) in ends {
        let next = next.get(&partition).copied().unwrap_or(0);
        assert!(next >= end, "{topic} has a gap before its end {end}");
    }
    records
}

/// All records of a topic that who reads committed ones only is given, by partition and offset. Transactions and their
/// marks leave offsets without a record.
#[track_caller]
pub fn committed_records(kafka: &Kafka, topic: &str) -> Vec<Record> {
    let mut read: BTreeMap<i32, Vec<Record>> = BTreeMap::new();
    for_each_committed(kafka, topic, |message| {
        read.entry(message.partition()).or_default().push(Record {
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis().unwrap(),
            value: message.payload().map(<[u8]>::to_vec),
        });
    });
    read.into_values().flatten().collect()
}

/// The last committed value of each key of a topic, without the keys whose last record is a tombstone. Records of one
/// key are in one partition.
#[track_caller]
pub fn last_values(kafka: &Kafka, topic: &str) -> BTreeMap<String, Value> {
    let mut values = BTreeMap::new();
    for_each_committed(kafka, topic, |message| {
        let key = String::from_utf8(message.key().unwrap().to_vec()).unwrap();
        match message.payload() {
            Some(value) => values.insert(key, serde_json::from_slice(value).unwrap()),
            None => values.remove(&key),
        };
    });
    values
}

#[track_caller]
fn for_each_committed(kafka: &Kafka, topic: &str, mut each: impl FnMut(&BorrowedMessage<'_>)) {
    let partitions: Vec<i32> = kafka.ends(topic).into_keys().collect();
    let consumer: BaseConsumer = kafka
        .client()
        .set("group.id", format!("{topic}-reader"))
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    for partition in &partitions {
        list.add_partition_offset(topic, *partition, Offset::Beginning)
            .unwrap();
    }
    consumer.assign(&list).unwrap();
    let mut unread: BTreeSet<i32> = partitions.into_iter().collect();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !unread.is_empty() {
        assert!(
            Instant::now() < deadline,
            "{topic} could not be read to the ends of {unread:?}"
        );
        let Some(message) = consumer.poll(Duration::from_millis(100)) else {
            continue;
        };
        match message {
            Err(KafkaError::PartitionEOF(partition)) => {
                unread.remove(&partition);
            }
            message => each(&message.unwrap()),
        }
    }
}

/// The records in the order given as the lines that `compute` reads.
///
/// What is not JSON can't be named with its partition, and need not be: it moves no watermark.
pub fn lines(records: &[Record]) -> Vec<u8> {
    let mut lines = Vec::new();
    for record in records {
        let value = record.value.as_deref().unwrap_or_default();
        let payment = match value {
            [] => Some("null"),
            value => serde_json::from_slice::<&RawValue>(value)
                .ok()
                .map(RawValue::get),
        };
        match payment {
            Some(payment) => {
                let (partition, timestamp) = (record.partition, record.timestamp);
                let head =
                    format!("{{\"partition\":{partition},\"timestamp\":{timestamp},\"payment\":");
                lines.extend_from_slice(head.as_bytes());
                lines.extend_from_slice(payment.as_bytes());
                lines.push(b'}');
            }
            None => lines.extend_from_slice(value),
        }
        lines.push(b'\n');
    }
    lines
}
