//! Payments that repeat others: what becomes of them, and of what was read.

use std::sync::Arc;

use super::*;
use crate::core::effect::Effects;
use crate::core::seen_orders::{DuplicateRule, MemoryOrders};
use crate::domain::amount::Amount;

fn comparing(kept: &Arc<MemoryOrders>) -> Pipeline {
    let rule = DuplicateRule {
        within: Span::HOUR,
        max_ids: 100,
    };
    let orders = SeenOrders::restore(rule, 1, kept.clone()).unwrap();
    pipeline().comparing(orders)
}

fn order(id: i64, time: &str, amount: &str, branch: u32) -> String {
    payment(time, amount, branch).replace(r#""orderId":1"#, &format!(r#""orderId":{id}"#))
}

fn count(effects: &Effects, entry: Entry) -> (u64, Amount) {
    let count = effects.ledger.entry(entry);
    (count.count, Amount::from_units(count.amount.as_i128()))
}

#[test]
fn a_duplicate_and_a_conflict_are_booked_and_listed_and_count_nowhere() {
    let kept = Arc::default();
    let mut pipeline = comparing(&kept);
    let time = "2026-11-01T00:00:00Z";
    let payloads = [
        order(1, time, "2.50", 1),
        order(2, time, "1.00", 1),
        order(1, time, "2.50", 1),
        order(1, "2026-11-01T00:00:03Z", "-4.00", 1),
        // Another branch, which is not known by it.
        order(2, time, "1.00", 9),
    ];
    let records = || {
        let payloads = (0..).zip(&payloads);
        payloads.map(|(offset, payload)| record(0, offset, START, payload))
    };
    pipeline.apply(records()).unwrap();
    let watermark = pipeline.engine().partition_time(0);
    assert_eq!(watermark, Some(EventTime::from_millis(START)));
    let effects = pipeline.take_effects();
    let amount = |units: i128| Amount::from_units(units * 10_i128.pow(16));
    assert_eq!(count(&effects, Entry::OnTime), (2, amount(350)));
    assert_eq!(count(&effects, Entry::Duplicate), (1, amount(250)));
    assert_eq!(count(&effects, Entry::Conflict), (2, amount(-300)));
    assert_eq!(effects.ledger.consumed, 5);
    assert_eq!(effects.totals.len(), 1);
    assert_eq!(effects.changes.slices.len(), 1);
    // What does not count is not looked at for oddities either.
    assert_eq!(effects.notices.distances.payments, 2);

    let listed: Vec<_> = effects.in_no_window.iter().collect();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|p| p.reason == NoWindowReason::Conflict));
    assert_eq!(listed[1].read, payloads[4]);
    let repeated: Vec<_> = effects
        .repeated
        .iter()
        .map(|repeated| {
            let first = repeated.first;
            assert_eq!(repeated.timestamp, Some(START));
            (repeated.origin.offset, first.offset, repeated.is_conflict())
        })
        .collect();
    assert_eq!(repeated, [(2, 0, false), (3, 0, true), (4, 1, true)]);
    assert_eq!(effects.repeated[1].first.amount, amount(250));
    assert_eq!(effects.repeated[0].read, payloads[2]);
    assert_eq!(effects.progress[&0].position, 5);

    // The same without comparing.
    let mut plain = super::pipeline();
    plain.apply(records()).unwrap();
    let effects = plain.take_effects();
    assert_eq!(count(&effects, Entry::OnTime).0, 5);
    assert_eq!(
        effects.orders,
        crate::core::seen_orders::OrderChanges::default()
    );
}

#[test]
fn payments_in_no_window_are_compared_too() {
    let kept = Arc::default();
    let mut pipeline = comparing(&kept);
    let now = [1, 2].map(|id| order(id, "2026-11-01T02:00:00Z", "1.00", 1));
    let records = (0..).zip(&now);
    let at = START + 7_200_000;
    pipeline
        .apply(records.map(|(offset, payload)| record(0, offset, at, payload)))
        .unwrap();
    // Too late, and too far ahead: both are in totals.
    let late = order(70, "2026-11-01T00:00:00Z", "1.00", 1);
    let future = order(71, "2026-11-01T12:00:00Z", "1.00", 1);
    let records = [&late, &future, &late, &future];
    let records = (40..).zip(records);
    pipeline
        .apply(records.map(|(offset, payload)| record(0, offset, at, payload)))
        .unwrap();
    let effects = pipeline.take_effects();
    for (entry, expected) in [
        (Entry::OnTime, 2),
        (Entry::TooLate, 1),
        (Entry::Future, 1),
        (Entry::Duplicate, 2),
    ] {
        assert_eq!(count(&effects, entry).0, expected, "{entry:?}");
    }
}

#[test]
fn what_is_read_of_a_payment_that_repeats_another_is_cut() {
    let kept = Arc::default();
    let mut pipeline = comparing(&kept);
    let mut payload = order(1, "2026-11-01T00:00:00Z", "1.00", 1);
    payload.insert_str(1, &format!(r#""note":"{}","#, "x".repeat(5_000)));
    pipeline
        .apply([0, 1].map(|offset| record(0, offset, START, &payload)))
        .unwrap();
    let before = pipeline.pending_bytes();
    assert!(before > 512);
    let effects = pipeline.take_effects();
    assert_eq!(effects.repeated[0].read.len(), 512);
}

#[test]
fn a_payment_that_can_t_be_judged_is_not_applied_and_neither_are_those_after_it() {
    let kept: Arc<MemoryOrders> = Arc::default();
    let mut pipeline = comparing(&kept);
    let time = "2026-11-01T00:00:00Z";
    let payloads: Vec<String> = (0..100).map(|id| order(id, time, "1.00", 1)).collect();
    let records = (0..).zip(&payloads);
    pipeline
        .apply(records.map(|(offset, payload)| record(0, offset, START, payload)))
        .unwrap();
    // None of it is kept.
    drop(pipeline.take_effects());
    drop(pipeline.take_effects());
    let (new, repeats) = (order(200, time, "1.00", 1), order(5, time, "1.00", 1));
    let records = [
        (1, 0, &new),
        (0, 100, &new),
        (0, 101, &repeats),
        (1, 1, &new),
    ];
    let error = pipeline
        .apply(
            records.map(|(partition, offset, payload)| record(partition, offset, START, payload)),
        )
        .unwrap_err();
    assert!(
        error.to_string().contains("segment 0 of partition 0"),
        "{error}"
    );
    let effects = pipeline.take_effects();
    assert_eq!(effects.ledger.consumed, 2);
    assert!(effects.ledger.balanced());
    assert_eq!(effects.progress[&0].position, 101);
    assert_eq!(effects.progress[&1].position, 1);
}
