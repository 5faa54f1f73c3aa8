//! `tidegauge replay`: the next generation, and which one is live.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::anyhow;
use serde::Serialize;

use super::arguments::{Globals, Replay, ReplayStep};
use super::failure::Failure;
use super::output::{self, Format, Row};
use super::progress::Progress;
use super::report;
use super::serve::block_on;
use super::signals::Signals;
use crate::app::App;
use crate::config::{Config, Need};
use crate::count::counted;
use crate::generation::{self, Generations, Lock};
use crate::reading::ReadError;
use crate::replay::{self, Audience, Consent, Error, Figure, Proof, Report};
use crate::sink::{self, IndexSize, Upkeep};
use crate::store::Still;

/// How long a running service may take to follow a swap that a replay ends with.
const PATIENCE: Duration = Duration::from_secs(60);

/// Does what is asked for.
///
/// # Errors
/// When it can't be done.
pub fn run(asked: &Replay, globals: &Globals) -> Result<(), Failure> {
    if asked.swap && asked.step.is_some() {
        return Err(Failure::Usage(anyhow!(
            "--swap is for building a generation: leave it out before status, swap, rollback and drop"
        )));
    }
    let need = match asked.step {
        None => Need::Brokers,
        Some(_) => Need::Nothing,
    };
    let config = Config::load(&globals.sources(), need)?;
    let generations = Generations::of(&config.state_dir);
    let output = asked.output;
    block_on(async {
        match &asked.step {
            None => build(asked, globals, &config, &generations).await,
            Some(ReplayStep::Status) => status(&config, &generations, output).await,
            Some(ReplayStep::Swap {
                accept_differences,
                timeout,
            }) => {
                let _lock = lock(&generations)?;
                let to = replay::newest(&generations)?;
                let consent = consent(*accept_differences);
                swap(&config, &generations, to, consent, *timeout, output).await
            }
            Some(ReplayStep::Rollback { timeout }) => {
                let _lock = lock(&generations)?;
                let live = generations.live()?;
                let to = live.previous.ok_or(Error::NoOther)?;
                swap(&config, &generations, to, Consent::Back, *timeout, output).await
            }
            Some(ReplayStep::Drop { generation, yes }) => {
                let _lock = lock(&generations)?;
                drop_generation(&config, &generations, *generation, *yes).await
            }
        }
    })
}

async fn build(
    asked: &Replay,
    globals: &Globals,
    config: &Config,
    generations: &Generations,
) -> Result<(), Failure> {
    let _lock = lock(generations)?;
    let mut signals = Signals::new()?;
    let mut shown = Shown {
        progress: Progress::new(!globals.quiet, true),
    };
    if let Some(sink) = &config.elasticsearch {
        // Before the topic is read, which may take long.
        let live = generations.live()?.generation;
        tokio::select! {
            reached = reached(sink, generations, config, live) => drop(reached?),
            () = signals.stop() => return Err(Error::Interrupted.into()),
        }
    }
    let replay = replay::Replay::new(config, generations)?;
    let report = replay.run(&mut shown, signals.stop()).await?;
    shown.progress.finish();
    print(&report, asked.output)?;
    if asked.swap {
        let consent = consent(asked.accept_differences);
        let to = report.generation;
        let switched = replay::switch(config, generations, to, consent, PATIENCE).await?;
        // The report is what was asked for as data.
        tell(&switched)?;
    }
    Ok(())
}

/// Shows how far a replay has come.
struct Shown {
    progress: Progress,
}

impl Audience for Shown {
    fn show(&mut self, app: &App) -> Result<(), ReadError> {
        let shown = self.progress.show(app);
        shown.map_err(|failure| ReadError(failure.to_string()))
    }

    fn next_run(&mut self) {
        self.progress.next_run();
    }
}

// The indexes of a generation, on a server that answers.
async fn reached(
    sink: &sink::Config,
    generations: &Generations,
    config: &Config,
    generation: u32,
) -> Result<Upkeep, Failure> {
    let upkeep = replay::upkeep(sink, generations, config, generation)?;
    upkeep.reach().await.map_err(Error::from)?;
    Ok(upkeep)
}

// Before anything is made: with another state_dir, numbers would be those of other generations.
fn lock(generations: &Generations) -> Result<Lock, Failure> {
    generations.live_state()?;
    Ok(generations.lock_replay()?.ok_or(Error::AtWork)?)
}

const fn consent(accept_differences: bool) -> Consent {
    if accept_differences {
        Consent::AcceptDifferences
    } else {
        Consent::Proven
    }
}

async fn swap(
    config: &Config,
    generations: &Generations,
    to: u32,
    consent: Consent,
    patience: Duration,
    output: Format,
) -> Result<(), Failure> {
    let switched = replay::switch(config, generations, to, consent, patience).await?;
    output::print(
        output,
        &[report::row(&switched)?],
        &report::text(&switched)?,
    )?;
    Ok(())
}

