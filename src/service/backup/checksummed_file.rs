//! A file of a backup with its length and hash, and the name of a generation's report in it.

use serde::{Deserialize, Serialize};

/// A file with what proves that it is whole.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChecksummedFile {
    /// Its path below the backup.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// The XXH3 hash of its content, 64 bits in hexadecimal digits.
    pub xxh3: String,
}

/// The name of a generation's report.
pub(super) fn report(generation: u32) -> String {
    format!("g{generation}.report.json")
}
