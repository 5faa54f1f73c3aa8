//! `tidegauge state`: inspects a state while a service may use it, and makes and restores backups.

use std::collections::BTreeMap;

use serde::Serialize;
use tidegauge_windows::EventTime;

use super::arguments::{GlobalArgs, StateArgs, StateCommand};
use super::backup;
use super::failure::CommandFailure;
use super::output::{self, OutputFormat};
use super::{report, resume};
use crate::config::{Config, Need};
use crate::domain::count::grouped;
use crate::domain::provenance::offsets;
use crate::domain::timestamp::rfc3339;
use crate::service::generation::{self, Generations};
use crate::service::replay::Error;
use crate::store::{ReadOnlyStore, RuleDifference};
use crate::view::reading::ReadError;
use crate::view::wire::LedgerAnswer;

/// The content of a state.
#[derive(Serialize)]
struct Inspection {
    state_dir: String,
    storage_version: u64,
    topic: String,
    /// The id of the topic; null if the brokers never gave one.
    topic_id: Option<String>,
    generation: u32,
    live: bool,
    rules: Vec<String>,
    /// The rules that it had before it adopted others, oldest first.
    former_rules: Vec<FormerRulesAnswer>,
    checkpoint: u64,
    as_of: String,
    positions: BTreeMap<i32, i64>,
    /// The partitions that can't be read on, and why.
    halted: BTreeMap<i32, String>,
    /// The combined watermark; null while a partition has none.
    watermark: Option<String>,
    /// Each partition's own; null before its first payment.
    watermarks: BTreeMap<i32, Option<String>>,
    /// Windows that start before this are gone; null while all are kept.
    kept_from: Option<String>,
    dirty_documents: u64,
    ledger: LedgerAnswer,
    keys: BTreeMap<&'static str, u64>,
    bytes: u64,
    disk_bytes: u64,
}

/// Rules that hold no longer.
#[derive(Serialize)]
struct FormerRulesAnswer {
    /// Those that had another value then.
    rules: Vec<String>,
    /// They hold for what was read before these positions.
    until: BTreeMap<i32, i64>,
}

/// One row of an inspection.
#[derive(Serialize)]
struct InspectionRow {
    what: String,
    value: String,
}

/// Runs the subcommand.
///
/// # Errors
/// When there is no state, or it can't be read, changed, copied or restored.
pub fn run(state: &StateArgs, globals: &GlobalArgs) -> Result<(), CommandFailure> {
    let config = Config::load(&globals.sources(), Need::Nothing)?;
    let generations = Generations::of(&config.state_dir);
    match &state.step {
        StateCommand::Inspect { generation, output } => {
            inspect(&config, &generations, *generation, *output)
        }
        StateCommand::Backup {
            dir,
            live_only,
            output,
        } => backup::make(&generations, dir, *live_only, *output),
        StateCommand::Resume {
            partition,
            generation,
            output,
        } => resume::run(&generations, *generation, *partition, *output),
        StateCommand::Restore { dir, output } => backup::restore(&generations, dir, *output),
    }
}

fn inspect(
    config: &Config,
    generations: &Generations,
    generation: Option<u32>,
    output: OutputFormat,
) -> Result<(), CommandFailure> {
    let live = generations.live()?.generation;
    let generation = generation.unwrap_or(live);
    let dir = generations.dir(generation);
    let Some(still) = ReadOnlyStore::open(&dir).map_err(Error::from)? else {
        return Err(generation::Error::NoState { path: dir }.into());
    };
    let readings = generations.readings(generation, &still, config)?;
    let settings = generations.settings(generation, &still)?;
    let stats = still.stats().map_err(Error::from)?;
    let checkpoint = still.checkpoint();
    let snapshot = readings
        .query(|reading| Ok::<_, ReadError>(reading.frame().snapshot().clone()))
        .map_err(Error::from)?;
    let watermarks = snapshot.partitions.iter().map(|(partition, time)| {
        let watermark = time.watermark(settings.out_of_orderness);
        (*partition, watermark.map(rfc3339))
    });
    let inspection = Inspection {
        state_dir: dir.display().to_string(),
        storage_version: still.version(),
        topic: still.topic().to_owned(),
        topic_id: still.topic_id().map(|id| id.to_string()),
        generation,
        live: generation == live,
        rules: still.rules().lines().map(str::to_owned).collect(),
        former_rules: former_rules(&still)?,
        checkpoint: checkpoint.sequence,
        as_of: rfc3339(EventTime::from_millis(checkpoint.as_of)),
        positions: checkpoint.positions.clone(),
        halted: still.halted().clone(),
        watermark: snapshot.watermark.map(rfc3339),
        watermarks: watermarks.collect(),
        kept_from: snapshot.floor.map(rfc3339),
        dirty_documents: checkpoint.dirty,
        ledger: LedgerAnswer::new(&checkpoint.ledger),
        keys: stats.keys,
        bytes: stats.bytes,
        disk_bytes: stats.disk_bytes,
    };
    print(&inspection, output)
}

