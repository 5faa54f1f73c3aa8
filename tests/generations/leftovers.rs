//! Indexes that a generation of a lost state has left: what is told of them, and that it helps.

use serde_json::{Value, json};

use super::{Kafka, paid, unique};
use crate::support::lab::Elastic;
use crate::support::service::{Outcome, Setup};
use crate::support::topic::START;

const REPLAY: [&str; 3] = ["replay", "--swap", "--accept-differences"];

/// What is `planned` or `done` by `index delete`.
#[track_caller]
fn lines(found: &Value, kind: &str) -> Vec<String> {
    let lines = found[kind].as_array().unwrap().iter();
    lines.map(|line| line.as_str().unwrap().into()).collect()
}

#[track_caller]
fn assert_told(outcome: &Outcome, code: i32, words: &[&str], unsaid: &[&str]) {
    let told = &outcome.stderr;
    assert_eq!(outcome.status.code(), Some(code), "{told}");
    let last = told.lines().last().unwrap();
    for words in words {
        assert!(last.contains(words), "{words}: {told}");
    }
    for words in unsaid {
        assert!(!last.contains(words), "{words}: {told}");
    }
}

#[test]
fn what_a_lost_state_left_is_called_a_leftover_once_no_public_alias_points_to_it() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("left-behind");
    kafka.create_topic(&name, 1);
    kafka.send(&name, (0..10).map(|n| paid(0, START + n * 1_000, "1", 1)));
    let lost = Setup::of(kafka, &name).delivering(elastic, &name);
    lost.serve_until_end();
    lost.run_json(&["replay", "--swap", "-o", "json"]);

    let mut setup = Setup::of(kafka, &name).delivering(elastic, &name);
    assert_eq!(setup.run(&["serve", "--until-end"]).status.code(), Some(78));
    setup.set("event_time", "out_of_orderness", "\"7s\"");
    let rules = "event_time.out_of_orderness was 5s there, and is 7s here";
    let (restore, delete) = ("state restore", "`tidegauge index delete --yes`");
    // Readers see them, so they may be all that is left of the figures.
    assert_told(
        &setup.run(&REPLAY),
        78,
        &[rules, restore, delete],
        &["leftover"],
    );
    let planned = setup.run_json(&["index", "delete", "-o", "json"]);
    let totals = lines(&planned, "planned")
        .into_iter()
        .find(|line| line.contains(&format!(" {name}-totals-g2 ")));
    let totals = totals.unwrap_or_else(|| panic!("{planned}"));
    for words in [
        rules,
        "readers see it by the alias",
        &format!("{name}-totals"),
    ] {
        assert!(totals.contains(words), "{words}: {totals}");
    }

    setup.set("event_time", "out_of_orderness", "\"5s\"");
    setup.run(&["index", "repair"]);
    setup.set("event_time", "out_of_orderness", "\"7s\"");
    let leftover = [rules, "a leftover", "no public alias points to", delete];
    assert_told(&setup.run(&REPLAY), 78, &leftover, &[restore]);
    let dropped = setup.run(&["replay", "drop", "2", "--yes"]);
    let others = [restore, "index_prefix", "earliest", "nothing is written"];
    assert_told(
        &dropped,
        78,
        &[rules, delete, "drop generation 2 again"],
        &others,
    );

    let planned = setup.run_json(&["index", "delete", "-o", "json"]);
    let planned = lines(&planned, "planned");
    assert!(!planned.is_empty());
    for line in &planned {
        for words in ["-g2", rules, "no public alias points to it"] {
            assert!(line.contains(words), "{words}: {line}");
        }
        assert!(!line.contains("of another log"), "{line}");
    }
    let deleted = setup.run_json(&["index", "delete", "--yes", "-o", "json"]);
    assert_eq!(lines(&deleted, "done").len(), planned.len());
    assert_eq!(deleted["planned"], json!([]));
    let swapped = setup.run(&REPLAY);
    assert_eq!(swapped.status.code(), Some(0), "{}", swapped.stderr);
}
