//! The command line: every command with its flags.

mod asking;
mod generations;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

pub use self::asking::{HealthArgs, QueryArgs, QueryCommand, RecordsArgs, WindowsArgs};
pub use self::generations::{
    IndexArgs, IndexCommand, ReplayArgs, ReplayCommand, StateArgs, StateCommand,
};
use super::output::OutputFormat;
use super::start_time::StartTime;
use crate::config::{Sources, parse_listen, parse_zone};
use crate::domain::duration;
use crate::observe::telemetry;

const ABOUT: &str = "Exact running totals and event-time windows over a Kafka topic of payments, \
                     in Elasticsearch and over HTTP";

const AFTER_HELP: &str = "\
Configuration: the file named by --config, else by TIDEGAUGE_CONFIG, else ./tidegauge.toml; over it \
the environment, over that the flags. TIDEGAUGE_KAFKA__BROKERS=… sets brokers in [kafka], and so on: \
two underscores between section and key. In TIDEGAUGE_KAFKA__PROPERTIES__SASL_MECHANISM an \
underscore stands for the dot. Sections and lists are given as TOML: \
TIDEGAUGE_BRANCHES='{0=\"North\"}'. `tidegauge check` shows what is in force.

Data goes to stdout, logs to stderr (TIDEGAUGE_LOG or RUST_LOG choose which).

Exit codes:
  0   done, or stopped by SIGTERM or SIGINT after a clean shutdown
  1   failed while running
  2   wrong command line
  75  a server that was needed did not answer in time
  78  wrong configuration";

/// Where the help shows what every command takes.
const EVERYWHERE: &str = "With every command";

/// What was typed.
#[derive(Debug, Parser)]
#[command(name = "tidegauge", version, about = ABOUT, after_long_help = AFTER_HELP)]
#[command(propagate_version = true, max_term_width = 100)]
pub struct Arguments {
    /// What every command takes.
    #[command(flatten)]
    pub globals: GlobalArgs,
    /// What is to be done.
    #[command(subcommand)]
    pub command: Command,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service: from Kafka to totals and windows, to Elasticsearch and HTTP
    Serve(ServeArgs),
    /// Try it all out: a Kafka broker in this process, a generator, and the service
    Demo(DemoArgs),
    /// Make payments like the original generator's, into Kafka or to stdout
    Produce(ProduceArgs),
    /// Compute totals and windows of a file of payments, without Kafka and without a state
    Compute(ComputeArgs),
    /// Ask a running service
    Query(QueryArgs),
    /// Build all figures anew beside the live ones, compare them, and make them live
    Replay(ReplayArgs),
    /// Make, look at and mend the indexes in Elasticsearch
    Index(IndexArgs),
    /// Look into the state, back it up or restore it, also while a service works on it
    State(StateArgs),
    /// Validate the configuration and print the one in force, secrets hidden
    Check(CheckArgs),
    /// Load data views and the dashboard into Kibana, or check them
    Kibana(KibanaArgs),
    /// Ask whether the service is alive, or ready: exit code 0 if it is, 1 if not
    Health(HealthArgs),
    /// Print what a shell needs to complete commands and flags
    Completions(CompletionsArgs),
    /// Print the manual, or write a page for each command
    Man(ManArgs),
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub struct GlobalArgs {
    /// The configuration [else: the variable TIDEGAUGE_CONFIG, ./tidegauge.toml if there is one]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Set one key of the configuration, as in --set event_time.allowed_lateness=2d
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "KEY=VALUE", value_parser = Assignment::of)]
    pub set: Vec<Assignment>,
    /// The state directory [config: state_dir]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "DIR")]
    pub state_dir: Option<String>,
    /// Log more: once for what is done, twice for every step
    #[arg(short, long, global = true, help_heading = EVERYWHERE, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Log errors only, and show no progress
    #[arg(short, long, global = true, help_heading = EVERYWHERE)]
    pub quiet: bool,
    /// What log lines look like
    #[arg(long, global = true, help_heading = EVERYWHERE, value_enum, value_name = "FORMAT", env = "TIDEGAUGE_LOG_FORMAT", default_value = "text", hide_env_values = true)]
    pub log_format: telemetry::Format,
}

