//! The command line: every command with its flags.

mod export;
mod generations;
mod kibana;
mod payments;
mod query;
mod rejects;
mod service;

use std::convert::Infallible;
use std::path::PathBuf;

use super::output::OutputFormat;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

pub use self::export::{ExportArgs, ExportCommand, FlinkSqlArgs};
pub use self::generations::{
    IndexArgs, IndexCommand, ReplayArgs, ReplayCommand, StateArgs, StateCommand,
};
pub use self::kibana::{KibanaArgs, KibanaCommand};
pub use self::payments::{ComputeArgs, Emit, InitArgs, ProduceArgs};
pub use self::query::{QueryArgs, QueryCommand, RecordsArgs, WindowsArgs};
pub use self::rejects::{ListArg, RejectsArgs, RejectsCommand, SecondChanceArgs};
pub use self::service::{DemoArgs, HealthArgs, ServeArgs};
use crate::config::Sources;
use crate::observe::telemetry;

const ABOUT: &str = "Exact running totals and event-time windows over a Kafka topic of payments, \
                     in Elasticsearch and over HTTP";

const AFTER_HELP: &str = "\
Configuration: the file named by --config, else by TIDEGAUGE_CONFIG, else ./tidegauge.toml; over it \
the environment, over that the flags. TIDEGAUGE_KAFKA__BROKERS=… sets brokers in [kafka], and so on: \
two underscores between section and key. In TIDEGAUGE_KAFKA__PROPERTIES__SASL_MECHANISM an \
underscore stands for the dot. Sections and lists are given as TOML: \
TIDEGAUGE_BRANCHES='{0=\"North\"}'. `tidegauge check` shows the effective configuration.

Data goes to stdout, logs to stderr (TIDEGAUGE_LOG or RUST_LOG choose which).

Exit codes:
  0   done, or stopped by SIGTERM or SIGINT after a clean shutdown
  1   failed while running
  2   wrong command line
  75  a server that was needed did not answer in time
  78  wrong configuration";

/// The heading in the help for flags of every command.
const EVERYWHERE: &str = "With every command";

/// The parsed command line.
#[derive(Debug, Parser)]
#[command(name = "tidegauge", version, about = ABOUT, after_long_help = AFTER_HELP)]
#[command(propagate_version = true, max_term_width = 100)]
pub struct Arguments {
    /// Flags of every command.
    #[command(flatten)]
    pub globals: GlobalArgs,
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service: from Kafka to totals and windows, to Elasticsearch and HTTP
    Serve(ServeArgs),
    /// Try Tidegauge out: runs a Kafka broker in this process, a generator, and the service
    Demo(DemoArgs),
    /// Generate payments like those of the original generator, into Kafka or to stdout
    Produce(ProduceArgs),
    /// Compute totals and windows from a file of payments, without Kafka and without a state
    Compute(ComputeArgs),
    /// Query a running service
    Query(QueryArgs),
    /// Rebuild all figures beside the live ones, compare them, and make them live
    Replay(ReplayArgs),
    /// Give rejects and payments in no window a second chance, once the configuration is corrected
    Rejects(RejectsArgs),
    /// Create, verify and repair the indexes in Elasticsearch
    Index(IndexArgs),
    /// Inspect the state, back it up or restore it, also while a service uses it
    State(StateArgs),
    /// Propose a configuration for records of any form, from a sample of them
    Init(InitArgs),
    /// Validate the configuration and print the one in force, secrets hidden
    Check(CheckArgs),
    /// Load data views and the dashboard into Kibana, or check them
    Kibana(KibanaArgs),
    /// Write a job for another engine that makes the same figures
    Export(ExportArgs),
    /// Check whether the service is alive, or ready: exit code 0 if it is, 1 if not
    Health(HealthArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Print the manual, or write a page for each command
    Man(ManArgs),
}

/// Flags of every command.
#[derive(Clone, Debug, Args)]
pub struct GlobalArgs {
    /// The configuration file [else: the variable TIDEGAUGE_CONFIG, ./tidegauge.toml if it exists]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Set one key of the configuration, as in --set event_time.allowed_lateness=2d
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "KEY=VALUE", value_parser = Assignment::of)]
    pub set: Vec<Assignment>,
    /// The state directory [config: state_dir]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "DIR")]
    pub state_dir: Option<String>,
    /// Log more: give it once for debug messages, twice for trace messages
    #[arg(short, long, global = true, help_heading = EVERYWHERE, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Log errors only, and show no progress
    #[arg(short, long, global = true, help_heading = EVERYWHERE)]
    pub quiet: bool,
    /// The format of log lines
    #[arg(long, global = true, help_heading = EVERYWHERE, value_enum, value_name = "FORMAT", env = "TIDEGAUGE_LOG_FORMAT", default_value = "text", hide_env_values = true)]
    pub log_format: telemetry::Format,
}

