//! Flags of the commands that make payments or read them from a file.

use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use clap::{Args, ValueEnum};

use super::{GlobalArgs, TopicArgs};
use crate::cli::output::OutputFormat;
use crate::cli::start_time::StartTime;
use crate::config::{Sources, parse_zone};
use crate::domain::duration;

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
    /// The topic.
    #[command(flatten)]
    pub topic: TopicArgs,
    /// Stop after this many messages [default: continue until Ctrl-C]
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// Messages per second of the wall clock [default: 1000 when live, else as fast as possible]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub rate: Option<u64>,
    /// The seed of the random numbers
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
    /// The share of payments 30 s to 30 min later than --disorder allows, 0 to 1
    #[arg(long, value_name = "F", default_value_t = 0.0, value_parser = fraction)]
    pub late_fraction: f64,
    /// The share of payments 3 to 10 days behind
    #[arg(long, value_name = "F", default_value_t = 0.0, value_parser = fraction)]
    pub too_late_fraction: f64,
    /// The share of payments 6 min to 1 h ahead
    #[arg(long, value_name = "F", default_value_t = 0.0, value_parser = fraction)]
    pub future_fraction: f64,
    /// The share of messages that repeat one of the latest 1,024 payments
    #[arg(long, value_name = "F", default_value_t = 0.0, value_parser = fraction)]
    pub duplicate_fraction: f64,
    /// The share of messages that are not payments: every reason for a reject, and tombstones
    #[arg(long, value_name = "F", default_value_t = 0.0, value_parser = fraction)]
    pub bad_fraction: f64,
    /// The number of partitions if the topic is created [default: 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=10_000))]
    pub partitions: Option<i32>,
    /// Print the messages, one a line, a tombstone as an empty line; no Kafka is needed
    #[arg(long, conflicts_with_all = ["brokers", "topic", "partitions"])]
    pub stdout: bool,
    /// How long the brokers may take to answer at first
    #[arg(long, value_name = "D", default_value = "10s", value_parser = duration::parse)]
    pub timeout: Duration,
    /// The format of the summary
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
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
byte-order mark; a file that holds only the mark has no lines. Windows, time zone and lateness are those of the configuration. The number \
of rejected lines, and the first of them, are logged to stderr; --emit rejects lists them, and \
--emit late (or no-window) lists payments in no window, each with the number of its line (`line`, from 1).")]
pub struct ComputeArgs {
    /// What to print
    #[arg(long, value_enum, value_name = "WHAT", default_value = "totals")]
    pub emit: Emit,
    /// A file of payments, one a line; - is stdin
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
    /// The format of the data
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: OutputFormat,
}

/// `tidegauge init`
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "\
Looks for event time, amount, currency, branch and order id in the records: by the names of fields, and \
by what their values are like. Prints a configuration with the keys of [payment] that differ from the \
defaults, each with the reason for its value and other possible ones. Then it reads the sample by that \
configuration, and says on stderr how many records are payments, why the others are rejected, and what \
you must decide. No configuration is read. The exit code is 1 if no configuration reads any record.

A line is the value of one record, or {\"partition\":0,\"timestamp\":1793491200000,\"key\":\"7\",\
\"headers\":{…},\"payment\":{…}}, which also says its timestamp, key and headers, as for compute. The \
first 10,000 lines are looked at, or the first 64 MiB.

  kcat -b localhost:9092 -t payments -C -o -1000 -e | tidegauge init --sample - > tidegauge.toml
  tidegauge check --sample FILE    shows what is then read from each record")]
pub struct InitArgs {
    /// A file of records, one a line; - is stdin
    #[arg(long, value_name = "FILE")]
    pub sample: PathBuf,
    /// The zone of times that say no offset, an IANA name [default: UTC]
    #[arg(long, value_name = "ZONE", value_parser = parse_zone)]
    pub time_zone: Option<Tz>,
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
    /// Rejected records, in the order of the lines
    Rejects,
    /// Payments that repeat another with the same order id: duplicates and conflicts, in the order of the lines
    Duplicates,
    /// Payments in no window (too_late, past_retention, future and conflict), in the order of the lines; also no-window
    #[value(alias = "no-window")]
    Late,
}

impl ProduceArgs {
    /// Where the settings of `produce` come from.
    #[must_use]
    pub fn sources(&self, globals: &GlobalArgs) -> Sources {
        self.topic.over(globals.sources())
    }
}

fn fraction(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(fraction) if (0.0..=1.0).contains(&fraction) => Ok(fraction),
        _ => Err("give a number from 0 to 1".into()),
    }
}
