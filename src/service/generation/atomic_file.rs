//! Small files that are written as a whole.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::Error;
use super::error::io_error;
use super::path::parent;
use crate::observe::crash_point;

/// Writes a file so that after a crash it is the old one or the new one.
///
/// # Errors
/// When the system refuses.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".tmp");
    let draft = PathBuf::from(draft);
    let write = || {
        let mut file = File::create(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        crash_point::reach("file: before the rename");
        fs::rename(&draft, path)?;
        crash_point::reach("file: after the rename");
        File::open(parent(path))?.sync_all()
    };
    write().map_err(|source| io_error(path, "write", source))
}
