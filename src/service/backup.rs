//! Backups of all generations, made while a service works on them, and restored elsewhere.
//!
//! A backup is a directory: a state for each generation in `gN`, the report of the replay that built
//! it in `gN.report.json`, and the [`Manifest`], which is written last: without it there is no backup.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tidegauge_windows::EventTime;

use crate::domain::timestamp::rfc3339;
use crate::host::wall_clock;
use crate::observe::crash_point;
use crate::service::generation::{self, Generations, Live, not_directory};
use crate::store::{self, ReadOnlyStore};

mod checksummed_file;
mod files;
mod manifest;
mod restore;

pub use self::manifest::{BackedUpGeneration, Manifest, SkippedGeneration};
pub use self::restore::restore;

/// How often generations may change while they are opened.
const TRIES: u32 = 5;

/// Why a backup was not made, or not restored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Generations can't be listed.
    #[error(transparent)]
    Generation(#[from] generation::Error),
    /// A state can't be read or written.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The system refused something.
    #[error("can't {action} {path}: {source}", path = .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The action that failed.
        action: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A backup can't be made where something else is.
    #[error(
        "the backup can't be made in {path}: {other} is not a directory. Give a new directory, or an \
         empty one",
        path = .path.display(),
        other = .other.display()
    )]
    NotDirectory {
        /// Where it should be made.
        path: PathBuf,
        /// What is there.
        other: PathBuf,
    },
    /// The given path is not the directory of a backup.
    #[error(
        "there is no backup in {path}: {why}. Give the directory that `tidegauge state backup` made",
        path = .path.display()
    )]
    None {
        /// The given path.
        path: PathBuf,
        /// Why it is not a backup.
        why: String,
    },
    /// The backup would be mixed with something else.
    #[error("{path} is not empty: give a new directory for the backup", path = .path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// The backup would lie in a state.
    #[error(
        "the backup can't be made in {path}: {claimed} belongs to the state that is backed up. Give a \
         directory elsewhere, best on another disk",
        path = .path.display(),
        claimed = .claimed.display()
    )]
    Inside {
        /// The directory.
        path: PathBuf,
        /// The directory or file of the state that it is, or lies in.
        claimed: PathBuf,
    },
    /// The state would lie in the backup.
    #[error(
        "the state can't be restored to {state_dir}, which lies in the backup {path}: set state_dir \
         to a directory elsewhere",
        path = .path.display(),
        state_dir = .state_dir.display()
    )]
    Around {
        /// The backup.
        path: PathBuf,
        /// Where the state is to be.
        state_dir: PathBuf,
    },
    /// Swaps and drops came one after the other.
    #[error("the generations changed during the backup: run the backup again")]
    Changing,
    /// The manifest is missing.
    #[error(
        "{path} holds no complete backup: its manifest {} is missing. A backup that was interrupted \
         can't be restored",
        manifest::FILE,
        path = .path.display()
    )]
    Incomplete {
        /// The directory.
        path: PathBuf,
    },
    /// This program can't read the manifest.
    #[error("the backup's manifest {path} can't be read: {reason}", path = .path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file is not what the manifest says.
    #[error(
        "the backup is damaged: {path} {what}. Nothing was restored: use an older backup",
        path = .path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// There is something already where the state is to be.
    #[error(
        "{path} is there already, and a backup is restored only where there is no state: set \
         state_dir to a new directory, or move away what begins with its name",
        path = .path.display()
    )]
    Occupied {
        /// What is there.
        path: PathBuf,
    },
    /// A service or a replay works there.
    #[error("a service or a replay is using {path}: stop it first", path = .path.display())]
    AtWork {
        /// The state directory.
        path: PathBuf,
    },
}

/// Copies the generations that `generations` has, or only the live one, into `to`, a new or an empty
/// directory. A service may work on them meanwhile: each is copied as it stood at one moment.
///
/// # Errors
/// When the live generation can't be read, or `to` can't be written. Everything in `to` is then removed.
pub fn backup(generations: &Generations, to: &Path, live_only: bool) -> Result<Manifest, Error> {
    let path = to.to_owned();
    let claimed = generations.claim(to);
    if let Ok(Some(claimed)) = claimed {
        return Err(Error::Inside { path, claimed });
    }
    if let Some(other) = not_directory(to) {
        return Err(Error::NotDirectory { path, other });
    }
    claimed?;
    files::make_empty(to)?;
    let done = copy(generations, to, live_only);
    if done.is_err() {
        // What is left is not a backup, with or without this.
        let _ = files::clear(to);
    }
    done
}

fn copy(generations: &Generations, to: &Path, live_only: bool) -> Result<Manifest, Error> {
    let (live, opened, left_out) = open(generations, live_only)?;
    let mut kept = Vec::new();
    let mut topic = String::new();
    for Opened { store, report } in opened {
        let generation = store.generation();
        let dir = to.join(format!("g{generation}"));
        let keys = store.copy_to(&dir)?;
        let checkpoint = store.checkpoint();
        if generation == live.generation {
            store.topic().clone_into(&mut topic);
        }
        if let Some(report) = &report {
            let path = to.join(checksummed_file::report(generation));
            fs::write(&path, report).map_err(|source| files::failed(&path, "write", source))?;
            crash_point::reach("backup: after the report");
        }
        kept.push(BackedUpGeneration {
            generation,
            storage_version: store.version(),
            checkpoint: checkpoint.sequence,
            as_of: rfc3339(EventTime::from_millis(checkpoint.as_of)),
            records: checkpoint.ledger.consumed,
            positions: checkpoint.positions.clone(),
            keys,
            files: files::sealed(to, generation)?,
        });
    }
    let manifest = Manifest {
        format: manifest::FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: rfc3339(EventTime::from_millis(wall_clock::now_ms())),
        topic,
        live: live.generation,
        previous: live.previous,
        generations: kept,
        left_out,
    };
    crash_point::reach("backup: before the manifest");
    manifest.write(to)?;
    crash_point::reach("backup: after the manifest");
    Ok(manifest)
}

/// A generation at the moment when it was opened.
struct Opened {
    store: ReadOnlyStore,
    /// The report of the replay that built it, as it stood before: it promises no more than the
    /// state holds.
    report: Option<Vec<u8>>,
}

// All at one moment, as far as swaps and drops go. What is open can be read whatever is deleted.
fn open(
    generations: &Generations,
    live_only: bool,
) -> Result<(Live, Vec<Opened>, Vec<SkippedGeneration>), Error> {
    for _ in 0..TRIES {
        let mut live = generations.live()?;
        let all = generations.all()?;
        let (mut opened, mut left_out) = (Vec::new(), Vec::new());
        for generation in &all {
            let is_live = *generation == live.generation;
            if live_only && !is_live {
                continue;
            }
            let report = fs::read(generations.report(*generation)).ok();
            match ReadOnlyStore::open(&generations.dir(*generation)) {
                Ok(Some(store)) => opened.push(Opened { store, report }),
                // It was just created, and holds nothing.
                Ok(None) => {}
                Err(error) if is_live => return Err(error.into()),
                Err(error) => left_out.push(SkippedGeneration {
                    generation: *generation,
                    reason: error.to_string(),
                }),
            }
        }
        let has = |generation| {
            opened
                .iter()
                .any(|opened| opened.store.generation() == generation)
        };
        if generations.live()? != live || generations.all()? != all {
            continue;
        }
        if !has(live.generation) {
            return Err(generations.no_state(live.generation).into());
        }
        live.previous = live.previous.filter(|previous| has(*previous));
        return Ok((live, opened, left_out));
    }
    Err(Error::Changing)
}
