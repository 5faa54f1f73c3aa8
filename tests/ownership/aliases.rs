//! The names that readers use stay where the figures are.

use super::{Log, assert_refused, until_end};
use crate::support::service::{legacy_totals, quoted};

#[test]
fn a_rollback_to_a_generation_that_may_not_write_changes_nothing() {
    let Some(log) = Log::new("no-way-back", 5) else {
        return;
    };
    log.setup().serve_until_end();
    // Another state, which began later: its first generation never wrote.
    let second = log.latest_setup();
    assert_refused(&until_end(&second), "read from offset 0 of partition 0 on");
    let replayed = second.run(&["replay", "--swap", "--accept-differences"]);
    assert_eq!(replayed.status.code(), Some(0), "{}", replayed.stderr);
    assert_eq!(log.counted(), 5);

    let back = second.run(&["replay", "rollback"]);
    assert_eq!(back.status.code(), Some(78), "{}", back.stderr);
    assert!(
        back.stderr.contains("read from offset 0 of partition 0 on"),
        "{}",
        back.stderr
    );
    log.pay(1);
    second.serve_until_end();
    assert_eq!(log.counted(), 6);
}

#[test]
fn the_alias_of_the_old_dashboards_never_points_to_two_prefixes() {
    let (Some(sales), Some(refunds)) = (Log::new("sales", 5), Log::new("refunds", 9)) else {
        return;
    };
    sales.setup().serve_until_end();
    let legacy = legacy_totals(&sales.name);
    let second = refunds
        .setup()
        .with("elasticsearch", "legacy_totals", &quoted(&legacy));
    let outcome = until_end(&second);
    assert_eq!(outcome.status.code(), Some(78), "{}", outcome.stderr);
    assert!(outcome.stderr.contains(&legacy), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("legacy_totals"),
        "{}",
        outcome.stderr
    );
    assert_eq!(sales.elastic.documents(&legacy).len(), 1);
    assert_eq!(refunds.counted(), 9, "all else is delivered");
}

#[test]
fn aliases_of_a_generation_that_the_state_does_not_know_stay_where_they_are() {
    let Some(log) = Log::new("unknown-generation", 5) else {
        return;
    };
    let (topic, elastic) = (&log.name, log.elastic);
    let first = log.setup();
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

    let second = log.setup();
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

#[test]
fn aliases_stay_where_they_are_while_the_new_generation_lacks_an_index() {
    let Some(log) = Log::new("lacking", 5) else {
        return;
    };
    let (topic, elastic) = (&log.name, log.elastic);
    let setup = log.setup();
    setup.serve_until_end();
    setup.run_json(&["replay", "-o", "json"]);
    elastic.delete(&format!("/{topic}-totals-g2")).ok();
    let swapped = setup.run_json(&["replay", "swap", "-o", "json"]);
    assert_eq!(swapped["aliases"], "follow", "{swapped}");
    assert_eq!(log.counted(), 5, "readers see what they saw");
    // The service fills the index and moves the aliases.
    setup.serve_until_end();
    assert_eq!(log.counted(), 5);
    let holders = elastic.get(&format!("/_alias/{topic}-totals")).ok().json();
    assert!(
        holders[format!("{topic}-totals-g2")].is_object(),
        "{holders}"
    );
}
