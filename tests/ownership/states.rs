//! Two states over the same indexes, and a state that was lost.

use super::{Log, assert_refused, until_end};
use crate::support::compare::Figures;
use crate::support::service::quoted;

// log      0 1 2 3 4 | 5 6 7
// first    =========            began at the beginning: 5 payments
// second             ^ latest   reads 3 of them, under the same names
#[test]
fn a_state_that_began_elsewhere_never_writes_beside_the_figures_of_the_first() {
    let Some(log) = Log::new("lost-state", 5) else {
        return;
    };
    let first = log.setup();
    first.serve_until_end();
    assert_eq!(log.counted(), 5);
    let before = log.documents();

    let second = log.latest_setup();
    assert_eq!(until_end(&second).status.code(), Some(78));
    log.pay(3);
    assert_refused(&until_end(&second), "read from offset 0 of partition 0 on");
    assert_eq!(log.documents(), before);

    let listed = second.run_json(&["index", "delete", "-o", "json"]);
    assert_eq!(listed["done"].as_array().map(Vec::len), Some(0), "{listed}");
    let planned = listed["planned"].as_array().unwrap();
    assert_eq!(planned.len(), 6, "{listed}");
    for index in planned {
        let index = index.as_str().unwrap();
        assert!(index.contains("--yes deletes it"), "{index}");
    }
    let rows = second.run(&["index", "delete", "-o", "csv"]).stdout;
    assert!(!rows.contains("done"), "{rows}");
    assert_eq!(rows.matches("planned,").count(), 6, "{rows}");
    assert_eq!(log.documents(), before);
    let deleted = second.run_json(&["index", "delete", "--yes", "-o", "json"]);
    assert_eq!(
        deleted["done"].as_array().map(Vec::len),
        Some(6),
        "{deleted}"
    );
    for index in deleted["done"].as_array().unwrap() {
        let index = index.as_str().unwrap();
        let words = "the service creates and fills it again, within a minute or when it starts";
        assert!(index.ends_with(words), "{index}");
    }
    second.serve_until_end();
    assert_eq!(log.counted(), 3);
    let service = second.serve();
    Figures::ask(&service).assert_documented(log.elastic, &log.name);
}

// log      0 1 2 3 4 | 5 6 7
// first    =========            lost, but for a backup
// second             ^ latest   the state that took its place
#[test]
fn a_lost_state_is_told_the_remedies_that_work_in_the_order_to_try_them() {
    let Some(log) = Log::new("lost-remedies", 5) else {
        return;
    };
    let first = log.setup();
    first.serve_until_end();
    let backup = first.path("backup").display().to_string();
    first.run_json(&["state", "backup", &backup, "-o", "json"]);

    let second = log.latest_setup();
    until_end(&second);
    log.pay(3);
    let refused = until_end(&second);
    assert_refused(&refused, "read from offset 0 of partition 0 on");
    let remedies = [
        "`tidegauge state restore DIR`",
        "kafka.start = \"earliest\"",
        "`tidegauge replay --swap --accept-differences`",
        "elasticsearch.index_prefix",
        "`tidegauge index delete --yes`",
    ];
    let told = refused.stderr.lines().last().unwrap();
    let places = remedies.map(|remedy| told.find(remedy));
    assert!(places.iter().all(Option::is_some), "{told}");
    assert!(places.is_sorted(), "{told}");
    assert!(
        told.contains("lost, stop the service, set state_dir"),
        "{told}"
    );

    // Each is followed word for word.
    let mut restored = log.latest_setup();
    let state_dir = restored.path("restored").display().to_string();
    restored.set("", "state_dir", &quoted(&state_dir));
    restored.run_json(&["state", "restore", &backup, "-o", "json"]);
    restored.serve_until_end();
    assert_eq!(log.counted(), 8);
    log.pay(1);
    log.setup().serve_until_end();
    assert_eq!(log.counted(), 9);
    log.pay(1);
    let replayed = second.run(&["replay", "--swap", "--accept-differences"]);
    assert_eq!(replayed.status.code(), Some(0), "{}", replayed.stderr);
    assert_eq!(log.counted(), 10);
    log.pay(1);
    second.serve_until_end();
    assert_eq!(log.counted(), 11);
}

#[test]
fn a_new_state_with_other_rules_is_refused_instead_of_doubling_the_windows() {
    let Some(log) = Log::new("other-rules", 5) else {
        return;
    };
    let (topic, elastic) = (&log.name, log.elastic);
    log.setup().serve_until_end();
    let second = log.setup().with("", "time_zone", "\"Asia/Shanghai\"");
    assert_refused(&until_end(&second), "made by other rules");
    assert_eq!(elastic.count(&format!("{topic}-1m")), 1);
    // What is told as a remedy works.
    let replayed = second.run(&["replay", "--swap", "--accept-differences"]);
    assert_eq!(replayed.status.code(), Some(0), "{}", replayed.stderr);
    assert_eq!(elastic.count(&format!("{topic}-1m")), 1);
    second.serve_until_end();
    assert_eq!(log.counted(), 5);
}

#[test]
fn a_second_state_of_the_same_log_delivers_beside_the_first() {
    let Some(log) = Log::partitioned("standby", 2, 50) else {
        return;
    };
    let first = log.setup();
    let service = first.serve();
    service.await_consumed(50);
    let second = log.setup();
    second.serve_until_end();
    log.pay_to(50, "1", 2);
    second.serve_until_end();
    service.await_consumed(100);
    service.await_delivered();
    Figures::ask(&service).assert_documented(log.elastic, &log.name);
}

#[test]
fn dropping_a_generation_deletes_no_index_of_another_directory() {
    let Some(log) = Log::new("dropped-elsewhere", 5) else {
        return;
    };
    let (topic, elastic) = (&log.name, log.elastic);
    let first = log.setup();
    first.serve_until_end();
    first.run_json(&["replay", "-o", "json"]);
    let built = elastic.documents(&format!("{topic}-*-g2*"));
    assert!(!built.is_empty());

    let second = log.setup();
    second.serve_until_end();
    let refused = second.run(&["replay", "drop", "2", "--yes"]);
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
    let words = "there is no generation 2";
    assert!(refused.stderr.contains(words), "{}", refused.stderr);
    assert_eq!(elastic.documents(&format!("{topic}-*-g2*")), built);
    let dropped = first.run(&["replay", "drop", "2", "--yes"]);
    assert_eq!(dropped.status.code(), Some(0), "{}", dropped.stderr);
    assert_eq!(elastic.count(&format!("{topic}-*-g2*")), 0);
}
