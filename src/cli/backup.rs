//! `tidegauge state backup` and `tidegauge state restore`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use super::failure::Failure;
use super::output::{self, Format};
use super::report;
use super::row::Row;
use crate::service::backup::{self, Error, Kept, LeftOut, Manifest};
use crate::service::generation::Generations;

/// A generation in a backup, for people.
#[derive(Serialize)]
struct Line<'a> {
    generation: u32,
    live: bool,
    as_of: &'a str,
    records: u64,
    keys: u64,
    bytes: u64,
}

/// The same for programs.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    line: Line<'a>,
    checkpoint: u64,
    storage_version: u64,
    positions: &'a BTreeMap<i32, i64>,
}

/// What a backup holds, for programs.
#[derive(Serialize)]
struct Summary<'a> {
    backup: String,
    topic: &'a str,
    made_at: &'a str,
    live: u32,
    previous: Option<u32>,
    generations: Vec<Whole<'a>>,
    left_out: &'a [LeftOut],
}

/// Makes a backup in `dir`.
///
/// # Errors
/// When there is no state, or the backup can't be written.
pub(super) fn make(
    generations: &Generations,
    dir: &Path,
    live_only: bool,
    format: Format,
) -> Result<(), Failure> {
    let manifest = backup::backup(generations, dir, live_only)?;
    print(&manifest, dir, format)?;
    let mut notes = std::io::stderr().lock();
    for left_out in &manifest.left_out {
        writeln!(
            notes,
            "generation {} is not in the backup: {}",
            left_out.generation, left_out.reason
        )?;
    }
    Ok(())
}

/// Restores the backup in `dir`.
///
/// # Errors
/// When it is not complete, or there is a state already.
pub(super) fn restore(
    generations: &Generations,
    dir: &Path,
    format: Format,
) -> Result<(), Failure> {
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
        positions => format!("it reads on in partition {}", positions.join(", ")),
    };
    writeln!(
        std::io::stderr().lock(),
        "generation {} of the topic {} is live in {}: {positions}",
        manifest.live,
        manifest.topic,
        generations.dir(manifest.live).display()
    )?;
    Ok(())
}

fn print(manifest: &Manifest, dir: &Path, format: Format) -> Result<(), Failure> {
    let kept = manifest.generations.iter();
    let summary = Summary {
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
            Format::Table | Format::Csv => report::row(&whole.line),
            Format::Json | Format::Ndjson => report::row(whole),
        })
        .collect::<Result<Vec<Row>, _>>()?;
    output::print(format, &rows, &report::text(&summary)?)?;
    Ok(())
}

fn whole<'a>(manifest: &Manifest, kept: &'a Kept) -> Whole<'a> {
    Whole {
        line: Line {
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

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Running(error.into())
    }
}
