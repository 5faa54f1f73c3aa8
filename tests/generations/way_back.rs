//! What a rollback or a swap says when there is no generation that it could make live, and that what
//! it names works.

use std::fs;

use serde_json::{Value, json};

use super::{Kafka, paid, unique};
use crate::support::service::Setup;
use crate::support::topic::START;

const DROP: &str = "`tidegauge replay drop 2 --yes`";

fn setup(kafka: &Kafka) -> Setup {
    let name = unique("way-back");
    kafka.create_topic(&name, 1);
    kafka.send(&name, (0..10).map(|n| paid(0, START + n * 1_000, "1", 1)));
    let setup = Setup::of(kafka, &name);
    setup.serve_until_end();
    setup
}

#[track_caller]
fn assert_done(setup: &Setup, arguments: &[&str]) {
    let outcome = setup.run(arguments);
    assert_eq!(outcome.status.code(), Some(0), "{}", outcome.stderr);
}

#[track_caller]
fn assert_told(setup: &Setup, arguments: &[&str], code: i32, all: &[&str]) -> String {
    let outcome = setup.run(arguments);
    assert_eq!(outcome.status.code(), Some(code), "{}", outcome.stderr);
    let told = outcome.stderr.lines().last().unwrap();
    for words in all {
        assert!(told.contains(words), "{arguments:?}: {words}: {told}");
    }
    told.to_owned()
}

// As a replay leaves it that is interrupted.
fn interrupt(setup: &Setup) {
    let path = setup.path("state-g2.report.json");
    let mut report: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(report["complete"], true);
    report["complete"] = json!(false);
    fs::write(&path, report.to_string()).unwrap();
}

#[test]
fn a_rollback_without_a_way_back_names_the_generation_that_exists_and_what_can_be_done_with_it() {
    let Some(kafka) = Kafka::shared() else { return };
    let setup = setup(kafka);
    let rollback = ["replay", "rollback"];
    assert_told(&setup, &rollback, 1, &["there is no other generation"]);

    assert_done(&setup, &["replay"]);
    let built = ["generation 2 is built", "`tidegauge replay swap`"];
    assert_told(&setup, &rollback, 1, &built);

    let incomplete = [
        "generation 2 exists and is not complete",
        "`tidegauge replay`",
        DROP,
    ];
    interrupt(&setup);
    assert_told(&setup, &rollback, 1, &incomplete);
    assert_told(&setup, &["replay", "swap"], 1, &incomplete);
    assert_done(&setup, &["replay"]);
    assert_told(&setup, &rollback, 1, &built);
    // One that was killed before it had anything to report.
    fs::remove_file(setup.path("state-g2.report.json")).unwrap();
    assert_told(&setup, &rollback, 1, &incomplete);
    assert_done(&setup, &["replay", "drop", "2", "--yes"]);
    assert_told(&setup, &rollback, 1, &["there is no other generation"]);
}

#[test]
fn a_rollback_to_a_generation_that_is_gone_or_unknown_says_so() {
    let Some(kafka) = Kafka::shared() else { return };
    let setup = setup(kafka);
    let rollback = ["replay", "rollback"];
    assert_done(&setup, &["replay", "--swap"]);
    assert_done(&setup, &["replay", "drop", "1", "--yes"]);
    let gone = ["generation 1, which was live before, has no state any more"];
    assert_told(&setup, &rollback, 1, &gone);

    assert_done(&setup, &["replay", "--swap"]);
    fs::write(setup.path("state.live"), "live = 3\n").unwrap();
    let unknown = [
        "nothing says which generation was live before generation 3",
        "write `live = 2` into",
        "state.live",
    ];
    assert_told(&setup, &rollback, 1, &unknown);
    fs::write(setup.path("state.live"), "live = 2\n").unwrap();
    assert_eq!(setup.serve_until_end()["ledger"]["consumed"], 10);
}

#[test]
fn to_drop_a_generation_of_other_rules_is_advised_only_where_drop_does_it() {
    let Some(kafka) = Kafka::shared() else { return };
    let setup = setup(kafka);
    let rule = ["--set", "event_time.out_of_orderness=9s"];
    let ruled = |arguments: &[&'static str]| [arguments, &rule].concat();
    assert_done(&setup, &ruled(&["replay"]));
    // Generation 2 does not exist yet.
    for command in [&["replay"][..], &["replay", "swap", "--accept-differences"]] {
        assert_told(&setup, command, 78, &["out_of_orderness", DROP]);
    }
    assert_done(&setup, &["replay", "drop", "2", "--yes"]);

    assert_done(
        &setup,
        &ruled(&["replay", "--swap", "--accept-differences"]),
    );
    for command in [ruled(&["replay", "rollback"]), vec!["replay", "swap"]] {
        let told = assert_told(&setup, &command, 78, &["out_of_orderness"]);
        assert!(!told.contains("replay drop"), "{told}");
    }
    let refused = ["generation 2 is live", "`tidegauge replay rollback`"];
    assert_told(&setup, &["replay", "drop", "2", "--yes"], 1, &refused);
    assert_done(&setup, &["replay", "rollback"]);
    assert_done(&setup, &["replay", "drop", "2", "--yes"]);
}
