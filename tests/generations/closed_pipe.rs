//! A reader of the output that leaves cuts no work short, and no verdict.

use std::process::{ExitStatus, Stdio};

use super::{Kafka, unique};
use crate::support::lab::{Elastic, eventually};
use crate::support::service::Setup;
use crate::support::topic::{START, paid};

/// Runs a command whose data and notes nothing reads: the first byte meets a closed pipe.
fn run_unread(setup: &Setup, arguments: &[&str]) -> ExitStatus {
    let mut command = setup.command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    drop(process.stdout.take());
    drop(process.stderr.take());
    eventually("the end of a command that nothing reads", || {
        process.try_wait().unwrap()
    })
}

#[test]
fn a_swap_is_made_though_the_reader_of_the_report_has_left() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("unread-swap");
    kafka.create_topic(&topic, 1);
    kafka.send(&topic, [paid(0, START, "1", 1)]);
    let setup = Setup::of(kafka, &topic);
    setup.serve_until_end();
    let ended = run_unread(&setup, &["replay", "--swap", "-o", "json"]);
    assert_eq!(ended.code(), Some(0));
    let status = setup.run_json(&["replay", "status", "-o", "json"]);
    assert_eq!(status["generations"][1]["live"], true, "{status}");
}

#[test]
fn a_verdict_stands_though_the_reader_of_the_findings_has_left() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("unread-verdict");
    kafka.create_topic(&name, 1);
    kafka.send(&name, [paid(0, START, "1", 1)]);
    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    setup.serve_until_end();
    assert_eq!(run_unread(&setup, &["index", "verify"]).code(), Some(0));
    elastic
        .delete(&format!("/_index_template/{name}-late-g1"))
        .ok();
    assert_eq!(run_unread(&setup, &["index", "verify"]).code(), Some(1));
}
