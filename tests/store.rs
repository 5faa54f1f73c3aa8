//! The store keeps whole checkpoints: what it is given, all of it, through restarts and crashes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod copying;
mod feed;
mod fixture;
mod marking;
mod refusals;
mod unread;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fs, thread};

use ethnum::I256;
use proptest::collection::vec;
use proptest::prelude::*;
use tidegauge::core::feedback::Family;
use tidegauge::core::feedback::Mark;
use tidegauge::domain::document_key::DocumentKey;
use tidegauge::store::{Documents, Store};
use tidegauge_windows::{EventTime, Span};

use self::feed::{DAY, Feed, HOUR, MINUTE, branch, documents, open, open_for, shown};

/// One thing that happens to a pipeline with a store behind it.
#[derive(Clone, Debug)]
enum Step {
    Pay {
        partition: i32,
        ahead: i64,
        branch: u32,
        cents: i64,
    },
    Future {
        partition: i32,
    },
    Garbage {
        partition: i32,
    },
    Idle {
        partition: i32,
        idle: bool,
    },
    Quiet,
    Commit,
    Acknowledge {
        every: usize,
    },
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pay = (0..3, -2 * HOUR..20 * MINUTE, 0..6u32, -5_000..20_000_i64).prop_map(
        |(partition, ahead, branch, cents)| Step::Pay {
            partition,
            ahead,
            branch,
            cents,
        },
    );
    let step = prop_oneof![
        30 => pay,
        1 => (0..3).prop_map(|partition| Step::Future { partition }),
        1 => (0..3).prop_map(|partition| Step::Garbage { partition }),
        2 => (0..3, any::<bool>()).prop_map(|(partition, idle)| Step::Idle { partition, idle }),
        1 => Just(Step::Quiet),
        5 => Just(Step::Commit),
        3 => (1..4usize).prop_map(|every| Step::Acknowledge { every }),
        1 => Just(Step::Restart),
    ];
    vec(step, 1..120)
}

/// Whether `key` is delivered: windows without payments are only if they are asked for, and tumbling.
fn has_document(store: &Store, key: &DocumentKey, zeros: bool) -> bool {
    let DocumentKey::Window {
        definition,
        window,
        branch,
    } = *key
    else {
        return true;
    };
    let count = store.readings().query(|reading| {
        let result = reading
            .frame()
            .window(reading, definition, window, branch)?;
        Ok(result.map_or(0, |result| result.aggregate.count))
    });
    count.unwrap() > 0 || (zeros && definition == 0)
}

type Marks = BTreeMap<DocumentKey, Mark>;

fn marks(store: &Store) -> Marks {
    store
        .readings()
        .deliver(|reading| Ok(reading.dirty(None, usize::MAX)?.into_iter().collect()))
        .unwrap()
}

fn shown_documents(store: &Store) -> BTreeMap<DocumentKey, String> {
    store
        .readings()
        .query(|reading| {
            let documents = documents(reading).into_iter();
            Ok(documents
                .map(|key| (key, shown(reading, key).unwrap()))
                .collect())
        })
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_store_shows_what_was_committed_and_marks_what_differs(
        steps in steps(),
        zeros in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut feed = Feed::new(Span::DAY.times(35));
        let documents = if zeros { Documents::ZeroWindowsToo } else { Documents::WithPayments };
        let (mut store, _) = open_for(dir.path(), &feed.settings, documents);
        let mut now = 1_700_000_000_000;
        for step in steps {
            match step {
                Step::Pay { partition, ahead, branch, cents } => {
                    let amount = format!("{}.{:02}", cents / 100, (cents % 100).abs());
                    feed.pay(partition, now + ahead, branch, &amount);
                    now = now.max(now + ahead);
                }
                Step::Future { partition } => {
                    feed.pay_recorded(partition, now + HOUR, now, 1, "1.00");
                }
                Step::Garbage { partition } => feed.apply(partition, None, b"{\xff"),
                Step::Idle { partition, idle } => feed.set_idle(partition, idle),
                Step::Quiet => feed.quiet_close(now + HOUR),
                Step::Commit => {
                    let (before, old) = (shown_documents(&store), marks(&store));
                    let last = Mark(store.checkpoint().sequence);
                    feed.commit(&mut store);
                    while store.mark_more().unwrap() {}
                    let (after, marks) = (shown_documents(&store), marks(&store));
                    for (key, document) in &after {
                        if before.get(key) != Some(document) && has_document(&store, key, zeros) {
                            prop_assert!(marks.get(key) > Some(&last), "{:?}", key);
                        }
                    }
                    // What is not marked again keeps its mark.
                    for (key, old) in &old {
                        prop_assert!(marks.get(key).is_some_and(|m| *m == *old || *m > last));
                    }
                }
                Step::Acknowledge { every } => {
                    let acks: Vec<_> = marks(&store).into_iter().step_by(every).collect();
                    store.acknowledge(&acks).unwrap();
                    let left = marks(&store);
                    prop_assert!(acks.iter().all(|(key, _)| !left.contains_key(key)));
                }
                Step::Restart => {
                    feed.commit(&mut store);
                    drop(store);
                    let (opened, recovered) = open_for(dir.path(), &feed.settings, documents);
                    store = opened;
                    prop_assert_eq!(recovered.sequence, store.checkpoint().sequence);
                    prop_assert_eq!(&recovered.ledger, &feed.memory.ledger);
                    feed.restart(recovered);
                }
            }
            prop_assert_eq!(store.checkpoint().dirty, marks(&store).len() as u64);
        }
        feed.commit(&mut store);
        feed.memory.assert_shown_by(&*store.readings());
        let sequence = store.checkpoint().sequence;
        drop(store);
        let (store, recovered) = open_for(dir.path(), &feed.settings, documents);
        prop_assert_eq!(recovered.sequence, sequence);
        feed.memory.assert_shown_by(&*store.readings());
    }
}

