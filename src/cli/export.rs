//! `tidegauge export`: writes a job for another engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::anyhow;
use tidegauge_windows::Settings;

use super::arguments::{ExportArgs, ExportCommand, FlinkSqlArgs, GlobalArgs};
use super::failure::CommandFailure;
use super::streams;
use crate::config::{Config, Need, may_name_secret};
use crate::flink_sql::{FlinkJob, ReadFrom};

/// What the names of topics begin with where no index is configured.
const PREFIX: &str = "payments";

/// Runs the subcommand.
///
/// # Errors
/// When the configuration is wrong, or Flink SQL can't do what it says.
pub fn run(arguments: &ExportArgs, globals: &GlobalArgs) -> Result<(), CommandFailure> {
    match &arguments.task {
        ExportCommand::FlinkSql(script) => flink_sql(script, globals),
    }
}

fn flink_sql(arguments: &FlinkSqlArgs, globals: &GlobalArgs) -> Result<(), CommandFailure> {
    let config = Config::load(&arguments.sources(globals), Need::Brokers)?;
    let settings = with_windows(&config.event_time.settings, &arguments.windows)?;
    let index = config.elasticsearch.as_ref();
    let prefix = index.map_or(PREFIX, |index| index.index_prefix.as_str());
    let (properties, left_out) = java_properties(&config.kafka.properties);
    let job = FlinkJob {
        target: arguments.target.into(),
        late: arguments.late.into(),
        brokers: config.kafka.brokers.clone(),
        topic: config.kafka.topic.clone(),
        group: format!("{}-flink", config.kafka.group_id),
        start: ReadFrom::Earliest,
        is_bounded: arguments.until_end,
        properties,
        left_out,
        settings: Arc::new(settings),
        idle_after: config.event_time.idle_after,
        decoding: config.decoding(),
        branches: Arc::clone(&config.branches),
        elasticsearch: index.map(|index| index.urls().to_vec()),
        prefix: arguments
            .prefix
            .clone()
            .unwrap_or_else(|| prefix.to_owned()),
        has_duplicates: config.duplicates.is_some(),
    };
    let script = job.script().map_err(anyhow::Error::new)?;
    streams::print(script.as_bytes())?;
    Ok(())
}

fn with_windows(settings: &Settings, names: &[String]) -> Result<Settings, CommandFailure> {
    let mut settings = settings.clone();
    if names.is_empty() {
        return Ok(settings);
    }
    let known: Vec<&str> = settings
        .definitions
        .iter()
        .map(|window| window.name())
        .collect();
    for name in names {
        if !known.contains(&name.as_str()) {
            return Err(CommandFailure::Usage(anyhow!(
                "--window: there is no window \"{name}\"; there are: {}",
                known.join(", ")
            )));
        }
    }
    settings
        .definitions
        .retain(|window| names.iter().any(|name| name == window.name()));
    Ok(settings)
}

/// The properties that mean the same to Kafka's Java client, and the names of all others.
fn java_properties(properties: &BTreeMap<String, String>) -> (Vec<(String, String)>, Vec<String>) {
    let mut same = Vec::new();
    let mut others = Vec::new();
    for (name, value) in properties {
        let java = match name.as_str() {
            "security.protocol" => Some((name.clone(), value.to_ascii_uppercase())),
            "sasl.mechanism" | "sasl.mechanisms" => {
                Some(("sasl.mechanism".to_owned(), value.clone()))
            }
            "client.id" | "client.rack" => Some((name.clone(), value.clone())),
            _ => None,
        };
        match java.filter(|_| !may_name_secret(name)) {
            Some(property) => same.push(property),
            None => others.push(name.clone()),
        }
    }
    (same, others)
}
