//! An index holds figures of one log and one set of rules; a service of another log leaves it alone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod aliases;
mod documents;
mod states;
mod topics;

use std::time::Duration;

use crate::support::compare::Document;
use crate::support::lab::{Elastic, Kafka, unique};
use crate::support::service::{Outcome, Setup};
use crate::support::topic::{START, paid};

/// How long a service may take to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// A topic on the shared Kafka, and documents in the shared Elasticsearch under its name.
struct Log {
    kafka: &'static Kafka,
    elastic: &'static Elastic,
    name: String,
}

impl Log {
    /// One partition with so many payments.
    #[track_caller]
    fn new(name: &str, payments: i64) -> Option<Self> {
        Self::partitioned(name, 1, payments)
    }

    /// [`Log::new`] with so many partitions; the payments are in the first.
    #[track_caller]
    fn partitioned(name: &str, partitions: i32, payments: i64) -> Option<Self> {
        let log = Self {
            kafka: Kafka::shared()?,
            elastic: Elastic::shared()?,
            name: unique(name),
        };
        log.kafka.create_topic(&log.name, partitions);
        log.pay(payments);
        Some(log)
    }

    /// Payments of 1 of branch 1.
    #[track_caller]
    fn pay(&self, count: i64) {
        self.pay_to(count, "1", 1);
    }

    /// Payments of `amount` in partition 0, a second apart, of one branch.
    #[track_caller]
    fn pay_to(&self, count: i64, amount: &str, branch: u32) {
        let messages = (0..count).map(|at| paid(0, START + at * 1_000, amount, branch));
        self.kafka.send(&self.name, messages);
    }

    /// A state that reads it from its beginning.
    fn setup(&self) -> Setup {
        self.setup_under(self)
    }

    /// A state that writes its figures under the name of another log.
    fn setup_under(&self, other: &Self) -> Setup {
        Setup::of(self.kafka, &self.name).delivering(self.elastic, &other.name)
    }

    /// A state that reads what comes from now on.
    fn latest_setup(&self) -> Setup {
        self.setup().with("kafka", "start", "\"latest\"")
    }

    /// How many payments the totals behind the public alias count.
    #[track_caller]
    fn counted(&self) -> u64 {
        let totals = self.elastic.documents(&format!("{}-totals", self.name));
        totals
            .iter()
            .map(|total| total.source["pay_count"].as_u64().unwrap())
            .sum()
    }

    /// All documents under its name.
    #[track_caller]
    fn documents(&self) -> Vec<Document> {
        self.elastic.documents(&format!("{}-*", self.name))
    }
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
