#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::domain::amount::Amount;
use crate::domain::payment::{BranchId, PaymentNotices};

mod oracle;
mod timeline;

use oracle::{NaiveOrders, NaiveVerdict};
use timeline::Timeline;

const MINUTE: i64 = 60_000;

fn rule(max_ids: u64) -> DuplicateRule {
    DuplicateRule {
        within: Span::HOUR,
        max_ids,
    }
}

fn at(minutes: i64) -> EventTime {
    EventTime::from_millis(minutes * MINUTE)
}

fn payment(id: i128, minutes: i64, amount: i128) -> Payment {
    Payment {
        event_time: at(minutes),
        amount: Amount::from_units(amount),
        branch: BranchId::new(1).unwrap(),
        order_id: Some(OrderId::Number(id)),
        platform: None,
        notices: PaymentNotices::default(),
    }
}

/// As a dry run does: what is new is found among what was taken, and the state below stays as it is.
#[test]
fn ids_in_memory_over_a_state_are_found_like_those_of_the_state_and_leave_it_as_it_is() {
    let mut line = Timeline::new(rule(1_000_000));
    for id in 0..500 {
        assert!(line.is_new(&payment(id, 0, 5)));
    }
    line.checkpoint();
    let below = line.kept.clone();
    let before = below.segments().clone();
    line.kept = Arc::new(MemoryOrders::over(below.clone()));
    line.seen = SeenOrders::restore(line.rule, 7, line.kept.clone()).unwrap();
    for step in 0..5 {
        for id in 500 + step * 300..800 + step * 300 {
            assert!(line.is_new(&payment(id, 1, 5)), "{id}");
        }
        line.checkpoint();
        for id in 0..800 + step * 300 {
            assert!(!line.is_new(&payment(id, 1, 5)), "{id}");
        }
    }
    assert_eq!(*below.segments(), before);
}

#[test]
fn one_id_counts_once_within_the_horizon_and_again_after_it() {
    let mut line = Timeline::new(rule(1_000));
    assert!(line.is_new(&payment(1, 0, 5)));
    assert!(!line.is_new(&payment(1, 0, 5)));
    assert!(line.is_new(&payment(2, 60, 5)));
    // The time of the partition is exactly an hour on.
    assert!(!line.is_new(&payment(1, 0, 5)));
    assert!(!line.is_new(&payment(1, 60, 5)));
    assert!(line.is_new(&payment(1, 61, 5)));
    // What was a duplicate does not count for the next one: this is more than an hour after the first.
    assert!(!line.is_new(&payment(1, 61, 5)));
    assert!(line.is_new(&payment(3, 62, 5)));
    assert!(!line.is_new(&payment(1, 1, 5)));
    assert!(line.is_new(&payment(1, 0, 5)));
}

#[test]
fn another_amount_or_branch_is_a_conflict_with_the_first() {
    let mut line = Timeline::new(rule(1_000));
    let first = payment(1, 0, 5);
    assert!(line.is_new(&first));
    let OrderVerdict::Conflict(other) = line.pay(0, &payment(1, 1, 6), Some(1)) else {
        panic!("another amount");
    };
    assert_eq!((other.offset, other.amount.units()), (0, 5));
    let elsewhere = Payment {
        branch: BranchId::new(2).unwrap(),
        ..first
    };
    let verdict = line.pay(0, &elsewhere, Some(1));
    assert!(matches!(verdict, OrderVerdict::Conflict(_)), "{verdict:?}");
    // A conflict does not count, so what repeats it is one too.
    let verdict = line.pay(0, &payment(1, 1, 6), Some(1));
    assert!(matches!(verdict, OrderVerdict::Conflict(_)), "{verdict:?}");
}

#[test]
fn a_payment_that_equals_one_of_several_is_a_duplicate_of_that_one() {
    let mut line = Timeline::new(rule(1_000));
    line.pay(0, &payment(1, 0, 5), Some(0));
    // Late ones, so that the time of the partition stays.
    line.pay(0, &payment(1, -61, 6), None);
    let verdict = line.pay(0, &payment(1, -10, 5), None);
    assert!(matches!(verdict, OrderVerdict::Duplicate(first) if first.offset == 0));
    let verdict = line.pay(0, &payment(1, -10, 6), None);
    assert!(matches!(verdict, OrderVerdict::Duplicate(first) if first.offset == 1));
    let verdict = line.pay(0, &payment(1, -10, 7), None);
    assert!(matches!(verdict, OrderVerdict::Conflict(first) if first.offset == 1));
}

