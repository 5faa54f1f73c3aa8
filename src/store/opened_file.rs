//! Files that must stay the ones that were opened.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file or directory as it was opened. Its name may come to stand for another one, or for nothing:
/// a lock on it then excludes no other process.
#[derive(Clone, Debug)]
pub struct OpenedFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl OpenedFile {
    /// The file that is at `path` now.
    ///
    /// # Errors
    /// When nothing is there, or the system refuses.
    pub fn at(path: &Path) -> io::Result<Self> {
        Ok(Self::new(path, &fs::metadata(path)?))
    }

    /// `file`, which was opened at `path`.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn of(path: &Path, file: &File) -> io::Result<Self> {
        Ok(Self::new(path, &file.metadata()?))
    }

    fn new(path: &Path, metadata: &Metadata) -> Self {
        Self {
            path: path.to_owned(),
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }

    /// Where it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is no longer there. When the system does not say, it is taken to be: a file system
    /// that does not answer for a moment has lost nothing.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        match fs::metadata(&self.path) {
            Ok(found) => (found.dev(), found.ino()) != (self.device, self.inode),
            Err(error) => matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_was_deleted_moved_or_replaced_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let file = File::create(&path).unwrap();
        let original = OpenedFile::of(&path, &file).unwrap();
        assert!(!original.is_gone());
        fs::write(&path, "changed").unwrap();
        assert!(!original.is_gone());
        fs::rename(&path, dir.path().join("other")).unwrap();
        assert!(original.is_gone());
        File::create(&path).unwrap();
        assert!(original.is_gone());
        fs::rename(dir.path().join("other"), &path).unwrap();
        assert!(!original.is_gone());

        let within = OpenedFile::at(dir.path()).unwrap();
        assert!(!within.is_gone());
        drop(dir);
        assert!(within.is_gone() && original.is_gone());
    }
}
