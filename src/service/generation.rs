//! Generations: each is the figures built by one set of rules; one of them is live.
//!
//! Generation 1 is in the state directory itself, generation N beside it in `<state_dir>-gN`. The
//! file `<state_dir>.live` says which is live; without it that is 1. It is the only truth: aliases
//! in Elasticsearch follow it.

mod announcement;
mod atomic_file;
mod claim;
mod error;
mod lock;
mod path;
mod pointer;
mod state;
mod swap_follower;

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub use self::announcement::{ServedAnnouncement, UnfollowedSwap};
pub(crate) use self::atomic_file::replace;
pub use self::error::Error;
use self::error::io_error;
pub use self::lock::Lock;
use self::path::{holds_state, parent};
pub(crate) use self::path::{not_directory, resolved};
pub use self::pointer::Live;
pub use self::swap_follower::{Successor, SwapFollower};
use crate::observe::crash_point;
use crate::store;

/// The generations beside one state directory.
#[derive(Clone, Debug)]
pub struct Generations {
    state_dir: PathBuf,
}

impl Generations {
    /// The generations of a service; generation 1 is in `state_dir`.
    #[must_use]
    pub fn of(state_dir: &Path) -> Self {
        // "." and ".." have no siblings by name.
        let state_dir = match state_dir.file_name() {
            Some(_) => state_dir.to_owned(),
            None => fs::canonicalize(state_dir).unwrap_or_else(|_| state_dir.to_owned()),
        };
        Self { state_dir }
    }

    /// The state directory of a generation.
    #[must_use]
    pub fn dir(&self, generation: u32) -> PathBuf {
        if generation == 1 {
            self.state_dir.clone()
        } else {
            self.beside(&format!("-g{generation}"))
        }
    }

    /// Where the report of the replay that built a generation is kept.
    #[must_use]
    pub fn report(&self, generation: u32) -> PathBuf {
        self.beside(&format!("-g{generation}.report.json"))
    }

    /// The live generation. It must have a state that belongs to this user: commands that make or
    /// change generations call this first.
    ///
    /// # Errors
    /// When there is none, it is another user's, or the live generation can't be determined.
    pub fn live_state(&self) -> Result<Live, Error> {
        let live = self.live()?;
        self.own_state(live.generation)?;
        Ok(live)
    }

    /// Why a generation has no state: what is there instead, if anything is.
    #[must_use]
    pub fn no_state(&self, generation: u32) -> Error {
        let path = self.dir(generation);
        let there = self.own_state(generation).err();
        there.unwrap_or(Error::NoState { path })
    }

    /// Fails unless there is a state of a generation, and one of this user's.
    ///
    /// # Errors
    /// When there is none, or it is another user's.
    pub fn own_state(&self, generation: u32) -> Result<(), Error> {
        self.check_state(generation, rustix::process::geteuid().as_raw())
    }

    // A file that the service wrote says whose state it is. Its directory may be a volume's root.
    fn check_state(&self, generation: u32, user: u32) -> Result<(), Error> {
        let path = self.dir(generation);
        if !store::holds_state(&path)? {
            return Err(Error::NoState { path });
        }
        let metadata = fs::metadata(path.join("CURRENT"));
        let metadata = metadata.map_err(|source| io_error(&path, "look at", source))?;
        let owner = metadata.uid();
        if owner == user {
            Ok(())
        } else {
            Err(Error::Owner { path, owner, user })
        }
    }

