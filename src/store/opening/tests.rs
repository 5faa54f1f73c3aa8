//! What a run asks for is marked, what was pending stays so, and a state that is refused is left alone.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use rocksdb::WriteBatch;
use tidegauge_windows::{Key, Selection, Walk};

use super::identify;
use crate::domain::branch_key::BranchKey;
use crate::domain::branch_names::BranchNames;
use crate::domain::payment::BranchId;
use crate::domain::topic_id::TopicId;
use crate::domain::total::Total;
use crate::store::database::Database;
use crate::store::identity::StoredIdentity;
use crate::store::journal::tests::{beginning, identity};
use crate::store::snapshot::StateSnapshot;
use crate::store::task::Task;
use crate::store::values::StoredValue;
use crate::store::{Error, Identity, MarkedDocuments, ReadOnlyStore, Recovered, Store, keys};

const NOTHING: MarkedDocuments = MarkedDocuments::None;
const PAID: MarkedDocuments = MarkedDocuments::WithPayments;
const ZEROS_TOO: MarkedDocuments = MarkedDocuments::ZeroWindowsToo;

fn branch(id: u32) -> BranchId {
    BranchId::new(id).unwrap()
}

/// A run that delivers `documents`, with these names of branches.
fn run(documents: MarkedDocuments, names: &[(u32, &str)]) -> Identity {
    let names = names.iter();
    let names = names.map(|(id, name)| (BranchKey::Integer(branch(*id)), (*name).to_owned()));
    Identity {
        names: Arc::new(BranchNames::new(names.collect())),
        documents,
        ..identity()
    }
}

/// What is still to be marked once the state in `dir` is opened for `run`.
fn opened(dir: &Path, run: &Identity) -> (Vec<Task>, Recovered) {
    let (store, recovered) = Store::open(dir, run).unwrap();
    let snapshot = StateSnapshot::take(&store.database, &[]);
    let tasks: Vec<(u64, Task)> = snapshot.tasks().unwrap();
    let tasks: Vec<Task> = tasks.into_iter().map(|(_, task)| task).collect();
    assert_eq!(store.is_marking(), !tasks.is_empty());
    (tasks, recovered)
}

fn put(store: &Store, key: keys::KeyBytes, value: &[u8]) {
    let mut batch = WriteBatch::default();
    batch.put(key, value);
    store.database.write(batch).unwrap();
}

fn pay(dir: &Path, run: &Identity, id: u32) {
    let (store, _) = Store::open(dir, run).unwrap();
    let total = Total {
        count: 1,
        ..Total::ZERO
    };
    put(&store, keys::total(branch(id)), &total.encode());
}

/// The tasks that mark all of `documents`.
fn all(documents: MarkedDocuments) -> Vec<Task> {
    let everywhere = Walk::new(Selection::ALL);
    let all = [
        Task::Totals(BranchId::FIRST),
        Task::NoWindow(None),
        Task::Rejects(None),
        Task::Windows(everywhere),
        Task::ZeroWindows(everywhere),
    ];
    let count = match documents {
        MarkedDocuments::None => 0,
        MarkedDocuments::WithPayments => 4,
        MarkedDocuments::ZeroWindowsToo => 5,
    };
    all[..count].to_vec()
}

#[test]
fn documents_that_are_asked_for_are_marked_and_pending_ones_are_not_forgotten() {
    let zeros = vec![Task::ZeroWindows(Walk::new(Selection::ALL))];
    let cases: [(&[MarkedDocuments], Vec<Task>); 7] = [
        (&[PAID, PAID], vec![]),
        (&[PAID, ZEROS_TOO], zeros),
        (&[ZEROS_TOO, PAID], vec![]),
        (&[NOTHING, PAID, PAID], all(PAID)),
        (&[NOTHING, PAID, ZEROS_TOO], all(ZEROS_TOO)),
        (&[NOTHING, ZEROS_TOO, PAID], all(PAID)),
        (&[NOTHING, PAID, NOTHING], vec![]),
    ];
    for (runs, left) in cases {
        let dir = tempfile::tempdir().unwrap();
        let mut last = None;
        for documents in runs {
            last = Some(opened(dir.path(), &run(*documents, &[])));
        }
        let (tasks, recovered) = last.unwrap();
        assert_eq!(tasks, left, "{runs:?}");
        // A batch that changes what is marked has a number of its own.
        let changes = runs.windows(2).filter(|two| two[0] != two[1]).count();
        assert_eq!(recovered.sequence, changes as u64, "{runs:?}");
    }
}

