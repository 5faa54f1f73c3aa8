//! `tidegauge replay status`: lists the generations.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::cli::failure::CommandFailure;
use crate::cli::output::{self, OutputFormat};
use crate::cli::row::JsonRow;
use crate::cli::{report, streams};
use crate::config::Config;
use crate::service::generation::{Generations, UnfollowedSwap};
use crate::service::replay::{self, Error, Proof, Report};
use crate::sink::{self, IndexSize};
use crate::store::ReadOnlyStore;

/// A generation as `replay status` shows it.
#[derive(Serialize)]
struct GenerationRow {
    generation: u32,
    live: bool,
    /// `None` here and in the next two if the state can't be read.
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

/// A generation as JSON shows it.
#[derive(Serialize)]
struct GenerationDetails {
    #[serde(flatten)]
    line: GenerationRow,
    positions: BTreeMap<i32, i64>,
    state_dir: String,
    /// Whether the running service serves it; null if none runs.
    served: Option<bool>,
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

/// What concerns all generations.
#[derive(Serialize)]
struct GenerationsOverview {
    /// The live generation; null if the file that names it is lost or says something else.
    live: Option<u32>,
    /// The generation that the running service serves; null if none runs.
    served: Option<u32>,
    /// The swap that the running service refuses; null if there is none.
    swap: Option<RefusedSwapReport>,
    /// Why Elasticsearch could not be asked; null if it answered, or there is none.
    elasticsearch_unavailable: Option<String>,
}

/// A swap that the running service does not follow.
#[derive(Serialize)]
struct RefusedSwapReport {
    /// `refused`.
    state: &'static str,
    /// The generation that is live and can't be run.
    generation: u32,
    /// The one that is served meanwhile.
    served: u32,
    /// Why, and what to do.
    reason: String,
}

impl From<UnfollowedSwap> for RefusedSwapReport {
    fn from(refused: UnfollowedSwap) -> Self {
        Self {
            state: "refused",
            generation: refused.generation,
            served: refused.served,
            reason: refused.to_string(),
        }
    }
}

/// What Elasticsearch holds of the generations.
struct GenerationIndexes {
    audience: BTreeSet<u32>,
    sizes: Vec<IndexSize>,
}

impl GenerationIndexes {
    async fn of(
        sink: &sink::Config,
        generations: &Generations,
        config: &Config,
        live: u32,
    ) -> Result<Self, CommandFailure> {
        let upkeep = super::reached(sink, generations, config, live).await?;
        Ok(Self {
            audience: upkeep.audience().await.map_err(Error::from)?,
            sizes: upkeep.sizes().await.map_err(Error::from)?,
        })
    }
}

/// Prints all generations, live or not. If Elasticsearch does not answer, it prints what the states
/// tell.
pub(super) async fn print(
    config: &Config,
    generations: &Generations,
    output: OutputFormat,
) -> Result<(), CommandFailure> {
    let all = generations.all()?;
    let Some(newest) = all.last().copied() else {
        return Err(generations.no_state(1).into());
    };
    // The operator who has to name the live one chooses it from this list.
    let (live, unknown) = match generations.live() {
        Ok(live) => (Some(live.generation), None),
        Err(error) => (None, Some(error)),
    };
    let indexes = match &config.elasticsearch {
        Some(sink) => {
            let any = live.unwrap_or(newest);
            Some(GenerationIndexes::of(sink, generations, config, any).await)
        }
        None => None,
    };
    let (indexes, failure) = match indexes {
        Some(Ok(indexes)) => (Some(indexes), None),
        Some(Err(failure)) => (None, Some(failure)),
        None => (None, None),
    };
    let head = GenerationsOverview {
        live,
        served: generations.served(),
        swap: generations.refused().map(RefusedSwapReport::from),
        elasticsearch_unavailable: failure.as_ref().map(ToString::to_string),
    };
    let mut wholes = Vec::new();
    for generation in all {
        let (still, unreadable) = match ReadOnlyStore::open(&generations.dir(generation)) {
            Ok(Some(still)) => (Some(still), None),
            Ok(None) => continue,
            Err(error) => (None, Some(error.to_string())),
        };
        let report = replay::report(generations, generation)?;
        let own = indexes.as_ref().map(|indexes| {
            let sizes = indexes.sizes.iter();
            let own = sizes.filter(|size| size.generation == generation);
            own.cloned().collect::<Vec<_>>()
        });
        let checkpoint = still.as_ref().map(ReadOnlyStore::checkpoint);
        let other = live.filter(|live| *live != generation);
        let proof = report.as_ref().zip(other);
        let proof = proof.map(|(report, live)| Proof::of(report, live));
        let comparison = report
            .as_ref()
            .and_then(|report| report.comparison.as_ref());
        wholes.push(GenerationDetails {
            line: GenerationRow {
                generation,
                live: live == Some(generation),
                topic: still.as_ref().map(|still| still.topic().to_owned()),
                records: checkpoint.map(|checkpoint| checkpoint.ledger.consumed),
                dirty_documents: checkpoint.map(|checkpoint| checkpoint.dirty),
                proof: proof.as_ref().map(Proof::name),
                differences: comparison.map(|comparison| comparison.differences),
                complete: report.as_ref().map(|report| report.complete),
                indexes: own.as_ref().map(|own| own.len() as u64),
                documents: own
                    .as_ref()
                    .map(|own| own.iter().map(|size| size.documents).sum()),
            },
            positions: checkpoint.map_or_else(BTreeMap::new, |at| at.positions.clone()),
            state_dir: generations.dir(generation).display().to_string(),
            served: head.served.map(|served| served == generation),
            rules: still
                .iter()
                .flat_map(|still| still.rules().lines().map(str::to_owned))
                .collect(),
            unreadable,
            unproven: match proof {
                Some(Proof::None(reason)) => Some(reason),
                _ => None,
            },
            public: indexes
                .as_ref()
                .map(|indexes| indexes.audience.contains(&generation)),
            sizes: own.unwrap_or_default(),
            report,
        });
    }
    let rows = wholes
        .iter()
        .map(|whole| match output {
            OutputFormat::Table | OutputFormat::Csv => report::row(&whole.line),
            OutputFormat::Json | OutputFormat::Ndjson => report::row(whole),
        })
        .collect::<Result<Vec<JsonRow>, _>>()?;
    let items: Vec<String> = rows.iter().map(JsonRow::to_json).collect();
    let text = report::text(&head)?;
    let whole = format!(
        "{},\"generations\":[{}]}}",
        text.strip_suffix('}').unwrap_or(&text),
        items.join(",")
    );
    output::print(output, &rows, &whole)?;
    for whole in &wholes {
        if let Some(reason) = &whole.unreadable {
            streams::note(format_args!(
                "generation {} can't be read: {reason}",
                whole.line.generation
            ));
        }
    }
    if let Some(swap) = &head.swap {
        streams::note(format_args!("{}", swap.reason));
    }
    if failure.is_some() {
        streams::note(format_args!(
            "this is what the states on disk say, without Elasticsearch"
        ));
    }
    match (unknown, failure) {
        (Some(error), _) => Err(error.into()),
        (None, Some(failure)) => Err(failure),
        (None, None) => Ok(()),
    }
}
