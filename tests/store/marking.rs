//! Which documents await delivery: marked in bounded steps, and only if a sink delivers them.

use std::collections::BTreeSet;
use std::sync::Arc;

use tidegauge::core::feedback::{Blocked, Family};
use tidegauge::domain::branch_key::BranchKey;
use tidegauge::domain::branch_names::BranchNames;
use tidegauge::domain::document_key::DocumentKey;
use tidegauge::domain::payment::BranchId;
use tidegauge::store::{Identity, MarkedDocuments, Store};
use tidegauge_windows::{EventTime, Span};

use super::feed::{DAY, Feed, HOUR, MINUTE, at, branch, identity, open, open_for};
use super::{copy, has_document, marks, shown_documents};

/// A step marks no more than this: one that is full, and all windows of one more cell.
const STEP_MAX: u64 = 4_096 + 48;

fn acknowledge_all(store: &mut Store) {
    while store.mark_more().unwrap() {}
    let acks: Vec<_> = marks(store).into_iter().collect();
    store.acknowledge(&acks).unwrap();
    assert_eq!(store.checkpoint().dirty, 0);
}

fn with_payments(store: &Store) -> BTreeSet<DocumentKey> {
    shown_documents(store)
        .into_keys()
        .filter(|key| has_document(store, key, false))
        .collect()
}

/// Ten branches that pay once a day for 300 days in partition 0, while partition 1 is empty and holds
/// the watermark back. All of it is delivered.
fn a_year_held_back(store: &mut Store, feed: &mut Feed) {
    feed.set_idle(1, false);
    for day in 0..300 {
        for id in 0..10 {
            feed.pay(0, day * DAY + i64::from(id) * 37 * MINUTE, id, "1.00");
        }
        feed.commit(store);
    }
    acknowledge_all(store);
}

#[test]
fn a_jump_over_a_year_marks_a_bounded_number_of_documents_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut feed = Feed::new(Span::DAY.times(400));
    let (mut store, _) = open(dir.path(), &feed.settings);
    a_year_held_back(&mut store, &mut feed);

    feed.set_idle(1, true);
    feed.commit(&mut store);
    // Figures are right at once, and marks follow. All windows are looked at once: there are millions.
    let (finals, paid) = store
        .readings()
        .query(|reading| {
            let (mut finals, mut paid) = (0, BTreeSet::new());
            for window in super::feed::windows(reading).into_iter().flatten() {
                if window.is_final() {
                    finals += 1;
                    if window.aggregate.count > 0 {
                        paid.insert(DocumentKey::Window {
                            definition: window.definition,
                            window: window.window,
                            branch: window.key,
                        });
                    }
                }
            }
            Ok((finals, paid))
        })
        .unwrap();
    assert!(finals > 1_000_000);
    let mut before = store.checkpoint().dirty;
    assert!(before < STEP_MAX);
    let mut steps = 0;
    while store.mark_more().unwrap() {
        let dirty = store.checkpoint().dirty;
        assert!(dirty - before < STEP_MAX, "{}", dirty - before);
        assert!(store.checkpoint().is_marking);
        before = dirty;
        steps += 1;
    }
    assert!(steps > 10);
    assert!(!store.checkpoint().is_marking);
    assert!(marks(&store).into_keys().eq(paid));
}

#[test]
fn marking_resumes_where_a_kill_ended_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut feed = Feed::new(Span::DAY.times(400));
    let (mut store, _) = open(dir.path(), &feed.settings);
    a_year_held_back(&mut store, &mut feed);
    feed.set_idle(1, true);
    feed.commit(&mut store);
    for _ in 0..3 {
        assert!(store.mark_more().unwrap());
    }
    let killed = tempfile::tempdir().unwrap();
    copy(dir.path(), killed.path());
    let (mut restarted, _) = open(killed.path(), &feed.settings);
    assert!(restarted.is_marking());
    assert_eq!(restarted.checkpoint().dirty, store.checkpoint().dirty);
    while store.mark_more().unwrap() {}
    while restarted.mark_more().unwrap() {}
    assert!(marks(&restarted).keys().eq(marks(&store).keys()));
}

