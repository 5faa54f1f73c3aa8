//! A checkpoint is whole for every reader, after a restart, a kill and a torn log as well.

use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, thread};

use ethnum::I256;
use proptest::collection::vec;
use proptest::prelude::*;
use tidegauge::core::feedback::Mark;
use tidegauge::store::MarkedDocuments;
use tidegauge_windows::Span;

use super::feed::{Feed, HOUR, MINUTE, open, open_for};
use super::{copy, files, has_document, marks, shown_documents};

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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_store_shows_what_was_committed_and_marks_what_differs(
        steps in steps(),
        zeros in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut feed = Feed::new(Span::DAY.times(35));
        let documents = if zeros { MarkedDocuments::ZeroWindowsToo } else { MarkedDocuments::WithPayments };
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
                Step::Quiet => feed.close_quiet(now + HOUR),
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
                        assert_eq!(sum(reading.all_totals()?), checkpoint.ledger.in_totals());
                        assert_eq!(sum(reading.all_totals()?), checkpoint.ledger.in_totals());
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
fn a_log_that_is_lost_whole_leaves_where_reading_began() {
    let dir = tempfile::tempdir().unwrap();
    let mut feed = Feed::new(Span::DAY);
    let (mut store, _) = open(dir.path(), &feed.settings);
    feed.pay(0, 0, 1, "3.50");
    feed.commit(&mut store);
    let first = feed.memory.clone();
    for i in 1..5 {
        feed.pay(0, i * 40_000, 1, "3.50");
        feed.commit(&mut store);
    }
    // With no position left, kafka.start would decide where to read, and payments would be left out.
    let losses: [fn(&std::path::Path); 3] = [
        |log| fs::write(log, []).unwrap(),
        |log| fs::write(log, [0; 100]).unwrap(),
        |log| fs::remove_file(log).unwrap(),
    ];
    for loss in losses {
        let copied = tempfile::tempdir().unwrap();
        copy(dir.path(), copied.path());
        files(copied.path(), "log").iter().for_each(|log| loss(log));
        let (opened, recovered) = open(copied.path(), &feed.settings);
        assert_eq!(recovered.progress[&0].position, 1);
        first.assert_shown_by(&*opened.readings());
    }
}

#[test]
fn a_state_is_open_with_hints_for_the_places_of_keys() {
    let dir = tempfile::tempdir().unwrap();
    let feed = Feed::new(Span::DAY.times(35));
    let (store, _) = open(dir.path(), &feed.settings);
    // RocksDB writes down what it was opened with.
    let entries = fs::read_dir(dir.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().path());
    let options = names.filter(|path| path.to_string_lossy().contains("OPTIONS-"));
    let options: String = options
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let mut lines = options.lines().map(str::trim);
    let hint = lines.find(|line| line.starts_with("memtable_insert_with_hint_prefix_extractor="));
    assert!(hint.unwrap().contains("rocksdb.FixedPrefix"), "{hint:?}");
    drop(store);
}