#[test]
fn a_reading_stays_one_checkpoint_while_others_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut feed = Feed::new(Span::DAY);
    let (mut store, _) = open(dir.path(), &feed.settings);
    let readings = store.readings();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = Vec::new();
            while !done.load(Ordering::Relaxed) || seen.is_empty() {
                readings
                    .query(|reading| {
                        let checkpoint = reading.checkpoint();
                        let sum = |totals: Vec<_>| {
                            let add = |sum, (_, total): &(_, tidegauge::domain::total::Total)| {
                                sum + total.amount
                            };
                            totals.iter().fold(I256::ZERO, add)
                        };
                        assert_eq!(sum(reading.totals()?), checkpoint.ledger.in_totals());
                        assert_eq!(sum(reading.totals()?), checkpoint.ledger.in_totals());
                        let applied: i64 = checkpoint.positions.values().sum();
                        assert_eq!(applied.cast_unsigned(), checkpoint.ledger.consumed);
                        assert_eq!(
                            reading.dirty(None, usize::MAX)?.len() as u64,
                            checkpoint.dirty
                        );
                        seen.push(checkpoint.sequence);
                        Ok(())
                    })
                    .unwrap();
            }
            seen
        });
        for i in 0..300 {
            feed.pay(0, i * 7_000, (i % 5) as u32, "12.34");
            feed.pay(1, i * 7_000, (i % 3) as u32, "0.01");
            feed.commit(&mut store);
        }
        done.store(true, Ordering::Relaxed);
        let seen = reader.join().unwrap();
        assert!(seen.is_sorted());
    });
}

#[test]
fn an_acknowledgement_clears_its_own_mark_only() {
    let dir = tempfile::tempdir().unwrap();
    let mut feed = Feed::new(Span::DAY);
    let (mut store, _) = open(dir.path(), &feed.settings);
    feed.pay(0, 1_000, 1, "1.00");
    feed.pay(0, 1_000, 2, "1.00");
    feed.commit(&mut store);
    let total = |id| DocumentKey::Total(branch(id));
    let first = marks(&store);

    // Branch 1 changes while its document is on the way.
    feed.pay(0, 2_000, 1, "1.00");
    feed.commit(&mut store);
    let acks: Vec<_> = first.iter().map(|(key, mark)| (*key, *mark)).collect();
    store.acknowledge(&acks).unwrap();
    let left = marks(&store);
    assert!(left.contains_key(&total(1)));
    assert!(!left.contains_key(&total(2)));

    // In one batch with another change: the change is what counts.
    let acks = [(total(1), left[&total(1)])];
    feed.pay(0, 3_000, 1, "1.00");
    let checkpoint = store.commit(&feed.take(), &acks, 5).unwrap();
    let left = marks(&store);
    assert_eq!(left.get(&total(1)), Some(&Mark(checkpoint.sequence)));
    assert_eq!(checkpoint.dirty, left.len() as u64);
    assert_eq!(checkpoint.as_of, 5);
}

#[test]
fn marks_are_read_in_pages() {
    let dir = tempfile::tempdir().unwrap();
    let mut feed = Feed::new(Span::DAY);
    let (mut store, _) = open(dir.path(), &feed.settings);
    for i in 0..50 {
        feed.pay(0, i * MINUTE, (i % 4) as u32, "1.00");
    }
    feed.apply(0, None, b"garbage");
    feed.commit(&mut store);
    let paged: Vec<_> = store
        .readings()
        .query(|reading| {
            let mut all = Vec::new();
            while let page = reading.dirty(all.last().map(|(key, _)| *key), 7)?
                && !page.is_empty()
            {
                assert!(page.len() <= 7);
                all.extend(page);
            }
            Ok(all)
        })
        .unwrap();
    assert_eq!(paged, marks(&store).into_iter().collect::<Vec<_>>());
    assert!(paged.is_sorted());
}

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
fn a_killed_process_leaves_its_last_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let mut feed = Feed::new(Span::DAY);
    let (mut store, _) = open(dir.path(), &feed.settings);
    for i in 0..20 {
        feed.pay(0, i * 40_000, 1, "3.50");
        feed.commit(&mut store);
    }
    // What is on the disk while the store is open is what a kill leaves.
    let left = tempfile::tempdir().unwrap();
    copy(dir.path(), left.path());
    let (opened, recovered) = open(left.path(), &feed.settings);
    assert_eq!(recovered.sequence, 20);
    assert_eq!(opened.checkpoint(), store.checkpoint());
    feed.memory.assert_shown_by(&*opened.readings());
}

