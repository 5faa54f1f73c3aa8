//! A script for Apache Flink that makes the same windows and totals from the same topic, rendered from the
//! configuration.
//!
//! The script does with numbers what this program does with numbers: event times and bounds of windows are integers of
//! milliseconds, amounts are decimals with 18 places. What Flink can't do as this program does is refused, or said by name at
//! the head of the script.

mod accepted;
mod amount;
mod branch;
mod condition;
mod event_time;
mod notes;
mod raw_columns;
mod refusal;
mod result_table;
mod sql_text;
mod time_zones;
mod totals;
mod window_assignment;
mod window_function;

use std::sync::Arc;

use reqwest::Url;
use tidegauge_windows::{Definition, Settings};

use self::refusal::Refusals;
pub use self::refusal::{Error, FlinkRefusal};
use self::result_table::ResultTables;
use self::sql_text::{escaped, literal};
use self::time_zones::ScriptZone;
use crate::decode::DecodeRules;
use crate::domain::branch_names::BranchNames;

/// What a script is made of.
#[derive(Clone, Debug)]
pub struct FlinkJob {
    /// What it is to run on.
    pub target: FlinkVersion,
    /// What becomes of late payments.
    pub late: LateRule,
    /// The brokers, `host:port` and comma separated.
    pub brokers: String,
    /// The topic of the payments.
    pub topic: String,
    /// The consumer group, for lag tools.
    pub group: String,
    /// Where reading begins.
    pub start: ReadFrom,
    /// Whether reading ends with what the topic has when the job begins.
    pub is_bounded: bool,
    /// The properties of Kafka's client by name, without those that hold secrets.
    pub properties: Vec<(String, String)>,
    /// The names of properties that are left out: secrets, and what only librdkafka knows.
    pub left_out: Vec<String>,
    /// Windows, lateness, retention.
    pub settings: Arc<Settings>,
    /// A partition without records holds windows back for so long.
    pub idle_after: std::time::Duration,
    /// What a record says.
    pub decoding: DecodeRules,
    /// The names of branches.
    pub branches: Arc<BranchNames>,
    /// Where Elasticsearch is, for targets that write to it: the addresses of one cluster, without credentials.
    pub elasticsearch: Option<Vec<Url>>,
    /// What result topics, or indexes, begin with.
    pub prefix: String,
    /// Whether payments that repeat others are left out.
    pub has_duplicates: bool,
}

/// What a script is to run on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlinkVersion {
    /// Flink 2.2 with Kafka connector 5.0: figures go to compacted topics.
    Flink22,
    /// Flink 1.20 with the connectors for Kafka and Elasticsearch 7: figures go to indexes.
    Flink120,
}

/// What becomes of payments that are late.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LateRule {
    /// They correct their windows, as here.
    Correct,
    /// Flink's window functions drop them, and keep less state.
    Drop,
}

/// Where reading begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReadFrom {
    /// With the first record of the topic.
    Earliest,
    /// With these offsets, by partition.
    Offsets(Vec<(i32, i64)>),
}

impl FlinkJob {
    /// The script: statements of SQL, each ended by a semicolon, with comments.
    ///
    /// # Errors
    /// Everything in the configuration that the script could not do as this program does.
    pub fn script(&self) -> Result<String, Error> {
        let mut refusals = Refusals::default();
        let zone = ScriptZone::of(self, &mut refusals);
        let payments = accepted::Payments::of(self, &zone, &mut refusals);
        let windows: Vec<String> = self
            .definitions()
            .iter()
            .map(|definition| match self.late {
                LateRule::Correct => {
                    window_assignment::query(definition, &zone, self, &mut refusals)
                }
                LateRule::Drop => window_function::query(definition, &mut refusals),
            })
            .collect();
        if self.has_duplicates {
            refusals.add(
                "dedup",
                "payments that repeat others of their partition can't be found as here: remove the \
                 section, and let the producer be idempotent",
            );
        }
        let tables = ResultTables::of(self, &mut refusals);
        refusals.result()?;
        let mut script = notes::head(self, &zone);
        script.push_str(&self.session(&zone));
        script.push_str(&payments.statements());
        if self.late == LateRule::Drop {
            script.push_str(&window_function::view());
        }
        script.push_str(&tables.create());
        script.push_str("\nEXECUTE STATEMENT SET BEGIN\n");
        script.push_str(&tables.insert_totals(&totals::query(&tables.total_id(totals::BRANCH))));
        for (definition, query) in self.definitions().iter().zip(&windows) {
            script.push_str(&tables.insert_windows(definition, query));
        }
        script.push_str("END;\n");
        Ok(script)
    }

    fn definitions(&self) -> &[Definition] {
        &self.settings.definitions
    }

    // What holds for all statements that follow.
    fn session(&self, zone: &ScriptZone) -> String {
        let mut text = String::new();
        let mut set = |key: &str, value: &str| {
            text.push_str(&format!("SET '{key}' = {};\n", literal(value)));
        };
        set(
            "pipeline.name",
            &format!("{}: totals and windows", self.topic),
        );
        set("execution.runtime-mode", "streaming");
        // So that no figure depends on the machine.
        set("table.local-time-zone", zone.name());
        // Updates of the same figure are written together.
        set("table.exec.mini-batch.enabled", "true");
        set("table.exec.mini-batch.allow-latency", "1 s");
        set("table.exec.mini-batch.size", "5000");
        if self.late == LateRule::Drop {
            let idle = format!("{} ms", self.idle_after.as_millis());
            set("table.exec.source.idle-timeout", &idle);
        }
        set("execution.checkpointing.interval", "10 s");
        text
    }
}

#[cfg(test)]
mod tests;
