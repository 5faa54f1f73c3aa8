//! A task comes back as it was, marks all that it names, and holds retention meanwhile.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;

use rocksdb::WriteBatch;
use tidegauge_windows::{Settings, Snapshot, Span};

use super::*;
use crate::core::effect::NoWindowReason;
use crate::domain::amount::Amount;
use crate::domain::total::Total;
use crate::store::database::Database;
use crate::store::journal::tests::{identity, rejects};
use crate::store::keys;

/// Windows of an hour, and of three.
pub(in crate::store) fn frame() -> Frame {
    let hours = |hours| Span::HOUR.times(hours);
    let utc = chrono_tz::UTC;
    let definitions = vec![
        Definition::tumbling("1h", hours(1), Span::ZERO, utc).unwrap(),
        Definition::sliding("3h", hours(3), hours(1), Span::ZERO, utc).unwrap(),
    ];
    let settings = Settings {
        definitions,
        ..(*identity().settings).clone()
    };
    Frame::new(Arc::new(settings), Snapshot::default())
}

#[test]
fn a_stored_task_is_the_same_after_a_restart() {
    let time = EventTime::from_millis;
    let branch = |id| BranchId::new(id).unwrap();
    let walk = Walk {
        selection: Selection {
            definition: Some(3),
            from: time(1),
            to: time(2),
            after: time(-3),
            until: time(4),
        },
        key: Some(branch(5)),
        at: Some((6, time(7), branch(8))),
    };
    let walked: [u8; 12] = [1, 3, 2, 4, 5, 8, 1, 5, 1, 6, 14, 8];
    let of_walk = |kind: u8| [&[1, kind][..], &walked].concat();
    for (task, bytes) in [
        (Task::Windows(walk), of_walk(1)),
        (Task::ZeroWindows(walk), of_walk(2)),
        (Task::Totals(branch(9)), vec![1, 3, 9]),
        (Task::NoWindow(Some(300)), vec![1, 4, 1, 0xac, 2]),
        (Task::Rejects(None), vec![1, 5, 0]),
    ] {
        assert_eq!(task.encode(), bytes);
        assert_eq!(Task::decode(&bytes), Ok(task));
    }
    // Another kind, and another format.
    for bytes in [[1, 6, 0], [2, 5, 0]] {
        assert_eq!(Task::decode(&bytes), Err(Malformed));
    }
}

#[test]
fn what_is_longer_than_a_step_is_marked_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let database = Database::open(dir.path(), true).unwrap();
    let many = STEP + 3;
    let listed = rejects(0..i64::try_from(many).unwrap()).rejects;
    let mut batch = WriteBatch::default();
    for (number, reject) in (0_u32..).zip(listed) {
        let branch = BranchId::new(number).unwrap();
        let payment = PaymentInNoWindow {
            origin: reject.origin,
            timestamp: None,
            reason: NoWindowReason::Future,
            event_time: EventTime::MIN,
            watermark: None,
            branch,
            amount: Amount::from_units(1),
            read: String::new(),
        };
        let total = Total {
            count: 1,
            ..Total::ZERO
        };
        let number = u64::from(number);
        batch.put(keys::total(branch), total.encode());
        batch.put(RecordList::NoWindow.entry(number), payment.encode());
        batch.put(RecordList::Rejects.entry(number), reject.encode());
    }
    database.write(batch).unwrap();
    let (snapshot, frame) = (StateSnapshot::take(&database, &[]), frame());
    for task in [
        Task::Totals(BranchId::FIRST),
        Task::NoWindow(None),
        Task::Rejects(None),
    ] {
        let (mut marked, mut left) = (Vec::new(), Some(task));
        while let Some(task) = left {
            let (documents, rest) = task.step(&snapshot, &frame).unwrap();
            assert!(documents.len() <= STEP);
            marked.extend(documents);
            left = rest;
        }
        assert_eq!(marked.len(), many, "{task:?}");
        let different: BTreeSet<DocumentKey> = marked.into_iter().collect();
        assert_eq!(different.len(), many, "{task:?}");
    }
}

#[test]
fn retention_waits_for_the_longest_window_that_a_task_may_mark() {
    let hour = |hours: i64| EventTime::from_millis(hours * 3_600_000);
    let walk = |from, after| {
        Walk::new(Selection {
            from,
            after,
            ..Selection::ALL
        })
    };
    for (task, first) in [
        // Windows that end after ten begin after seven.
        (Task::Windows(walk(hour(0), hour(10))), Some(hour(7))),
        (Task::ZeroWindows(walk(hour(1), hour(10))), Some(hour(7))),
        (Task::Windows(walk(hour(9), hour(10))), Some(hour(9))),
        (Task::Totals(BranchId::FIRST), None),
        (Task::NoWindow(None), None),
        (Task::Rejects(None), None),
    ] {
        assert_eq!(task.first_start(&frame()), first, "{task:?}");
    }
}

#[test]
fn only_tumbling_windows_have_documents_without_payments() {
    let (day, hour, none) = (Span::DAY, Span::HOUR, Span::ZERO);
    let utc = chrono_tz::UTC;
    for (definition, has) in [
        (Definition::tumbling("t", hour, none, utc), true),
        (Definition::sliding("s", day, hour, none, utc), false),
        (Definition::cumulative("c", day, hour, none, utc), false),
    ] {
        assert_eq!(has_zero_documents(&definition.unwrap()), has);
    }
}
