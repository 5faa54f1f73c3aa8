//! RocksDB: how it is opened, read and written.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, BottommostLevelCompaction, Cache, CompactOptions, DB,
    DBCompressionType, DBPinnableSlice, DBRecoveryMode, InfoLogger, IngestExternalFileOptions,
    LogLevel, LruCacheOptions, Options, WriteBatch,
};

use super::database_failure::{failed, is_locked, unreadable};
use super::error::Error;
use super::keys::{self, KeyBytes};
use super::table_list::{SyncedTableList, TableList};
use super::values::StoredValue;
#[cfg(feature = "simulation")]
use crate::host::simulation;
use crate::view::reading::ReadError;

/// RocksDB with all keys in one column family: with several, a crash may leave them at different
/// moments (facebook/rocksdb 7784).
pub(super) struct Database {
    db: DB,
    path: PathBuf,
    table_list: SyncedTableList,
}

/// Blocks of tables, their indexes and filters.
const BLOCK_CACHE_BYTES: usize = 32 << 20;
/// The cache is divided by two to the power of this. Each part must hold many of the largest blocks.
const BLOCK_CACHE_SHARD_BITS: i32 = 2;
/// The size of the two buffers for writes that are not yet in a table.
const WRITE_BUFFER_BYTES: usize = 16 << 20;
/// Most lookups are of one cell, and a block that is not in the cache is read and unpacked as a whole.
const BLOCK_BYTES: usize = 4 << 10;
/// A part of an index or filter. Whole ones are as large as their table is long, so that each look
/// into a large table would read megabytes.
const METADATA_BLOCK_BYTES: usize = 4 << 10;
const WAL_BYTES_MAX: u64 = 64 << 20;
const OPEN_FILES_MAX: i32 = 256;
/// So many keys are looked up together: more cost memory and gain nothing.
pub(super) const KEYS_PER_LOOKUP: usize = 1_024;
/// A database that is written meanwhile is opened at the second try or so.
const STILL_TRIES: u32 = 20;
const STILL_WAIT: Duration = Duration::from_millis(50);

impl Database {
    /// Opens the database in `path`; begins one if `fresh`.
    pub(super) fn open(path: &Path, fresh: bool) -> Result<Self, Error> {
        #[cfg(feature = "simulation")]
        simulated(path, "open", |outside| outside.open(path))?;
        match DB::open(&options(fresh), path) {
            Ok(db) => Ok(Self {
                db,
                path: path.to_owned(),
                table_list: SyncedTableList::default(),
            }),
            Err(error) if is_locked(&error) => Err(Error::InUse {
                path: path.to_owned(),
            }),
            Err(error) => Err(failed(path, "open", &error)),
        }
    }

    /// Expects segments of order ids: many large values, each written once and deleted in the order in which they came. With
    /// larger buffers and more tables before they are merged, they are not written again and again; ids hardly compress, so
    /// that is left to the merge.
    pub(super) fn expect_orders(&self) -> Result<(), Error> {
        // A short life would never write a table.
        #[cfg(feature = "simulation")]
        if simulation::is_on() {
            return Ok(());
        }
        let buffer = (2 * WRITE_BUFFER_BYTES).to_string();
        let options = [
            ("write_buffer_size", buffer.as_str()),
            ("level0_file_num_compaction_trigger", "8"),
            ("compression_per_level", "kNoCompression:kLZ4Compression"),
        ];
        self.db
            .set_options(&options)
            .map_err(|error| self.failed("open", &error))
    }

    /// Opens the database in `path` as it is at this moment, while its writer runs: takes no
    /// lock and changes nothing.
    pub(super) fn open_read_only(path: &Path) -> Result<Self, Error> {
        let mut options = options(false);
        // What the writer deletes meanwhile can be read as long as it is open.
        options.set_max_open_files(-1);
        // The log belongs to the writer.
        options.set_info_logger(InfoLogger::new_callback_logger(LogLevel::Fatal, |_, _| {}));
        let mut tries = 0;
        loop {
            // A file may go between the moment when it is listed and when it is opened.
            match DB::open_for_read_only(&options, path, false) {
                Ok(db) => {
                    return Ok(Self {
                        db,
                        path: path.to_owned(),
                        table_list: SyncedTableList::default(),
                    });
                }
                Err(_) if tries < STILL_TRIES => tries += 1,
                Err(error) => return Err(failed(path, "read", &error)),
            }
            std::thread::sleep(STILL_WAIT);
        }
    }

    /// The database in `path` as it is at this moment, to look at and nothing else; `None` if it can't be
    /// opened.
    pub(super) fn look(path: &Path) -> Option<Self> {
        let mut options = options(false);
        options.set_info_logger(InfoLogger::new_callback_logger(LogLevel::Fatal, |_, _| {}));
        let db = DB::open_for_read_only(&options, path, false).ok()?;
        Some(Self {
            db,
            path: path.to_owned(),
            table_list: SyncedTableList::default(),
        })
    }

