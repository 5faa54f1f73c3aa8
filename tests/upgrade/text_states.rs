//! States of versions 5 and 6: branches that are texts, and order ids that are remembered.
//!
//! They were written from the first records of [`log`], by the rules of [`config`]. One record was a reject at first and
//! got a second chance.

use std::collections::BTreeMap;
use std::fs;

use ethnum::I256;
use tidegauge::config::{Config, Need, Sources};
use tidegauge::core::effect::correction::ListedRecord;
use tidegauge::core::pipeline::{Pipeline, PipelineStart, UncomparedPayments};
use tidegauge::core::seen_orders::SeenOrders;
use tidegauge::decode::{Reason, Reject};
use tidegauge::domain::branch::Branches;
use tidegauge::domain::document_key::Origin;
use tidegauge::domain::ledger::Entry;
use tidegauge::domain::record::Record;
use tidegauge::store::{Identity, MarkedDocuments, ReadOnlyStore, Recovered, Store};
use tidegauge::view::reading::Readings;
use tidegauge_windows::{EventTime, Window};

use super::{copy, files, fixture, keep};

/// The directories of the fixtures, each with its storage version.
const TEXT_STATES: [(&str, u64); 2] = [("state-v5", 5), ("state-v6", 6)];
const START: i64 = 1_793_491_200_000;
const MINUTE: i64 = 60_000;
/// So many records there are, and so many of them are in the states.
const RECORDS: i64 = 160;
const STORED: i64 = 100;
/// The record that was a reject at first, and after which it got its second chance.
const REJECTED: i64 = 47;
const SECOND_CHANCE: i64 = 60;

/// A record of the log, and what it is by the rules.
struct LogRecord {
    partition: i32,
    offset: i64,
    time: i64,
    payload: Vec<u8>,
    store: String,
    cents: i128,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Payment,
    /// It repeats another one, whose time it has.
    Duplicate,
    /// It has the order id of another one.
    Conflict,
    Filtered,
    NotJson,
}

/// All records, in the order in which they were read.
fn log() -> Vec<LogRecord> {
    let mut offsets = [0; 2];
    let records = (0..RECORDS).map(|number| {
        // 4 before: the same payment. 2 before: the same order with another amount.
        let (of, more, kind) = match number % 10 {
            5 => (number - 4, 0, Kind::Duplicate),
            8 => (number - 2, 1, Kind::Conflict),
            9 => (number, 0, Kind::Filtered),
            _ => (number, 0, Kind::Payment),
        };
        let time = START + if kind == Kind::Conflict { number } else { of } * 7_000;
        let (store, cents) = (format!("Ä-{}", of % 3), i128::from(of * 101 + 7 + more));
        let status = if kind == Kind::Filtered { "failed" } else { "paid" };
        let order = match of % 4 {
            0 => of.to_string(),
            _ => format!("\"order-{of}\""),
        };
        let payload = format!(
            r#"{{"createTime":{time},"orderId":{order},"payAmount":{}.{:02},"store":"{store}","status":"{status}"}}"#,
            cents / 100,
            cents % 100
        );
        let (payload, kind) = match number {
            30 => ("not a payment".to_owned(), Kind::NotJson),
            _ => (payload, kind),
        };
        let partition = of % 2;
        let offset = &mut offsets[usize::try_from(partition).unwrap()];
        *offset += 1;
        LogRecord {
            partition: i32::try_from(partition).unwrap(),
            offset: *offset - 1,
            time,
            payload: payload.into_bytes(),
            store,
            cents,
            kind,
        }
    });
    records.collect()
}

impl LogRecord {
    fn record(&self) -> Record<'_> {
        Record {
            partition: self.partition,
            offset: self.offset,
            timestamp: Some(self.time),
            payload: Some(&self.payload),
            ..Record::default()
        }
    }

    /// What it is booked under; `None`: as a payment that counts.
    fn entry(&self, version: u64) -> Option<Entry> {
        match self.kind {
            Kind::Duplicate if version == 6 => Some(Entry::Duplicate),
            Kind::Conflict if version == 6 => Some(Entry::Conflict),
            Kind::Filtered => Some(Entry::Filtered),
            Kind::NotJson => Some(Entry::Rejected),
            Kind::Payment | Kind::Duplicate | Kind::Conflict => None,
        }
    }
}

