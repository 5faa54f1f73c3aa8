//! The lock of a state: held by a service, or by a command that keeps services from starting.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::Path;

use super::error::io_error;
use super::{Error, Generations};
use crate::observe::crash_point;
use crate::store::{self, OpenedFile};

/// Held for as long as it is not dropped, and not by two.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    original: OpenedFile,
}

impl Lock {
    /// Fails when its file was deleted or replaced: it excludes no other process then.
    ///
    /// # Errors
    /// [`store::Error::Gone`], with the file.
    pub fn check(&self) -> Result<(), Error> {
        if self.original.is_gone() {
            let path = self.original.path().to_owned();
            return Err(store::Error::Gone {
                path,
                generation: None,
            }
            .into());
        }
        Ok(())
    }
}

/// The content of the services' lock file while a service holds it.
pub(super) const BY_SERVICE: &[u8] = b"service";
/// And while a command does.
const BY_SWAP: &[u8] = b"swap";

impl Generations {
    /// The lock that a service holds while it runs, whichever generation it serves; `None` if one runs, or a
    /// command holds services off.
    ///
    /// # Errors
    /// When the file can't be made.
    pub fn lock_service(&self) -> Result<Option<Lock>, Error> {
        lock(&self.beside(".lock"), BY_SERVICE)
    }

    /// The lock that a swap or a restore holds while no service may start; `None` if one runs.
    ///
    /// # Errors
    /// When the file can't be made.
    pub fn hold_services_off(&self) -> Result<Option<Lock>, Error> {
        lock(&self.beside(".lock"), BY_SWAP)
    }

    /// Whether it is a command that holds the lock of services, and not another service.
    #[must_use]
    pub fn are_services_held_off(&self) -> bool {
        fs::read(self.beside(".lock")).is_ok_and(|holder| holder == BY_SWAP)
    }

    /// The lock that a replay, a swap or a drop holds while it runs; `None` if one runs.
    ///
    /// # Errors
    /// When the file can't be made.
    pub fn lock_replay(&self) -> Result<Option<Lock>, Error> {
        lock(&self.beside(".replay.lock"), b"")
    }
}

fn lock(path: &Path, holder: &[u8]) -> Result<Option<Lock>, Error> {
    if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        fs::create_dir_all(parent).map_err(|source| io_error(parent, "make", source))?;
    }
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|source| io_error(path, "make", source))?;
    match file.try_lock() {
        Ok(()) => {
            crash_point::reach("lock: before it says who holds it");
            let said = file.set_len(0).and_then(|()| file.write_all(holder));
            crash_point::reach("lock: after it says who holds it");
            said.map_err(|source| io_error(path, "write", source))?;
            let original =
                OpenedFile::of(path, &file).map_err(|source| io_error(path, "look at", source))?;
            // Another process may have deleted it between the opening and the locking.
            let lock = Lock {
                _file: file,
                original,
            };
            Ok((!lock.original.is_gone()).then_some(lock))
        }
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(io_error(path, "lock", source)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_locked_is_locked_until_it_is_let_go() {
        let dir = tempfile::tempdir().unwrap();
        let generations = Generations::of(&dir.path().join("deep/state"));
        let lock = generations.lock_replay().unwrap();
        assert!(lock.is_some());
        assert!(generations.lock_replay().unwrap().is_none());
        let service = generations.lock_service().unwrap();
        assert!(service.is_some());
        assert!(generations.hold_services_off().unwrap().is_none());
        assert!(!generations.are_services_held_off());
        drop(service);
        let held_off = generations.hold_services_off().unwrap();
        assert!(held_off.is_some());
        assert!(generations.lock_service().unwrap().is_none());
        assert!(generations.are_services_held_off());
        drop(lock);
        assert!(generations.lock_replay().unwrap().is_some());
    }
}
