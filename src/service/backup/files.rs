//! The files of a backup: sealed when it is made, and copied with a look at the seal.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use xxhash_rust::xxh3::Xxh3;

use super::Error;
use super::checksummed_file::{self, ChecksummedFile};
use crate::observe::crash_point;

/// How much is read at once.
const CHUNK_BYTES: usize = 1 << 20;
/// The directory that a file system puts into every volume.
const OF_VOLUMES: &str = "lost+found";

/// Makes the directory at `path`, for its owner only; it may be there, and empty.
pub(super) fn make_empty(path: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| failed(path, "make", source))?;
    for entry in fs::read_dir(path).map_err(|source| failed(path, "list", source))? {
        let entry = entry.map_err(|source| failed(path, "list", source))?;
        if entry.file_name() != OF_VOLUMES {
            return Err(Error::NotEmpty {
                path: path.to_owned(),
            });
        }
    }
    Ok(())
}

/// Deletes all that is in the directory at `path`.
pub(super) fn clear(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name() == OF_VOLUMES {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Forces the files of a generation in the backup `dir` to the disk, and seals them.
pub(super) fn sealed(dir: &Path, generation: u32) -> Result<Vec<ChecksummedFile>, Error> {
    let state = dir.join(format!("g{generation}"));
    let mut names = Vec::new();
    for entry in fs::read_dir(&state).map_err(|source| failed(&state, "list", source))? {
        let entry = entry.map_err(|source| failed(&state, "list", source))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        // Neither belongs to the data.
        if name == "LOCK" || name.starts_with("LOG") {
            fs::remove_file(&path).map_err(|source| failed(&path, "delete", source))?;
        } else {
            names.push(format!("g{generation}/{name}"));
        }
    }
    let report = checksummed_file::report(generation);
    if dir.join(&report).exists() {
        names.push(report);
    }
    names.sort_unstable();
    let mut sealed = Vec::new();
    for name in names {
        let path = dir.join(&name);
        crash_point::reach("backup: before a file is sealed");
        let seal = || {
            let file = File::open(&path)?;
            file.sync_all()?;
            pour(file, io::sink())
        };
        let (bytes, xxh3) = seal().map_err(|source| failed(&path, "read", source))?;
        sealed.push(ChecksummedFile {
            path: name,
            bytes,
            xxh3,
        });
    }
    sync_dir(&state)?;
    Ok(sealed)
}

/// Copies a file of the backup `dir` to `to`, which must not be there, and forces it to the disk.
pub(super) fn copy(dir: &Path, file: &ChecksummedFile, to: &Path) -> Result<(), Error> {
    let path = dir.join(&file.path);
    let damaged = |what| Error::Damaged {
        path: path.clone(),
        what,
    };
    let source = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(damaged("is missing"));
        }
        source => source.map_err(|source| failed(&path, "read", source))?,
    };
    let mut options = OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600).open(to);
    let mut target = made.map_err(|source| failed(to, "make", source))?;
    let poured = pour(source, &mut target).and_then(|poured| {
        target.sync_all()?;
        Ok(poured)
    });
    let (bytes, xxh3) = poured.map_err(|source| failed(to, "write", source))?;
    if bytes != file.bytes {
        return Err(damaged("has another length"));
    }
    if xxh3 != file.xxh3 {
        return Err(damaged("has another content"));
    }
    Ok(())
}

/// Forces the names in a directory to the disk.
pub(super) fn sync_dir(path: &Path) -> Result<(), Error> {
    let synced = File::open(path).and_then(|dir| dir.sync_all());
    synced.map_err(|source| failed(path, "write", source))
}

pub(super) fn failed(path: &Path, action: &'static str, source: io::Error) -> Error {
    Error::Io {
        path: path.to_owned(),
        action,
        source,
    }
}

// All of `from` into `to`; gives its length and hash.
fn pour(mut from: impl Read, mut to: impl Write) -> io::Result<(u64, String)> {
    let mut hash = Xxh3::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut bytes = 0;
    loop {
        let read = match from.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let Some(part) = chunk.get(..read).filter(|part| !part.is_empty()) else {
            return Ok((bytes, format!("{:016x}", hash.digest())));
        };
        hash.update(part);
        to.write_all(part)?;
        bytes += part.len() as u64;
    }
}
