//! RocksDB's list of tables, the file MANIFEST, as it was at a checkpoint.
//!
//! RocksDB takes a list that lost its end, or is damaged so that it seems to end earlier, for one whose end
//! was not written yet. It then deletes the tables that were named there, and the figures in them are gone
//! without an error. So the state says how long the list was and what was in it, and another one is refused
//! before RocksDB opens it.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use xxhash_rust::xxh3::Xxh3;

use super::codec::{ByteDecoder, ByteEncoder, DecodeResult};
use super::error::Error;
use super::values::StoredValue;

/// The list begins with a random number. With this bit, each checksum takes equally many bytes, so that a simulation
/// that repeats a seed writes logs of the same length.
const CHECKSUM_BIT: u64 = 1 << 63;

/// A list of tables up to a length. A list with a higher number replaces all before, and a list only grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct TableList {
    number: u64,
    bytes: u64,
    /// XXH3 of so many bytes, with the highest bit set.
    checksum: u64,
}

impl TableList {
    /// Refuses the state in `dir` if its list is not this one, which it had before, with more at the end, or a
    /// later one.
    pub(super) fn check(&self, dir: &Path) -> Result<(), Error> {
        // What can't be read is judged when the state is opened.
        let Some((number, bytes)) = current(dir) else {
            return Ok(());
        };
        let damaged = |what: String| {
            Err(Error::Damaged {
                path: dir.to_owned(),
                reason: format!("its list of tables {what}"),
            })
        };
        if (number, bytes) < (self.number, self.bytes) {
            return damaged(format!(
                "is cut off: MANIFEST-{number:06} has {bytes} bytes, and at a checkpoint MANIFEST-{:06} had {} bytes",
                self.number, self.bytes
            ));
        }
        if number > self.number {
            return Ok(());
        }
        let mut begin = ListHash::default();
        match begin.read_up_to(&path(dir, number), self.bytes) {
            // Older states have the checksum without the bit.
            Ok(()) if begin.checksum() != self.checksum | CHECKSUM_BIT => damaged(format!(
                "is damaged: the first {} bytes of MANIFEST-{number:06} are not those of a checkpoint",
                self.bytes
            )),
            _ => Ok(()),
        }
    }
}

impl StoredValue for TableList {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.u64(self.number);
        encoder.u64(self.bytes);
        encoder.u64(self.checksum);
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        Ok(Self {
            number: decoder.u64()?,
            bytes: decoder.u64()?,
            checksum: decoder.u64()?,
        })
    }
}

/// What is known to be in the list and on the disk: only what is new is read and synced.
#[derive(Default)]
pub(super) struct SyncedTableList(Mutex<Synced>);

#[derive(Default)]
struct Synced {
    number: u64,
    begin: ListHash,
}

impl SyncedTableList {
    /// The list of the database in `dir`, with all that is in it on the disk; `None` if it can't be read.
    pub(super) fn read(&self, dir: &Path) -> Option<TableList> {
        let mut synced = self.0.lock().ok()?;
        let (number, bytes) = current(dir)?;
        if (synced.number, synced.begin.bytes) != (number, bytes) {
            let path = path(dir, number);
            // After a power failure, the state must not say that it was longer than it is.
            File::open(&path).ok()?.sync_data().ok()?;
            // Nor may it name a newer list than the directory does.
            File::open(dir).ok()?.sync_all().ok()?;
            let mut begin = match synced.number == number {
                true => mem::take(&mut synced.begin),
                false => ListHash::default(),
            };
            begin.read_up_to(&path, bytes).ok()?;
            *synced = Synced { number, begin };
        }
        Some(TableList {
            number,
            bytes,
            checksum: synced.begin.checksum(),
        })
    }
}

/// The beginning of a list, as far as it was read.
#[derive(Default)]
struct ListHash {
    bytes: u64,
    hash: Xxh3,
}

impl ListHash {
    fn checksum(&self) -> u64 {
        self.hash.digest() | CHECKSUM_BIT
    }

    /// Reads on until so many bytes are read.
    fn read_up_to(&mut self, path: &Path, bytes: u64) -> io::Result<()> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.bytes))?;
        let mut new = file.take(bytes.saturating_sub(self.bytes));
        self.bytes += io::copy(&mut new, &mut self.hash)?;
        if self.bytes == bytes {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

/// Number and length of the current list.
fn current(dir: &Path) -> Option<(u64, u64)> {
    let current = fs::read_to_string(dir.join("CURRENT")).ok()?;
    let number = current.trim_end().strip_prefix("MANIFEST-")?.parse().ok()?;
    let bytes = fs::metadata(path(dir, number)).ok()?.len();
    Some((number, bytes))
}

fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("MANIFEST-{number:06}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::store::database::Database;

    #[test]
    fn an_older_state_may_have_the_checksum_without_its_highest_bit() {
        let dir = tempfile::tempdir().unwrap();
        let _database = Database::open(dir.path(), true).unwrap();
        let list = SyncedTableList::default().read(dir.path()).unwrap();
        let check = |checksum| TableList { checksum, ..list }.check(dir.path());
        assert!(list.checksum & CHECKSUM_BIT != 0);
        assert!(check(list.checksum).is_ok());
        assert!(check(list.checksum & !CHECKSUM_BIT).is_ok());
        assert!(check(list.checksum ^ 1).is_err());
    }

    #[test]
    fn a_list_is_followed_while_it_grows_and_when_another_replaces_it() {
        let dir = tempfile::tempdir().unwrap();
        let write = |number: u64, bytes: &str| {
            fs::write(path(dir.path(), number), bytes).unwrap();
            let current = format!("MANIFEST-{number:06}\n");
            fs::write(dir.path().join("CURRENT"), current).unwrap();
        };
        let read = |synced: &SyncedTableList| synced.read(dir.path()).unwrap();
        let synced = SyncedTableList::default();
        let mut all: Vec<TableList> = Vec::new();
        for (number, bytes) in [
            (1, "one table"),
            (1, "one table and another"),
            (7, "both tables, in a new list"),
            (7, "both tables, in a new list, and a third"),
        ] {
            write(number, bytes);
            let list = read(&synced);
            assert_eq!(list, read(&SyncedTableList::default()), "{bytes}");
            assert_eq!((list.number, list.bytes), (number, bytes.len() as u64));
            all.push(list);
            for known in &all {
                known.check(dir.path()).unwrap();
            }
        }
        let newest = read(&synced);
        for (number, bytes) in [
            (7, "both tables, in a new list"),
            (7, "both tables, in a new list, and another"),
            (
                1,
                "one table, and then a list that is longer than the newest",
            ),
        ] {
            write(number, bytes);
            newest.check(dir.path()).unwrap_err();
        }
    }
}