// Each time the rules that were given up then, with their values before.
fn former_rules(still: &ReadOnlyStore) -> Result<Vec<FormerRulesAnswer>, CommandFailure> {
    let former = still.former_rules().map_err(Error::from)?;
    let later = former.iter().skip(1).map(|former| former.rules.as_str());
    let later = later.chain([still.rules()]);
    let answers = former.iter().zip(later).map(|(former, later)| {
        let given_up = RuleDifference::between(&former.rules, later);
        let given_up = given_up
            .into_iter()
            .map(|rule| format!("{} = {}", rule.key, rule.state_told()));
        FormerRulesAnswer {
            rules: given_up.collect(),
            until: former.positions.clone(),
        }
    });
    Ok(answers.collect())
}

fn print(inspection: &Inspection, format: OutputFormat) -> Result<(), CommandFailure> {
    let whole = report::text(inspection)?;
    let rows = match format {
        OutputFormat::Table => lines(inspection)
            .iter()
            .map(report::row)
            .collect::<Result<Vec<_>, _>>()?,
        _ => vec![report::row(inspection)?],
    };
    output::print(format, &rows, &whole)?;
    Ok(())
}

fn lines(inspection: &Inspection) -> Vec<InspectionRow> {
    let mut lines = Vec::new();
    let mut line = |what: &str, value: String| {
        lines.push(InspectionRow {
            what: what.to_owned(),
            value,
        });
    };
    let is_live = if inspection.live { ", live" } else { "" };
    let none = || "none".to_owned();
    line("state_dir", inspection.state_dir.clone());
    line("storage version", inspection.storage_version.to_string());
    line("topic", inspection.topic.clone());
    line("topic id", inspection.topic_id.clone().unwrap_or_else(none));
    line("generation", format!("{}{is_live}", inspection.generation));
    for rule in &inspection.rules {
        line("rule", rule.clone());
    }
    for former in &inspection.former_rules {
        for rule in &former.rules {
            let until = format!("{rule}, before {}", offsets(&former.until));
            line("former rule", until);
        }
    }
    line(
        "checkpoint",
        format!("{} of {}", inspection.checkpoint, inspection.as_of),
    );
    line(
        "watermark",
        inspection.watermark.clone().unwrap_or_else(none),
    );
    for (partition, position) in &inspection.positions {
        let watermark = inspection.watermarks.get(partition).cloned().flatten();
        line(
            &format!("partition {partition}"),
            format!(
                "position {position}, watermark {}",
                watermark.unwrap_or_else(none)
            ),
        );
    }
    for (partition, reason) in &inspection.halted {
        line(&format!("partition {partition} is stopped"), reason.clone());
    }
    if let Some(kept_from) = &inspection.kept_from {
        line("windows kept from", kept_from.clone());
    }
    line("records", grouped(inspection.ledger.consumed));
    line("balanced", inspection.ledger.balanced.to_string());
    line("dirty documents", grouped(inspection.dirty_documents));
    for (kind, count) in &inspection.keys {
        line(&format!("keys: {kind}"), grouped(*count));
    }
    line("bytes", grouped(inspection.bytes));
    line("bytes on disk", grouped(inspection.disk_bytes));
    lines
}