#[test]
fn a_state_without_a_sink_marks_nothing_and_forgets_what_is_old() {
    let dir = tempfile::tempdir().unwrap();
    let mut feed = Feed::new(Span::DAY.times(4));
    let (mut store, _) = open_for(dir.path(), &feed.settings, MarkedDocuments::None);
    for hour in 0..40 * 24 {
        feed.pay(0, hour * HOUR, 1, "1.00");
        feed.apply(0, None, b"garbage");
        feed.commit(&mut store);
        assert!(!store.mark_more().unwrap());
        assert_eq!(store.checkpoint().dirty, 0);
    }
    assert!(marks(&store).is_empty());
    let windows = store
        .readings()
        .query(|reading| Ok(super::feed::windows(reading)));
    let earliest = windows.unwrap()[0].first().unwrap().window.start;
    assert!(earliest >= at(35 * DAY), "{earliest:?}");
    // Gone from the disk, and not only from sight.
    let readings = store.readings();
    let first = readings.query(|reading| {
        let first = reading.filled(0, (EventTime::MIN, branch(0)), EventTime::MAX, 1)?;
        Ok(first[0].0)
    });
    assert!(first.unwrap() >= at(35 * DAY));
}

#[test]
fn all_documents_are_marked_when_a_sink_is_added() {
    let dir = tempfile::tempdir().unwrap();
    let mut feed = Feed::new(Span::DAY.times(35));
    let (mut store, _) = open_for(dir.path(), &feed.settings, MarkedDocuments::None);
    for i in 0..400 {
        feed.pay(0, i * 45_000, (i % 3) as u32, "1.00");
    }
    feed.pay_recorded(0, 10 * DAY, 0, 1, "1.00");
    feed.apply(0, None, b"garbage");
    feed.commit(&mut store);
    drop(store);

    let (mut store, _) = open(dir.path(), &feed.settings);
    assert!(store.checkpoint().is_marking);
    while store.mark_more().unwrap() {}
    let all = with_payments(&store);
    assert!(all.len() > 500);
    assert!(marks(&store).into_keys().eq(all));
    drop(store);

    // Asked for later, zeros of tumbling windows come too.
    let zeros = MarkedDocuments::ZeroWindowsToo;
    let (mut store, _) = open_for(dir.path(), &feed.settings, zeros);
    while store.mark_more().unwrap() {}
    let marked = marks(&store);
    let shown = shown_documents(&store);
    let missing = shown
        .keys()
        .find(|key| has_document(&store, key, true) && !marked.contains_key(key));
    assert_eq!(missing, None);
    assert!(marked.len() > with_payments(&store).len());
    drop(store);

    // And when there is no sink any more, nothing waits.
    let (store, _) = open_for(dir.path(), &feed.settings, MarkedDocuments::None);
    assert_eq!(store.checkpoint().dirty, 0);
    assert!(!store.is_marking());
    assert!(marks(&store).is_empty());
}

#[test]
fn a_state_says_whether_a_sink_was_there_before() {
    let dir = tempfile::tempdir().unwrap();
    let feed = Feed::new(Span::DAY);
    let was_delivered = |documents| {
        open_for(dir.path(), &feed.settings, documents)
            .1
            .was_delivered
    };
    assert!(!was_delivered(MarkedDocuments::None), "it begins");
    assert!(
        !was_delivered(MarkedDocuments::WithPayments),
        "there was none"
    );
    assert!(was_delivered(MarkedDocuments::WithPayments));
    assert!(was_delivered(MarkedDocuments::None));
    assert!(
        !was_delivered(MarkedDocuments::WithPayments),
        "there was none"
    );
}

