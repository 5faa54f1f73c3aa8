//! An index holds figures of one log and one set of rules; a service of another log leaves it alone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::compare::Figures;
use crate::support::lab::{Dist, Elastic, Kafka, eventually, http, unique};
use crate::support::service::{Outcome, Setup, legacy_totals, quoted};
use crate::support::topic::{START, paid};

/// How long a service may take to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// Payments of `amount` in partition 0, a second apart, of one branch.
fn pay(kafka: &Kafka, topic: &str, count: i64, amount: &str, branch: u32) {
    let messages = (0..count).map(|at| paid(0, START + at * 1_000, amount, branch));
    kafka.send(topic, messages);
}

/// How many payments the totals behind the public alias count.
fn counted(elastic: &Elastic, prefix: &str) -> u64 {
    let totals = elastic.documents(&format!("{prefix}-totals"));
    totals
        .iter()
        .map(|total| total.source["pay_count"].as_u64().unwrap())
        .sum()
}

/// What a run to the end of the topic ends with.
fn until_end(setup: &Setup) -> Outcome {
    setup.run(&["serve", "--until-end"])
}

#[track_caller]
fn assert_refused(outcome: &Outcome, because: &str) {
    assert_eq!(outcome.status.code(), Some(78), "{}", outcome.stderr);
    for words in [
        because,
        "elasticsearch.index_prefix",
        "tidegauge index delete --yes",
    ] {
        assert!(
            outcome.stderr.contains(words),
            "{words}: {}",
            outcome.stderr
        );
    }
}

// log      0 1 2 3 4 | 5 6 7
// first    =========            began at the beginning: 5 payments
// second             ^ latest   reads 3 of them, under the same names
#[test]
fn a_state_that_began_elsewhere_never_writes_beside_the_figures_of_the_first() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared(Dist::Es7)) else {
        return;
    };
    let topic = unique("lost-state");
    kafka.create_topic(&topic, 1);
    pay(kafka, &topic, 5, "1", 1);
    let first = Setup::of(kafka, &topic).delivering(elastic, &topic);
    first.serve_until_end();
    assert_eq!(counted(elastic, &topic), 5);
    let before = elastic.documents(&format!("{topic}-*"));

    let second =
        Setup::of(kafka, &topic)
            .delivering(elastic, &topic)
            .with("kafka", "start", "\"latest\"");
    assert_eq!(until_end(&second).status.code(), Some(78));
    pay(kafka, &topic, 3, "1", 1);
    assert_refused(&until_end(&second), "read from offset 0 of partition 0 on");
    assert_eq!(elastic.documents(&format!("{topic}-*")), before);

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
    assert_eq!(elastic.documents(&format!("{topic}-*")), before);
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
    assert_eq!(counted(elastic, &topic), 3);
    let service = second.serve();
    Figures::ask(&service).assert_documented(elastic, &topic);
}

// log      0 1 2 3 4 | 5 6 7
// first    =========            lost, but for a backup
// second             ^ latest   the state that took its place
#[test]
fn a_lost_state_is_told_the_remedies_that_work_in_the_order_to_try_them() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared(Dist::Es7)) else {
        return;
    };
    let topic = unique("lost-remedies");
    kafka.create_topic(&topic, 1);
    pay(kafka, &topic, 5, "1", 1);
    let first = Setup::of(kafka, &topic).delivering(elastic, &topic);
    first.serve_until_end();
    let backup = first.path("backup").display().to_string();
    first.run_json(&["state", "backup", &backup, "-o", "json"]);

    let second =
        Setup::of(kafka, &topic)
            .delivering(elastic, &topic)
            .with("kafka", "start", "\"latest\"");
    until_end(&second);
    pay(kafka, &topic, 3, "1", 1);
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
    let mut restored =
        Setup::of(kafka, &topic)
            .delivering(elastic, &topic)
            .with("kafka", "start", "\"latest\"");
    let state_dir = restored.path("restored").display().to_string();
    restored.set("", "state_dir", &quoted(&state_dir));
    restored.run_json(&["state", "restore", &backup, "-o", "json"]);
    restored.serve_until_end();
    assert_eq!(counted(elastic, &topic), 8);
    pay(kafka, &topic, 1, "1", 1);
    Setup::of(kafka, &topic)
        .delivering(elastic, &topic)
        .serve_until_end();
    assert_eq!(counted(elastic, &topic), 9);
    pay(kafka, &topic, 1, "1", 1);
    let replayed = second.run(&["replay", "--swap", "--accept-differences"]);
    assert_eq!(replayed.status.code(), Some(0), "{}", replayed.stderr);
    assert_eq!(counted(elastic, &topic), 10);
    pay(kafka, &topic, 1, "1", 1);
    second.serve_until_end();
    assert_eq!(counted(elastic, &topic), 11);
}

