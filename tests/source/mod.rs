//! Reading a real topic: where it starts, what it delivers, and when it refuses to continue.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod brokers;
mod connect;
mod delivered;
mod denied;
mod outage;
mod partitions;
mod readers;
mod recreated;
mod removed;
mod start;
mod throttled;
mod topic;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tidegauge::core::effect::Progress;
use tidegauge::core::pipeline::fingerprint;
use tidegauge::domain::record::Record;
use tidegauge::source::{AssignedPartition, LogBatch, ReaderChoice, Source};

use self::topic::{Topic, config, messages};

/// These promises are kept by each reader: this module is in the tests twice, under names of different lengths. A constant
/// can't compare the names themselves.
const READER: ReaderChoice = match module_path!().len() {
    SOURCE_LEN => ReaderChoice::Direct,
    _ => ReaderChoice::Librdkafka,
};
const SOURCE_LEN: usize = "integration::source".len();

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
                ..Record::default()
            })),
        }
    }
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

/// What comes when nothing should: long enough for what is under way to arrive.
fn poll_often(source: &mut Source) -> Vec<Taken> {
    (0..50)
        .flat_map(|_| {
            let batch = source.poll(WAIT).unwrap();
            batch.records().map(Taken::of).collect::<Vec<_>>()
        })
        .collect()
}

/// Asks three times, and takes in the answers.
fn discover_often(source: &mut Source) {
    for _ in 0..30 {
        source.discover().unwrap();
        std::thread::sleep(WAIT);
    }
}

/// What a pipeline knows after it has applied all of `taken`, by partition.
fn applied(taken: &[Taken]) -> BTreeMap<i32, Progress> {
    taken
        .iter()
        .map(|record| (record.partition, record.progress()))
        .collect()
}

#[track_caller]
fn assert_halted(source: &Source, partition: i32, words: &str) {
    assert!(
        source.halted()[&partition].contains(words),
        "{:?}",
        source.halted()
    );
}