#[test]
fn documents_that_can_not_be_delivered_do_not_hold_retention() {
    for by_family in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let mut feed = Feed::new(Span::HOUR);
        let (mut store, _) = open(dir.path(), &feed.settings);
        feed.pay(0, 10 * MINUTE, 1, "1.00");
        feed.commit(&mut store);
        let mut acks = marks(&store);
        let (parked, _) = acks
            .iter()
            .map(|(key, mark)| (*key, *mark))
            .find(|(key, _)| matches!(key, DocumentKey::Window { definition: 0, .. }))
            .unwrap();
        acks.remove(&parked);
        store
            .acknowledge(&acks.into_iter().collect::<Vec<_>>())
            .unwrap();
        let floor = |store: &Store| {
            let readings = store.readings();
            let floor = readings.query(|reading| Ok(reading.frame().snapshot().floor));
            floor.unwrap()
        };
        let go_on = |store: &mut Store, feed: &mut Feed, from: i64| {
            for minute in from..from + 5 {
                feed.pay(0, 2 * DAY + minute * MINUTE, 1, "2.00");
                feed.commit(store);
                while store.mark_more().unwrap() {}
                let all = marks(store).into_iter().filter(|(key, _)| *key != parked);
                store.acknowledge(&all.collect::<Vec<_>>()).unwrap();
            }
        };
        go_on(&mut store, &mut feed, 0);
        assert_eq!(floor(&store), Some(at(10 * MINUTE)), "it is waited for");

        let mut blocked = Blocked::default();
        if by_family {
            blocked.families.insert(Family::Windows {
                definition: 0,
                from: at(0),
                to: at(DAY),
            });
        } else {
            blocked.documents.insert(parked);
        }
        store.block(blocked);
        go_on(&mut store, &mut feed, 10);
        assert!(floor(&store) > Some(at(DAY)));
        // It can't be rendered any more, so it waits for nothing.
        assert!(!marks(&store).contains_key(&parked));
        assert_eq!(store.checkpoint().dirty, marks(&store).len() as u64);
    }
}

fn named(names: &[(u32, String)]) -> Arc<BranchNames> {
    let names = names.iter();
    let names = names.map(|(id, name)| (BranchKey::Integer(branch(*id)), name.clone()));
    Arc::new(BranchNames::new(names.collect()))
}

#[test]
fn all_documents_are_marked_when_branches_have_other_names() {
    let dir = tempfile::tempdir().unwrap();
    let mut feed = Feed::new(Span::DAY.times(35));
    let (mut store, _) = open(dir.path(), &feed.settings);
    for id in 0..3 {
        feed.pay(0, i64::from(id) * HOUR, id, "1.00");
    }
    feed.commit(&mut store);
    acknowledge_all(&mut store);
    drop(store);
    let run_with = |id: u32| Identity {
        names: named(&[(0, "North".to_owned()), (id, "Quay".to_owned())]),
        ..identity(&feed.settings)
    };
    // It had no payment, so it has no document.
    let (mut store, _) = Store::open(dir.path(), &run_with(9)).unwrap();
    assert!(!store.mark_more().unwrap());
    assert_eq!(store.checkpoint().dirty, 0);
    drop(store);
    let renamed = run_with(1);
    let reopen = || Store::open(dir.path(), &renamed).unwrap().0;
    // A life that ends before it has marked any leaves that to the next.
    drop(reopen());
    let mut store = reopen();
    while store.mark_more().unwrap() {}
    let marked: BTreeSet<_> = marks(&store).into_keys().collect();
    assert!(marked.is_superset(&with_payments(&store)));
    acknowledge_all(&mut store);
    drop(store);
    let mut store = reopen();
    assert!(!store.mark_more().unwrap());
    assert_eq!(store.checkpoint().dirty, 0);
}

#[test]
fn a_branch_that_is_configured_again_is_news_even_if_nothing_was_written_in_between() {
    let dir = tempfile::tempdir().unwrap();
    let mut feed = Feed::new(Span::DAY.times(35));
    let configured = |ids: &[u32]| Identity {
        names: named(
            &ids.iter()
                .map(|id| (*id, format!("Quay {id}")))
                .collect::<Vec<_>>(),
        ),
        documents: MarkedDocuments::ZeroWindowsToo,
        ..identity(&feed.settings)
    };
    let both = configured(&[8, 9]);
    let one = configured(&[8]);
    let known = |identity| -> Vec<BranchId> {
        let (_, recovered) = Store::open(dir.path(), identity).unwrap();
        recovered
            .known
            .into_iter()
            .map(|(known, _)| known)
            .collect()
    };
    let (mut store, _) = Store::open(dir.path(), &both).unwrap();
    feed.commit(&mut store);
    drop(store);
    assert_eq!(known(&both), [branch(8), branch(9)]);
    // Its documents may be deleted in this life.
    assert_eq!(known(&one), [branch(8)]);
    assert_eq!(known(&both), [branch(8)]);
}
