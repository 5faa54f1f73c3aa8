//! A damaged record that RocksDB would read without end.
//!
//! RocksDB's log and its list of tables consist of records in blocks. A record may say that its file is reused:
//! RocksDB can do that, and does not here. If only a later record of a file says so, by one flipped bit, the reader
//! looks at that record again and again: `ReadPhysicalRecord` in db/log_reader.cc of RocksDB 11.8, reported as
//! [facebook/rocksdb 13333](https://github.com/facebook/rocksdb/issues/13333).

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::directory;
use super::error::Error;

/// From db/log_format.h of RocksDB, as all that follows.
const BLOCK_BYTES: u64 = 32_768;
/// Checksum (4), length (2), type (1).
const HEADER_BYTES: usize = 7;
/// A record that is whole, and the last part of one.
const ENDS: [u8; 2] = [1, 4];
/// Records of reused files.
const REUSED: [u8; 6] = [5, 6, 7, 8, 11, 131];

/// Refuses the state in `dir` if RocksDB would never finish opening it.
pub(super) fn check(dir: &Path) -> Result<(), Error> {
    // What can't be listed or read is judged when the state is opened.
    for name in directory::names(dir).unwrap_or_default() {
        if !name.ends_with(".log") && !name.starts_with("MANIFEST-") {
            continue;
        }
        let found = File::open(dir.join(&name)).and_then(find);
        if let Ok(Some(at)) = found {
            return Err(Error::Damaged {
                path: dir.to_owned(),
                reason: format!(
                    "the record at byte {at} of {name} has a type that is never written there, and RocksDB would read \
                     it without end"
                ),
            });
        }
    }
    Ok(())
}

/// Where in `file` the reader would stay, if there is such a record. As the reader does, this skips the rest of a
/// block after a wrong checksum. It then continues to the end of the file; the reader may stop earlier.
fn find(mut file: impl Read) -> io::Result<Option<u64>> {
    let mut block = Vec::new();
    let mut begin = 0;
    let mut is_record_read = false;
    loop {
        block.clear();
        let bytes = file.by_ref().take(BLOCK_BYTES).read_to_end(&mut block)?;
        let mut rest = block.as_slice();
        while let Some((header, after)) = rest.split_first_chunk::<HEADER_BYTES>() {
            let [c0, c1, c2, c3, low, high, kind] = *header;
            if REUSED.contains(&kind) {
                // If it is the first record, the whole file is taken for a reused one.
                let at = begin + (bytes - rest.len()) as u64;
                return Ok(is_record_read.then_some(at));
            }
            let length = usize::from(u16::from_le_bytes([low, high]));
            let Some((content, next)) = after.split_at_checked(length) else {
                break;
            };
            let checksum = crc32c::crc32c_append(crc32c::crc32c(&[kind]), content);
            if masked(checksum) != u32::from_le_bytes([c0, c1, c2, c3]) {
                break;
            }
            is_record_read |= ENDS.contains(&kind);
            rest = next;
        }
        if (bytes as u64) < BLOCK_BYTES {
            return Ok(None);
        }
        begin += BLOCK_BYTES;
    }
}

/// A checksum as it is stored: util/crc32c.h of RocksDB.
const fn masked(checksum: u32) -> u32 {
    checksum.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::*;

    fn record(kind: u8, content: &[u8]) -> Vec<u8> {
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&[kind]), content);
        let length = u16::try_from(content.len()).unwrap();
        let mut record = masked(checksum).to_le_bytes().to_vec();
        record.extend(length.to_le_bytes());
        record.push(kind);
        record.extend(content);
        record
    }

    fn found(records: &[Vec<u8>]) -> Option<u64> {
        find(records.concat().as_slice()).unwrap()
    }

    #[test]
    fn a_record_of_a_reused_file_after_another_record_is_found() {
        let (first, second) = (record(1, b"one"), record(5, b"two"));
        assert_eq!(found(&[first.clone(), record(1, b"two")]), None);
        assert_eq!(found(&[first.clone(), second.clone()]), Some(10));
        // The reader takes it for the end of the file.
        assert_eq!(found(&[second.clone(), first.clone()]), None);
        assert_eq!(found(&[record(2, b"begun"), second.clone()]), None);
        // A record in the next block.
        let long = record(1, &[7; 32_768 - 10 - 7]);
        assert_eq!(found(&[first, long, second]), Some(32_768));
    }

    #[test]
    fn what_the_reader_passes_over_is_passed_over() {
        let (first, second) = (record(1, b"one"), record(5, b"two"));
        let mut damaged = record(1, b"and");
        damaged[8] ^= 1;
        assert_eq!(found(&[first.clone(), damaged, second.clone()]), None);
        // Not written yet.
        assert_eq!(found(&[first.clone(), vec![0; 100], second.clone()]), None);
        assert_eq!(found(&[first, second[..6].to_vec()]), None);
    }

    #[test]
    fn logs_and_lists_of_tables_are_searched_and_no_other_file() {
        let bytes = [record(1, b"one"), record(5, b"two")].concat();
        for (name, is_refused) in [
            ("000004.log", true),
            ("MANIFEST-000005", true),
            ("000012.sst", false),
            ("CURRENT", false),
        ] {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join(name), &bytes).unwrap();
            let refused = check(dir.path());
            assert_eq!(refused.is_err(), is_refused, "{name}");
            if let Err(error) = refused {
                assert!(error.to_string().contains(name), "{error}");
            }
        }
    }
}