#[test]
fn integers_and_texts_are_different_ids_and_none_is_no_duplicate() {
    let mut line = Timeline::new(rule(1_000));
    let of = |order_id| Payment {
        order_id,
        ..payment(0, 0, 5)
    };
    let ids = [
        OrderId::Number(7),
        OrderId::of_text("7"),
        OrderId::Text(7),
        OrderId::Number(-7),
        OrderId::Number(i128::MIN),
        OrderId::Text(u128::MAX),
    ];
    for id in ids {
        assert!(line.is_new(&of(Some(id))), "{id:?}");
        assert!(!line.is_new(&of(Some(id))), "{id:?}");
    }
    assert!(line.is_new(&of(None)));
    assert!(line.is_new(&of(None)));
}

#[test]
fn partitions_are_judged_each_by_itself() {
    let mut line = Timeline::new(rule(1_000));
    let resent = payment(1, 0, 5);
    for partition in [0, 1, -1] {
        let verdict = line.pay(partition, &resent, Some(0));
        assert_eq!(verdict, OrderVerdict::New);
        let verdict = line.pay(partition, &resent, Some(0));
        assert!(matches!(verdict, OrderVerdict::Duplicate(_)));
    }
}

#[test]
fn payments_before_any_time_is_believed_count_from_the_first_that_is() {
    for ids in [1, 20] {
        let mut line = Timeline::new(rule(1_000));
        for id in 0..ids {
            line.pay(0, &payment(id, 0, 5), None);
        }
        line.restart();
        // Its time is not known yet, however long it takes.
        assert_ne!(line.pay(0, &payment(0, 0, 5), None), OrderVerdict::New);
        // A payment without an id shows it.
        let other = Payment {
            order_id: None,
            ..payment(0, 30, 5)
        };
        line.pay(0, &other, Some(30));
        line.restart();
        line.pay(0, &payment(100, 90, 5), Some(90));
        assert_ne!(line.pay(0, &payment(0, 0, 5), None), OrderVerdict::New);
        line.pay(0, &payment(101, 91, 5), Some(91));
        line.restart();
        assert_eq!(line.pay(0, &payment(0, 0, 5), None), OrderVerdict::New);
    }
}

#[test]
fn the_newest_ids_are_remembered_and_no_more() {
    let mut line = Timeline::new(rule(10));
    for id in 0..11 {
        assert!(line.is_new(&payment(id, 0, 5)));
        assert_eq!(line.seen.stats().full_partitions, u64::from(id >= 9));
    }
    // The tenth before it is remembered, the eleventh is not.
    assert!(!line.is_new(&payment(1, 0, 5)));
    assert!(line.is_new(&payment(0, 0, 5)));
    // Now that one counts again, and pushed this one out.
    assert!(line.is_new(&payment(1, 0, 5)));
}

#[test]
fn what_is_written_is_small_and_what_is_old_is_forgotten_in_steps() {
    let mut line = Timeline::new(rule(1_000_000));
    // One id a checkpoint: a segment is written again until it has some.
    for id in 0..100 {
        line.is_new(&payment(id, 0, 5));
        let changes = line.checkpoint();
        let [segment] = &changes.segments[..] else {
            panic!("{changes:?}");
        };
        assert!((1..=32).contains(&segment.orders.len()));
    }
    for id in 0..100_000 {
        line.is_new(&payment(1_000 + id, 1, 5));
    }
    assert_eq!(line.seen.stats().ids, 100_100);
    assert!(line.seen.pending_bytes() > 100_000 * size_of::<SeenOrder>());
    let changes = line.checkpoint();
    let written: usize = changes.segments.iter().map(|s| s.orders.len()).sum();
    assert!((100_000..100_000 + 32).contains(&written), "{written}");
    assert_eq!(line.seen.pending_bytes(), 0);
    line.checkpoint();
    assert_eq!(line.checkpoint(), OrderChanges::default());
    // A day later all are old.
    line.is_new(&payment(-1, 1_440, 5));
    let mut steps = 0;
    while line.seen.stats().ids > 1 {
        let changes = line.checkpoint();
        let forgotten: u64 = changes.forgotten.iter().map(|(_, f)| f.end - f.start).sum();
        assert!((1..=256).contains(&forgotten), "{forgotten}");
        steps += 1;
    }
    assert_eq!(steps, 4);
    assert_eq!(line.kept.segments().len(), 1);
    for _ in 0..1_024 {
        line.checkpoint();
    }
    assert!(line.seen.stats().bytes < 200_000, "{:?}", line.seen.stats());
}