#[test]
fn a_rollback_to_a_generation_that_may_not_write_changes_nothing() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared(Dist::Es7)) else {
        return;
    };
    let topic = unique("no-way-back");
    kafka.create_topic(&topic, 1);
    pay(kafka, &topic, 5, "1", 1);
    Setup::of(kafka, &topic)
        .delivering(elastic, &topic)
        .serve_until_end();
    // Another state, which began later: its first generation never wrote.
    let second =
        Setup::of(kafka, &topic)
            .delivering(elastic, &topic)
            .with("kafka", "start", "\"latest\"");
    assert_refused(&until_end(&second), "read from offset 0 of partition 0 on");
    let replayed = second.run(&["replay", "--swap", "--accept-differences"]);
    assert_eq!(replayed.status.code(), Some(0), "{}", replayed.stderr);
    assert_eq!(counted(elastic, &topic), 5);

    let back = second.run(&["replay", "rollback"]);
    assert_eq!(back.status.code(), Some(78), "{}", back.stderr);
    assert!(
        back.stderr.contains("read from offset 0 of partition 0 on"),
        "{}",
        back.stderr
    );
    pay(kafka, &topic, 1, "1", 1);
    second.serve_until_end();
    assert_eq!(counted(elastic, &topic), 6);
}

#[test]
fn a_recreated_topic_never_mixes_with_the_figures_of_the_one_before() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared(Dist::Es7)) else {
        return;
    };
    let topic = unique("recreated-again");
    kafka.create_topic(&topic, 1);
    pay(kafka, &topic, 5, "1", 1);
    Setup::of(kafka, &topic)
        .delivering(elastic, &topic)
        .serve_until_end();
    let before = elastic.documents(&format!("{topic}-*"));
    kafka.delete_topic(&topic);
    kafka.create_topic(&topic, 1);
    pay(kafka, &topic, 3, "2", 1);

    let second = Setup::of(kafka, &topic).delivering(elastic, &topic);
    assert_refused(&until_end(&second), "another topic that was called");
    assert_eq!(elastic.documents(&format!("{topic}-*")), before);
    let found = second.run(&["index", "verify"]);
    assert_eq!(found.status.code(), Some(1));
    assert!(found.words().contains("another topic"), "{}", found.stdout);

    second.run_json(&["index", "delete", "--yes", "-o", "json"]);
    second.serve_until_end();
    Figures::ask(&second.serve()).assert_documented(elastic, &topic);
}

#[test]
fn two_topics_under_one_prefix_never_share_an_index() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared(Dist::Es7)) else {
        return;
    };
    let (sales, refunds) = (unique("sales"), unique("refunds"));
    for (topic, count) in [(&sales, 5), (&refunds, 9)] {
        kafka.create_topic(topic, 1);
        pay(kafka, topic, count, "1", 1);
    }
    let first = Setup::of(kafka, &sales).delivering(elastic, &sales);
    first.serve_until_end();
    let second = Setup::of(kafka, &refunds).delivering(elastic, &sales);
    assert_refused(&until_end(&second), &format!("of the topic {sales}"));
    assert_eq!(counted(elastic, &sales), 5);

    // It answers over HTTP, says why nothing is written, and continues by itself when it may.
    let service = second.serve();
    let (condition, reason) = eventually("a refusal", || {
        Some(service.part("sink")).filter(|(condition, _)| condition == "failed")
    });
    assert!(
        reason.contains("nothing is written"),
        "{condition}: {reason}"
    );
    assert_eq!(service.ask("totals/1")["total"]["pay_count"], 9);
}