    /// The generations that have a state, in order.
    ///
    /// # Errors
    /// When the directory that holds them can't be listed.
    pub fn all(&self) -> Result<Vec<u32>, Error> {
        let parent = parent(&self.state_dir);
        let prefix = format!("{}-g", self.name());
        let mut found = Vec::new();
        if holds_state(&self.state_dir) {
            found.push(1);
        }
        let entries = match fs::read_dir(parent) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            entries => entries.map_err(|source| io_error(parent, "list", source))?,
        };
        for entry in entries {
            let entry = entry.map_err(|source| io_error(parent, "list", source))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let number = name
                .strip_prefix(&prefix)
                .and_then(|number| number.parse().ok());
            if let Some(number) = number.filter(|number| *number > 1)
                && holds_state(&entry.path())
            {
                found.push(number);
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The first file or directory where generations are kept, other than locks and an empty directory.
    ///
    /// # Errors
    /// When directories can't be listed.
    pub fn first_trace(&self) -> Result<Option<PathBuf>, Error> {
        let is_there = |path: &Path| match fs::read_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            // Something else than a directory.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(true),
            Err(source) => Err(io_error(path, "list", source)),
            // What a file system puts into every volume does not count.
            Ok(mut entries) => {
                Ok(entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() != "lost+found")))
            }
        };
        if is_there(&self.state_dir)? {
            return Ok(Some(self.state_dir.clone()));
        }
        let pointer = self.pointer();
        if pointer.exists() {
            return Ok(Some(pointer));
        }
        let parent = parent(&self.state_dir);
        let prefix = format!("{}-g", self.name());
        let entries = match fs::read_dir(parent) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            entries => entries.map_err(|source| io_error(parent, "list", source))?,
        };
        for entry in entries {
            let entry = entry.map_err(|source| io_error(parent, "list", source))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let rest = name.strip_prefix(&prefix).unwrap_or_default();
            if rest.starts_with(|first: char| first.is_ascii_digit()) {
                return Ok(Some(entry.path()));
            }
        }
        Ok(None)
    }

    /// Whether any file of a generation exists, also one that an interrupted
    /// [delete](Self::delete) has left.
    #[must_use]
    pub fn has(&self, generation: u32) -> bool {
        let rest = self.beside(&format!("-g{generation}.dropped"));
        [self.dir(generation), self.report(generation), rest]
            .iter()
            .any(|path| path.exists())
    }

    /// Deletes the state and the report of a generation. After a crash it may be asked again.
    ///
    /// # Errors
    /// When something can't be deleted.
    pub fn delete(&self, generation: u32) -> Result<(), Error> {
        let path = self.dir(generation);
        let rest = self.beside(&format!("-g{generation}.dropped"));
        let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        // Files that an interrupted delete has left.
        match fs::remove_dir_all(&rest) {
            Err(error) if !is_gone(&error) => return Err(io_error(&rest, "delete", error)),
            _ => {}
        }
        // Half a state must not look like one.
        crash_point::reach("drop: before the state is set aside");
        match fs::rename(&path, &rest) {
            Err(error) if !is_gone(&error) => return Err(io_error(&path, "delete", error)),
            _ => {}
        }
        crash_point::reach("drop: after the state is set aside");
        for deleted in [
            fs::remove_dir_all(&rest),
            fs::remove_file(self.report(generation)),
        ] {
            match deleted {
                Err(error) if !is_gone(&error) => return Err(io_error(&rest, "delete", error)),
                _ => {}
            }
        }
        Ok(())
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        self.state_dir
            .with_file_name(format!("{}{suffix}", self.name()))
    }

    fn name(&self) -> String {
        let name = self.state_dir.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_state_that_is_missing_or_of_another_user_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let generations = Generations::of(&dir.path().join("state"));
        let error = generations.live_state().unwrap_err().to_string();
        assert!(error.starts_with("there is no state in "), "{error}");
        assert!(error.ends_with("state: check state_dir"), "{error}");
        fs::create_dir(dir.path().join("state")).unwrap();
        let root = dir.path().join("state/CURRENT");
        fs::write(&root, "").unwrap();
        let owner = fs::metadata(&root).unwrap().uid();
        generations.check_state(1, owner).unwrap();
        let error = generations.check_state(1, owner + 1).unwrap_err();
        assert!(error.to_string().contains("service's user"), "{error}");
    }

    #[test]
    fn only_directories_with_a_state_are_generations() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["state", "state-g2", "state-g10", "state-gx", "other-g3"] {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join("CURRENT"), "").unwrap();
        }
        fs::create_dir(dir.path().join("state-g4")).unwrap();
        let generations = Generations::of(&dir.path().join("state"));
        assert_eq!(generations.all().unwrap(), [1, 2, 10]);
        generations.delete(2).unwrap();
        generations.delete(2).unwrap();
        assert_eq!(generations.all().unwrap(), [1, 10]);
    }
}
