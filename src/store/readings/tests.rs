//! Readings name the log that they are of, and say what awaits delivery.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::core::effect::{Effects, Progress};
use crate::store::journal::tests::rejects;
use crate::store::{Identity, Store, journal};

fn identity() -> Identity {
    Identity {
        rules: "zone = UTC\n".into(),
        ..journal::tests::identity()
    }
}

/// Partitions were read from these offsets on.
fn effects(firsts: &[(i32, Option<i64>)]) -> Effects {
    let progress = |first| Progress {
        position: 9,
        first,
        fingerprint: None,
    };
    let firsts = firsts.iter();
    Effects {
        progress: firsts.map(|(at, first)| (*at, progress(*first))).collect(),
        ..rejects(0..0)
    }
}

#[test]
fn figures_name_the_log_and_the_rules_that_they_come_from() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), &identity()).unwrap();
    let provenance = |store: &Store| {
        let readings = store.readings();
        readings.query(|reading| reading.provenance()).unwrap()
    };
    assert_eq!(provenance(&store), None);

    let topic_id = "ASNFZ4mrze_-3LqYdlQyEA";
    store.bind(topic_id.parse().unwrap()).unwrap();
    let read = effects(&[(0, Some(0)), (2, Some(7))]);
    store.commit(&read, &[], 0).unwrap();
    let expected = Provenance {
        former_rules: Vec::new(),
        topic: "t".into(),
        topic_id: Some(topic_id.into()),
        partitions: 3,
        first_offsets: Some([(2, 7)].into()),
        rules: "zone = UTC\n".into(),
    };
    assert_eq!(provenance(&store), Some(expected.clone()));

    // As in a state of a version that did not keep where reading began.
    store.commit(&effects(&[(1, None)]), &[], 0).unwrap();
    let unknown = Provenance {
        first_offsets: None,
        ..expected
    };
    assert_eq!(provenance(&store), Some(unknown));
}

#[test]
fn a_reading_says_since_when_a_document_waits_and_whether_more_will_be_marked() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path(), &identity()).unwrap();
    let branch = BranchId::new(7).unwrap();
    let total = Total {
        count: 1,
        ..Total::ZERO
    };
    let mut paid = effects(&[(0, Some(0))]);
    paid.totals.insert(branch, total);
    store.commit(&paid, &[], 0).unwrap();
    let waits = |store: &Store| {
        let readings = store.readings();
        let waits = readings.query(|reading| {
            let mark = reading.mark(&DocumentKey::Total(branch))?;
            Ok((mark, reading.checkpoint().is_marking))
        });
        waits.unwrap()
    };
    assert_eq!(waits(&store), (Some(Mark(1)), false));
    store.mark_again(Family::Totals).unwrap();
    assert_eq!(waits(&store), (Some(Mark(1)), true));
    assert!(!store.mark_more().unwrap());
    assert_eq!(waits(&store), (Some(Mark(3)), false));
}
