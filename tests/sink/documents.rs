//! What documents say, and where they are.

use serde_json::{Value, json};

use super::till::{MINUTE, NOVEMBER, Till, config};
use crate::support::compare::Document;
use crate::support::lab::Elastic;

/// Payments of two branches in two minutes, one of them late, the first minute final.
fn till() -> Till {
    let mut till = Till::new();
    till.pay(NOVEMBER + 1_000, 3, "12.50");
    till.pay(NOVEMBER + 2_000, 3, "-0.1");
    till.pay(NOVEMBER + 3_000, 7, "99999.999999999999999999");
    till.pay(NOVEMBER + 70_000, 3, "7");
    till.pay(NOVEMBER + 4_000, 3, "1");
    till.commit();
    till
}

pub fn document<'a>(documents: &'a [Document], id: &str) -> &'a Document {
    documents
        .iter()
        .find(|document| document.id == id)
        .unwrap_or_else(|| panic!("{id} is missing"))
}

#[test]
fn documents_have_the_index_id_version_and_fields_of_the_contract() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let config = config(&elastic.url());
    let prefix = &config.index_prefix;
    till().deliver_all(&config);

    let totals = elastic.documents(&format!("{prefix}-totals"));
    let ids: Vec<&str> = totals.iter().map(|total| total.id.as_str()).collect();
    assert_eq!(ids, ["Branch_7", "Harbour"]);
    let harbour = document(&totals, "Harbour");
    assert_eq!(harbour.index, format!("{prefix}-totals-g1"));
    assert_eq!(harbour.version, 8);
    assert_eq!(
        harbour.source,
        json!({
            "@timestamp": "2026-11-01T00:01:10Z",
            "branch": "Harbour",
            "branch_id": 3,
            "pay_amount": 20.4,
            "pay_amount_exact": "20.4",
            "pay_count": 4,
            "first_event_time": "2026-11-01T00:00:01Z",
            "last_event_time": "2026-11-01T00:01:10Z",
        })
    );

    let minutes = elastic.documents(&format!("{prefix}-1m"));
    let start = NOVEMBER;
    let first = document(&minutes, &format!("3@{start}-{}", start + MINUTE));
    assert_eq!(first.index, format!("{prefix}-1m-g1-2026.11"));
    assert_eq!(first.version, 2 * 3 + 1);
    assert_eq!(
        first.source,
        json!({
            "@timestamp": "2026-11-01T00:00:00Z",
            "window": "1m",
            "window_start": "2026-11-01T00:00:00Z",
            "window_end": "2026-11-01T00:01:00Z",
            "branch": "Harbour",
            "branch_id": 3,
            "pay_amount": 13.4,
            "pay_amount_exact": "13.4",
            "pay_count": 3,
            "pay_min": -0.1,
            "pay_max": 12.5,
            "pay_avg": first.source["pay_avg"],
            "pay_p50": first.source["pay_p50"],
            "pay_p95": 12.5,
            "pay_p99": 12.5,
            "final": true,
            "closed_by": "watermark",
            "revision": 1,
            "late_count": 1,
            "late_amount": 1.0,
            "late_amount_exact": "1",
            "watermark": "2026-11-01T00:01:05Z",
        })
    );
    let second = document(
        &minutes,
        &format!("3@{}-{}", start + MINUTE, start + 2 * MINUTE),
    );
    assert_eq!(
        (second.version, &second.source["final"]),
        (2, &json!(false))
    );
    let other = document(&minutes, &format!("7@{start}-{}", start + MINUTE));
    assert_eq!(other.source["pay_amount_exact"], "99999.999999999999999999");
    assert_eq!(minutes.len(), 3);
    assert_eq!(elastic.documents(&format!("{prefix}-1h")).len(), 2);
}

#[test]
fn late_payments_and_rejects_have_documents_of_their_own() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let config = config(&elastic.url());
    let mut till = Till::new();
    // Two that agree: one alone may come from a wrong clock.
    till.pay(NOVEMBER, 3, "1");
    till.pay(NOVEMBER, 3, "1");
    till.pay(NOVEMBER - 4 * 60 * MINUTE, 3, "2.5");
    till.pay(NOVEMBER + 60 * MINUTE, 3, "4");
    till.take("{\"payAmount\": \"\u{7}".as_bytes());
    till.commit();
    till.deliver_all(&config);

    let late = elastic.documents(&format!("{}-late", config.index_prefix));
    let reasons: Vec<(&str, &Value, &Value)> = late
        .iter()
        .map(|late| {
            (
                late.id.as_str(),
                &late.source["reason"],
                &late.source["pay_amount_exact"],
            )
        })
        .collect();
    assert_eq!(
        reasons,
        [
            ("0-2", &json!("too_late"), &json!("2.5")),
            ("0-3", &json!("future"), &json!("4"))
        ]
    );
    assert_eq!(late[0].version, 1);
    assert_eq!(late[0].source["@timestamp"], "2026-11-01T00:00:00Z");
    let rejects = elastic.documents(&format!("{}-rejects", config.index_prefix));
    assert_eq!((rejects.len(), rejects[0].id.as_str()), (1, "0-4"));
    assert_eq!(rejects[0].source["reason"], "not_json");
}

