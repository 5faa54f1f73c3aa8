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

use std::collections::BTreeMap;
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

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name != "LOCK" && !name.to_string_lossy().starts_with("LOG") {
            match fs::copy(entry.path(), to.join(name)) {
                // A log whose records are in a table by now goes while the store is open.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                copied => drop(copied.unwrap()),
            }
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
