//! Flags of the commands about generations: their figures, indexes and states.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::cli::output::OutputFormat;
use crate::domain::duration;

/// `tidegauge replay`
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Reads the topic from its earliest record by the rules of the configuration, into a state and indexes \
of the next generation's own, while the service goes on. At the positions of the live generation the \
two are compared, figure by figure; then the new one goes on to the end. Readers see nothing of it \
before it is made live: with --swap, or later with `tidegauge replay swap`. The generation before is \
kept, for `tidegauge replay rollback`, until it is dropped.

Interrupt it at any time: the same command goes on where it stopped.")]
pub struct ReplayArgs {
    /// What else is to be done about generations.
    #[command(subcommand)]
    pub step: Option<ReplayCommand>,
    /// Make the new generation live if its figures are proven equal to the live one's
    #[arg(long)]
    pub swap: bool,
    /// With --swap: also if figures differ, as they do by other rules, or could not be compared
    #[arg(long, requires = "swap")]
    pub accept_differences: bool,
    /// What the report looks like
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

/// What is to be done about generations.
#[derive(Clone, Debug, Subcommand)]
pub enum ReplayCommand {
    /// List the generations: which is live, how far each has come, what it takes
    Status,
    /// Make the generation that was built live
    Swap {
        /// Also if figures differ, as they do by other rules, or could not be compared
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
        /// Really
        #[arg(long)]
        yes: bool,
    },
}

/// `tidegauge index`
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
These are the indexes of the live generation. A service makes and mends them by itself while it runs; \
an index that is made here is filled by the service, within a minute or when it starts.")]
pub struct IndexArgs {
    /// What is to be done.
    #[command(subcommand)]
    pub step: IndexCommand,
    /// What the findings look like
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

/// What is to be done about indexes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Subcommand)]
pub enum IndexCommand {
    /// Put templates, and the indexes and aliases that are missing
    Setup,
    /// Tell what is not as it should be, and change nothing; exit code 1 if there is anything
    Verify,
    /// Mend what can be mended, and tell what can't; exit code 1 if there is anything
    Repair,
    /// Delete the indexes that hold figures of another log or of other rules than the state
    Delete {
        /// Really; without it, they are only listed
        #[arg(long)]
        yes: bool,
    },
}

/// `tidegauge state`
#[derive(Clone, Debug, Args)]
pub struct StateArgs {
    /// What is to be done.
    #[command(subcommand)]
    pub step: StateCommand,
}

/// What is to be done about the state.
#[derive(Clone, Debug, Subcommand)]
pub enum StateCommand {
    /// Copy all generations into a directory, also while a service works on them
    #[command(after_long_help = "\
Each generation is copied as it stood at one moment, with the file that says which is live, and read \
again to see that it is whole. The backup is complete when its manifest, backup.json, is written: \
that comes last, and restore refuses a backup without it. Indexes are not in it.")]
    Backup {
        /// A new or an empty directory
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// Leave out generations that are kept beside the live one
        #[arg(long)]
        live_only: bool,
        /// What the summary looks like
        #[arg(
            short,
            long,
            value_enum,
            value_name = "FORMAT",
            default_value = "table"
        )]
        output: OutputFormat,
    },
    /// Put a backup where state_dir says; nothing may be there
    #[command(after_long_help = "\
The hash of every file is compared with the manifest, and every state is opened. A service that is \
started then goes on from the positions of the backup: the payments since then are read from Kafka \
again, so the topic must still hold them. Run it as the service's user.")]
    Restore {
        /// The directory of the backup
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// What the summary looks like
        #[arg(
            short,
            long,
            value_enum,
            value_name = "FORMAT",
            default_value = "table"
        )]
        output: OutputFormat,
    },
    /// Show what the state holds: changes nothing, and needs no lock
    Inspect {
        /// The generation [default: the live one]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        generation: Option<u32>,
        /// What it looks like
        #[arg(
            short,
            long,
            value_enum,
            value_name = "FORMAT",
            default_value = "table"
        )]
        output: OutputFormat,
    },
    /// Have partitions that were stopped judged anew at the next start; the service must not run
    ///
    /// A partition that can't be read on without losing or doubling records stays stopped, also after
    /// a restart. When the cause is mended, this forgets that it was stopped. What still can't be
    /// read on is stopped again before anything of it is applied.
    Resume {
        /// The partition [default: all]
        #[arg(long, value_name = "P", value_parser = clap::value_parser!(i32).range(0..))]
        partition: Option<i32>,
        /// The generation [default: the live one]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        generation: Option<u32>,
        /// What it looks like
        #[arg(
            short,
            long,
            value_enum,
            value_name = "FORMAT",
            default_value = "table"
        )]
        output: OutputFormat,
    },
}