#[test]
fn a_payment_for_a_final_window_revises_its_document() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let config = config(&elastic.url());
    let mut till = till();
    let sink = till.deliver(&config);
    till.await_delivery();
    till.pay(NOVEMBER + 5_000, 3, "100");
    till.commit();
    till.await_delivery();
    till.stop(sink);
    let minutes = elastic.documents(&format!("{}-1m", config.index_prefix));
    let first = document(&minutes, &format!("3@{NOVEMBER}-{}", NOVEMBER + MINUTE));
    assert_eq!(first.version, 2 * 4 + 1);
    assert_eq!(first.source["pay_amount_exact"], "113.4");
    assert_eq!(first.source["revision"], 2);
}

#[test]
fn an_open_window_becomes_final_in_its_document() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let config = config(&elastic.url());
    let mut till = till();
    let sink = till.deliver(&config);
    till.await_delivery();
    till.close_quietly(NOVEMBER + 10 * MINUTE);
    till.await_delivery();
    till.stop(sink);
    let minutes = elastic.documents(&format!("{}-1m", config.index_prefix));
    let id = format!("3@{}-{}", NOVEMBER + MINUTE, NOVEMBER + 2 * MINUTE);
    let second = document(&minutes, &id);
    assert_eq!(second.version, 2 + 1);
    assert_eq!(second.source["closed_by"], "quiet");
}

#[test]
fn windows_live_in_the_index_of_the_month_they_start_in() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let config = config(&elastic.url());
    let mut till = Till::new();
    till.pay(NOVEMBER - 1, 3, "1");
    till.pay(NOVEMBER, 3, "2");
    till.commit();
    till.deliver_all(&config);
    let prefix = &config.index_prefix;
    assert_eq!(elastic.count(&format!("{prefix}-1m-g1-2026.10")), 1);
    assert_eq!(elastic.count(&format!("{prefix}-1m-g1-2026.11")), 1);
    assert_eq!(elastic.count(&format!("{prefix}-1m")), 2);
}

#[test]
fn an_older_version_never_overwrites_and_counts_as_delivered() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let config = config(&elastic.url());
    let prefix = &config.index_prefix;
    let mut till = till();
    till.deliver_all(&config);
    // Another instance has seen more payments.
    let newer = "version=1000&version_type=external_gte";
    let path = format!("/{prefix}-totals-g1/_doc/Harbour?{newer}");
    elastic
        .put(&path, &json!({"branch": "Harbour", "pay_count": 500}))
        .ok();
    till.pay(NOVEMBER + 71_000, 3, "1");
    till.commit();
    till.deliver_all(&config);
    let totals = elastic.documents(&format!("{prefix}-totals"));
    let harbour = document(&totals, "Harbour");
    assert_eq!(
        (harbour.version, &harbour.source["pay_count"]),
        (1_000, &json!(500))
    );
}

#[test]
fn more_documents_than_fit_one_request_all_arrive() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let mut config = config(&elastic.url());
    config.bulk.max_actions = 7;
    config.bulk.max_bytes = 3_000;
    config.bulk.max_in_flight = 3;
    let mut till = Till::new();
    for branch in 0..200 {
        till.pay(NOVEMBER + i64::from(branch), branch, "0.1");
    }
    till.commit();
    till.deliver_all(&config);
    for alias in ["totals", "1m", "1h"] {
        assert_eq!(
            elastic.count(&format!("{}-{alias}", config.index_prefix)),
            200
        );
    }
}

#[test]
fn two_instances_at_once_do_no_harm() {
    let Some(elastic) = Elastic::shared() else {
        return;
    };
    let config = config(&elastic.url());
    let (mut one, mut other) = (Till::new(), Till::new());
    let sinks = (one.deliver(&config), other.deliver(&config));
    for at in 0..50 {
        for till in [&mut one, &mut other] {
            till.pay(NOVEMBER + at * 500, 3, "0.5");
            till.commit();
        }
    }
    one.await_delivery();
    other.await_delivery();
    one.stop(sinks.0);
    other.stop(sinks.1);
    let totals = elastic.documents(&format!("{}-totals", config.index_prefix));
    assert_eq!((totals.len(), totals[0].version), (1, 100));
    assert_eq!(totals[0].source["pay_amount_exact"], "25");
}