fn config(version: u64) -> Config {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("t.toml");
    let mut text = "[payment]\nbranch = \"store\"\nbranch_type = \"any\"\n\
                    where = 'status == \"paid\"'\n"
        .to_owned();
    if version == 6 {
        text.push_str("[dedup]\nby = \"order_id\"\nwithin = \"1h\"\n");
    }
    fs::write(&file, text).unwrap();
    Config::load(&Sources::of_file(file), Need::Nothing).unwrap()
}

fn identity(config: &Config) -> Identity {
    Identity {
        topic: "upgraded-payments".into(),
        generation: 1,
        rules: config.rules(),
        settings: config.event_time.settings.clone(),
        names: config.branches.clone(),
        documents: MarkedDocuments::WithPayments,
    }
}

fn pipeline(config: &Config, store: &Store, recovered: Recovered) -> Pipeline {
    let start = PipelineStart {
        snapshot: recovered.snapshot,
        known: recovered.known,
        progress: recovered.progress,
    };
    let settings = config.event_time.settings.clone();
    let pipeline = Pipeline::new(settings, config.decoding(), store.branches(), start);
    match config.duplicates {
        Some(rule) => {
            pipeline.comparing(SeenOrders::restore(rule, 3, store.kept_orders()).unwrap())
        }
        None => pipeline,
    }
}

fn commit(store: &mut Store, pipeline: &mut Pipeline) {
    let now = START + RECORDS * 7_000;
    store.commit(&pipeline.take_effects(), &[], now).unwrap();
}

