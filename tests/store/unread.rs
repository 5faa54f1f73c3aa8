//! Marks that no delivery has read stay as they are; after a reading, each change gets a newer one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use tidegauge::domain::document_key::DocumentKey;
use tidegauge::store::Store;
use tidegauge::view::reading::Reading;
use tidegauge_windows::Span;

use super::feed::{Feed, open, shown};
use super::{Marks, marks, shown_documents};

#[test]
fn a_document_gets_a_newer_mark_when_it_changes_after_a_delivery_has_read_its_mark() {
    let dir = tempfile::tempdir().unwrap();
    let mut feed = Feed::new(Span::DAY);
    let (mut store, _) = open(dir.path(), &feed.settings);
    let marked = |store: &Store| -> Marks {
        let dirty = |reading: &dyn Reading| reading.dirty(None, usize::MAX);
        store.readings().query(dirty).unwrap().into_iter().collect()
    };
    // No delivery has read the marks: they stay as they are, and nothing new is written.
    feed.pay(0, 1_000, 1, "1.00");
    feed.commit(&mut store);
    let before = marked(&store);
    feed.pay(0, 2_000, 1, "1.00");
    feed.commit(&mut store);
    assert_eq!(marked(&store), before);
    // A delivery has: every document of the next change gets another.
    let read = marks(&store);
    assert_eq!(read, before);
    feed.pay(0, 3_000, 1, "1.00");
    feed.commit(&mut store);
    let after = marked(&store);
    assert!(after.keys().eq(before.keys()));
    assert!(
        after
            .iter()
            .all(|(document, mark)| *mark > before[document])
    );
}

#[test]
fn what_is_delivered_beside_the_writer_ends_as_the_last_change_left_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut feed = Feed::new(Span::DAY);
    let (mut store, _) = open(dir.path(), &feed.settings);
    let readings = store.readings();
    let (acknowledge, acknowledged) = mpsc::channel();
    let done = AtomicBool::new(false);
    let mut delivered: BTreeMap<DocumentKey, String> = BTreeMap::new();
    thread::scope(|scope| {
        let delivery = scope.spawn(|| {
            let mut delivered = BTreeMap::new();
            loop {
                let was_done = done.load(Ordering::Acquire);
                let mut acks = Vec::new();
                readings
                    .deliver(|reading| {
                        for (key, mark) in reading.dirty(None, usize::MAX)? {
                            delivered.insert(key, shown(reading, key).unwrap());
                            acks.push((key, mark));
                        }
                        Ok(())
                    })
                    .unwrap();
                acknowledge.send(acks).unwrap();
                if was_done {
                    return delivered;
                }
            }
        });
        for i in 0..1_000 {
            feed.pay(0, i * 7_000, (i % 5) as u32, "12.34");
            feed.commit(&mut store);
            for acks in acknowledged.try_iter() {
                store.acknowledge(&acks).unwrap();
            }
        }
        done.store(true, Ordering::Release);
        delivered = delivery.join().unwrap();
    });
    for acks in acknowledged.try_iter() {
        store.acknowledge(&acks).unwrap();
    }
    assert_eq!(marks(&store), Marks::new());
    assert_eq!(delivered, shown_documents(&store));
}