/// `tidegauge serve`
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
The positions in the state directory decide where reading goes on; kafka.start only decides for a \
partition that was never read. Stop it with SIGTERM or Ctrl-C at any time: nothing is lost, and \
nothing is counted twice.")]
pub struct ServeArgs {
    /// Stop at the end offsets seen at the start, when everything is delivered, and print a summary
    #[arg(long)]
    pub until_end: bool,
    /// The brokers, host:port and comma separated [config: kafka.brokers]
    #[arg(long, value_name = "BROKERS")]
    pub brokers: Option<String>,
    /// The topic [config: kafka.topic]
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
    /// The address for HTTP [config: http.listen]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// What the summary looks like
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "table"
    )]
    pub output: OutputFormat,
}

/// `tidegauge demo`
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Needs nothing but this program: no Kafka, no Elasticsearch, no network. Its state is in a temporary \
directory that goes when it stops. Of the configuration it takes time_zone, [event_time], [[window]], \
[branches] and [http], from --config (or TIDEGAUGE_CONFIG) and --set only: what ./tidegauge.toml and other variables say is \
for the service. It refuses what it decides itself: state_dir, [kafka], [elasticsearch], [kibana].")]
pub struct DemoArgs {
    /// Payments per second
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub rate: u64,
    /// Begin with payments of so long before now, at the same rate and at most 1,000,000, so that charts are full soon
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = demo_history)]
    pub history: Duration,
    /// Stop after so long (10s, 1m30s), and print totals and ledger
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    pub duration: Option<Duration>,
    /// The address for HTTP; port 0 takes any that is free [config: http.listen]
    #[arg(long, value_name = "ADDR", value_parser = parse_listen)]
    pub listen: Option<SocketAddr>,
    /// The seed of the payments
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// What is printed at the end looks like this
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "table"
    )]
    pub output: OutputFormat,
}

fn demo_history(text: &str) -> Result<Duration, String> {
    let history = duration::parse(text).map_err(|error| error.to_string())?;
    if history > Duration::from_secs(4 * 3_600) {
        return Err("at most 4h: the demo reads it before it goes on".into());
    }
    Ok(history)
}

