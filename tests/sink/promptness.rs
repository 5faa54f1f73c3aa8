//! Documents go as soon as there is something to say, once, and wait while they will change again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tidegauge::core::feedback::Family;
use tidegauge::observe::status::{Condition, End, PartitionStatus, Status};
use tidegauge::sink::{Config, Order};

use super::front::Front;
use super::till::{MINUTE, NOVEMBER, Till, config};

const DAY: i64 = 24 * 60 * MINUTE;

// So long that nothing goes if it has to wait for it.
fn patient(url: &str) -> Config {
    let mut config = config(url);
    config.bulk.interval = Duration::from_secs(3_600);
    config
}

fn sent(front: &Front) -> Vec<String> {
    front.bulks().into_iter().flatten().collect()
}

// A board that says how many records there are.
fn board(end: i64) -> Arc<Status> {
    let status = Arc::new(Status::new());
    set_end(&status, end);
    status
}

fn set_end(status: &Status, end: i64) {
    let partition = PartitionStatus {
        end: End::Known {
            offset: end,
            age: Duration::ZERO,
        },
        halted: None,
    };
    status.set_partition(0, partition);
}

#[test]
fn a_document_goes_at_once_whatever_the_interval_is() {
    let mut till = Till::new();
    let front = Front::start(&till, []);
    let sink = till.deliver_as(Order::Run, &patient(&front.url()), Arc::default());
    sink.await_condition(Condition::Ok, "0 documents await delivery");
    for minute in 0..5 {
        till.pay(NOVEMBER + minute * MINUTE, 3, "1");
        till.take(b"no payment");
        till.commit();
        till.await_delivery();
    }
    till.stop(sink);
    let rejects = sent(&front);
    let rejects = rejects.iter().filter(|id| id.contains("-rejects-"));
    assert_eq!(rejects.count(), 5);
}

#[test]
fn what_is_told_as_changed_is_sent_and_nothing_else_is_sent_again() {
    let mut till = Till::new();
    let front = Front::start(&till, []);
    let sink = till.deliver_as(Order::Run, &patient(&front.url()), Arc::default());
    for branch in 1..=20 {
        till.pay(NOVEMBER, branch, "1");
    }
    till.commit();
    till.await_delivery();
    let before = sent(&front).len();
    assert_eq!(before, 60);
    till.pay(NOVEMBER, 7, "1");
    till.commit();
    till.await_delivery();
    till.stop(sink);
    assert_eq!(sent(&front).len(), before + 3);
}

#[test]
fn far_behind_the_end_only_final_windows_go_and_near_it_everything() {
    let mut till = Till::new();
    for minute in [-90, -89, -88, 0] {
        till.pay(NOVEMBER + minute * MINUTE, 3, "1");
    }
    till.commit();
    let front = Front::start(&till, []);
    let status = board(1_000_000);
    let mut config = config(&front.url());
    config.bulk.interval = Duration::from_millis(20);
    let sink = till.deliver_as(Order::Run, &config, Arc::clone(&status));
    // Three minutes and their hour are final. The total, the last minute and its hour are not.
    till.await_that("what is final is delivered", || till.dirty() == 3);
    let first: BTreeSet<String> = sent(&front).into_iter().collect();
    assert_eq!(first.len(), sent(&front).len(), "each once");
    assert!(!first.iter().any(|id| id.contains("-totals-")));
    set_end(&status, 4);
    till.await_delivery();
    till.stop(sink);
    let mut totals = sent(&front);
    totals.retain(|id| id.contains("-totals-"));
    assert_eq!(totals.len(), 1);
}

#[test]
fn a_hurried_sink_postpones_nothing() {
    let mut till = Till::new();
    till.pay(NOVEMBER, 3, "1");
    till.commit();
    let front = Front::start(&till, []);
    let sink = till.deliver_as(Order::Hurry, &patient(&front.url()), board(1_000_000));
    till.await_delivery();
    till.stop(sink);
}

#[test]
fn after_a_restart_exactly_the_indexes_of_windows_with_payments_are_missed() {
    let mut till = Till::new();
    // Sparse, with ends of months between, and the last minute of one.
    for day in [-33, -20, -2, -1] {
        till.pay(NOVEMBER + day * DAY, 3, "1");
        till.pay(NOVEMBER + day * DAY + 61 * MINUTE, 7, "1");
        till.commit();
    }
    till.pay(NOVEMBER - 1, 3, "1");
    till.pay(NOVEMBER + MINUTE, 3, "1");
    till.commit();
    let front = Front::start(&till, []);
    let all = config(&front.url());
    till.deliver_all(&all);
    till.take_feedback();

    let empty = Front::start(&till, []);
    till.deliver_all(&config(&empty.url()));
    let families = till.recreated_families();
    for (number, start) in till.windows_with_payments() {
        let is_its = |family: &Family| match family {
            Family::Windows {
                definition,
                from,
                to,
            } => *definition == number && *from <= start && start < *to,
            Family::Totals | Family::NoWindow | Family::Rejects => false,
        };
        assert_eq!(families.iter().filter(|family| is_its(family)).count(), 1);
    }
    let holds_payments = |family: &Family| match family {
        Family::Windows {
            definition,
            from,
            to,
        } => till
            .windows_with_payments()
            .iter()
            .any(|(number, start)| number == definition && from <= start && start < to),
        Family::Totals => true,
        Family::NoWindow | Family::Rejects => false,
    };
    assert!(families.iter().all(holds_payments), "{families:?}");
}

#[test]
fn after_a_restart_an_index_whose_windows_are_past_retention_is_not_missed() {
    let mut till = Till::new();
    // event time   -100 days          -35 days        0
    //              payments           retention       payments
    let past = NOVEMBER - 100 * DAY;
    for time in [past, NOVEMBER, NOVEMBER, NOVEMBER] {
        for branch in [3, 7] {
            till.pay(time, branch, "1");
        }
        till.commit();
        let front = Front::start(&till, []);
        till.deliver_all(&config(&front.url()));
    }
    till.commit();
    let kept = till.windows_with_payments();
    assert!(kept.iter().all(|(_, start)| start.millis() > past));
    till.take_feedback();
    let empty = Front::start(&till, []);
    till.deliver_all(&config(&empty.url()));
    let families = till.recreated_families();
    assert!(families.contains(&Family::Totals), "{families:?}");
    let is_past =
        |family: &&Family| matches!(family, Family::Windows { from, .. } if from.millis() <= past);
    assert_eq!(families.iter().find(is_past), None);
}
