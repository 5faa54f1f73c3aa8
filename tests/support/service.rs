//! The real binary with a configuration, a state and logs in a directory of its own.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(
    clippy::print_stderr,
    reason = "what a service logged is shown with the test that failed"
)]

mod process;
mod setup;

use std::time::Duration;

use serde_json::Value;

pub use self::process::{Outcome, Process};
pub use self::setup::{Setup, binary, legacy_totals, quoted};
use super::lab::{eventually, http};

/// Far longer than anything takes; it ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(240);

/// A service that answers over HTTP. Dropping it kills it.
pub struct Service {
    process: Process,
    url: String,
}

impl Service {
    /// Where it answers: scheme, host and port.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.process.child.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Asks a route below `/api/v1/`.
    #[track_caller]
    pub fn ask(&self, route: &str) -> Value {
        http::get_json(&format!("{}/api/v1/{route}", self.url))
    }

    /// All items of a paged route, asked for `limit` at a time.
    #[track_caller]
    pub fn ask_all(&self, route: &str, limit: usize) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let mut page = self.ask(&format!("{route}?limit={limit}{cursor}"));
            let Value::Array(found) = page["items"].take() else {
                panic!("no items: {page}")
            };
            assert!(
                found.len() <= limit,
                "{} items on a page of {limit}",
                found.len()
            );
            items.extend(found);
            match &page["next"] {
                Value::String(next) => cursor = format!("&cursor={next}"),
                Value::Null => return items,
                other => panic!("no cursor: {other}"),
            }
        }
    }

    /// How many records it has consumed.
    #[track_caller]
    pub fn consumed(&self) -> u64 {
        self.ask("ledger")["consumed"].as_u64().unwrap()
    }

    /// Waits until it has consumed so many records.
    #[track_caller]
    pub fn await_consumed(&self, records: u64) {
        eventually(&format!("{records} records consumed"), || {
            let consumed = self.consumed();
            assert!(
                consumed <= records,
                "{consumed} records consumed, and there are only {records}"
            );
            (consumed == records).then_some(())
        });
    }

    /// Waits until it serves that generation. While it changes over it does not answer.
    #[track_caller]
    pub fn await_generation(&self, generation: u32) {
        let wanted = format!("generation={generation}");
        eventually(&wanted, || {
            let log = self.process.log();
            let last = log.lines().rfind(|line| line.contains(" serving "))?;
            last.split_whitespace()
                .any(|word| word == wanted)
                .then_some(())
        });
    }

    /// Waits until every partition has been read to its end for so long that it counts as idle.
    #[track_caller]
    pub fn await_idle(&self) {
        eventually("all partitions idle", || {
            let windows = self.ask("windows");
            let partitions = windows["partitions"].as_array().unwrap();
            let idle = partitions
                .iter()
                .all(|partition| partition["idle"] == true && partition["lag"] == 0);
            (idle && !partitions.is_empty()).then_some(())
        });
    }

    /// Waits until no document awaits delivery.
    #[track_caller]
    pub fn await_delivered(&self) {
        eventually("all documents delivered", || {
            (self.ask("status")["dirty_documents"] == 0).then_some(())
        });
    }

    /// How a part is doing, in its own words: the state and the reason.
    #[track_caller]
    pub fn part(&self, name: &str) -> (String, String) {
        let status = self.ask("status");
        let part = &status["parts"][name];
        let text = |key: &str| part[key].as_str().unwrap_or_default().to_owned();
        (text("state"), text("reason"))
    }

    /// Sends a signal by its name, such as `STOP`.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// SIGKILL. Fails the test if it had ended before by itself.
    #[track_caller]
    pub fn kill(self) {
        self.process.kill();
    }

    /// The process, to be stopped step by step.
    pub fn into_process(self) -> Process {
        self.process
    }

    /// SIGTERM, and waits for the end.
    #[track_caller]
    pub fn stop(self, patience: Duration) -> Outcome {
        self.process.terminate();
        self.process.wait(patience)
    }
}
