//! Two topics over the same indexes.

use super::{Log, PATIENCE, assert_refused, until_end};
use crate::support::compare::Figures;
use crate::support::lab::eventually;
use crate::support::service::{Setup, legacy_totals, quoted};

#[test]
fn a_recreated_topic_never_mixes_with_the_figures_of_the_one_before() {
    let Some(log) = Log::new("recreated-again", 5) else {
        return;
    };
    log.setup().serve_until_end();
    let before = log.documents();
    log.kafka.delete_topic(&log.name);
    log.kafka.create_topic(&log.name, 1);
    log.pay_to(3, "2", 1);

    let second = log.setup();
    assert_refused(&until_end(&second), "another topic that was called");
    assert_eq!(log.documents(), before);
    let found = second.run(&["index", "verify"]);
    assert_eq!(found.status.code(), Some(1));
    assert!(found.words().contains("another topic"), "{}", found.stdout);

    second.run_json(&["index", "delete", "--yes", "-o", "json"]);
    second.serve_until_end();
    Figures::ask(&second.serve()).assert_documented(log.elastic, &log.name);
}

#[test]
fn two_topics_under_one_prefix_never_share_an_index() {
    let (Some(sales), Some(refunds)) = (Log::new("sales", 5), Log::new("refunds", 9)) else {
        return;
    };
    let first = sales.setup();
    first.serve_until_end();
    let second = refunds.setup_under(&sales);
    assert_refused(&until_end(&second), &format!("of the topic {}", sales.name));
    assert_eq!(sales.counted(), 5);

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
    let (Some(sales), Some(refunds)) = (Log::new("sales", 5), Log::new("refunds", 9)) else {
        return;
    };
    let first = sales.setup();
    let first_service = first.serve();
    first_service.await_consumed(5);
    // Of two that begin at once, each may create some of the indexes: then both are refused.
    eventually("the figures of the first", || {
        (sales.counted() == 5).then_some(())
    });
    let second = refunds.setup_under(&sales);
    let second_service = second.serve();
    second_service.await_consumed(9);
    let aliases = || {
        sales
            .elastic
            .get(&format!("/_alias/{}-*", sales.name))
            .ok()
            .json()
    };
    let before = aliases();

    let refused = |second: &Setup, arguments: &[&str]| {
        let outcome = second.run(arguments);
        assert_eq!(outcome.status.code(), Some(78), "{}", outcome.stderr);
        for words in [
            &format!("of the topic {}", sales.name),
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
    names(&mut second, &refunds.name, "");
    second.serve_until_end();
    second.run_json(&["replay", "-o", "json"]);
    // A generation that was built under other names is not shown under these.
    names(&mut second, &sales.name, &legacy_totals(&sales.name));
    refused(&second, &["replay", "swap"]);
    let second_service = second.serve();
    second_service.await_consumed(9);
    refused(&second, &["replay", "swap"]);
    second_service.stop(PATIENCE);
    names(&mut second, &refunds.name, "");
    second.run_json(&["replay", "swap", "-o", "json"]);
    assert_eq!(refunds.counted(), 9);
    assert_eq!(sales.counted(), 5);

    // Or those of the other topic are deleted, of whatever generation they are.
    first.run_json(&["replay", "--swap", "-o", "json"]);
    first_service.await_generation(2);
    first_service.stop(PATIENCE);
    first.run(&["replay", "drop", "1", "--yes"]);
    let mut third = refunds.setup_under(&sales);
    third.set("elasticsearch", "legacy_totals", "\"\"");
    let outcome = until_end(&third);
    assert!(!outcome.status.success(), "{}", outcome.stdout);
    assert_eq!(sales.counted(), 5);
    third.run_json(&["index", "delete", "--yes", "-o", "json"]);
    third.serve_until_end();
    assert_eq!(sales.counted(), 9);
}
