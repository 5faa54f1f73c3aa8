//! What awaits delivery: marks are read in pages, cleared by acknowledgements and set again.

use tidegauge::core::feedback::Family;
use tidegauge::core::feedback::Mark;
use tidegauge::domain::document_key::DocumentKey;
use tidegauge_windows::{EventTime, Span};

use super::feed::{DAY, Feed, HOUR, MINUTE, branch, open};
use super::has_document;
use super::shown_documents;
use super::{Marks, feed, marks};

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
        (Family::NoWindow, |key| {
            matches!(key, DocumentKey::NoWindow(_))
        }),
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
