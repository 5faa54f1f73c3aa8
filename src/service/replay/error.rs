//! Why a replay, or what is done with its generation, failed.

use std::path::PathBuf;
use std::time::Duration;

use crate::domain::count::{agreeing, counted};
use crate::service::app;
use crate::service::generation::{self, Generations};
use crate::sink;
use crate::store;
use crate::view::reading::ReadError;

/// Why a replay did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A part of the service failed.
    #[error(transparent)]
    App(#[from] app::Error),
    /// Generations can't be listed or changed.
    #[error(transparent)]
    Generation(#[from] generation::Error),
    /// A state can't be read.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A state can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Elasticsearch can't be used.
    #[error(transparent)]
    Sink(#[from] sink::Error),
    /// Elasticsearch did not answer before anything was swapped.
    #[error("{0}; nothing was swapped")]
    NotBegun(sink::Error),
    /// Another replay, swap or drop is running.
    #[error("another replay, swap or drop is running on this state: wait until it ends")]
    AtWork,
    /// The replay was asked to stop.
    #[error("interrupted; `tidegauge replay` resumes where it stopped")]
    Interrupted,
    /// The generation is not complete.
    #[error(
        "generation {generation} exists and is not complete: run `tidegauge replay`, which \
         resumes it, or delete it with `tidegauge replay drop {generation} --yes`"
    )]
    Incomplete {
        /// The generation.
        generation: u32,
    },
    /// There is no generation to make live.
    #[error("there is no other generation: `tidegauge replay` builds one")]
    NoOther,
    /// No generation can be rolled back to: the only other one was never live.
    #[error(
        "no other generation was live before: generation {generation} is built and was never made \
         live; `tidegauge replay swap` makes it live"
    )]
    NotSwapped {
        /// The generation that was built.
        generation: u32,
    },
    /// The generation to roll back to was deleted.
    #[error(
        "generation {generation}, which was live before, has no state any more: `tidegauge replay`, \
         with the configuration that it had, rebuilds its figures"
    )]
    Gone {
        /// The generation.
        generation: u32,
    },
    /// An older generation exists, and nothing says that it was live before.
    #[error(
        "nothing says which generation was live before generation {live}: to make generation \
         {generation} live, write `live = {generation}` into {pointer}",
        pointer = .pointer.display()
    )]
    Unordered {
        /// The older one.
        generation: u32,
        /// The live one.
        live: u32,
        /// The file that names the live one.
        pointer: PathBuf,
    },
    /// The generation does not fit the configuration, and is neither live nor served.
    #[error(
        "{source}; or delete generation {generation} with `tidegauge replay drop {generation} --yes`"
    )]
    Unfit {
        /// The generation.
        generation: u32,
        /// Why.
        source: generation::Error,
    },
    /// The generation has other figures than the live one.
    #[error(
        "generation {generation} differs from the live one in {}: look at `tidegauge replay status`, and \
         give --accept-differences if {} as {} should be",
        counted(*differences, "figure"),
        agreeing(*differences, "it is", "they are"),
        agreeing(*differences, "it", "they")
    )]
    Differs {
        /// The generation.
        generation: u32,
        /// In how many figures.
        differences: u64,
    },
    /// The generation was never compared with the live one.
    #[error(
        "generation {generation} is not proven to have the figures of the live one: {reason}. \
         `tidegauge replay` compares them as soon as that is possible; --accept-differences makes it \
         live unproven"
    )]
    Unproven {
        /// The generation.
        generation: u32,
        /// Why nothing is known.
        reason: String,
    },
    /// The generation is live.
    #[error(
        "generation {generation} is live: make another one live before you drop it, with `tidegauge \
         replay {}`",
        if *.is_swapped { "rollback" } else { "--swap" }
    )]
    IsLive {
        /// The generation.
        generation: u32,
        /// Whether a swap made it live.
        is_swapped: bool,
    },
    /// The running service serves the generation.
    #[error("the running service serves generation {generation}: swap to another generation first")]
    IsServed {
        /// The generation.
        generation: u32,
    },
    /// The file of the report can't be read as a report.
    #[error("the report {path} can't be read ({reason}): run `tidegauge replay` again")]
    Report {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The running service has not moved the aliases.
    #[error(
        "generation {generation} is live now, and the aliases do not point to it yet after {} s: \
         the running service moves them once it has caught up; see its log and status",
        .patience.as_secs()
    )]
    NotFollowed {
        /// The generation.
        generation: u32,
        /// How long it was waited for.
        patience: Duration,
    },
    /// The running service has not said that it serves the generation.
    #[error(
        "generation {generation} is live now, and the running service has not said after {} s that it \
         serves it: see its log; `tidegauge replay status` says when it does",
        .patience.as_secs()
    )]
    NotServed {
        /// The generation.
        generation: u32,
        /// How long it was waited for.
        patience: Duration,
    },
    /// The running service can't run the generation.
    #[error("{0}")]
    Refused(generation::UnfollowedSwap),
    /// A task panicked.
    #[error("a part of the replay stopped unexpectedly: {0}")]
    Panicked(#[from] tokio::task::JoinError),
}

impl Error {
    // Adds how to delete a generation that was built by other rules, where `drop` can do it.
    pub(super) fn unfit(
        source: generation::Error,
        generations: &Generations,
        generation: u32,
    ) -> Self {
        let is_needed = generations
            .live()
            .is_ok_and(|live| live.generation == generation)
            || generations.served() == Some(generation);
        match source {
            source @ generation::Error::Other { .. } if !is_needed => {
                Self::Unfit { generation, source }
            }
            source => source.into(),
        }
    }
}