#[test]
fn documents_are_delivered_again_if_a_branch_that_has_some_is_renamed() {
    type Names = &'static [(u32, &'static str)];
    let (quay, pier): (Names, Names) = (&[(8, "Quay")], &[(8, "Pier")]);
    let cases: [(MarkedDocuments, Names, Names, bool, bool); 8] = [
        (PAID, quay, pier, true, true),
        (PAID, quay, quay, true, false),
        // It has no document.
        (PAID, quay, pier, false, false),
        // It has documents of windows without payments.
        (ZEROS_TOO, quay, pier, false, true),
        // It has none yet, and they are news; or they are deleted.
        (ZEROS_TOO, &[], pier, false, false),
        (ZEROS_TOO, quay, &[], false, false),
        (ZEROS_TOO, quay, &[], true, true),
        (NOTHING, quay, pier, true, false),
    ];
    for (documents, before, now, has_paid, is_marked) in cases {
        let dir = tempfile::tempdir().unwrap();
        let (before, now) = (run(documents, before), run(documents, now));
        drop(Store::open(dir.path(), &before).unwrap());
        if has_paid {
            pay(dir.path(), &before, 8);
        }
        let (tasks, _) = opened(dir.path(), &now);
        let marked = if is_marked { all(documents) } else { vec![] };
        assert_eq!(tasks, marked, "{before:?} {now:?} {has_paid}");
    }
}

#[test]
fn a_name_is_known_from_the_run_that_first_had_it() {
    let dir = tempfile::tempdir().unwrap();
    let (unnamed, named) = (run(PAID, &[]), run(PAID, &[(8, "Quay")]));
    drop(Store::open(dir.path(), &unnamed).unwrap());
    // Documents of this payment have the name.
    pay(dir.path(), &named, 8);
    assert_eq!(opened(dir.path(), &unnamed).0, all(PAID));
}

#[test]
fn an_older_state_is_brought_up_and_keeps_what_it_knows_of_marks() {
    // Version 1 marked all changes and did not say so.
    for (version, was_delivered) in [(1, true), (2, false), (3, false), (4, false)] {
        let dir = tempfile::tempdir().unwrap();
        let without_sink = run(NOTHING, &[]);
        let (store, _) = Store::open(dir.path(), &without_sink).unwrap();
        let older = StoredIdentity {
            version,
            ..StoredIdentity::of(&without_sink)
        };
        put(&store, keys::identity(), &older.encode());
        drop(store);

        let (tasks, recovered) = opened(dir.path(), &run(PAID, &[]));
        assert_eq!(recovered.was_delivered, was_delivered, "{version}");
        assert_eq!(tasks.is_empty(), was_delivered, "{version}");
        let read = ReadOnlyStore::open(dir.path()).unwrap().unwrap();
        assert_eq!(read.version(), 4);
    }
}

#[test]
fn a_state_into_which_nothing_was_read_becomes_one_of_another_topic() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path(), &identity()).unwrap();
    store.bind(TopicId::new(7).unwrap()).unwrap();
    let halted = BTreeMap::from([(2, "a gap".to_owned())]);
    store.halt(&halted).unwrap();
    drop(store);

    let other = Identity {
        topic: "refunds".into(),
        rules: "w = 1".into(),
        ..identity()
    };
    let (mut store, recovered) = Store::open(dir.path(), &other).unwrap();
    assert_eq!(recovered.topic, None);
    assert_eq!(recovered.halted, BTreeMap::new());
    let read = ReadOnlyStore::open(dir.path()).unwrap().unwrap();
    assert_eq!((read.topic(), read.rules()), ("refunds", "w = 1"));

    // Once it has a position, it stays what it is.
    store.commit(&beginning(), &[], 0).unwrap();
    drop(store);
    let refused = Store::open(dir.path(), &identity()).unwrap_err();
    assert!(matches!(refused, Error::Topic { .. }), "{refused}");
}

#[test]
fn a_state_of_something_else_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), &identity()).unwrap();
    store.commit(&beginning(), &[], 0).unwrap();
    drop(store);
    // RocksDB begins another list of tables in each directory that it opens.
    let list = || fs::read_to_string(dir.path().join("CURRENT")).unwrap();
    let before = list();
    let others = [
        Identity {
            topic: "refunds".into(),
            ..identity()
        },
        Identity {
            rules: "w = 1".into(),
            ..identity()
        },
        Identity {
            generation: 2,
            ..identity()
        },
    ];
    for other in &others {
        Store::open(dir.path(), other).unwrap_err();
        assert_eq!(list(), before, "{other:?}");
    }
    // It is also looked at under the lock, as another process may have begun it meanwhile.
    let database = Database::open(dir.path(), false).unwrap();
    for other in &others {
        identify(&database, other).unwrap_err();
    }
}
