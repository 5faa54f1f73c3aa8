//! Which indexes can be sent to, and which may have lost documents.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::sink::mark_order::MarkOrders;

fn target(family: Family) -> Target {
    Target {
        family,
        index: "index".into(),
        alias: "alias".into(),
        uuid: "".into(),
    }
}

fn destinations(had_former_life: bool) -> Destinations {
    Destinations::new(Pacing::default(), had_former_life)
}

fn is_open(destinations: &Destinations, now: Instant) -> bool {
    matches!(
        destinations.gate(now).passage(Family::NoWindow),
        Passage::Open(_)
    )
}

#[test]
fn only_an_index_that_is_ready_and_not_held_is_open() {
    let mut destinations = destinations(false);
    let now = Instant::now();
    assert!(matches!(
        destinations.gate(now).passage(Family::NoWindow),
        Passage::Unknown
    ));
    destinations.is_ready(target(Family::NoWindow), "a".into(), true);
    assert!(is_open(&destinations, now));
    destinations.hold_for(Family::NoWindow, now, Duration::from_secs(1), "full".into());
    assert!(matches!(
        destinations.gate(now).passage(Family::NoWindow),
        Passage::Held
    ));
    assert_eq!(destinations.first_held(), Some("full"));
    assert!(is_open(&destinations, now + Duration::from_secs(1)));
    destinations.is_well(Family::NoWindow);
    assert_eq!(destinations.first_held(), None);
    destinations.is_doubtful(Family::NoWindow);
    assert!(!is_open(&destinations, now));
}

#[test]
fn a_family_is_blocked_until_something_is_delivered_there() {
    let mut destinations = destinations(false);
    let now = Instant::now();
    let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
    destinations.hold(Family::NoWindow, now, "closed".into());
    destinations.hold(Family::NoWindow, now + second, "closed".into());
    destinations.is_ready(target(Family::NoWindow), "a".into(), false);
    destinations.refuses(Family::NoWindow, now + second, "strict".into());
    assert_eq!(destinations.blocked(now + second, minute), BTreeSet::new());
    assert_eq!(
        destinations.blocked(now + minute, minute),
        [Family::NoWindow].into()
    );
    let recovered = destinations.is_well(Family::NoWindow);
    assert!(recovered.from_refusing, "it had refused all");
    assert_eq!(destinations.is_well(Family::NoWindow), Recovery::default());
    assert_eq!(destinations.blocked(now + minute, minute), BTreeSet::new());
}

#[test]
fn a_family_that_is_held_for_longer_is_told_once_and_so_is_its_recovery() {
    let mut destinations = destinations(false);
    let begin = Instant::now();
    let hold = |destinations: &mut Destinations, seconds| {
        let now = begin + Duration::from_secs(seconds);
        destinations.hold(Family::NoWindow, now, "closed".into())
    };
    assert!(!hold(&mut destinations, 0));
    assert!(!hold(&mut destinations, 9));
    assert!(hold(&mut destinations, 10));
    assert!(!hold(&mut destinations, 600));
    assert!(destinations.is_well(Family::NoWindow).from_being_told);
    assert!(!destinations.is_well(Family::NoWindow).from_being_told);
    // It counts from the new beginning.
    assert!(!hold(&mut destinations, 601));
    assert!(!destinations.is_well(Family::NoWindow).from_being_told);
}

#[test]
fn documents_are_missed_exactly_when_delivered_ones_may_be_gone() {
    let mut destinations = destinations(false);
    let ready = |destinations: &mut Destinations, uuid: &str, is_new| {
        destinations.is_ready(target(Family::NoWindow), uuid.into(), is_new)
    };
    assert!(
        !ready(&mut destinations, "a", true),
        "nothing was delivered yet"
    );
    destinations.is_relied_on(Family::NoWindow, "a");
    assert!(!ready(&mut destinations, "a", false), "it is the same");
    assert!(ready(&mut destinations, "b", false), "another has its name");
    assert!(
        !ready(&mut destinations, "c", true),
        "they are already missed"
    );
    destinations.is_relied_on(Family::NoWindow, "a");
    destinations.is_doubtful(Family::NoWindow);
    assert!(
        ready(&mut destinations, "d", false),
        "another, found on a second look"
    );
    destinations.is_relied_on(Family::NoWindow, "a");
    assert!(destinations.is_gone(Family::NoWindow));
    assert!(!destinations.is_gone(Family::NoWindow));
}

#[test]
fn nothing_is_sent_to_a_new_index_before_its_documents_are_marked_for_good() {
    let mut destinations = destinations(true);
    let now = Instant::now();
    assert!(destinations.relies_on(Family::NoWindow));
    assert!(destinations.is_ready(target(Family::NoWindow), "a".into(), true));
    assert!(!destinations.relies_on(Family::NoWindow));
    let (order, on_durable) = MarkOrders::default().order();
    destinations.await_marks(Family::NoWindow, order);
    let gate = destinations.gate(now);
    assert!(matches!(gate.passage(Family::NoWindow), Passage::Held));
    on_durable.call();
    // Then it is looked at again, as it has no alias yet.
    let gate = destinations.gate(now);
    assert!(matches!(gate.passage(Family::NoWindow), Passage::Unknown));
}

#[test]
fn what_a_former_life_delivered_is_missed_too() {
    let mut destinations = destinations(true);
    assert!(destinations.is_ready(target(Family::NoWindow), "a".into(), true));
    assert!(!destinations.is_ready(target(Family::Totals), "b".into(), false));
    assert!(destinations.is_gone(Family::Totals));
}
