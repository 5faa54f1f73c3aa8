//! Each state is opened: to be read as it is, and to be continued.

use chrono_tz::Tz;
use ethnum::I256;
use tidegauge::core::pipeline::{Pipeline, PipelineStart};
use tidegauge::domain::branch::Branches;
use tidegauge::domain::document_key::Origin;
use tidegauge::domain::ledger::Entry;
use tidegauge::domain::payment::BranchId;
use tidegauge::store::{ReadOnlyStore, Store};
use tidegauge::view::reading::Readings;
use tidegauge_windows::{EventTime, Window};

use super::{
    STATES, WRITTEN, config, copy, expected, files, fixture, identity, keep, log, records,
};
use crate::support::oracle::{Truth, WINDOWS};

/// Every figure of the log is in a state.
#[track_caller]
fn assert_shown(readings: &dyn Readings, truth: &Truth, of: &str) {
    let branch = |id: u32| BranchId::new(id).unwrap();
    readings
        .query(|reading| {
            let ledger = &reading.checkpoint().ledger;
            assert_eq!(ledger.consumed, truth.consumed, "{of}");
            assert!(ledger.balanced(), "{of}");
            for entry in Entry::ALL {
                let booked = ledger.entry(entry);
                let (count, amount) = truth
                    .ledger
                    .get(entry.as_str())
                    .copied()
                    .unwrap_or_default();
                assert_eq!(
                    (booked.count, booked.amount),
                    (count, I256::from(amount)),
                    "{of}: {entry:?}"
                );
            }
            assert_eq!(reading.all_totals()?.len(), truth.totals.len(), "{of}");
            for (id, expected) in &truth.totals {
                let total = reading.total(branch(*id))?.unwrap();
                assert_eq!(total.count, expected.count, "{of}: {id}");
                assert_eq!(total.amount, I256::from(expected.sum), "{of}: {id}");
                let last = EventTime::from_millis(expected.last);
                assert_eq!(total.last_event_time(), Some(last), "{of}: {id}");
            }
            for ((name, start, id, end), expected) in &truth.windows {
                let number = WINDOWS.iter().position(|known| known == name).unwrap();
                let number = u16::try_from(number).unwrap();
                let window =
                    Window::new(EventTime::from_millis(*start), EventTime::from_millis(*end));
                let shown = reading
                    .frame()
                    .window(reading, number, window, branch(*id))?;
                let key = format!("{of}: {name} {start} {end} {id}");
                let shown = shown.unwrap_or_else(|| panic!("{key} is not there"));
                let figures = &shown.aggregate;
                assert_eq!(
                    (figures.count, figures.late_count),
                    (expected.count, expected.late_count),
                    "{key}"
                );
                assert_eq!(figures.sum, I256::from(expected.sum), "{key}");
                assert_eq!(shown.closed_by.is_some(), expected.is_final, "{key}");
            }
            for (partition, offset) in truth.late.keys().copied() {
                assert!(
                    reading
                        .payment_in_no_window(Origin { partition, offset })?
                        .is_some(),
                    "{of}"
                );
            }
            for (partition, offset) in truth.rejected.keys().copied() {
                assert!(
                    reading
                        .rejected_record(Origin { partition, offset })?
                        .is_some(),
                    "{of}"
                );
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_state_of_each_version_is_read_with_all_its_figures_and_not_changed() {
    for (name, version) in STATES {
        let truth = expected(version, log::STORED);
        assert!(truth.windows.len() > 50 && truth.late.len() > 2 && truth.rejected.len() > 2);
        let dir = tempfile::tempdir().unwrap();
        copy(name, dir.path());
        let store = ReadOnlyStore::open(dir.path()).unwrap().unwrap();
        assert_eq!(store.version(), version, "{name}");
        assert_eq!(store.topic(), log::TOPIC);
        assert_eq!(store.rules(), config().rules());
        let readings = store.readings(config().event_time.settings, &Branches::default());
        assert_shown(&*readings, &truth, name);
        drop((readings, store));
        assert_eq!(files(dir.path()), files(&fixture(name)), "{name}");
    }
}

#[test]
fn a_state_of_each_version_is_brought_up_and_continued_with_all_figures() {
    let all = log::log();
    for (name, version) in STATES {
        let dir = tempfile::tempdir().unwrap();
        copy(name, dir.path());
        let (mut store, recovered) = Store::open(dir.path(), &identity()).unwrap();
        assert_shown(&*store.readings(), &expected(version, log::STORED), name);
        let positions: i64 = recovered
            .progress
            .values()
            .map(|progress| progress.position)
            .sum();
        assert_eq!(usize::try_from(positions), Ok(log::STORED), "{name}");

        let start = PipelineStart {
            snapshot: recovered.snapshot,
            known: recovered.known,
            progress: recovered.progress,
        };
        let mut pipeline = Pipeline::new(identity().settings, Tz::UTC, store.branches(), start);
        for record in &records(all.len())[log::STORED..] {
            pipeline
                .apply([tidegauge::domain::record::Record {
                    partition: record.partition,
                    offset: record.offset,
                    timestamp: Some(record.timestamp),
                    payload: record.value.as_deref(),
                    ..tidegauge::domain::record::Record::default()
                }])
                .unwrap();
        }
        store
            .commit(&pipeline.take_effects(), &[], 1_793_494_000_000)
            .unwrap();
        let truth = expected(version, all.len());
        assert_shown(&*store.readings(), &truth, name);
        drop(store);

        // In the form of this version, it is the same.
        let store = ReadOnlyStore::open(dir.path()).unwrap().unwrap();
        assert_eq!(store.version(), WRITTEN, "{name}");
        let (store, _) = Store::open(dir.path(), &identity()).unwrap();
        assert_shown(&*store.readings(), &truth, name);
    }
}

#[test]
#[ignore = "writes the fixture of the version that is written: only into a new directory"]
fn writes_the_fixture() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let (mut store, _) = Store::open(&state, &identity()).unwrap();
    let start = PipelineStart::default();
    let mut pipeline = Pipeline::new(identity().settings, Tz::UTC, store.branches(), start);
    for (at, record) in (1..).zip(records(log::STORED)) {
        pipeline
            .apply([tidegauge::domain::record::Record {
                partition: record.partition,
                offset: record.offset,
                timestamp: Some(record.timestamp),
                payload: record.value.as_deref(),
                ..tidegauge::domain::record::Record::default()
            }])
            .unwrap();
        if at % 5 == 0 {
            store
                .commit(&pipeline.take_effects(), &[], 1_793_493_000_000)
                .unwrap();
        }
        if at == log::STORED_FIRST {
            drop(store);
            store = Store::open(&state, &identity()).unwrap().0;
        }
    }
    drop(store);
    keep(&state, &fixture(STATES[STATES.len() - 1].0));
}
