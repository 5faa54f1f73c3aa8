//! Flags of `tidegauge query`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::GlobalArgs;
use crate::cli::output::OutputFormat;
use crate::config::Sources;
use crate::domain::duration;

/// `tidegauge query`
#[derive(Clone, Debug, Args)]
pub struct QueryArgs {
    /// What to query.
    #[command(subcommand)]
    pub subject: QueryCommand,
    /// The URL of the service [else: --listen, TIDEGAUGE_URL, config: http.listen]
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// The address that the service listens on, in place of TIDEGAUGE_URL [config: http.listen]
    #[arg(long, global = true, value_name = "ADDR")]
    pub listen: Option<String>,
    /// The file with the service's token [else: TIDEGAUGE_TOKEN_FILE, config: http.token_file]
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// How long the service may take to answer
    #[arg(long, global = true, value_name = "D", default_value = "10s", value_parser = duration::parse)]
    pub timeout: Duration,
    /// The format of the data
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value = "table"
    )]
    pub output: OutputFormat,
    /// Repeat the query at this interval [default when given alone: 2s] until Ctrl-C, in place on a terminal
    #[arg(short, long, global = true, value_name = "INTERVAL", num_args = 0..=1, default_missing_value = "2s", value_parser = interval)]
    pub watch: Option<Duration>,
    /// No colour on a terminal; NO_COLOR=1 does the same
    #[arg(long, global = true)]
    pub no_color: bool,
}

/// What a service can be queried for.
#[derive(Clone, Debug, Subcommand)]
pub enum QueryCommand {
    /// The running total of each branch
    Totals {
        /// Only this branch, by name or id
        #[arg(long, value_name = "B")]
        branch: Option<String>,
    },
    /// The windows of one definition
    Windows(WindowsArgs),
    /// The windows that are configured, and which partition holds them back
    Definitions,
    /// What became of each record
    ///
    /// Every record is booked once. Payments under on_time and late are in their windows. Payments under
    /// too_late, past_retention, future and conflict are in no window; `query late` lists them. Payments under
    /// duplicate and conflict repeat another one and are in no total; `query duplicates` lists the newest.
    Ledger,
    /// Payments in no window (too_late, past_retention, future and conflict), the newest first
    ///
    /// Payments that the ledger counts as late are not in this list. They are in their windows, and
    /// `late_count` of a window says how many it has.
    #[command(visible_alias = "no-window")]
    Late(RecordsArgs),
    /// Payments that repeat another with the same order id (duplicate and conflict), the newest first
    ///
    /// With `dedup.by`. The newest 100,000 are kept, each with the offset of the payment that counted.
    Duplicates(RecordsArgs),
    /// Rejected records, the newest first
    Rejects(RecordsArgs),
    /// How the service is doing
    Status,
}

/// `tidegauge query windows`
#[derive(Clone, Debug, Args)]
pub struct WindowsArgs {
    /// The name of the windows: 1m, 10m-by-1m, 1h, day, or as configured
    pub name: String,
    /// Only this branch, by name or id
    #[arg(long, value_name = "B")]
    pub branch: Option<String>,
    /// Only windows that start at this time or later, RFC 3339
    #[arg(long, value_name = "T")]
    pub from: Option<String>,
    /// Only windows that start before this time
    #[arg(long, value_name = "T")]
    pub to: Option<String>,
    /// Only final windows
    #[arg(long = "final")]
    pub only_final: bool,
    /// The maximum number of windows [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
}

/// `tidegauge query late`, `tidegauge query duplicates` and `tidegauge query rejects`
#[derive(Clone, Debug, Args)]
pub struct RecordsArgs {
    /// The maximum number of records
    #[arg(long, value_name = "N", default_value_t = 20, conflicts_with = "all", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: u64,
    /// All records that are kept
    #[arg(long)]
    pub all: bool,
}

impl QueryArgs {
    /// Where the settings of `query` come from.
    #[must_use]
    pub fn sources(&self, globals: &GlobalArgs) -> Sources {
        let sources = globals.sources();
        sources.given("--listen", "http.listen", self.listen.as_ref())
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    match duration::parse(text) {
        Ok(interval) if interval >= Duration::from_millis(100) => Ok(interval),
        Ok(_) => Err("give 100ms or more".into()),
        Err(error) => Err(error.to_string()),
    }
}
