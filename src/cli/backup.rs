//! `tidegauge state backup` and `tidegauge state restore`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::failure::CommandFailure;
use super::output::{self, OutputFormat};
use super::report;
use super::row::JsonRow;
use super::streams;
use crate::service::backup::{self, BackedUpGeneration, Manifest, SkippedGeneration};
use crate::service::generation::Generations;

/// A generation in a backup, as a table shows it.
#[derive(Serialize)]
struct BackupRow<'a> {
    generation: u32,
    live: bool,
    as_of: &'a str,
    records: u64,
    keys: u64,
    bytes: u64,
}

/// A generation in a backup, as JSON.
#[derive(Serialize)]
struct BackupDetails<'a> {
    #[serde(flatten)]
    line: BackupRow<'a>,
    checkpoint: u64,
    storage_version: u64,
    positions: &'a BTreeMap<i32, i64>,
}

/// The content of a backup, as JSON.
#[derive(Serialize)]
struct BackupSummary<'a> {
    backup: String,
    topic: &'a str,
    made_at: &'a str,
    live: u32,
    previous: Option<u32>,
    generations: Vec<BackupDetails<'a>>,
    left_out: &'a [SkippedGeneration],
}

/// Makes a backup in `dir`.
///
/// # Errors
/// When there is no state, or the backup can't be written.
pub(super) fn make(
    generations: &Generations,
    dir: &Path,
    live_only: bool,
    format: OutputFormat,
) -> Result<(), CommandFailure> {
    let manifest = backup::backup(generations, dir, live_only)?;
    print(&manifest, dir, format)?;
    for left_out in &manifest.left_out {
        streams::note(format_args!(
            "generation {} is not in the backup: {}",
            left_out.generation, left_out.reason
        ));
    }
    Ok(())
}

/// Restores the backup in `dir`.
///
/// # Errors
/// When the backup is not complete, or there is a state already.
pub(super) fn restore(
    generations: &Generations,
    dir: &Path,
    format: OutputFormat,
) -> Result<(), CommandFailure> {
    let manifest = backup::restore(dir, generations)?;
    print(&manifest, dir, format)?;
    let live = manifest.generations.iter();
    let mut live = live.filter(|kept| kept.generation == manifest.live);
    let positions: Vec<String> = live
        .next()
        .map(|kept| kept.positions.iter())
        .into_iter()
        .flatten()
        .map(|(partition, position)| format!("{partition} from offset {position}"))
        .collect();
    let positions = match &positions[..] {
        [] => "it has read nothing yet".to_owned(),
        positions => format!("reading continues in partition {}", positions.join(", ")),
    };
    streams::note(format_args!(
        "generation {} of the topic {} is live in {}: {positions}",
        manifest.live,
        manifest.topic,
        generations.dir(manifest.live).display()
    ));
    Ok(())
}

fn print(manifest: &Manifest, dir: &Path, format: OutputFormat) -> Result<(), CommandFailure> {
    let kept = manifest.generations.iter();
    let summary = BackupSummary {
        backup: dir.display().to_string(),
        topic: &manifest.topic,
        made_at: &manifest.made_at,
        live: manifest.live,
        previous: manifest.previous,
        generations: kept.map(|kept| whole(manifest, kept)).collect(),
        left_out: &manifest.left_out,
    };
    let rows = summary
        .generations
        .iter()
        .map(|whole| match format {
            OutputFormat::Table | OutputFormat::Csv => report::row(&whole.line),
            OutputFormat::Json | OutputFormat::Ndjson => report::row(whole),
        })
        .collect::<Result<Vec<JsonRow>, _>>()?;
    output::print(format, &rows, &report::text(&summary)?)?;
    Ok(())
}

fn whole<'a>(manifest: &Manifest, kept: &'a BackedUpGeneration) -> BackupDetails<'a> {
    BackupDetails {
        line: BackupRow {
            generation: kept.generation,
            live: kept.generation == manifest.live,
            as_of: &kept.as_of,
            records: kept.records,
            keys: kept.keys,
            bytes: kept.bytes(),
        },
        checkpoint: kept.checkpoint,
        storage_version: kept.storage_version,
        positions: &kept.positions,
    }
}
