//! The store keeps whole checkpoints: what it is given, all of it, through restarts and crashes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod checkpoints;
mod copying;
mod delivery;
mod feed;
mod fixture;
mod history;
mod marking;
mod refusals;
mod unread;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use tidegauge::core::feedback::Mark;
use tidegauge::domain::document_key::DocumentKey;
use tidegauge::store::Store;

use self::feed::{documents, shown};

type Marks = BTreeMap<DocumentKey, Mark>;

fn marks(store: &Store) -> Marks {
    store
        .readings()
        .deliver(|reading| Ok(reading.dirty(None, usize::MAX)?.into_iter().collect()))
        .unwrap()
}

/// Copies a state while it is open, as it would be found after a power failure.
///
/// The store writes tables and their list in the background, and a list is of no use without the tables
/// that it names: what changes while it is copied is copied once more.
fn copy(from: &Path, to: &Path) {
    let names = || -> BTreeSet<OsString> {
        let entries = fs::read_dir(from).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    };
    loop {
        let before = names();
        for name in &before {
            let text = name.to_string_lossy();
            if text != "LOCK" && !text.starts_with("LOG") {
                match fs::copy(from.join(name), to.join(name)) {
                    // A log whose records are in a table by now goes while the store is open.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    copied => drop(copied.unwrap()),
                }
            }
        }
        if names() == before {
            return;
        }
        for entry in fs::read_dir(to).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }
}

fn files(dir: &Path, extension: &str) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(dir).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    files.sort();
    files
}

/// Whether `key` is delivered: windows without payments are only if they are asked for, and tumbling.
fn has_document(store: &Store, key: &DocumentKey, zeros: bool) -> bool {
    let DocumentKey::Window {
        definition,
        window,
        branch,
    } = *key
    else {
        return true;
    };
    let count = store.readings().query(|reading| {
        let result = reading
            .frame()
            .window(reading, definition, window, branch)?;
        Ok(result.map_or(0, |result| result.aggregate.count))
    });
    count.unwrap() > 0 || (zeros && definition == 0)
}

fn shown_documents(store: &Store) -> BTreeMap<DocumentKey, String> {
    store
        .readings()
        .query(|reading| {
            let documents = documents(reading).into_iter();
            Ok(documents
                .map(|key| (key, shown(reading, key).unwrap()))
                .collect())
        })
        .unwrap()
}
