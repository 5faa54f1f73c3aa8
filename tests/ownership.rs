//! An index holds figures of one log and one set of rules; whoever reads another log leaves it alone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod aliases;
mod documents;
mod states;
mod topics;

use std::time::Duration;

use crate::support::lab::{Elastic, Kafka};
use crate::support::service::{Outcome, Setup};
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
