//! The length of RocksDB's list of tables, the file MANIFEST.
//!
//! RocksDB takes a list that lost its end for one whose end was not written yet. It then deletes the tables
//! that were named there, and the figures in them are gone without an error. So the state says how long
//! the list was, and a shorter one is refused before RocksDB opens it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::codec::{ByteDecoder, ByteEncoder, DecodeResult};
use super::error::Error;
use super::values::StoredValue;

/// A list of tables, and how much of it is on the disk. A list with a higher number replaces all before,
/// and a list only grows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct TableList {
    number: u64,
    bytes: u64,
}

impl TableList {
    /// The current list of the database in `dir`; `None` if it can't be read.
    fn read(dir: &Path) -> Option<Self> {
        let current = fs::read_to_string(dir.join("CURRENT")).ok()?;
        let number = current.trim_end().strip_prefix("MANIFEST-")?.parse().ok()?;
        let bytes = fs::metadata(path(dir, number)).ok()?.len();
        Some(Self { number, bytes })
    }

    /// Refuses the state in `dir` if its list is shorter than this one, which it had before.
    pub(super) fn check(&self, dir: &Path) -> Result<(), Error> {
        match Self::read(dir) {
            Some(now) if now < *self => Err(Error::Damaged {
                path: dir.to_owned(),
                reason: format!(
                    "its list of tables is cut off: MANIFEST-{:06} has {} bytes, and at a checkpoint \
                     MANIFEST-{:06} had {} bytes",
                    now.number, now.bytes, self.number, self.bytes
                ),
            }),
            _ => Ok(()),
        }
    }
}

impl StoredValue for TableList {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.u64(self.number);
        encoder.u64(self.bytes);
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        Ok(Self {
            number: decoder.u64()?,
            bytes: decoder.u64()?,
        })
    }
}

/// The longest list that is known to be on the disk, so that it is synced only when it has grown.
#[derive(Debug, Default)]
pub(super) struct SyncedTableList(Mutex<Option<TableList>>);

impl SyncedTableList {
    /// The list of the database in `dir`, with all that is in it on the disk; `None` if it can't be read.
    pub(super) fn read(&self, dir: &Path) -> Option<TableList> {
        let mut synced = self.0.lock().ok()?;
        let list = TableList::read(dir)?;
        if *synced != Some(list) {
            // After a power failure, the state must not say that it was longer than it is.
            File::open(path(dir, list.number)).ok()?.sync_data().ok()?;
            // Nor may it name a newer list than the directory does.
            File::open(dir).ok()?.sync_all().ok()?;
            *synced = Some(list);
        }
        Some(list)
    }
}

fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("MANIFEST-{number:06}"))
}
