//! Documents that are newer than the state, or change their names.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use super::Log;
use crate::support::compare::Figures;
use crate::support::lab::{Elastic, eventually, http};
use crate::support::service::quoted;

#[test]
fn a_newer_document_counts_as_delivered_and_is_counted_apart() {
    let Some(log) = Log::new("outdated", 5) else {
        return;
    };
    let (topic, elastic) = (&log.name, log.elastic);
    let setup = log.setup();
    setup.serve_until_end();
    // As an instance would write it that had read on.
    let total = json!({"branch": "Branch_1", "branch_id": 1, "pay_count": 50});
    let path = format!("/{topic}-totals-g1/_doc/Branch_1?version=100&version_type=external");
    elastic.put(&path, &total).ok();
    log.pay(1);
    let service = setup.serve();
    service.await_consumed(6);
    service.await_delivered();
    let metrics = http::get(&format!("{}/metrics", service.url())).text;
    let line = "tidegauge_bulk_items_total{outcome=\"outdated\"} 1";
    assert!(metrics.contains(line), "{metrics}");
}

/// Name and branch of each total behind the public alias, and what it counts.
fn totals(elastic: &Elastic, prefix: &str) -> Vec<(String, String, u64)> {
    let totals = elastic.documents(&format!("{prefix}-totals"));
    totals
        .into_iter()
        .map(|total| {
            let count = total.source["pay_count"].as_u64().unwrap();
            assert_eq!(total.source["branch"], *total.id);
            (total.id, total.source["branch_id"].to_string(), count)
        })
        .collect()
}

#[test]
fn branches_that_are_renamed_or_exchange_names_have_one_total_each() {
    let Some(log) = Log::new("renamed", 0) else {
        return;
    };
    for (branch, count) in [(0, 10), (1, 3), (2, 4), (3, 5)] {
        log.pay_to(count, "1", branch);
    }
    let mut setup = log.setup();
    for (branch, name) in [("0", "North"), ("1", "South"), ("2", "West")] {
        setup.set("branches", branch, &quoted(name));
    }
    setup.serve_until_end();
    let named = |names: [(&str, &str, u64); 4]| {
        names.map(|(name, id, count)| (name.to_owned(), id.to_owned(), count))
    };
    assert_eq!(
        totals(log.elastic, &log.name),
        named([
            ("Branch_3", "3", 5),
            ("North", "0", 10),
            ("South", "1", 3),
            ("West", "2", 4)
        ])
    );

    // Exchanged, renamed, and named for the first time. Nothing is paid meanwhile.
    for (branch, name) in [
        ("0", "South"),
        ("1", "North"),
        ("2", "Far West"),
        ("3", "East"),
    ] {
        setup.set("branches", branch, &quoted(name));
    }
    let service = setup.serve();
    let renamed = named([
        ("East", "3", 5),
        ("Far West", "2", 4),
        ("North", "1", 3),
        ("South", "0", 10),
    ]);
    // Elasticsearch remembers the versions of deleted documents for a minute.
    let patience = Instant::now() + Duration::from_secs(180);
    while totals(log.elastic, &log.name) != renamed {
        assert!(
            Instant::now() < patience,
            "{:?}",
            totals(log.elastic, &log.name)
        );
        sleep(Duration::from_millis(200));
    }
    service.await_delivered();
    Figures::ask(&service).assert_documented(log.elastic, &log.name);
}

#[test]
fn a_total_under_a_former_name_is_deleted_once_its_index_takes_writes() {
    let Some(log) = Log::new("former", 0) else {
        return;
    };
    log.pay_to(3, "1", 1);
    let mut setup = log.setup();
    setup.set("branches", "1", &quoted("South"));
    setup.serve_until_end();
    let block = |on: bool| {
        let path = format!("/{}-totals-g1/_settings", log.name);
        let settings = json!({"index.blocks.write": on});
        log.elastic.put(&path, &settings).ok();
    };
    block(true);
    setup.set("branches", "1", &quoted("North"));
    let _service = setup.serve();
    // The deletion comes three seconds after the start, and is refused.
    sleep(Duration::from_secs(6));
    block(false);
    eventually("one total, under the new name", || {
        let totals = totals(log.elastic, &log.name);
        (totals == [("North".to_owned(), "1".to_owned(), 3)]).then_some(())
    });
}