    pub(super) fn rocks(&self) -> &DB {
        &self.db
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn get(&self, key: &KeyBytes) -> Result<Option<DBPinnableSlice<'_>>, Error> {
        self.db
            .get_pinned(key)
            .map_err(|error| self.failed("read", &error))
    }

    /// The value at each of `keys`, at most [`KEYS_PER_LOOKUP`] of them: neighbours share index and data blocks.
    pub(super) fn get_all(&self, keys: &[KeyBytes]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let found = self.db.multi_get(keys).into_iter();
        found
            .map(|value| value.map_err(|error| self.failed("read", &error)))
            .collect()
    }

    pub(super) fn is_empty(&self) -> Result<bool, Error> {
        let mut first = self.db.raw_iterator();
        first.seek_to_first();
        first
            .status()
            .map_err(|error| self.failed("read", &error))?;
        Ok(!first.valid())
    }

    /// The value at `key`, if there is one.
    pub(super) fn value<V: StoredValue>(&self, key: &KeyBytes) -> Result<Option<V>, Error> {
        let Some(bytes) = self.get(key)? else {
            return Ok(None);
        };
        match V::decode(&bytes) {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(self.malformed(key)),
        }
    }

    /// The value at each of `keys`, at most [`KEYS_PER_LOOKUP`] of them, if there is one.
    pub(super) fn values<V: StoredValue>(
        &self,
        keys: &[KeyBytes],
    ) -> Result<Vec<Option<V>>, Error> {
        let found = keys.iter().zip(self.get_all(keys)?);
        let decoded = found.map(|(key, bytes)| match bytes.map(|bytes| V::decode(&bytes)) {
            Some(Err(_)) => Err(self.malformed(key)),
            Some(Ok(value)) => Ok(Some(value)),
            None => Ok(None),
        });
        decoded.collect()
    }

    /// Writes all of `batch` or nothing. It outlives this process, and after [`Database::sync`] the
    /// machine.
    pub(super) fn write(&self, batch: WriteBatch) -> Result<(), Error> {
        #[cfg(feature = "simulation")]
        simulated(&self.path, "write", |outside| outside.write(&self.path))?;
        self.db
            .write(batch)
            .map_err(|error| self.failed("write", &error))
    }

    /// Refuses a state whose list of tables is not the one that the state says, or a later one.
    pub(super) fn check_table_list(&self) -> Result<(), Error> {
        let before = self.value::<TableList>(&keys::table_list())?;
        before.map_or(Ok(()), |before| before.check(&self.path))
    }

    /// Has `batch` say what is in the list of tables.
    pub(super) fn put_table_list(&self, batch: &mut WriteBatch) {
        if let Some(list) = self.table_list.read(&self.path) {
            batch.put(keys::table_list(), list.encode());
        }
    }

    pub(super) fn sync(&self) -> Result<(), Error> {
        #[cfg(feature = "simulation")]
        simulated(&self.path, "sync", |outside| outside.sync(&self.path))?;
        self.db
            .flush_wal(true)
            .map_err(|error| self.failed("sync", &error))
    }

    /// Writes what is in the log into a table, so that it does not depend on the log any more.
    pub(super) fn flush(&self) -> Result<(), Error> {
        self.db
            .flush()
            .map_err(|error| self.failed("write", &error))
    }

    /// Tables of keys in order become part of an empty database: each is at `path`, which it leaves.
    pub(super) fn adopt(&self, paths: &[PathBuf]) -> Result<(), Error> {
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        self.db
            .ingest_external_file_opts(&options, paths.to_vec())
            .map_err(|error| self.failed("write", &error))
    }

    /// Rewrites every table in the current form.
    pub(super) fn rewrite(&self) {
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        self.db
            .compact_range_opt(None::<&[u8]>, None::<&[u8]>, &options);
    }

    pub(super) fn malformed(&self, key: &[u8]) -> Error {
        Error::Damaged {
            path: self.path.clone(),
            reason: malformed(key),
        }
    }

    /// The error for a read of an image that failed.
    pub(super) fn unreadable(&self, error: ReadError) -> Error {
        unreadable(&self.path, error)
    }

    pub(super) fn failed(&self, action: &'static str, error: &rocksdb::Error) -> Error {
        failed(&self.path, action, error)
    }
}

// A simulated disk may refuse what is to be done.
#[cfg(feature = "simulation")]
fn simulated(
    path: &Path,
    action: &'static str,
    ask: impl FnOnce(&dyn simulation::Outside) -> Result<(), String>,
) -> Result<(), Error> {
    let Some(outside) = simulation::outside() else {
        return Ok(());
    };
    ask(outside.as_ref()).map_err(|reason| Error::Database {
        path: path.to_owned(),
        action,
        reason,
    })
}

