//! `tidegauge replay status`: which generations there are.

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;

use crate::cli::failure::Failure;
use crate::cli::output::{self, Format, Row};
use crate::cli::report;
use crate::config::Config;
use crate::generation::{self, Generations};
use crate::replay::{self, Error, Proof, Report};
use crate::sink::IndexSize;
use crate::store::Still;

/// A generation as `replay status` shows it.
#[derive(Serialize)]
struct Line {
    generation: u32,
    live: bool,
    /// Nothing here and in the next two if it can't be read.
    topic: Option<String>,
    records: Option<u64>,
    dirty_documents: Option<u64>,
    /// Whether it is proven to have the live one's figures: `equal`, `differs` or `none`; nothing for
    /// the live one, and for one that no replay built.
    proof: Option<&'static str>,
    /// What a replay found; nothing for one that no replay built.
    differences: Option<u64>,
    complete: Option<bool>,
    indexes: Option<u64>,
    documents: Option<u64>,
}

/// The same for programs.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    line: Line,
    positions: BTreeMap<i32, i64>,
    state_dir: String,
    rules: Vec<String>,
    /// Why it can't be read; null if it can.
    unreadable: Option<String>,
    /// Why there is no proof; null if there is one.
    unproven: Option<String>,
    /// Whether the public aliases point to it; null without Elasticsearch.
    public: Option<bool>,
    sizes: Vec<IndexSize>,
    report: Option<Report>,
}

/// Prints all generations, live or not.
pub(super) async fn print(
    config: &Config,
    generations: &Generations,
    output: Format,
) -> Result<(), Failure> {
    let all = generations.all()?;
    if all.is_empty() {
        return Err(generation::Error::NoState {
            path: generations.dir(1),
        }
        .into());
    }
    let live = generations.live()?.generation;
    let (audience, sizes) = match &config.elasticsearch {
        Some(sink) => {
            let upkeep = super::reached(sink, generations, config, live).await?;
            let audience = upkeep.audience().await.map_err(Error::from)?;
            (Some(audience), upkeep.sizes().await.map_err(Error::from)?)
        }
        None => (None, Vec::new()),
    };
    let mut wholes = Vec::new();
    for generation in all {
        let (still, unreadable) = match Still::open(&generations.dir(generation)) {
            Ok(Some(still)) => (Some(still), None),
            Ok(None) => continue,
            Err(error) => (None, Some(error.to_string())),
        };
        let report = replay::report(generations, generation)?;
        let own: Vec<IndexSize> = sizes
            .iter()
            .filter(|size| size.generation == generation)
            .cloned()
            .collect();
        let checkpoint = still.as_ref().map(Still::checkpoint);
        let proof = report.as_ref().filter(|_| generation != live);
        let proof = proof.map(|report| Proof::of(report, live));
        let comparison = report
            .as_ref()
            .and_then(|report| report.comparison.as_ref());
        wholes.push(Whole {
            line: Line {
                generation,
                live: generation == live,
                topic: still.as_ref().map(|still| still.topic().to_owned()),
                records: checkpoint.map(|checkpoint| checkpoint.ledger.consumed),
                dirty_documents: checkpoint.map(|checkpoint| checkpoint.dirty),
                proof: proof.as_ref().map(Proof::name),
                differences: comparison.map(|comparison| comparison.differences),
                complete: report.as_ref().map(|report| report.complete),
                indexes: audience.as_ref().map(|_| own.len() as u64),
                documents: audience
                    .as_ref()
                    .map(|_| own.iter().map(|size| size.documents).sum()),
            },
            positions: checkpoint.map_or_else(BTreeMap::new, |at| at.positions.clone()),
            state_dir: generations.dir(generation).display().to_string(),
            rules: still
                .iter()
                .flat_map(|still| still.rules().lines().map(str::to_owned))
                .collect(),
            unreadable,
            unproven: match proof {
                Some(Proof::None(reason)) => Some(reason),
                _ => None,
            },
            public: audience.as_ref().map(|seen| seen.contains(&generation)),
            sizes: own,
            report,
        });
    }
    let rows = wholes
        .iter()
        .map(|whole| match output {
            Format::Table | Format::Csv => report::row(&whole.line),
            Format::Json | Format::Ndjson => report::row(whole),
        })
        .collect::<Result<Vec<Row>, _>>()?;
    let items: Vec<String> = rows.iter().map(Row::to_json).collect();
    let whole = format!("{{\"live\":{live},\"generations\":[{}]}}", items.join(","));
    output::print(output, &rows, &whole)?;
    let mut notes = std::io::stderr().lock();
    for whole in &wholes {
        if let Some(reason) = &whole.unreadable {
            writeln!(
                notes,
                "generation {} can't be read: {reason}",
                whole.line.generation
            )?;
        }
    }
    Ok(())
}