/// `tidegauge produce`
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
A payment is {\"createTime\":\"2026-11-01 00:12:34\",\"orderId\":1793491955,\"payAmount\":12345.67,\
\"payPlatform\":0,\"branchId\":7}: payAmount uniform below 200,000 with two decimals, payPlatform 0 \
for nine in ten and else 1, branchId uniform from 0 to 9, orderId rising. createTime is whole seconds \
in --time-zone.

Payment n goes to partition n modulo the number of partitions, without a key; what one partition \
gets, it gets in order. Record timestamps are the generator's clock: now when live, else the time \
that --start and --per-second give before disorder and lateness, so that a history looks like one. A \
topic that is missing is created, with retention.ms=-1: a broker deletes by record timestamps.

The same seed and options with --start give the same bytes, on every machine.

  tidegauge produce --stdout --start 2026-11-01T00:00:00Z --count 5
  tidegauge produce --brokers localhost:9092 --start 2026-11-01T00:00:00Z --count 1000000 \\
      --disorder 4s --late-fraction 0.01 --bad-fraction 0.001")]
pub struct ProduceArgs {
    /// The brokers, host:port and comma separated [config: kafka.brokers]
    #[arg(long, value_name = "BROKERS")]
    pub brokers: Option<String>,
    /// The topic [config: kafka.topic]
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
    /// Stop after so many messages [default: go on until Ctrl-C]
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// Messages per second of the wall clock [default: 1000 when live, else as fast as it goes]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub rate: Option<u64>,
    /// The seed of every choice
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// The event time of the first payment, RFC 3339 or local [default: live, the time is now]
    #[arg(long, value_name = "TIME")]
    pub start: Option<StartTime>,
    /// With --start: the event time advances by 1 s every N messages
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub per_second: u64,
    /// The zone createTime is written in, an IANA name [config: time_zone]
    #[arg(long, value_name = "ZONE", value_parser = parse_zone)]
    pub time_zone: Option<Tz>,
    /// Event times are up to this much behind, in whole seconds (4s, 1m)
    #[arg(long, value_name = "D", default_value = "0s", value_parser = duration::parse)]
    pub disorder: Duration,
    /// The share of payments 30 s to 30 min behind the disorder, 0 to 1
    #[arg(long, value_name = "F", default_value_t = 0.0, value_parser = fraction)]
    pub late_fraction: f64,
    /// The share of payments 3 to 10 days behind
    #[arg(long, value_name = "F", default_value_t = 0.0, value_parser = fraction)]
    pub too_late_fraction: f64,
    /// The share of payments 6 min to 1 h ahead
    #[arg(long, value_name = "F", default_value_t = 0.0, value_parser = fraction)]
    pub future_fraction: f64,
    /// The share of messages that are one of the latest 1,024 payments again
    #[arg(long, value_name = "F", default_value_t = 0.0, value_parser = fraction)]
    pub duplicate_fraction: f64,
    /// The share of messages that are no payment: every reason for a reject, and tombstones
    #[arg(long, value_name = "F", default_value_t = 0.0, value_parser = fraction)]
    pub bad_fraction: f64,
    /// How many partitions a topic gets that is created [default: 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=10_000))]
    pub partitions: Option<i32>,
    /// Print the messages, one a line, a tombstone as an empty line; no Kafka is needed
    #[arg(long, conflicts_with_all = ["brokers", "topic", "partitions"])]
    pub stdout: bool,
    /// How long the brokers may take to answer at first
    #[arg(long, value_name = "D", default_value = "10s", value_parser = duration::parse)]
    pub timeout: Duration,
    /// What the summary looks like
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "table"
    )]
    pub output: OutputFormat,
}

/// `tidegauge compute`
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Lines are the records of one partition, in order. A line \
{\"partition\":1,\"timestamp\":1793491200000,\"payment\":{…}} names another partition and the \
record's timestamp (integer epoch milliseconds; it may be missing or null). \"payment\":null is a \
tombstone, and so is an empty line; an envelope without partition or payment, with another key, or \
with a partition below 0 is a reject. Lines may end as on Windows, and the file may begin with a \
byte-order mark; a file that holds nothing else has no lines. Windows, time zone and lateness are those of the configuration. How many \
lines are no payments, and which is the first, is told on stderr; --emit rejects lists them, and \
--emit late lists payments in no window, each with the number of its line (`line`, from 1).")]
pub struct ComputeArgs {
    /// What is printed
    #[arg(long, value_enum, value_name = "WHAT", default_value = "totals")]
    pub emit: Emit,
    /// A file of payments, one a line; - is stdin
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
    /// What the data looks like
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "table"
    )]
    pub output: OutputFormat,
}

/// What `compute` prints.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Emit {
    /// The total of each branch
    Totals,
    /// All windows of all branches
    Windows,
    /// What became of each record
    Ledger,
    /// Records that are no payments, in the order of the lines
    Rejects,
    /// Payments that are in no window, in the order of the lines
    Late,
}

/// `tidegauge check`
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
What is printed is a configuration of its own that gives the same service. With anything wrong, all \
of it is told on stderr and the exit code is 78.")]
pub struct CheckArgs {
    /// Print what there is to set instead; no configuration is read
    #[arg(long, value_enum, value_name = "FORM")]
    pub reference: Option<ReferenceFormat>,
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

/// `tidegauge kibana`
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Index prefix and windows are those of the configuration; credentials are in its section [kibana]. \
Needs Kibana 8.9 or newer.