#[test]
fn a_swap_never_takes_readers_from_another_topic() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared(Dist::Es7)) else {
        return;
    };
    let (sales, refunds) = (unique("sales"), unique("refunds"));
    for (topic, count) in [(&sales, 5), (&refunds, 9)] {
        kafka.create_topic(topic, 1);
        pay(kafka, topic, count, "1", 1);
    }
    let first = Setup::of(kafka, &sales).delivering(elastic, &sales);
    let first_service = first.serve();
    first_service.await_consumed(5);
    let second = Setup::of(kafka, &refunds).delivering(elastic, &sales);
    let second_service = second.serve();
    second_service.await_consumed(9);
    eventually("the figures of the first", || {
        (counted(elastic, &sales) == 5).then_some(())
    });
    let aliases = || elastic.get(&format!("/_alias/{sales}-*")).ok().json();
    let before = aliases();

    let refused = |second: &Setup, arguments: &[&str]| {
        let outcome = second.run(arguments);
        assert_eq!(outcome.status.code(), Some(78), "{}", outcome.stderr);
        for words in [
            &format!("of the topic {sales}"),
            "index_prefix",
            "legacy_totals",
        ] {
            assert!(
                outcome.stderr.contains(words),
                "{words}: {}",
                outcome.stderr
            );
        }
        let status = second.run_json(&["replay", "status", "-o", "json"]);
        assert_eq!(status["live"], 1, "{status}");
        assert_eq!(aliases(), before);
    };
    refused(&second, &["replay", "--swap", "--accept-differences"]);
    // The advice, word for word: other names.
    second_service.stop(PATIENCE);
    let mut second = second;
    let names = |setup: &mut Setup, prefix: &str, legacy: &str| {
        setup.set("elasticsearch", "index_prefix", &quoted(prefix));
        setup.set("elasticsearch", "legacy_totals", &quoted(legacy));
    };
    names(&mut second, &refunds, "");
    second.serve_until_end();
    second.run_json(&["replay", "-o", "json"]);
    // A generation that was built under other names is not shown under these.
    names(&mut second, &sales, &legacy_totals(&sales));
    refused(&second, &["replay", "swap"]);
    let second_service = second.serve();
    second_service.await_consumed(9);
    refused(&second, &["replay", "swap"]);
    second_service.stop(PATIENCE);
    names(&mut second, &refunds, "");
    second.run_json(&["replay", "swap", "-o", "json"]);
    assert_eq!(counted(elastic, &refunds), 9);
    assert_eq!(counted(elastic, &sales), 5);

    // Or those of the other topic are deleted, of whatever generation they are.
    first.run_json(&["replay", "--swap", "-o", "json"]);
    first_service.await_generation(2);
    first_service.stop(PATIENCE);
    first.run(&["replay", "drop", "1", "--yes"]);
    let mut third = Setup::of(kafka, &refunds).delivering(elastic, &sales);
    third.set("elasticsearch", "legacy_totals", "\"\"");
    let outcome = until_end(&third);
    assert!(!outcome.status.success(), "{}", outcome.stdout);
    assert_eq!(counted(elastic, &sales), 5);
    third.run_json(&["index", "delete", "--yes", "-o", "json"]);
    third.serve_until_end();
    assert_eq!(counted(elastic, &sales), 9);
}

