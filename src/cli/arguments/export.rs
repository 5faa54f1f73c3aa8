//! `tidegauge export`.

use clap::{Args, Subcommand, ValueEnum};

use super::{GlobalArgs, TopicArgs};
use crate::config::Sources;
use crate::flink_sql;

/// `tidegauge export`
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// What to write.
    #[command(subcommand)]
    pub task: ExportCommand,
}

/// What `tidegauge export` writes.
#[derive(Clone, Debug, Subcommand)]
pub enum ExportCommand {
    /// Write a script for Apache Flink that makes the same totals and windows from the same topic
    #[command(after_long_help = "\
  tidegauge export flink-sql > job.sql
  sql-client.sh -f job.sql

The head of the script says in what its figures differ. What Flink SQL can't do as the configuration says \
is refused, with exit code 1.")]
    FlinkSql(FlinkSqlArgs),
}

/// `tidegauge export flink-sql`
#[derive(Clone, Debug, Args)]
pub struct FlinkSqlArgs {
    /// What the script is to run on
    #[arg(long, value_enum, value_name = "TARGET", default_value = "flink-2.2")]
    pub target: FlinkTarget,
    /// What becomes of late payments
    #[arg(long, value_enum, value_name = "RULE", default_value = "correct")]
    pub late: LatePayments,
    /// Only these windows [default: all of the configuration]
    #[arg(long = "window", value_name = "NAME")]
    pub windows: Vec<String>,
    /// What the names of result topics, or of indexes, begin with [config: elasticsearch.index_prefix]
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// End with what the topic has when the job begins, to compare figures
    #[arg(long)]
    pub until_end: bool,
    /// Where records come from.
    #[command(flatten)]
    pub topic: TopicArgs,
}

/// What a script is to run on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum FlinkTarget {
    /// Flink 2.2 and Kafka connector 5.0: figures go to compacted topics
    #[value(name = "flink-2.2")]
    Flink22,
    /// Flink 1.20 and the connectors for Kafka and Elasticsearch 7: figures go to indexes
    #[value(name = "flink-1.20")]
    Flink120,
}

/// What becomes of late payments.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum LatePayments {
    /// They correct their windows, as in Tidegauge; the state is kept for event_time.retention
    Correct,
    /// Window functions of Flink drop them, and keep less state
    Drop,
}

impl FlinkSqlArgs {
    /// Where the settings come from.
    #[must_use]
    pub fn sources(&self, globals: &GlobalArgs) -> Sources {
        self.topic.over(globals.sources())
    }
}

impl From<FlinkTarget> for flink_sql::FlinkVersion {
    fn from(target: FlinkTarget) -> Self {
        match target {
            FlinkTarget::Flink22 => Self::Flink22,
            FlinkTarget::Flink120 => Self::Flink120,
        }
    }
}

impl From<LatePayments> for flink_sql::LateRule {
    fn from(late: LatePayments) -> Self {
        match late {
            LatePayments::Correct => Self::Correct,
            LatePayments::Drop => Self::Drop,
        }
    }
}
