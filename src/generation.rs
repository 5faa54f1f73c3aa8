//! Generations: the lives of the derived data, and which of them is live.
//!
//! Generation 1 is in the state directory itself, generation N beside it in `<state_dir>-gN`. The
//! file `<state_dir>.live` says which is live; without it that is 1. It is the only truth: aliases
//! in Elasticsearch follow it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidegauge_windows::{Settings, Span};
use tracing::warn;

use crate::config::{Config, settings_of_rules};
use crate::reading::Readings;
use crate::sink::Publication;
use crate::store::{self, Difference, Original, Still};

mod error;
mod following;
mod place;

pub use self::error::Error;
use self::error::io_error;
pub use self::following::{Refused, Said};
pub(crate) use self::place::{not_directory, resolved};

/// The generations beside one state directory.
#[derive(Clone, Debug)]
pub struct Generations {
    state_dir: PathBuf,
}

/// Which generation is live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Live {
    /// The live one.
    pub generation: u32,
    /// The one that was live before it, if there was any.
    pub previous: Option<u32>,
}

/// What the file of the services' lock says while a service holds it.
const BY_SERVICE: &[u8] = b"service";
/// And while a command does.
const BY_SWAP: &[u8] = b"swap";

/// Held for as long as it is not dropped, and not by two.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    original: Original,
}

impl Lock {
    /// Fails when its file was deleted or replaced: it keeps nobody out then.
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

impl Generations {
    /// Those whose generation 1 is in `state_dir`.
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

    /// Which generation is live.
    ///
    /// # Errors
    /// When the file can't be read or says something else, or is missing beside newer generations: a
    /// replay writes it before it begins one.
    pub fn live(&self) -> Result<Live, Error> {
        let path = self.pointer();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let generations = self.all()?;
                if generations.iter().any(|generation| *generation > 1) {
                    return Err(Error::PointerLost { path, generations });
                }
                return Ok(Live {
                    generation: 1,
                    previous: None,
                });
            }
            Err(source) => return Err(io_error(&path, "read", source)),
        };
        let number = |key: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            let value = lines.find(|(name, _)| name.trim() == key)?.1;
            value.trim().parse().ok().filter(|number| *number > 0)
        };
        Ok(Live {
            generation: number("live").ok_or(Error::Unclear { path })?,
            previous: number("previous"),
        })
    }

    /// The live generation, of which there must be a state, and one of this user's: who makes or
    /// changes generations looks here first.
    ///
    /// # Errors
    /// When there is none, it is another user's, or which it is can't be told.
    pub fn live_state(&self) -> Result<Live, Error> {
        let live = self.live()?;
        self.own_state(live.generation)?;
        Ok(live)
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
        let metadata = match fs::metadata(path.join("CURRENT")) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Err(Error::NoState { path });
            }
            metadata => metadata.map_err(|source| io_error(&path, "look at", source))?,
        };
        let owner = metadata.uid();
        if owner == user {
            Ok(())
        } else {
            Err(Error::Owner { path, owner, user })
        }
    }

    /// Whether the file that names the live generation is there. Without it, that is the first.
    #[must_use]
    pub fn is_live_said(&self) -> bool {
        self.pointer().exists()
    }

    /// Makes a generation the live one. After a crash it is, or the one before is.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_live(&self, live: Live) -> Result<(), Error> {
        let mut text = format!("live = {}\n", live.generation);
        if let Some(previous) = live.previous {
            text.push_str(&format!("previous = {previous}\n"));
        }
        replace(&self.pointer(), text.as_bytes())
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

    /// The live generation, as a service enters it: what `config` says of publication, and whose
    /// aliases are taken over.
    ///
    /// # Errors
    /// When there is no state of it although there should be.
    pub fn enter(&self, config: &mut Config, live: Live) -> Result<(), Error> {
        let path = self.dir(live.generation);
        // Without the file, a state of the first is begun.
        if !holds_state(&path) && self.is_live_said() {
            return Err(self.lost(live.generation));
        }
        let former = self.former_windows(live.generation)?;
        if let Some(sink) = &mut config.elasticsearch {
            sink.former_windows = former;
            sink.publication = match live.previous {
                Some(previous) => Publication::After(self.positions(previous)),
                None => Publication::Now,
            };
        }
        Ok(())
    }

    /// Whether `config` can go on with a generation: gives its state as it stands.
    ///
    /// # Errors
    /// When there is none, or it was built from another topic or by other rules.
    pub fn fits(&self, generation: u32, config: &Config) -> Result<Still, Error> {
        let path = self.dir(generation);
        let Some(still) = Still::open(&path)? else {
            return Err(self.lost(generation));
        };
        if !still.has_begun() {
            return Ok(still);
        }
        if still.topic() != config.kafka.topic {
            return Err(Error::Store(store::Error::Topic {
                path,
                found: still.topic().to_owned(),
                configured: config.kafka.topic.clone(),
            }));
        }
        let differences = Difference::between(still.rules(), &config.rules());
        if differences.is_empty() {
            Ok(still)
        } else {
            Err(Error::Other {
                generation,
                differences,
            })
        }
    }

    /// What to say of a generation whose state is gone.
    #[must_use]
    pub fn lost(&self, generation: u32) -> Error {
        Error::Lost {
            generation,
            path: self.dir(generation),
            pointer: self.pointer(),
        }
    }

    /// How far a generation has come. One that is gone, or can't be read, is waited for by nobody.
    #[must_use]
    pub fn positions(&self, generation: u32) -> BTreeMap<i32, i64> {
        match Still::open(&self.dir(generation)) {
            Ok(Some(still)) => still.checkpoint().positions.clone(),
            Ok(None) => BTreeMap::new(),
            Err(error) => {
                unreadable(generation, &error);
                BTreeMap::new()
            }
        }
    }

    /// The names of the windows that other generations than `generation` have, as far as their states
    /// can be read.
    ///
    /// # Errors
    /// When the directory that holds them can't be listed.
    pub fn former_windows(&self, generation: u32) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        for other in self.all()?.into_iter().filter(|g| *g != generation) {
            let settings = match Still::open(&self.dir(other)) {
                Ok(Some(still)) => self.settings(other, &still),
                Ok(None) => continue,
                Err(error) => Err(error.into()),
            };
            match settings {
                Ok(settings) => {
                    names.extend(settings.definitions.iter().map(|d| d.name().to_owned()));
                }
                Err(error) => unreadable(other, &error),
            }
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The rules that a generation was built by.
    ///
    /// # Errors
    /// When they make no sense.
    pub fn settings(&self, generation: u32, still: &Still) -> Result<Arc<Settings>, Error> {
        let settings = settings_of_rules(still.rules(), Span::DAY.times(35));
        settings.map(Arc::new).ok_or_else(|| Error::Rules {
            path: self.dir(generation),
        })
    }

    /// Readings of a generation as it stood when `still` was opened.
    ///
    /// # Errors
    /// When its rules make no sense.
    pub fn readings(
        &self,
        generation: u32,
        still: &Still,
        config: &Config,
    ) -> Result<Arc<dyn Readings>, Error> {
        let settings = self.settings(generation, still)?;
        Ok(still.readings(settings, config.branches.configured().collect()))
    }

    /// What a service holds while it runs, whichever generation it serves; `None` if one runs, or a
    /// command holds services off.
    ///
    /// # Errors
    /// When the file can't be made.
    pub fn lock_service(&self) -> Result<Option<Lock>, Error> {
        lock(&self.beside(".lock"), BY_SERVICE)
    }

    /// What a swap or a restore holds while no service may start; `None` if one runs.
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

    /// What a replay, a swap or a drop holds while it runs; `None` if one runs.
    ///
    /// # Errors
    /// When the file can't be made.
    pub fn lock_replay(&self) -> Result<Option<Lock>, Error> {
        lock(&self.beside(".replay.lock"), b"")
    }

    /// The first thing that is where generations are kept, other than locks and an empty directory.
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

    /// Deletes the file that names the live generation.
    ///
    /// # Errors
    /// When it can't be deleted.
    pub fn forget_live(&self) -> Result<(), Error> {
        let path = self.pointer();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_error(&path, "delete", error))
            }
            _ => Ok(()),
        }
    }

    /// Whether there is anything of a generation, be it what a [delete](Self::delete) that was
    /// interrupted has left.
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
        // What a delete that was interrupted has left.
        match fs::remove_dir_all(&rest) {
            Err(error) if !is_gone(&error) => return Err(io_error(&rest, "delete", error)),
            _ => {}
        }
        // Half a state must not look like one.
        match fs::rename(&path, &rest) {
            Err(error) if !is_gone(&error) => return Err(io_error(&path, "delete", error)),
            _ => {}
        }
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

    /// The file that names the live generation.
    #[must_use]
    pub fn pointer(&self) -> PathBuf {
        self.beside(".live")
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
        fs::rename(&draft, path)?;
        File::open(parent(path))?.sync_all()
    };
    write().map_err(|source| io_error(path, "write", source))
}