  tidegauge kibana load --url http://127.0.0.1:5601 --wait 2m
  tidegauge kibana check
  tidegauge kibana export > tidegauge.ndjson")]
pub struct KibanaArgs {
    /// What is to be done.
    #[command(subcommand)]
    pub task: KibanaCommand,
    /// Where Kibana answers [config: kibana.url, else http://127.0.0.1:5601]
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// The id of the space [config: kibana.space, else the default space]
    #[arg(long, global = true, value_name = "ID")]
    pub space: Option<String>,
    /// How long Kibana may take until it is available [config: kibana.wait, else 1m]
    #[arg(long, global = true, value_name = "D")]
    pub wait: Option<String>,
}

/// What is to be done for Kibana.
#[derive(Clone, Debug, Subcommand)]
pub enum KibanaCommand {
    /// Wait for Kibana and load data views and the dashboard; those of an earlier time are replaced
    Load,
    /// Check the objects without Kibana; with --url or a section kibana, also that Kibana holds them and that
    /// Elasticsearch has their fields
    Check {
        /// Check this file instead, an export of Kibana's or one edited by hand, and ask no server
        #[arg(long, value_name = "FILE", conflicts_with = "url")]
        file: Option<PathBuf>,
    },
    /// Print the objects as Kibana imports them by hand, one a line
    Export,
}

impl KibanaArgs {
    /// Where the settings of `kibana` come from.
    #[must_use]
    pub fn sources(&self, globals: &GlobalArgs) -> Sources {
        globals
            .sources()
            .given("--url", "kibana.url", self.url.as_ref())
            .given("--space", "kibana.space", self.space.as_ref())
            .given("--wait", "kibana.wait", self.wait.as_ref())
    }
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
    Of {
        /// The full name of the key.
        key: String,
        /// The value as it was typed.
        value: String,
    },
    /// Something else, which may be a secret: an error of the parser would repeat it.
    None,
}

impl Assignment {
    // The parser of the command line wants a result.
    #[allow(clippy::unnecessary_wraps)]
    fn of(text: &str) -> Result<Self, Infallible> {
        Ok(match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => Self::Of {
                key: key.trim().to_owned(),
                value: value.to_owned(),
            },
            _ => Self::None,
        })
    }
}

impl GlobalArgs {
    /// Why the command line can't be used although it could be read.
    #[must_use]
    pub fn wrong(&self) -> Option<&'static str> {
        let is_wrong = self.set.contains(&Assignment::None);
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
            Assignment::Of { key, value } => sources.flag("--set", key.clone(), value.clone()),
            // Refused before any command runs.
            Assignment::None => sources,
        });
        sources.given("--state-dir", "state_dir", self.state_dir.as_ref())
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

impl DemoArgs {
    /// Where the settings of `demo` come from: what was named for it. The configuration of the service
    /// that the same directory or environment holds says where Kafka is, and is not meant.
    #[must_use]
    pub fn sources(&self, globals: &GlobalArgs) -> Sources {
        let sources = Sources::of_named_file(globals.config.clone());
        let listen = self.listen.map(|listen| listen.to_string());
        globals
            .over(sources)
            .given("--listen", "http.listen", listen.as_ref())
    }
}

impl ServeArgs {
    /// Where the settings of `serve` come from.
    #[must_use]
    pub fn sources(&self, globals: &GlobalArgs) -> Sources {
        globals
            .sources()
            .given("--brokers", "kafka.brokers", self.brokers.as_ref())
            .given("--topic", "kafka.topic", self.topic.as_ref())
            .given("--listen", "http.listen", self.listen.as_ref())
    }
}

impl ProduceArgs {
    /// Where the settings of `produce` come from.
    #[must_use]
    pub fn sources(&self, globals: &GlobalArgs) -> Sources {
        globals
            .sources()
            .given("--brokers", "kafka.brokers", self.brokers.as_ref())
            .given("--topic", "kafka.topic", self.topic.as_ref())
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    match duration::parse(text) {
        Ok(interval) if interval >= Duration::from_millis(100) => Ok(interval),
        Ok(_) => Err("give 100ms or more".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn fraction(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(fraction) if (0.0..=1.0).contains(&fraction) => Ok(fraction),
        _ => Err("give a number from 0 to 1".into()),
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
