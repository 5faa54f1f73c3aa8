//! What the store keeps of the past: lists, numbers of events and windows within the retention.

use std::path::Path;
use std::time::Duration;
use std::{fs, thread};

use tidegauge::domain::document_key::DocumentKey;
use tidegauge::domain::payment::BranchId;
use tidegauge::store::Store;
use tidegauge_windows::{EventTime, Key as _, Span};

use super::feed::{DAY, Feed, HOUR, MINUTE, branch, open, shown};
use super::{copy, feed, marks};

#[test]
fn lists_are_read_in_pages_from_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let mut feed = Feed::new(Span::DAY);
    let (mut store, _) = open(dir.path(), &feed.settings);
    for i in 0..10 {
        feed.apply(0, None, format!("garbage {i}").as_bytes());
        feed.commit(&mut store);
    }
    let read = |before, limit| {
        store
            .readings()
            .query(|reading| reading.rejected_records(before, limit))
            .unwrap()
    };
    let first = read(None, 4);
    assert_eq!(first[0].1.read, "garbage 9");
    let second = read(Some(first[3].0), 100);
    assert_eq!(second.len(), 6);
    assert_eq!(second[0].1.read, "garbage 5");
    assert_eq!(read(Some(second[5].0), 100), []);
}

#[test]
fn windows_past_retention_are_deleted_once_they_are_delivered() {
    let dir = tempfile::tempdir().unwrap();
    let mut feed = Feed::new(Span::HOUR);
    let (mut store, _) = open(dir.path(), &feed.settings);
    feed.pay(0, 10 * MINUTE, 1, "1.00");
    feed.commit(&mut store);
    let minute = |start: i64| DocumentKey::Window {
        definition: 0,
        window: tidegauge_windows::Window::new(feed::at(start), feed::at(start + MINUTE)),
        branch: branch(1),
    };
    let shows = |store: &Store, start| {
        let document = store
            .readings()
            .query(|reading| Ok(shown(reading, minute(start))));
        document.unwrap().is_some()
    };

    // Two days on, and nothing was delivered: all of it is still there.
    for minute in 8..12 {
        feed.pay(0, minute * MINUTE + 2 * DAY, 1, "2.00");
        feed.commit(&mut store);
    }
    assert!(shows(&store, 10 * MINUTE));

    while store.mark_more().unwrap() {}
    let acks: Vec<_> = marks(&store).into_iter().collect();
    store.acknowledge(&acks).unwrap();
    feed.pay(0, 12 * MINUTE + 2 * DAY, 1, "2.00");
    feed.commit(&mut store);
    assert!(!shows(&store, 10 * MINUTE));
    assert!(shows(&store, 10 * MINUTE + 2 * DAY));

    // Gone from the disk as well, and not only from sight.
    let longer = feed::settings(Span::DAY.times(35));
    drop(store);
    let (store, recovered) = open(dir.path(), &longer);
    let (blocks, earliest) = store
        .readings()
        .query(|reading| {
            let grid = reading.frame().grid().clone();
            let has = |slice: i64| {
                grid.blocks_of(feed::at(slice))
                    .filter(|block| reading.cell(*block, branch(1)).unwrap().is_some())
                    .count()
            };
            Ok((has(10 * MINUTE), has(10 * MINUTE + 2 * DAY)))
        })
        .unwrap();
    assert_eq!(blocks, 0);
    assert!(earliest > 0);
    // Of totals nothing goes.
    let known = [
        (branch(1), feed::at(10 * MINUTE)),
        (branch(0), EventTime::MIN),
    ];
    assert_eq!(recovered.known, known);
}

/// Copies a state directory without its diary and its lock.
#[test]
fn no_two_lives_of_a_state_number_an_event_alike() {
    let dir = tempfile::tempdir().unwrap();
    let (state, backup) = (dir.path().join("state"), dir.path().join("backup"));
    let live = |path: &Path, commits: i64| {
        // No two processes begin within so short a time.
        thread::sleep(Duration::from_millis(100));
        let mut feed = Feed::new(Span::DAY);
        let (mut store, recovered) = open(path, &feed.settings);
        feed.restart(recovered);
        let life = store.changelog().life();
        let mut places = vec![life.position(store.checkpoint().sequence)];
        for second in 0..commits {
            feed.pay(0, DAY + second * 1_000, 1, "1.00");
            feed.commit(&mut store);
            places.push(life.position(store.checkpoint().sequence));
        }
        (life, places)
    };
    let (_, first) = live(&state, 3);
    fs::create_dir(&backup).unwrap();
    copy(&state, &backup);
    let (_, second) = live(&state, 5);
    let (restored, third) = live(&backup, 9);
    for places in [&first, &second, &third] {
        assert!(places.is_sorted_by(|one, next| one < next), "{places:?}");
        assert!(places.iter().all(|place| *place < 1 << 53), "{places:?}");
    }
    assert!(first.last() < second.first() && second.last() < third.first());
    for place in first.iter().chain(&second) {
        assert_eq!(restored.checkpoint(*place), None);
    }
}

#[test]
fn a_branch_whose_payments_are_all_too_far_ahead_is_known_since_the_first_of_them() {
    // Branches    1  2  3  4        Payments of 2 and 3 are an hour ahead of their records.
    let dir = tempfile::tempdir().unwrap();
    let mut feed = Feed::new(Span::DAY.times(35));
    let (mut store, _) = open(dir.path(), &feed.settings);
    // No record is as old as the epoch.
    let recorded = 20_000 * DAY;
    for (branch, ahead) in [(1, 0), (2, 2 * HOUR), (2, HOUR), (3, HOUR), (4, 0)] {
        feed.pay_recorded(0, recorded + ahead, recorded, branch, "1.00");
    }
    store.commit(&feed.take(), &[], 0).unwrap();
    drop(store);
    let (store, recovered) = open(dir.path(), &feed.settings);
    let known = |id: u32| recovered.known.iter().find(|known| known.0 == branch(id));
    assert_eq!(known(2).unwrap().1.millis(), recorded + HOUR);
    let ids = |found: Vec<(BranchId, EventTime)>| -> Vec<u32> {
        found.iter().map(|(id, _)| id.get()).collect()
    };
    store
        .readings()
        .query(|reading| {
            // Branch 0 is configured.
            assert_eq!(ids(reading.known(BranchId::FIRST, 2)?), [0, 1]);
            assert_eq!(ids(reading.known(branch(2), 2)?), [2, 3]);
            assert_eq!(ids(reading.known(branch(4), 2)?), [4]);
            let since = reading.known_since(branch(2))?.unwrap();
            assert_eq!(since.millis(), recorded + HOUR);
            assert_eq!(reading.total(branch(2))?.unwrap().first_event_time(), None);
            assert_eq!(
                reading.known_since(branch(4))?,
                Some(EventTime::from_millis(recorded))
            );
            let totals = reading.totals(branch(2), 2)?;
            assert_eq!(totals.len(), 2);
            assert_eq!(reading.all_totals()?.len(), 4);
            Ok(())
        })
        .unwrap();
}
