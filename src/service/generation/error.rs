//! Why generations can't be listed or changed.

use std::io;
use std::path::{Path, PathBuf};

use super::path::not_directory;
use crate::store::{self, RuleDifference};

/// Why generations can't be listed or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
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
    /// Something else is where a directory should be.
    #[error(
        "{path} can't be used: {other} is not a directory. Set state_dir to another path",
        path = .path.display(),
        other = .other.display()
    )]
    NotDirectory {
        /// The file or directory.
        path: PathBuf,
        /// The file or directory that is in the way.
        other: PathBuf,
    },
    /// The file that names the live generation can't be understood.
    #[error(
        "{path} does not say which generation is live: write `live = N` into it, with the number of \
         one that `tidegauge replay status` lists",
        path = .path.display()
    )]
    Unclear {
        /// The file.
        path: PathBuf,
    },
    /// The file that names the live generation is gone.
    #[error(
        "{path} is missing: it says which generation is live, and there are the generations {}. \
         Restore it from a backup, or write it: `live = N`, with the number of the generation that \
         was live (if none was ever swapped, `live = 1`)",
        numbers(generations),
        path = .path.display()
    )]
    PointerLost {
        /// The file.
        path: PathBuf,
        /// The generations that have a state.
        generations: Vec<u32>,
    },
    /// The live generation has no state.
    #[error("there is no state in {path}: check state_dir", path = .path.display())]
    NoState {
        /// Where it should be.
        path: PathBuf,
    },
    /// The state is another user's.
    #[error(
        "the state in {path} belongs to the user with the id {owner}, and this command runs as the \
         one with the id {user}: what it makes could not be used by the service. Run it as the \
         service's user, as in `sudo -u '#{owner}' tidegauge …`",
        path = .path.display()
    )]
    Owner {
        /// The state directory.
        path: PathBuf,
        /// The id of the state's owner.
        owner: u32,
        /// The id of this user.
        user: u32,
    },
    /// A generation's state is gone.
    #[error(
        "there is no state of generation {generation} in {path}. Stop the service, if it runs; then \
         put the state back; or set state_dir to a new directory and restore a backup there with \
         `tidegauge state restore DIR`; or make another generation live: write `live = N` into {pointer}, with one that `tidegauge replay status` \
         lists. Without either, set state_dir to a new directory and kafka.start to \"earliest\", \
         and the topic is read again",
        path = .path.display(),
        pointer = .pointer.display()
    )]
    Lost {
        /// The generation.
        generation: u32,
        /// Where its state should be.
        path: PathBuf,
        /// The file that names the live generation.
        pointer: PathBuf,
    },
    /// A generation that is not live can't be read.
    #[error(
        "generation {generation} can't be read: {source}. It is not live: `tidegauge replay drop \
         {generation} --yes` deletes it, and the next replay starts it from scratch"
    )]
    Unreadable {
        /// The generation.
        generation: u32,
        /// Why.
        source: store::Error,
    },
    /// The generation was built by other rules.
    #[error(
        "generation {generation} was built by other rules than the configured ones: {}. Use the \
         configuration that it was built with",
        list(differences)
    )]
    Other {
        /// The generation.
        generation: u32,
        /// The rules that differ.
        differences: Vec<RuleDifference>,
    },
    /// A swap was made that the configuration does not follow.
    #[error(
        "generation {generation} was made live by a swap, but this configuration can't run it: {reason}. It is \
         that of generation {previous}, which was live before: make it live again with `tidegauge \
         replay rollback`. Or change the configuration to that of generation {generation}; or rebuild the \
         figures: `tidegauge replay --swap --accept-differences`, with this configuration"
    )]
    Swapped {
        /// The generation.
        generation: u32,
        /// The one before, which the configuration fits.
        previous: u32,
        /// Why it can't be run.
        reason: String,
    },
    /// The state can't be read.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The state's rules can't be read.
    #[error("the rules of the state in {path} can't be read", path = .path.display())]
    Rules {
        /// The state directory.
        path: PathBuf,
    },
}

impl Error {
    /// Whether a change of the configuration can correct it: the state was built with another one.
    #[must_use]
    pub const fn is_config_mismatch(&self) -> bool {
        match self {
            Self::Other { .. } | Self::Swapped { .. } => true,
            Self::Store(error) => error.is_config_mismatch(),
            _ => false,
        }
    }

    /// What is wrong, without what to do: that depends on the command.
    #[must_use]
    pub fn fact(&self) -> String {
        match self {
            Self::Other { differences, .. } => format!(
                "it was built by other rules than the configured ones: {}",
                list(differences)
            ),
            Self::Lost { path, .. } => format!("there is no state of it in {}", path.display()),
            Self::Store(error) => error.fact(),
            other => other.to_string(),
        }
    }
}

fn numbers(generations: &[u32]) -> String {
    let numbers: Vec<String> = generations.iter().map(ToString::to_string).collect();
    numbers.join(", ")
}

fn list(differences: &[RuleDifference]) -> String {
    let differences: Vec<String> = differences.iter().map(ToString::to_string).collect();
    differences.join("; ")
}

pub(super) fn io_error(path: &Path, action: &'static str, source: io::Error) -> Error {
    let may_be = [io::ErrorKind::NotADirectory, io::ErrorKind::AlreadyExists];
    if may_be.contains(&source.kind())
        && let Some(other) = not_directory(path)
    {
        let path = path.to_owned();
        return Error::NotDirectory { path, other };
    }
    Error::Io {
        path: path.to_owned(),
        action,
        source,
    }
}