#[test]
fn an_id_that_counts_thousands_of_times_is_compared_with_the_newest() {
    let mut line = Timeline::new(rule(1_000_000));
    for hours in 0..5_000 {
        // All late: the time of the partition stays where it is.
        let verdict = line.pay(0, &payment(1, -61 * hours, 5), (hours == 0).then_some(0));
        assert_eq!(verdict, OrderVerdict::New);
        if hours % 100 == 0 {
            line.checkpoint();
        }
    }
    for restart in [false, true] {
        if restart {
            line.restart();
        }
        for hours in [4_999, 4_998, 4_997, 4_996] {
            let verdict = line.judge(0, Some(at(0)), &payment(1, -61 * hours, 5));
            assert!(matches!(verdict, Ok(OrderVerdict::Duplicate(_))), "{hours}");
        }
        let verdict = line.judge(0, Some(at(0)), &payment(1, -61 * 4_995, 5));
        assert_eq!(verdict, Ok(OrderVerdict::New));
    }
}

#[test]
fn a_segment_that_is_missing_is_an_error_and_not_a_verdict() {
    let mut line = Timeline::new(rule(1_000));
    for id in 0..500 {
        line.is_new(&payment(id, 0, 5));
    }
    line.restart();
    line.kept.segments().remove(&(0, 1));
    let found = |line: &mut Timeline, id| line.judge(0, Some(at(0)), &payment(id, 0, 5));
    assert!(matches!(
        found(&mut line, 1),
        Ok(OrderVerdict::Duplicate(_))
    ));
    let error = found(&mut line, 130).unwrap_err().to_string();
    assert!(error.contains("segment 1 of partition 0"), "{error}");
    let refused = SeenOrders::restore(line.rule, 0, line.kept.clone()).unwrap_err();
    assert_eq!(refused, KeptOrdersError::missing(0, 1));
}

/// What happens to a timeline.
#[derive(Clone, Debug)]
enum Step {
    Pay {
        partition: i32,
        id: Option<i128>,
        minutes: i64,
        amount: i128,
        is_believed: bool,
    },
    Checkpoint,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pay = (
        0..2_i32,
        prop::option::weighted(0.9, 0..30_i128),
        0..200_i64,
        0..2_i128,
        any::<bool>(),
    );
    let pay = pay.prop_map(|(partition, id, minutes, amount, is_believed)| Step::Pay {
        partition,
        id,
        minutes,
        amount,
        is_believed,
    });
    let step = prop_oneof![20 => pay, 2 => Just(Step::Checkpoint), 1 => Just(Step::Restart)];
    prop::collection::vec(step, 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn verdicts_are_those_of_a_list_of_all_payments(steps in steps(), max_ids in 1..60_u64) {
        let mut line = Timeline::new(rule(max_ids));
        let mut naive = NaiveOrders::new(60 * MINUTE, max_ids);
        let mut start = 0;
        for step in steps {
            match step {
                Step::Pay { partition, id, minutes, amount, is_believed } => {
                    // On the whole, time advances.
                    start += 2;
                    let minutes = start + minutes;
                    let payment = Payment {
                        order_id: id.map(OrderId::Number),
                        ..payment(0, minutes, amount)
                    };
                    let clock = is_believed.then_some(minutes - 100);
                    let verdict = line.pay(partition, &payment, clock);
                    let clock = line.clock(partition).map(EventTime::millis);
                    let expected = naive.pay(partition, id, minutes * MINUTE, amount, clock);
                    let verdict = match verdict {
                        OrderVerdict::New => NaiveVerdict::New,
                        OrderVerdict::Duplicate(first) => NaiveVerdict::Duplicate(first.offset),
                        OrderVerdict::Conflict(first) => NaiveVerdict::Conflict(first.offset),
                    };
                    prop_assert_eq!(verdict, expected);
                }
                Step::Checkpoint => drop(line.checkpoint()),
                Step::Restart => line.restart(),
            }
        }
    }
}
