//! Flags of the commands about generations: their figures, indexes and states.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::cli::output::OutputFormat;
use crate::domain::duration;

/// `tidegauge replay`
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Reads the topic from its earliest record by the rules of the configuration, into a separate state and \
indexes of the next generation, while the service continues. At the positions of the live generation the \
two are compared, figure by figure; then the new one continues to the end. Readers see nothing of it \
before it is made live: with --swap, or later with `tidegauge replay swap`. The generation before is \
kept, for `tidegauge replay rollback`, until it is dropped.

Interrupt it at any time: the same command continues where it stopped.")]
pub struct ReplayArgs {
    /// The subcommand; without one, a generation is built.
    #[command(subcommand)]
    pub step: Option<ReplayCommand>,
    /// Make the new generation live if its figures are proven equal to the live one's
    #[arg(long)]
    pub swap: bool,
    /// Swap even if figures differ or were not compared
    #[arg(long, requires = "swap")]
    pub accept_differences: bool,
    /// The format of the report
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value = "table"
    )]
    pub output: OutputFormat,
}

/// Subcommands of `replay`.
#[derive(Clone, Debug, Subcommand)]
pub enum ReplayCommand {
    /// List the generations: which is live, how far each has read, and its size
    Status,
    /// Make the generation that was built live
    Swap {
        /// Swap even if figures differ or were not compared
        #[arg(long)]
        accept_differences: bool,
        /// How long the running service may take to catch up
        #[arg(long, value_name = "D", default_value = "60s", value_parser = duration::parse)]
        timeout: Duration,
    },
    /// Make the generation live again that was live before
    Rollback {
        /// How long the running service may take to catch up
        #[arg(long, value_name = "D", default_value = "60s", value_parser = duration::parse)]
        timeout: Duration,
    },
    /// Delete a generation that is not live: its indexes, templates and state
    Drop {
        /// Its number
        #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        generation: u32,
        /// Confirm the deletion
        #[arg(long)]
        yes: bool,
    },
}

/// `tidegauge index`
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
These are the indexes of the live generation. A service creates and repairs them by itself while it runs; \
an index that is created here is filled by the service, within a minute or when it starts.")]
pub struct IndexArgs {
    /// The subcommand.
    #[command(subcommand)]
    pub step: IndexCommand,
    /// The format of the findings
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value = "table"
    )]
    pub output: OutputFormat,
}

/// Subcommands of `index`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Subcommand)]
pub enum IndexCommand {
    /// Create the templates, and the indexes and aliases that are missing
    Setup,
    /// Report drift and change nothing; exit code 1 if there is any
    Verify,
    /// Repair drift, and report what can't be repaired; exit code 1 if there is any
    Repair,
    /// Delete the indexes that hold figures of another log or of other rules than the state
    Delete {
        /// Confirm the deletion; without it, the indexes are only listed
        #[arg(long)]
        yes: bool,
    },
}

/// `tidegauge state`
#[derive(Clone, Debug, Args)]
pub struct StateArgs {
    /// The subcommand.
    #[command(subcommand)]
    pub step: StateCommand,
}

/// Subcommands of `state`.
#[derive(Clone, Debug, Subcommand)]
pub enum StateCommand {
    /// Copy all generations into a directory, also while a service uses them
    #[command(after_long_help = "\
Each generation is copied as it stood at one moment, with the file that says which is live, and read \
again to verify it. The backup is complete when its manifest, backup.json, is written: \
that comes last, and restore refuses a backup without it. Indexes are not in it.")]
    Backup {
        /// A new or an empty directory
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// Leave out generations that are kept beside the live one
        #[arg(long)]
        live_only: bool,
        /// The format of the summary
        #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
        output: OutputFormat,
    },
    /// Restore a backup into state_dir, which must be empty or missing
    #[command(after_long_help = "\
The hash of every file is compared with the manifest, and every state is opened. A service that is \
started then continues from the positions of the backup: the payments since then are read from Kafka \
again, so the topic must still hold them. Run it as the service's user.")]
    Restore {
        /// The directory of the backup
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// The format of the summary
        #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
        output: OutputFormat,
    },
    /// Show what the state holds: changes nothing, and needs no lock
    Inspect {
        /// The generation [default: the live one]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        generation: Option<u32>,
        /// The format of the output
        #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
        output: OutputFormat,
    },
    /// Check stopped partitions again at the next start; the service must not run
    ///
    /// A partition that can't be read on without losing or doubling records stays stopped, also after
    /// a restart. When the cause is fixed, this forgets that it was stopped. A partition that
    /// still can't be read on is stopped again before any of its records is applied.
    Resume {
        /// The partition [default: all]
        #[arg(long, value_name = "P", value_parser = clap::value_parser!(i32).range(0..))]
        partition: Option<i32>,
        /// The generation [default: the live one]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        generation: Option<u32>,
        /// The format of the output
        #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
        output: OutputFormat,
    },
}