/// The words for bytes at `key` that are not what they should be.
pub(super) fn malformed(key: &[u8]) -> String {
    let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("the value at key {key} can't be read")
}

pub(super) fn options(fresh: bool) -> Options {
    let mut options = with_hints();
    options.create_if_missing(fresh);
    options.set_paranoid_checks(true);
    // A torn tail of the log is cut: what is left is some checkpoint, and its positions say which.
    options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    // A recycled log may show an old record as a new one after a crash.
    options.set_recycle_log_file_num(0);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_max_total_wal_size(WAL_BYTES_MAX);
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    options.set_max_write_buffer_number(2);
    options.set_max_background_jobs(2);
    options.set_max_open_files(OPEN_FILES_MAX);
    options.set_compression_type(DBCompressionType::Lz4);
    // The last level holds most keys, and its filters are too large for the cache: they were read
    // again and again. They only help with keys that are not there, and those are mostly asked for
    // beside keys that were written lately, so their blocks are in the cache.
    options.set_optimize_filters_for_hits(true);
    options.set_level_compaction_dynamic_level_bytes(true);
    options.set_bytes_per_sync(1 << 20);
    options.set_wal_bytes_per_sync(1 << 20);
    // Most marks that are looked for are not there.
    options.set_memtable_whole_key_filtering(true);
    options.set_memtable_prefix_bloom_ratio(0.05);
    // Marks come and go; a reader of the next ones steps over those that went.
    options.add_compact_on_deletion_collector_factory(10_000, 5_000, 0.0);
    options.set_keep_log_file_num(4);
    options.set_max_log_file_size(1 << 20);
    options.set_log_level(LogLevel::Warn);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    options.set_block_based_table_factory(&tables());
    // Thousands of short lives: threads to open files and logs that are long from the beginning take most
    // of their time.
    #[cfg(feature = "simulation")]
    if simulation::is_on() {
        options.set_max_file_opening_threads(1);
        options.set_write_buffer_size(WRITE_BUFFER_BYTES / 64);
        options.set_manifest_preallocation_size(4 << 10);
    }
    options
}

/// Options with which a buffer looks for the place of a key from that of the last one of its kind on: batches are in order.
fn with_hints() -> Options {
    let hints = "memtable_insert_with_hint_prefix_extractor=rocksdb.FixedPrefix.2";
    let options = Options::default().get_options_from_string(hints);
    options.unwrap_or_default()
}

fn tables() -> BlockBasedOptions {
    let mut cache = LruCacheOptions::default();
    cache.set_capacity(BLOCK_CACHE_BYTES);
    cache.set_num_shard_bits(BLOCK_CACHE_SHARD_BITS);
    let mut tables = BlockBasedOptions::default();
    tables.set_block_cache(&Cache::new_lru_cache_opts(&cache));
    tables.set_block_size(BLOCK_BYTES);
    tables.set_bloom_filter(10.0, false);
    tables.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    tables.set_partition_filters(true);
    tables.set_metadata_block_size(METADATA_BLOCK_BYTES);
    tables.set_cache_index_and_filter_blocks(true);
    tables.set_pin_top_level_index_and_filter(true);
    tables.set_pin_l0_filter_and_index_blocks_in_cache(true);
    tables.set_format_version(5);
    tables
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// A handle that many hold.
pub(super) type Shared = Arc<Database>;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::*;

    /// A directory whose list of tables is away, where it is missing, and where it is.
    fn without_its_list() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        drop(Database::open(dir.path(), true).unwrap());
        let current = fs::read_to_string(dir.path().join("CURRENT")).unwrap();
        let (list, away) = (dir.path().join(current.trim_end()), dir.path().join("away"));
        fs::rename(&list, &away).unwrap();
        (dir, list, away)
    }

    #[test]
    fn a_database_whose_files_come_and_go_is_read_once_they_are_there() {
        // On a busy machine, the file may be back only when the reader has given up.
        let was_read = (0..10).any(|_| {
            let (dir, list, away) = without_its_list();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(STILL_WAIT);
                    fs::rename(&away, &list).unwrap();
                });
                Database::open_read_only(dir.path()).is_ok()
            })
        });
        assert!(was_read);
    }

    #[test]
    fn a_database_whose_files_stay_away_is_an_error_in_the_end() {
        let (dir, list, _) = without_its_list();
        let error = Database::open_read_only(dir.path()).err().unwrap();
        let name = list.file_name().unwrap().to_string_lossy().into_owned();
        assert!(error.to_string().contains(&name), "{error}");
    }
}
