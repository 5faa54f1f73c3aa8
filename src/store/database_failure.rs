//! What errors of RocksDB mean.

use std::path::Path;

use rocksdb::ErrorKind;

use super::error::Error;
use crate::view::reading::ReadError;

/// The error for what RocksDB did not do with the database in `path`.
pub(super) fn failed(path: &Path, action: &'static str, error: &rocksdb::Error) -> Error {
    let path = path.to_owned();
    let reason = error.to_string();
    match error.kind() {
        ErrorKind::Corruption => Error::Damaged { path, reason },
        _ if lacks_file(&path, &reason) => Error::Damaged { path, reason },
        _ => Error::Database {
            path,
            action,
            reason,
        },
    }
}

/// The error for a read of an image that failed.
pub(super) fn unreadable(path: &Path, ReadError(reason): ReadError) -> Error {
    let path = path.to_owned();
    match reason.starts_with("IO error") && !lacks_file(&path, &reason) {
        true => Error::Database {
            path,
            action: "read",
            reason,
        },
        // What was read is not what was written.
        false => Error::Damaged { path, reason },
    }
}

// Whether one of its files is missing, or is none, while the directory is there.
fn lacks_file(path: &Path, reason: &str) -> bool {
    let says = ["No such file or directory", "Is a directory"];
    path.is_dir() && says.iter().any(|words| reason.contains(words))
}

/// Whether another process holds the lock, or this one does. RocksDB has no error kind for it.
pub(super) fn is_locked(error: &rocksdb::Error) -> bool {
    let text = error.as_ref();
    text.contains("lock hold by current process")
        || (text.contains("While lock file") && text.contains("temporarily unavailable"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_disk_that_does_not_answer_is_told_from_a_damaged_state() {
        let dir = tempfile::tempdir().unwrap();
        let is_damaged = |reason: &str| {
            let error = unreadable(dir.path(), ReadError(reason.to_owned()));
            matches!(error, Error::Damaged { .. })
        };
        assert!(!is_damaged(
            "IO error: While pread: 000009.sst: Input/output error"
        ));
        assert!(is_damaged(
            "IO error: No such file or directory: While open 000009.sst"
        ));
        assert!(is_damaged("Corruption: block checksum mismatch"));
        assert!(is_damaged(
            "the value of the total of branch 7 is malformed"
        ));
    }
}
