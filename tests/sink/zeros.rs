//! Windows without payments: which have documents, and when those go.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tidegauge::observe::status::Status;
use tidegauge::sink::Order;
use tidegauge::store::MarkedDocuments;

use super::documents::document;
use super::till::{MINUTE, NOVEMBER, Till, config};
use crate::support::lab::{Elastic, Kafka, unique};
use crate::support::service::{Setup, quoted};
use crate::support::topic::{START, paid};

/// Payments of one of two branches in three minutes, of which the first two are final.
fn one_sided_till(documents: MarkedDocuments) -> Till {
    let mut till = Till::of(documents);
    for minute in 0..3 {
        till.pay(NOVEMBER + minute * MINUTE + 10_000, 7, "1");
    }
    till.commit();
    till
}

#[test]
fn a_window_without_payments_has_no_document_and_awaits_none() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    // Nor where the state has a mark, as that of an earlier version has.
    for documents in [
        MarkedDocuments::WithPayments,
        MarkedDocuments::ZeroWindowsToo,
    ] {
        let config = config(&elastic.url());
        let till = one_sided_till(documents);
        till.deliver_all(&config);
        assert_eq!(till.dirty(), 0);
        for (alias, count) in [("1m", 3), ("1h", 1)] {
            let found = elastic.documents(&format!("{}-{alias}", config.index_prefix));
            assert!(found.iter().all(|found| found.id.starts_with("7@")));
            assert_eq!(found.len(), count, "{alias}");
        }
        // After a restart nothing is missed.
        till.take_feedback();
        till.deliver_all(&config);
        assert_eq!(till.recreated(), 0);
    }
}

#[test]
fn a_month_of_windows_without_payments_has_no_index_and_none_is_missed() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let config = config(&elastic.url());
    let mut till = Till::new();
    till.pay(NOVEMBER - 90_000, 7, "1");
    till.commit();
    till.close_quietly(NOVEMBER + 10 * MINUTE);
    till.deliver_all(&config);
    till.take_feedback();
    till.deliver_all(&config);
    assert_eq!(till.recreated(), 0);
    let november = format!("/{}-1m-g1-2026.11", config.index_prefix);
    assert_eq!(elastic.get(&november).status, 404);
}

#[test]
fn with_zero_windows_a_branch_without_payments_has_zeros_where_the_window_is_final() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let mut config = config(&elastic.url());
    config.zero_windows = true;
    let till = one_sided_till(MarkedDocuments::ZeroWindowsToo);
    till.deliver_all(&config);
    let minutes = elastic.documents(&format!("{}-1m", config.index_prefix));
    // Not in the first minute, as there is nothing before it, nor in the last, which is open.
    let zero = document(
        &minutes,
        &format!("3@{}-{}", NOVEMBER + MINUTE, NOVEMBER + 2 * MINUTE),
    );
    assert_eq!(zero.version, 1);
    assert_eq!(zero.source["pay_count"], 0);
    assert_eq!(zero.source["pay_p50"], Value::Null);
    assert_eq!(minutes.len(), 4);
}

#[test]
fn zeros_that_are_no_longer_given_have_no_document_once_a_crowd_is_dated_before_them() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let mut config = config(&elastic.url());
    config.zero_windows = true;
    let zeros = || -> Vec<String> {
        let minutes = elastic.documents(&format!("{}-1m", config.index_prefix));
        let zeros = minutes.into_iter().filter(|it| it.source["pay_count"] == 0);
        zeros.map(|zero| zero.id).collect()
    };
    let mut till = Till::of(MarkedDocuments::ZeroWindowsToo);
    till.pay(NOVEMBER - 3 * MINUTE, 7, "1");
    for branch in 100..400 {
        till.pay(NOVEMBER + 1_000, branch, "1");
    }
    till.pay(NOVEMBER + 3 * MINUTE + 10_000, 7, "1");
    till.commit();
    till.deliver_all(&config);
    let given = zeros();
    assert!(given.len() > 600, "{}", given.len());

    // The 1,001st is known since before minutes whose zeros were delivered.
    for branch in 1_000..2_000 {
        till.pay(NOVEMBER + 2_000, branch, "1");
    }
    till.commit();
    till.deliver_all(&config);
    let end = |id: &str| -> i64 { id.rsplit_once('-').unwrap().1.parse().unwrap() };
    let mut kept = given;
    kept.retain(|id| end(id) <= NOVEMBER);
    assert!(!kept.is_empty());
    assert_eq!(zeros(), kept);

    // A first payment in such a window has its document again.
    till.pay(NOVEMBER + MINUTE + 5_000, 200, "1");
    till.commit();
    till.deliver_all(&config);
    let minutes = elastic.documents(&format!("{}-1m", config.index_prefix));
    let id = format!("200@{}-{}", NOVEMBER + MINUTE, NOVEMBER + 2 * MINUTE);
    assert_eq!(document(&minutes, &id).source["pay_count"], 1);
}

