//! Paths of state directories: what blocks one, where links lead, and whether it holds a state.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file that keeps `path` from being a directory: `path` itself, or one of its ancestors.
pub(crate) fn not_directory(path: &Path) -> Option<PathBuf> {
    let is_other = |there: &&Path| fs::metadata(there).is_ok_and(|found| !found.is_dir());
    path.ancestors().find(is_other).map(Path::to_owned)
}

/// `path` without links, as far as it exists.
pub(crate) fn resolved(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let mut there = path.as_path();
    let mut rest: Vec<OsString> = Vec::new();
    let mut found = loop {
        match fs::canonicalize(there) {
            Ok(found) => break found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let last = there.components().next_back();
        rest.extend(last.map(|last| last.as_os_str().to_owned()));
        there = match there.parent() {
            Some(parent) => parent,
            None => break PathBuf::from("/"),
        };
    };
    for part in rest.iter().rev() {
        if part == ".." {
            found.pop();
        } else {
            found.push(part);
        }
    }
    Ok(found)
}

/// The directory that `path` lies in.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("/"),
    }
}

/// Whether RocksDB has created a state in this directory.
pub(super) fn holds_state(path: &Path) -> bool {
    path.join("CURRENT").exists()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_not_a_directory_is_named_wherever_it_lies_on_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        for path in ["file", "file/a", "file/a/b"] {
            assert_eq!(not_directory(&dir.path().join(path)), Some(file.clone()));
        }
        for path in ["", "new", "new/er"] {
            assert_eq!(not_directory(&dir.path().join(path)), None);
        }
    }
}