/// Every figure of the first `count` records is in a state.
#[track_caller]
fn assert_shown(readings: &dyn Readings, branches: &Branches, version: u64, count: i64, of: &str) {
    let log = log();
    let log = &log[..usize::try_from(count).unwrap()];
    let mut entries = BTreeMap::<Entry, u64>::new();
    let mut totals = BTreeMap::<&str, (u64, i128)>::new();
    let mut minutes = BTreeMap::<(i64, &str), (u64, i128)>::new();
    for record in log {
        let Some(entry) = record.entry(version) else {
            let minute = record.time - record.time % MINUTE;
            let (total, window) = (
                totals.entry(&record.store).or_default(),
                minutes.entry((minute, &record.store)).or_default(),
            );
            for (count, cents) in [total, window] {
                *count += 1;
                *cents += record.cents;
            }
            continue;
        };
        *entries.entry(entry).or_default() += 1;
    }
    let units = |cents: i128| I256::from(cents * 10_i128.pow(16));
    readings
        .query(|reading| {
            let ledger = &reading.checkpoint().ledger;
            assert!(ledger.balanced(), "{of}");
            assert_eq!(ledger.consumed, count.unsigned_abs(), "{of}");
            let booked = |entry: Entry| ledger.entry(entry).count;
            for entry in [
                Entry::Duplicate,
                Entry::Conflict,
                Entry::Filtered,
                Entry::Rejected,
            ] {
                let expected = entries.get(&entry).copied().unwrap_or_default();
                assert_eq!(booked(entry), expected, "{of}: {entry:?}");
            }
            let texts = branches.texts();
            for (store, (count, cents)) in &totals {
                let total = reading.total(texts.find(store).unwrap())?.unwrap();
                assert_eq!(
                    (total.count, total.amount),
                    (*count, units(*cents)),
                    "{of}: {store}"
                );
            }
            for ((start, store), (count, cents)) in &minutes {
                let window = Window::new(
                    EventTime::from_millis(*start),
                    EventTime::from_millis(start + MINUTE),
                );
                let branch = texts.find(store).unwrap();
                let shown = reading.frame().window(reading, 0, window, branch)?.unwrap();
                let figures = (shown.aggregate.count, shown.aggregate.sum);
                assert_eq!(figures, (*count, units(*cents)), "{of}: {start} {store}");
            }
            let repeated = reading.repeated_payments(None, 1_000)?;
            let listed = booked(Entry::Duplicate) + booked(Entry::Conflict);
            assert_eq!(repeated.len() as u64, listed, "{of}");
            assert_eq!(reading.rejected_records(None, 9)?.len(), 1, "{of}");
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_state_with_texts_and_orders_is_read_and_continued_with_all_figures() {
    let log = log();
    for (name, version) in TEXT_STATES {
        let dir = tempfile::tempdir().unwrap();
        copy(name, dir.path());
        let config = config(version);
        let store = ReadOnlyStore::open(dir.path()).unwrap().unwrap();
        assert_eq!(
            (store.version(), store.rules()),
            (version, &*config.rules())
        );
        let settings = config.event_time.settings.clone();
        let branches = store.branches(&config.branches).unwrap();
        let readings = store.readings(settings, &branches);
        assert_shown(&*readings, &branches, version, STORED, name);
        drop((readings, store));
        assert_eq!(files(dir.path()), files(&fixture(name)), "{name}");

        let (mut store, recovered) = Store::open(dir.path(), &identity(&config)).unwrap();
        let mut pipeline = pipeline(&config, &store, recovered);
        // The first of them repeat payments that are in the state.
        let rest = &log[usize::try_from(STORED).unwrap()..];
        pipeline.apply(rest.iter().map(LogRecord::record)).unwrap();
        commit(&mut store, &mut pipeline);
        assert_shown(
            &*store.readings(),
            &store.branches(),
            version,
            RECORDS,
            name,
        );
        drop((store, pipeline));
        let store = ReadOnlyStore::open(dir.path()).unwrap().unwrap();
        assert_eq!(store.version(), version, "{name}");
    }
}

#[test]
#[ignore = "writes the fixtures: only into new directories"]
fn writes_the_fixtures_with_texts() {
    for (name, version) in TEXT_STATES {
        let dir = tempfile::tempdir().unwrap();
        let config = config(version);
        let (mut store, recovered) = Store::open(dir.path(), &identity(&config)).unwrap();
        let mut applying = pipeline(&config, &store, recovered);
        let log = log();
        for (number, record) in (0..STORED).zip(&log) {
            let record = record.record();
            match number {
                REJECTED => applying.apply_rejected(
                    &record,
                    Reject {
                        reason: Reason::NotJson,
                        detail: "it was not read".into(),
                    },
                ),
                _ => applying.apply([record]).unwrap(),
            }
            if number == SECOND_CHANCE {
                second_chance(&mut applying, &mut store, &log);
            }
            if number % 10 == 9 {
                commit(&mut store, &mut applying);
            }
            // What is before it is in a table.
            if number == STORED / 2 - 1 {
                drop((store, applying));
                let (opened, recovered) = Store::open(dir.path(), &identity(&config)).unwrap();
                applying = pipeline(&config, &opened, recovered);
                store = opened;
            }
        }
        assert_shown(&*store.readings(), &store.branches(), version, STORED, name);
        drop((store, applying));
        keep(dir.path(), &fixture(name));
    }
}

fn second_chance(pipeline: &mut Pipeline, store: &mut Store, log: &[LogRecord]) {
    let record = &log[usize::try_from(REJECTED).unwrap()];
    let origin = Origin {
        partition: record.partition,
        offset: record.offset,
    };
    commit(store, pipeline);
    let listed = store
        .readings()
        .query(|reading| reading.rejected_record(origin))
        .unwrap()
        .unwrap();
    pipeline
        .judge_again(
            &record.record(),
            &ListedRecord::Reject(listed),
            UncomparedPayments::StayListed,
        )
        .unwrap();
}