#[test]
fn zeros_in_an_index_that_takes_no_writes_are_deleted_once_it_does() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let mut config = config(&elastic.url());
    config.zero_windows = true;
    let november = format!("{}-1m-g1-2026.11", config.index_prefix);
    let zeros = || {
        let minutes = elastic.documents(&november);
        let zeros = minutes.iter().filter(|it| it.source["pay_count"] == 0);
        zeros.count()
    };
    let mut till = Till::of(MarkedDocuments::ZeroWindowsToo);
    till.pay(NOVEMBER - 3 * MINUTE, 7, "1");
    till.pay(NOVEMBER + 3 * MINUTE + 10_000, 7, "1");
    till.commit();
    let sink = till.deliver_as(Order::Run, &config, Arc::new(Status::new()));
    till.await_delivery();
    // Three minutes, of branch 7 and of the one that is configured.
    assert_eq!(zeros(), 6);

    let block = |on: bool| {
        let settings = json!({"index.blocks.write": on});
        elastic
            .put(&format!("/{november}/_settings"), &settings)
            .ok();
    };
    block(true);
    // More than 1,000 branches are known since before November, whose indexes they don't touch.
    for branch in 1_000..2_001 {
        till.pay(NOVEMBER - 2 * MINUTE, branch, "1");
    }
    till.commit();
    till.await_delivery();
    // Longer than a round takes.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(zeros(), 6);
    block(false);
    till.await_that("the zeros are deleted", || zeros() == 0);
    till.stop(sink);
}

#[test]
fn documents_of_zeros_follow_what_an_operator_changes_between_two_lives() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let topic = unique("zeros-between");
    kafka.create_topic(&topic, 1);
    // Of four minutes the last one is open, and the first begins before any payment. Branch 9 never pays.
    //
    //            0   1   2   3
    //  branch 5          x
    //  branch 7  x           x
    let at = |minute: i64| START + minute * MINUTE + 30_000;
    let payments = [(0, 7), (2, 5), (3, 7)];
    kafka.send(
        &topic,
        payments.map(|(minute, branch)| paid(0, at(minute), "1", branch)),
    );
    let zeros = || -> BTreeSet<String> {
        let documents = elastic.documents(&format!("{topic}-1m"));
        let zeros = documents.into_iter().map(|found| found.source);
        let zeros = zeros.filter(|zero| zero["pay_count"] == 0);
        let shown = zeros.map(|zero| {
            let end: DateTime<Utc> = zero["window_end"].as_str().unwrap().parse().unwrap();
            let minute = (end.timestamp_millis() - START) / MINUTE - 1;
            format!("{} {minute}", zero["branch"].as_str().unwrap())
        });
        shown.collect()
    };
    let mut setup = Setup::of(kafka, &topic).delivering(elastic, &topic);
    let all = ["Branch_7 1", "Branch_7 2", "Pier 1", "Pier 2", "Quay 1"];
    // No record comes between two lives, so nothing but the start tells them apart.
    for (are_given, names, expected) in [
        (true, &[("9", "Pier"), ("5", "Quay")][..], &all[..]),
        (true, &[("9", "Pier")], &all[..4]),
        (true, &[], &all[..2]),
        (true, &[("9", "Pier")], &all[..4]),
        (false, &[("9", "Pier")], &[]),
        (false, &[], &[]),
        (
            true,
            &[("9", "Jetty")],
            &["Branch_7 1", "Branch_7 2", "Jetty 1", "Jetty 2"],
        ),
        (true, &[("9", "Pier")], &all[..4]),
    ] {
        setup.set("elasticsearch", "zero_windows", &are_given.to_string());
        setup.clear("branches");
        for (branch, name) in names {
            setup.set("branches", branch, &quoted(name));
        }
        setup.serve_until_end();
        let expected: BTreeSet<String> = expected.iter().map(|zero| (*zero).to_owned()).collect();
        assert_eq!(zeros(), expected, "zero_windows {are_given}, {names:?}");
    }
}
