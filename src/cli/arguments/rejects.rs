//! Flags of the command about listed records.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};

use crate::cli::output::OutputFormat;

/// `tidegauge rejects`
#[derive(Clone, Debug, Args)]
pub struct RejectsArgs {
    /// The subcommand.
    #[command(subcommand)]
    pub step: RejectsCommand,
}

/// Subcommands of `rejects`.
#[derive(Clone, Debug, Subcommand)]
pub enum RejectsCommand {
    /// Read listed records again from Kafka and count what is a payment now; the service must not run
    #[command(after_long_help = "\
Rejects and payments in no window are listed with partition and offset. This command reads them again at \
their offsets and judges them by the configuration as it is now, each as a payment that comes now in its \
partition. What is a payment now is counted, what belongs into windows now comes into them, and leaves the \
list; the rest stays listed. Each record counts once, whatever happens on the way: a run that was \
interrupted is finished by the same command.

Stop the service first, and start it again afterwards: it delivers what has changed. With --dry-run \
nothing is changed, and the service may run.

A changed [payment] section, time_zone, event_time.allowed_lateness or event_time.max_future needs \
--adopt-rules: from then on the state has these rules. Payments that were accepted before are not decoded \
again; `tidegauge replay` builds all figures by the new rules instead.")]
    Replay(SecondChanceArgs),
}

/// `tidegauge rejects replay`
#[derive(Clone, Debug, Args)]
pub struct SecondChanceArgs {
    /// Only the records of this list [default: both]
    #[arg(long, value_enum, value_name = "LIST")]
    pub list: Option<ListArg>,
    /// Only records listed for this reason; may be given several times
    #[arg(long, value_name = "REASON", value_parser = PossibleValuesParser::new(REASONS))]
    pub reason: Vec<String>,
    /// Only records of this partition
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(i32).range(0..))]
    pub partition: Option<i32>,
    /// Only records from this offset on
    #[arg(long, value_name = "OFFSET", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    pub from_offset: i64,
    /// Only records before this offset
    #[arg(long, value_name = "OFFSET", value_parser = clap::value_parser!(i64).range(0..))]
    pub to_offset: Option<i64>,
    /// Look at so many records at most, by partition and offset
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Let the state take the rules of the configuration, where they may change
    #[arg(long)]
    pub adopt_rules: bool,
    /// Count payments whose order ids may be forgotten, too: whether they are duplicates is not known
    #[arg(long)]
    pub without_comparing: bool,
    /// Show what would become of the records, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The format of the report
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub output: OutputFormat,
}

/// A list of records.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum ListArg {
    /// Records that are not payments
    Rejects,
    /// Payments that are in no window: too late, past retention, or too far ahead
    NoWindow,
}

/// What records are listed for.
const REASONS: [&str; 10] = [
    "not_json",
    "missing_field",
    "bad_field",
    "bad_time",
    "bad_amount",
    "too_large",
    "too_late",
    "past_retention",
    "future",
    "conflict",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::effect::NoWindowReason;
    use crate::decode::Reason;

    #[test]
    fn records_can_be_chosen_by_every_reason_that_they_are_listed_for() {
        let rejects = Reason::ALL.map(Reason::as_str);
        let in_no_window = NoWindowReason::ALL.map(NoWindowReason::as_str);
        assert_eq!(REASONS[..6], rejects);
        assert_eq!(REASONS[6..], in_no_window);
    }
}