#[test]
fn a_torn_log_leaves_an_earlier_checkpoint_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut feed = Feed::new(Span::DAY);
    let (mut store, _) = open(dir.path(), &feed.settings);
    let mut memories = vec![];
    for i in 0..20 {
        feed.pay(0, i * 40_000, (i % 3) as u32, "3.50");
        feed.commit(&mut store);
        memories.push(feed.memory.clone());
    }
    let mut left = Vec::new();
    for torn in [1, 100, 1_000, 3_000] {
        let copied = tempfile::tempdir().unwrap();
        copy(dir.path(), copied.path());
        let log = files(copied.path(), "log").pop().unwrap();
        let file = fs::OpenOptions::new().write(true).open(log).unwrap();
        file.set_len(file.metadata().unwrap().len() - torn).unwrap();
        drop(file);

        let (opened, recovered) = open(copied.path(), &feed.settings);
        let sequence = usize::try_from(recovered.sequence).unwrap();
        memories[sequence - 1].assert_shown_by(&*opened.readings());
        left.push(sequence);
    }
    assert!(left[0] == 19 && left[3] < 19, "{left:?}");
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

#[test]
fn documents_of_a_lost_index_are_marked_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut feed = Feed::new(Span::DAY.times(35));
    let (mut store, _) = open(dir.path(), &feed.settings);
    for i in 0..200 {
        feed.pay(0, i * 45_000, (i % 3) as u32, "1.00");
    }
    feed.pay_recorded(0, 410 * DAY, 400 * DAY, 1, "1.00");
    feed.apply(0, None, b"garbage");
    feed.commit(&mut store);
    while store.mark_more().unwrap() {}
    let all: Vec<_> = shown_documents(&store)
        .into_keys()
        .filter(|key| has_document(&store, key, false))
        .collect();
    let stale: Vec<_> = marks(&store).into_iter().collect();
    store.acknowledge(&stale).unwrap();
    assert_eq!(marks(&store), Marks::new());

    let everything = |definition| Family::Windows {
        definition,
        from: EventTime::MIN,
        to: EventTime::MAX,
    };
    let (hour, two) = (feed::at(HOUR), feed::at(2 * HOUR));
    let some = Family::Windows {
        definition: 0,
        from: hour,
        to: two,
    };
    type Is = fn(&DocumentKey) -> bool;
    let cases: [(Family, Is); 7] = [
        (Family::Totals, |key| matches!(key, DocumentKey::Total(_))),
        (Family::Late, |key| matches!(key, DocumentKey::Late(_))),
        (Family::Rejects, |key| matches!(key, DocumentKey::Reject(_))),
        (everything(0), |key| {
            matches!(key, DocumentKey::Window { definition: 0, .. })
        }),
        (everything(1), |key| {
            matches!(key, DocumentKey::Window { definition: 1, .. })
        }),
        (everything(2), |key| {
            matches!(key, DocumentKey::Window { definition: 2, .. })
        }),
        (some, |key| {
            let hour = feed::at(HOUR)..feed::at(2 * HOUR);
            matches!(key, DocumentKey::Window { definition: 0, window, .. }
                if hour.contains(&window.start))
        }),
    ];
    for (family, is_meant) in cases {
        store.mark_again(family).unwrap();
        while store.mark_more().unwrap() {}
        let marked = marks(&store);
        assert!(!marked.is_empty(), "{family:?}");
        assert!(
            marked.keys().eq(all.iter().filter(|key| is_meant(key))),
            "{family:?}"
        );
        assert_eq!(store.checkpoint().dirty, marked.len() as u64);

        // What was on the way to the lost index does not count as delivered.
        store.acknowledge(&stale).unwrap();
        assert_eq!(marks(&store), marked);
        store
            .acknowledge(&marked.into_iter().collect::<Vec<_>>())
            .unwrap();
    }
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
        let mut places = vec![life.place(store.checkpoint().sequence)];
        for second in 0..commits {
            feed.pay(0, DAY + second * 1_000, 1, "1.00");
            feed.commit(&mut store);
            places.push(life.place(store.checkpoint().sequence));
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

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name != "LOCK" && !name.to_string_lossy().starts_with("LOG") {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

fn files(dir: &Path, extension: &str) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(dir).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    files.sort();
    files
}