fn tell(switched: &replay::Switched) -> Result<(), Failure> {
    use std::io::Write;
    let aliases = match switched.aliases {
        replay::Aliases::Moved => "; the aliases point to it",
        replay::Aliases::Follow => "; the aliases follow when a service has caught up",
        replay::Aliases::None => "",
    };
    let live = switched.live;
    writeln!(
        std::io::stderr().lock(),
        "generation {live} is live{aliases}"
    )?;
    Ok(())
}

async fn drop_generation(
    config: &Config,
    generations: &Generations,
    generation: u32,
    yes: bool,
) -> Result<(), Failure> {
    if generations.live()?.generation == generation {
        return Err(Error::IsLive { generation }.into());
    }
    if !yes {
        return Err(Failure::Usage(anyhow!(
            "this deletes the indexes, templates and state of generation {generation} for good: say \
             --yes"
        )));
    }
    // Another directory numbers its generations for itself, and may have indexes of that number.
    if !generations.has(generation) {
        return Err(Failure::Running(anyhow!(
            "there is no generation {generation} beside {}: `tidegauge replay status` lists them",
            config.state_dir.display()
        )));
    }
    let mut indexes = 0;
    let mut is_unreadable = false;
    if let Some(sink) = &config.elasticsearch {
        let still = Still::open(&generations.dir(generation));
        is_unreadable = still.is_err();
        let readings = still.ok().flatten();
        let readings = readings.map(|still| generations.readings(generation, &still, config));
        let readings = readings.and_then(Result::ok);
        let mut upkeep = reached(sink, generations, config, generation).await?;
        let deleted = upkeep.delete(readings.as_deref()).await;
        indexes = deleted.map_err(Error::from)?;
    }
    generations.delete(generation)?;
    use std::io::Write;
    let mut notes = std::io::stderr().lock();
    writeln!(
        notes,
        "generation {generation} is gone, with {}",
        counted(indexes, "index")
    )?;
    if is_unreadable {
        writeln!(
            notes,
            "its state could not be read: indexes of windows that neither the configuration nor \
             another generation has are left; their names contain -g{generation}-"
        )?;
    }
    Ok(())
}

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

async fn status(config: &Config, generations: &Generations, output: Format) -> Result<(), Failure> {
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
            let upkeep = reached(sink, generations, config, live).await?;
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
    use std::io::Write;
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

/// What a report comes to, for people.
#[derive(Serialize)]
struct Summary {
    generation: u32,
    records: u64,
    seconds: f64,
    rate: f64,
    totals: u64,
    windows: u64,
    ledger_entries: u64,
    differences: Option<u64>,
}

/// The same as a table shows it.
#[derive(Serialize)]
struct SummaryWords {
    generation: u32,
    records: u64,
    took: String,
    speed: String,
    totals: u64,
    windows: u64,
    ledger_entries: u64,
    differences: Option<u64>,
}

/// A difference, for people.
#[derive(Serialize)]
struct Differs {
    figure: String,
    live: String,
    replayed: String,
}

fn print(report: &Report, output: Format) -> Result<(), Failure> {
    let comparison = report.comparison.as_ref();
    let summary = Summary {
        generation: report.generation,
        records: report.records,
        seconds: report.seconds,
        rate: report.rate,
        totals: comparison.map_or(0, |c| c.totals),
        windows: comparison.map_or(0, replay::Comparison::window_count),
        ledger_entries: comparison.map_or(0, |c| c.ledger_entries),
        differences: comparison.map(|c| c.differences),
    };
    let row = if output == Format::Table {
        report::row(&SummaryWords {
            generation: summary.generation,
            records: summary.records,
            took: report::seconds(summary.seconds),
            speed: report::records_per_second(summary.rate),
            totals: summary.totals,
            windows: summary.windows,
            ledger_entries: summary.ledger_entries,
            differences: summary.differences,
        })?
    } else {
        report::row(&summary)?
    };
    output::print(output, &[row], &report::text(report)?)?;
    if output != Format::Table {
        return Ok(());
    }
    use std::io::Write;
    let mut notes = std::io::stderr().lock();
    if let Some(reason) = &report.not_compared {
        writeln!(notes, "not compared: {reason}")?;
    }
    let Some(comparison) = comparison else {
        return Ok(());
    };
    for name in &comparison.windows_not_compared {
        writeln!(
            notes,
            "not compared: the windows {name}, which only one has or which differ"
        )?;
    }
    for reason in &comparison.because {
        writeln!(notes, "{reason}")?;
    }
    if comparison.first.is_empty() {
        return Ok(());
    }
    let shown = |figure: &Option<Figure>| match figure {
        None => "none".to_owned(),
        Some(figure) => match &figure.pay_amount_exact {
            Some(amount) => format!("{} with {amount}", figure.count),
            None => figure.count.to_string(),
        },
    };
    let rows = comparison
        .first
        .iter()
        .map(|found| {
            report::row(&Differs {
                figure: found.figure.clone(),
                live: shown(&found.live),
                replayed: shown(&found.replayed),
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    drop(notes);
    output::print(output, &rows, "")?;
    Ok(())
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if error.is_unavailable() {
            Self::Unavailable(error.into())
        } else if error.is_config() {
            Self::Config(error.into())
        } else {
            Self::Running(error.into())
        }
    }
}
