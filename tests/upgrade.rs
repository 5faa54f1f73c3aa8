//! States of every storage version that ever was: each is read, brought up and continued with all its figures, and a
//! state of a newer one is refused and left as it is.
//!
//! The directories `tests/fixtures/state-*` were written by the code of their time: those up to version 4 from the first
//! records of [`log::log`] and by the default rules, those after it as [`text_states`] says.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod log;
mod opened;
mod refused;
mod served;
mod text_states;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidegauge::config::{Config, Need, Sources};
use tidegauge::store::{Identity, MarkedDocuments};

use crate::support::oracle::{Record, Truth, truth};

/// The directories of the fixtures, each with its storage version.
const STATES: [(&str, u64); 5] = [
    ("state-v1", 1),
    ("state-v2", 2),
    // Before positions said where reading began, and before event time was said to have travelled.
    ("state-v3-first", 3),
    ("state-v3", 3),
    ("state-v4", 4),
];
/// The version that this program writes.
const WRITTEN: u64 = 4;
/// The version that it writes once a branch is a text: the newest that it reads.
const NEWEST: u64 = 6;

/// Copies the state of a fixture to `to`, which is made.
fn copy(name: &str, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for (file, content) in files(&fixture(name)) {
        fs::write(to.join(file), content).unwrap();
    }
}

fn fixture(name: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    fixtures.join(name)
}

/// Keeps a state as the fixture `target`, which is made.
fn keep(state: &Path, target: &Path) {
    assert!(
        !target.exists(),
        "{} is kept as it was written",
        target.display()
    );
    fs::create_dir_all(target).unwrap();
    for (name, content) in files(state) {
        // The options tell where they were used, and the log of RocksDB is no part of a state.
        if name != "LOCK" && !name.starts_with("LOG") && !name.starts_with("OPTIONS-") {
            fs::write(target.join(name), content).unwrap();
        }
    }
}

/// All files of a directory.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// The default configuration, by whose rules the states were built.
fn config() -> Config {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("t.toml");
    fs::write(&file, "").unwrap();
    Config::load(&Sources::of_file(file), Need::Nothing).unwrap()
}

fn identity() -> Identity {
    let config = config();
    Identity {
        topic: log::TOPIC.to_owned(),
        generation: 1,
        rules: config.rules(),
        settings: config.event_time.settings,
        names: Arc::default(),
        documents: MarkedDocuments::WithPayments,
    }
}

/// What a state that was written by `version` must show once it has read the first `count` records.
fn expected(version: u64, count: usize) -> Truth {
    let mut truth = truth(&records(count));
    if version < 3 {
        // Up to version 2, payments ahead of their records' timestamps counted for the last event time of a total,
        // and what was stored stays until the topic is read again.
        for (id, millis) in log::ahead(log::STORED) {
            let total = truth.totals.get_mut(&id).unwrap();
            total.last = total.last.max(millis);
        }
    }
    truth
}

/// The first `count` records of the log, as the independent computation takes them.
fn records(count: usize) -> Vec<Record> {
    let mut offsets = BTreeMap::<i32, i64>::new();
    let records = log::log().into_iter().take(count);
    records
        .map(|(partition, timestamp, value)| {
            let offset = offsets.entry(partition).or_default();
            *offset += 1;
            Record {
                partition,
                offset: *offset - 1,
                timestamp,
                value,
            }
        })
        .collect()
}