fn unreadable(generation: u32, error: &dyn std::error::Error) {
    warn!(
        generation,
        "a generation beside the live one can't be read, and is left alone: {error}"
    );
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("/"),
    }
}

fn holds_state(path: &Path) -> bool {
    path.join("CURRENT").exists()
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
            let said = file.set_len(0).and_then(|()| file.write_all(holder));
            said.map_err(|source| io_error(path, "write", source))?;
            let original =
                Original::of(path, &file).map_err(|source| io_error(path, "look at", source))?;
            // Somebody may have deleted it between the opening and the locking.
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
    fn the_first_generation_is_live_until_another_is_said_to_be() {
        let dir = tempfile::tempdir().unwrap();
        let generations = Generations::of(&dir.path().join("state"));
        assert_eq!(generations.live().unwrap().generation, 1);
        let live = Live {
            generation: 3,
            previous: Some(1),
        };
        generations.set_live(live).unwrap();
        assert_eq!(generations.live().unwrap(), live);
        assert!(generations.dir(3).ends_with("state-g3"));
        fs::write(dir.path().join("state.live"), "live = soon\n").unwrap();
        let error = generations.live().unwrap_err().to_string();
        assert!(error.contains("state.live"), "{error}");
    }

    #[test]
    fn beside_newer_generations_the_file_that_names_the_live_one_must_be_there() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["state", "state-g2"] {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join("CURRENT"), "").unwrap();
        }
        let generations = Generations::of(&dir.path().join("state"));
        let error = generations.live().unwrap_err().to_string();
        for words in ["state.live is missing", "1, 2", "live = 1"] {
            assert!(error.contains(words), "{error}");
        }
        fs::write(dir.path().join("state.live"), "live = 1\n").unwrap();
        assert_eq!(generations.live().unwrap().generation, 1);
    }

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