#[test]
fn a_new_state_with_other_rules_is_refused_instead_of_doubling_the_windows() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared(Dist::Es7)) else {
        return;
    };
    let topic = unique("other-rules");
    kafka.create_topic(&topic, 1);
    pay(kafka, &topic, 5, "1", 1);
    Setup::of(kafka, &topic)
        .delivering(elastic, &topic)
        .serve_until_end();
    let second = Setup::of(kafka, &topic).delivering(elastic, &topic).with(
        "",
        "time_zone",
        "\"Asia/Shanghai\"",
    );
    assert_refused(&until_end(&second), "made by other rules");
    assert_eq!(elastic.count(&format!("{topic}-1m")), 1);
    // What is told as a remedy works.
    let replayed = second.run(&["replay", "--swap", "--accept-differences"]);
    assert_eq!(replayed.status.code(), Some(0), "{}", replayed.stderr);
    assert_eq!(elastic.count(&format!("{topic}-1m")), 1);
    second.serve_until_end();
    assert_eq!(counted(elastic, &topic), 5);
}

#[test]
fn a_second_state_of_the_same_log_delivers_beside_the_first() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared(Dist::Es7)) else {
        return;
    };
    let topic = unique("standby");
    kafka.create_topic(&topic, 2);
    pay(kafka, &topic, 50, "1", 1);
    let first = Setup::of(kafka, &topic).delivering(elastic, &topic);
    let service = first.serve();
    service.await_consumed(50);
    let second = Setup::of(kafka, &topic).delivering(elastic, &topic);
    second.serve_until_end();
    pay(kafka, &topic, 50, "1", 2);
    second.serve_until_end();
    service.await_consumed(100);
    service.await_delivered();
    Figures::ask(&service).assert_documented(elastic, &topic);
}

#[test]
fn a_newer_document_counts_as_delivered_and_is_counted_apart() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared(Dist::Es7)) else {
        return;
    };
    let topic = unique("outdated");
    kafka.create_topic(&topic, 1);
    pay(kafka, &topic, 5, "1", 1);
    let setup = Setup::of(kafka, &topic).delivering(elastic, &topic);
    setup.serve_until_end();
    // As an instance would write it that had read on.
    let total = json!({"branch": "Branch_1", "branch_id": 1, "pay_count": 50});
    let path = format!("/{topic}-totals-g1/_doc/Branch_1?version=100&version_type=external");
    elastic.put(&path, &total).ok();
    pay(kafka, &topic, 1, "1", 1);
    let service = setup.serve();
    service.await_consumed(6);
    service.await_delivered();
    let metrics = http::get(&format!("{}/metrics", service.url())).text;
    let line = "tidegauge_bulk_items_total{outcome=\"outdated\"} 1";
    assert!(metrics.contains(line), "{metrics}");
}

#[test]
fn the_alias_of_the_old_dashboards_never_points_to_two_prefixes() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared(Dist::Es7)) else {
        return;
    };
    let (sales, refunds) = (unique("sales"), unique("refunds"));
    for (topic, count) in [(&sales, 5), (&refunds, 9)] {
        kafka.create_topic(topic, 1);
        pay(kafka, topic, count, "1", 1);
    }
    Setup::of(kafka, &sales)
        .delivering(elastic, &sales)
        .serve_until_end();
    let legacy = legacy_totals(&sales);
    let second = Setup::of(kafka, &refunds)
        .delivering(elastic, &refunds)
        .with("elasticsearch", "legacy_totals", &quoted(&legacy));
    let outcome = until_end(&second);
    assert_eq!(outcome.status.code(), Some(78), "{}", outcome.stderr);
    assert!(outcome.stderr.contains(&legacy), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("legacy_totals"),
        "{}",
        outcome.stderr
    );
    assert_eq!(elastic.documents(&legacy).len(), 1);
    assert_eq!(counted(elastic, &refunds), 9, "all else is delivered");
}

