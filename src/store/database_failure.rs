//! What errors of RocksDB mean.

use std::path::Path;

use rocksdb::ErrorKind;

use super::error::Error;

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
