//! A state as it was written by storage version 1: every later release must read it or refuse it.

use std::path::{Path, PathBuf};
use std::{env, fs};

use ethnum::I256;
use tidegauge::core::effect::{Fingerprint, NoWindowReason};
use tidegauge::core::feedback::Family;
use tidegauge::core::feedback::Mark;
use tidegauge::domain::document_key::{DocumentKey, Origin};
use tidegauge::domain::ledger::Entry;
use tidegauge_windows::{ClosedBy, EventTime, Span, Window};

use super::feed::{DAY, Feed, HOUR, MINUTE, at, branch, open};
use super::{copy, files, marks};

const UNIT: i128 = 1_000_000_000_000_000_000;

pub(super) fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-v1")
}

fn money(cents: i128) -> I256 {
    I256::from(cents * UNIT / 100)
}

#[test]
fn a_state_of_version_1_opens_with_all_its_figures() {
    let dir = tempfile::tempdir().unwrap();
    copy(&fixture(), dir.path());
    let feed = Feed::new(Span::DAY.times(35));
    let (mut store, recovered) = open(dir.path(), &feed.settings);

    assert_eq!(recovered.sequence, 3);
    assert_eq!(
        recovered.snapshot.watermark,
        Some(at(DAY + 15 * MINUTE - 5_000))
    );
    assert_eq!(recovered.snapshot.partitions.len(), 2);
    let known = [
        (branch(1), at(DAY)),
        (branch(2), at(DAY + 30_000)),
        (branch(0), EventTime::MIN),
    ];
    assert_eq!(recovered.known, known);
    let progress = recovered.progress[&1];
    assert_eq!(progress.position, 3);
    assert_eq!(
        progress.fingerprint,
        Some(Fingerprint {
            offset: 2,
            timestamp: DAY + 20 * MINUTE,
            hash: 13_151_059_875_990_583_953,
        })
    );
    let ledger = &recovered.ledger;
    assert!(ledger.balanced());
    assert_eq!(ledger.consumed, 7);
    assert_eq!(ledger.entry(Entry::OnTime).amount, money(3_085));
    assert_eq!(ledger.entry(Entry::Late).count, 1);
    assert_eq!(ledger.entry(Entry::Future).amount, money(700));
    assert_eq!(recovered.notices.rejects.iter().sum::<u64>(), 1);
    assert_eq!(recovered.notices.unnamed_branches, 6);

    store
        .readings()
        .query(|reading| {
            let total = reading.total(branch(1))?.unwrap();
            assert_eq!((total.count, total.amount), (5, money(3_835)));
            assert_eq!(total.last_event_time(), Some(at(DAY + 3 * HOUR)));

            let minute = Window::new(at(DAY), at(DAY + MINUTE));
            let window = reading
                .frame()
                .window(reading, 0, minute, branch(1))?
                .unwrap();
            assert_eq!(window.aggregate.count, 2);
            assert_eq!(window.aggregate.sum, money(1_100));
            assert_eq!(window.aggregate.late_count, 1);
            assert_eq!(window.aggregate.min(), Some(UNIT));
            assert_eq!(window.aggregate.max(), Some(10 * UNIT));
            // The middle of the bin of 10, two significant digits.
            assert_eq!(
                window.aggregate.quantile(1.0),
                Some(9_979_976_774_253_019_136)
            );
            assert_eq!(
                (window.closed_by, window.revision),
                (Some(ClosedBy::Watermark), 1)
            );
            // From blocks of a coarser level.
            let hours = Window::new(at(DAY), at(DAY + 2 * HOUR));
            let window = reading
                .frame()
                .window(reading, 2, hours, branch(1))?
                .unwrap();
            assert_eq!(window.aggregate.sum, money(3_135));

            let late = reading
                .payment_in_no_window(Origin {
                    partition: 0,
                    offset: 3,
                })?
                .unwrap();
            assert_eq!(
                (late.reason, late.branch),
                (NoWindowReason::Future, branch(1))
            );
            assert_eq!(late.amount.units(), 7 * UNIT);
            let rejects = reading.rejected_records(None, 10)?;
            assert_eq!(rejects.len(), 1);
            assert_eq!(rejects[0].1.read, "not a payment");
            assert_eq!(rejects[0].1.timestamp, None);

            let checkpoint = reading.checkpoint();
            assert_eq!(
                (checkpoint.generation, checkpoint.as_of),
                (3, 1_700_000_000_000)
            );
            Ok(())
        })
        .unwrap();

    // Branch 2's total was delivered, and nothing of it has changed since.
    let marks = marks(&store);
    assert!(!marks.contains_key(&DocumentKey::Total(branch(2))));
    assert_eq!(marks[&DocumentKey::Total(branch(1))], Mark(2));
    assert_eq!(store.checkpoint().dirty, marks.len() as u64);

    // And it continues from there.
    let mut feed = feed;
    feed.restart(recovered);
    feed.pay(1, DAY + 21 * MINUTE, 2, "1.00");
    feed.commit(&mut store);
    assert_eq!(store.checkpoint().ledger.consumed, 8);
    store.mark_again(Family::Totals).unwrap();
    while store.mark_more().unwrap() {}
}

#[test]
#[ignore = "writes the fixture again: only for a new storage version, into a new directory"]
fn writes_the_fixture() {
    let dir = tempfile::tempdir().unwrap();
    let mut feed = Feed::new(Span::DAY.times(35));
    let (mut store, _) = open(dir.path(), &feed.settings);
    feed.pay(0, DAY, 1, "10.00");
    feed.pay(0, DAY + 15 * MINUTE, 1, "20.00");
    feed.pay(1, DAY + 30_000, 2, "0.50");
    feed.commit(&mut store);
    drop(store);
    // Opened again, what was in the log goes into a table; the rest stays in the log.
    let (mut store, _) = open(dir.path(), &feed.settings);
    feed.apply(1, None, b"not a payment");
    feed.pay(1, DAY + 20 * MINUTE, 1, "0.35");
    feed.pay(0, DAY + 10, 1, "1.00");
    feed.pay_recorded(0, DAY + 3 * HOUR, DAY + 16 * MINUTE, 1, "7.00");
    feed.commit(&mut store);
    let delivered = DocumentKey::Total(branch(2));
    store.acknowledge(&[(delivered, Mark(1))]).unwrap();
    drop(store);

    let _ = fs::remove_dir_all(fixture());
    fs::create_dir_all(fixture()).unwrap();
    copy(dir.path(), &fixture());
    // The options tell where they were used.
    for entry in fs::read_dir(fixture()).unwrap() {
        let path = entry.unwrap().path();
        if path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("OPTIONS-")
        {
            fs::remove_file(path).unwrap();
        }
    }
    assert!(!files(&fixture(), "sst").is_empty());
}