#[test]
fn aliases_of_a_generation_that_the_state_does_not_know_stay_where_they_are() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared(Dist::Es7)) else {
        return;
    };
    let topic = unique("unknown-generation");
    kafka.create_topic(&topic, 1);
    pay(kafka, &topic, 5, "1", 1);
    let first = Setup::of(kafka, &topic).delivering(elastic, &topic);
    first.serve_until_end();
    first.run_json(&["replay", "--swap", "-o", "json"]);
    first.run(&["replay", "drop", "1", "--yes"]);
    let holder = || {
        let found = elastic.get(&format!("/_alias/{topic}-totals")).ok().json();
        found
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(holder(), [format!("{topic}-totals-g2")]);

    let second = Setup::of(kafka, &topic).delivering(elastic, &topic);
    let outcome = until_end(&second);
    assert_eq!(outcome.status.code(), Some(78), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("generation 2"),
        "{}",
        outcome.stderr
    );
    assert_eq!(holder(), [format!("{topic}-totals-g2")]);
    for words in [
        "Stop the service, set state_dir",
        "`tidegauge state restore DIR`",
        "`tidegauge index repair`",
    ] {
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
    second.run(&["index", "repair"]);
    assert_eq!(holder(), [format!("{topic}-totals-g1")]);
    second.serve_until_end();
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
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared(Dist::Es7)) else {
        return;
    };
    let topic = unique("renamed");
    kafka.create_topic(&topic, 1);
    for (branch, count) in [(0, 10), (1, 3), (2, 4), (3, 5)] {
        pay(kafka, &topic, count, "1", branch);
    }
    let mut setup = Setup::of(kafka, &topic).delivering(elastic, &topic);
    for (branch, name) in [("0", "North"), ("1", "South"), ("2", "West")] {
        setup.set("branches", branch, &quoted(name));
    }
    setup.serve_until_end();
    let named = |names: [(&str, &str, u64); 4]| {
        names.map(|(name, id, count)| (name.to_owned(), id.to_owned(), count))
    };
    assert_eq!(
        totals(elastic, &topic),
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
    while totals(elastic, &topic) != renamed {
        assert!(Instant::now() < patience, "{:?}", totals(elastic, &topic));
        sleep(Duration::from_millis(200));
    }
    service.await_delivered();
    Figures::ask(&service).assert_documented(elastic, &topic);
}

#[test]
fn dropping_a_generation_deletes_no_index_of_another_directory() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared(Dist::Es7)) else {
        return;
    };
    let topic = unique("dropped-elsewhere");
    kafka.create_topic(&topic, 1);
    pay(kafka, &topic, 5, "1", 1);
    let first = Setup::of(kafka, &topic).delivering(elastic, &topic);
    first.serve_until_end();
    first.run_json(&["replay", "-o", "json"]);
    let built = elastic.documents(&format!("{topic}-*-g2*"));
    assert!(!built.is_empty());

    let second = Setup::of(kafka, &topic).delivering(elastic, &topic);
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

#[test]
fn aliases_stay_where_they_are_while_the_new_generation_lacks_an_index() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared(Dist::Es7)) else {
        return;
    };
    let topic = unique("lacking");
    kafka.create_topic(&topic, 1);
    pay(kafka, &topic, 5, "1", 1);
    let setup = Setup::of(kafka, &topic).delivering(elastic, &topic);
    setup.serve_until_end();
    setup.run_json(&["replay", "-o", "json"]);
    elastic.delete(&format!("/{topic}-totals-g2")).ok();
    let swapped = setup.run_json(&["replay", "swap", "-o", "json"]);
    assert_eq!(swapped["aliases"], "follow", "{swapped}");
    assert_eq!(counted(elastic, &topic), 5, "readers see what they saw");
    // The service fills the index and moves the aliases.
    setup.serve_until_end();
    assert_eq!(counted(elastic, &topic), 5);
    let holders = elastic.get(&format!("/_alias/{topic}-totals")).ok().json();
    assert!(
        holders[format!("{topic}-totals-g2")].is_object(),
        "{holders}"
    );
}
