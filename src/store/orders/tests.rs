#![allow(clippy::unwrap_used)]

use std::path::Path;

use rocksdb::WriteBatch;
use tidegauge_windows::EventTime;

use super::*;
use crate::core::seen_orders::OrderChanges;
use crate::domain::amount::Amount;
use crate::domain::payment::{BranchId, OrderId};
use crate::store::journal::tests::{beginning, identity};
use crate::store::{Error, Identity, ReadOnlyStore};

pub(in crate::store) fn comparing() -> Identity {
    Identity {
        rules: "dedup.by = order_id\n".into(),
        ..identity()
    }
}

fn segment(partition: i32, number: u64, ids: std::ops::Range<i128>) -> OrderSegment {
    let (branch, amount) = (BranchId::new(1).unwrap(), Amount::from_units(3));
    let time = EventTime::from_millis(5);
    let order = |id| SeenOrder::new(OrderId::Number(id), 1, time, branch, amount);
    OrderSegment {
        partition,
        number,
        first: u64::try_from(ids.start).unwrap(),
        began: None,
        orders: Arc::new(ids.map(order).collect()),
    }
}

fn changes(segments: Vec<OrderSegment>, forgotten: Vec<(i32, std::ops::Range<u64>)>) -> Effects {
    Effects {
        orders: OrderChanges {
            segments,
            forgotten,
        },
        ..beginning()
    }
}

fn all(store: &Store) -> Vec<OrderSegment> {
    let mut all = Vec::new();
    let mut visit = |segment| {
        all.push(segment);
        Ok(())
    };
    store.kept_orders().each(&mut visit).unwrap();
    all
}

fn version(dir: &Path) -> u64 {
    ReadOnlyStore::open(dir).unwrap().unwrap().version()
}

#[test]
fn segments_grow_and_are_forgotten_and_come_back_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), &comparing()).unwrap();
    let first = vec![
        segment(0, 0, 0..20),
        segment(0, 1, 20..22),
        segment(-1, 7, 5..6),
    ];
    store.commit(&changes(first, vec![]), &[], 0).unwrap();
    let grown = vec![segment(0, 1, 20..40), segment(0, 2, 40..41)];
    let forgotten = vec![(0, 0..1), (3, 0..9)];
    store.commit(&changes(grown, forgotten), &[], 0).unwrap();
    let expected = [
        segment(0, 1, 20..40),
        segment(0, 2, 40..41),
        segment(-1, 7, 5..6),
    ];
    assert_eq!(all(&store), expected);
    drop(store);
    let (store, _) = Store::open(dir.path(), &comparing()).unwrap();
    assert_eq!(all(&store), expected);
    let kept = store.kept_orders();
    let found = kept
        .get(0, 1, 3)
        .map(|(number, order)| (number, order.id()));
    assert_eq!(found, Ok((23, OrderId::Number(23))));
    let missing = kept.get(0, 0, 1);
    assert_eq!(missing, Err(KeptOrdersError::missing(0, 0)));
    assert!(kept.get(0, 2, 1).is_err());
    let still = ReadOnlyStore::open(dir.path()).unwrap().unwrap();
    assert_eq!(still.stats().unwrap().keys.get("orders"), Some(&3));
}

#[test]
fn a_program_from_before_order_ids_refuses_a_state_that_remembers_them_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path(), &comparing()).unwrap());
    assert_eq!(version(dir.path()), 6);
    // Also once a branch is a text.
    let (mut store, _) = Store::open(dir.path(), &comparing()).unwrap();
    store.branches().texts().intern("DE").unwrap();
    store.commit(&beginning(), &[], 0).unwrap();
    assert_eq!(version(dir.path()), 6);
    drop(store);
    let refused = Store::open(dir.path(), &identity()).unwrap_err();
    assert!(matches!(refused, Error::Rules { .. }), "{refused}");

    let plain = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(plain.path(), &identity()).unwrap();
    store.commit(&beginning(), &[], 0).unwrap();
    let head = store.database.get(&keys::head()).unwrap().unwrap();
    assert_eq!(head[0], 4);
    drop(head);
    assert_eq!(version(plain.path()), 4);
}

#[test]
fn a_damaged_segment_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), &comparing()).unwrap();
    let segments = vec![segment(0, 0, 0..20)];
    store.commit(&changes(segments, vec![]), &[], 0).unwrap();
    // What was just written is in memory.
    drop(store);
    let (store, _) = Store::open(dir.path(), &comparing()).unwrap();
    let mut batch = WriteBatch::default();
    batch.put(keys::orders(0, 0), [1, 0]);
    store.database.write(batch).unwrap();
    let kept = store.kept_orders();
    let found = kept.get(0, 0, 1);
    let scanned = kept.each(&mut |_| Ok(()));
    for error in [found.unwrap_err(), scanned.unwrap_err()] {
        let named = "13000000000000000080000000";
        assert!(error.to_string().contains(named), "{error}");
    }
}