/// Where payments come from or go to.
#[derive(Clone, Debug, Args)]
pub struct TopicArgs {
    /// The brokers, host:port and comma separated [config: kafka.brokers]
    #[arg(long, value_name = "BROKERS")]
    pub brokers: Option<String>,
    /// The topic [config: kafka.topic]
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
}

/// `tidegauge check`
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
The output is a complete configuration that gives the same service. If the configuration has \
problems, all of them are listed on stderr and the exit code is 78.")]
pub struct CheckArgs {
    /// Print a reference of all keys instead; no configuration is read
    #[arg(long, value_enum, value_name = "FORM")]
    pub reference: Option<ReferenceFormat>,
    /// Show what is read from records, and why others are rejected: a file with one record a line,
    /// as for compute, or - for stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["reference", "from_topic"])]
    pub sample: Option<PathBuf>,
    /// The same with the last records of the topic
    #[arg(long, conflicts_with = "reference")]
    pub from_topic: bool,
    /// How many records of a sample to look at
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub limit: usize,
    /// The format of a sample
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "table"
    )]
    pub output: OutputFormat,
    /// The address for HTTP [config: http.listen]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
}

/// What `check --reference` prints.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum ReferenceFormat {
    /// Every key on a page
    Markdown,
    /// A JSON Schema (2020-12) of the file, for editors
    JsonSchema,
}

/// `tidegauge completions`
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
  tidegauge completions bash > /etc/bash_completion.d/tidegauge
  tidegauge completions zsh > \"${fpath[1]}/_tidegauge\"
  tidegauge completions fish > ~/.config/fish/completions/tidegauge.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// `tidegauge man`
#[derive(Clone, Debug, Args)]
pub struct ManArgs {
    /// Write one page for each command to this directory, instead of printing the first
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// A key of the configuration and its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Assignment {
    /// `KEY=VALUE`.
    KeyValue {
        /// The full name of the key.
        key: String,
        /// The value as it was typed.
        value: String,
    },
    /// Anything else, which may be a secret: an error of the parser would repeat it.
    Invalid,
}

impl Assignment {
    // The parser of the command line wants a result.
    #[allow(clippy::unnecessary_wraps)]
    fn of(text: &str) -> Result<Self, Infallible> {
        Ok(match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => Self::KeyValue {
                key: key.trim().to_owned(),
                value: value.to_owned(),
            },
            _ => Self::Invalid,
        })
    }
}

impl GlobalArgs {
    /// Why the command line is not valid although it could be parsed.
    #[must_use]
    pub fn wrong(&self) -> Option<&'static str> {
        let is_wrong = self.set.contains(&Assignment::Invalid);
        is_wrong
            .then_some("--set: give a key and a value, as in --set event_time.allowed_lateness=2d")
    }

    /// Where this command's settings come from, but for flags of its own.
    #[must_use]
    pub fn sources(&self) -> Sources {
        self.over(Sources::of_process(self.config.clone()))
    }

    /// `sources` with the flags that every command takes.
    fn over(&self, sources: Sources) -> Sources {
        let sources = self.set.iter().fold(sources, |sources, set| match set {
            Assignment::KeyValue { key, value } => {
                sources.flag("--set", key.clone(), value.clone())
            }
            // Refused before any command runs.
            Assignment::Invalid => sources,
        });
        sources.given("--state-dir", "state_dir", self.state_dir.as_ref())
    }
}

impl TopicArgs {
    /// `sources` with these flags.
    fn over(&self, sources: Sources) -> Sources {
        sources
            .given("--brokers", "kafka.brokers", self.brokers.as_ref())
            .given("--topic", "kafka.topic", self.topic.as_ref())
    }
}

impl CheckArgs {
    /// Where the settings of `check` come from.
    #[must_use]
    pub fn sources(&self, globals: &GlobalArgs) -> Sources {
        let sources = globals.sources();
        sources.given("--listen", "http.listen", self.listen.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
