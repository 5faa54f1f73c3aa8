//! A copy of a state as it stood at one moment, made while its writer runs.
//!
//! Every key is read, so that every checksum is, and written into tables of the copy's own: nothing
//! of it is shared with the writer's files, and it does not matter which of those come
//! and go meanwhile. Only the writer could take one of RocksDB's checkpoints.

use std::path::{Path, PathBuf};

use rocksdb::{ReadOptions, SstFileWriter};

use super::database::{self, Database};
use super::database_failure;
use super::directory::{self, Directory};
use super::error::Error;
use super::keys;
use super::read_only::ReadOnlyStore;
use crate::observe::crash_point;

/// How long a table of the copy becomes, at most about.
const TABLE_BYTES: u64 = 64 << 20;
/// The size of a table is asked for after so many keys.
const SIZE_CHECK_EVERY: u64 = 4_096;
/// The read-ahead: all of the state is read.
const READAHEAD_BYTES: usize = 2 << 20;

impl ReadOnlyStore {
    /// Writes all that is in it into a state of its own in `dir`, which must be new or empty, and
    /// reads that again. Gives how many keys there are.
    ///
    /// # Errors
    /// When it can't be read or written. What is in `dir` then is worth nothing.
    pub fn copy_to(&self, dir: &Path) -> Result<u64, Error> {
        if directory::prepare(dir)? != Directory::Fresh {
            return Err(Error::Foreign {
                path: dir.to_owned(),
                entry: "CURRENT".to_owned(),
            });
        }
        let copy = Database::open(dir, true)?;
        let (tables, count) = write_tables(&self.database, dir, TABLE_BYTES)?;
        crash_point::reach("backup: before the tables");
        copy.adopt(&tables)?;
        crash_point::reach("backup: after the tables");
        drop(copy);
        let differs = || Error::Damaged {
            path: dir.to_owned(),
            reason: "the copy does not hold what it was made of".to_owned(),
        };
        let copied = Self::open(dir)?.ok_or_else(differs)?;
        let stats = copied.stats()?;
        let is_same = stats.keys.values().sum::<u64>() == count
            && copied.checkpoint() == self.checkpoint()
            && copied.rules() == self.rules();
        if is_same { Ok(count) } else { Err(differs()) }
    }
}

// All keys of `from`, in their order, in tables of about `table_bytes` in `dir`; and how many.
fn write_tables(
    from: &Database,
    dir: &Path,
    table_bytes: u64,
) -> Result<(Vec<PathBuf>, u64), Error> {
    let failed = |error| database_failure::failed(dir, "write", &error);
    let options = database::options(false);
    let mut reading = ReadOptions::default();
    reading.fill_cache(false);
    reading.set_readahead_size(READAHEAD_BYTES);
    let mut at = from.rocks().raw_iterator_opt(reading);
    at.seek_to_first();
    let (mut tables, mut count) = (Vec::new(), 0);
    while at.valid() {
        let path = dir.join(format!("copied-{}", tables.len()));
        let mut table = SstFileWriter::create(&options);
        table.open(&path).map_err(failed)?;
        while let Some((key, value)) = at.item() {
            // The copy has a list of tables of its own.
            if key != &*keys::table_list() {
                table.put(key, value).map_err(failed)?;
                count += 1;
            }
            at.next();
            if count % SIZE_CHECK_EVERY == 0 && table.file_size() > table_bytes {
                break;
            }
        }
        table.finish().map_err(failed)?;
        tables.push(path);
    }
    at.status().map_err(|error| from.failed("read", &error))?;
    Ok((tables, count))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rocksdb::{IteratorMode, WriteBatch};

    use super::*;

    #[test]
    fn many_tables_hold_every_key_in_its_order() {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [from, to] = &dirs;
        let written = Database::open(from.path(), true).unwrap();
        let keys = 3 * SIZE_CHECK_EVERY + 17;
        let mut batch = WriteBatch::default();
        for number in 0..keys {
            batch.put(number.to_be_bytes(), [7; 100]);
        }
        written.write(batch).unwrap();
        // What was deleted is not copied.
        let mut batch = WriteBatch::default();
        batch.delete(5_u64.to_be_bytes());
        written.write(batch).unwrap();

        let copy = Database::open(to.path(), true).unwrap();
        let (tables, count) = write_tables(&written, to.path(), 1).unwrap();
        assert_eq!(count, keys - 1);
        assert_eq!(tables.len(), 4);
        copy.adopt(&tables).unwrap();
        assert!(tables.iter().all(|table| !table.exists()));
        let all = |database: &Database| -> Vec<_> {
            let all = database.rocks().iterator(IteratorMode::Start);
            all.map(|item| item.unwrap()).collect()
        };
        assert_eq!(all(&copy), all(&written));
    }
}
