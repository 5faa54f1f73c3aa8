//! `tidegauge replay`: builds the next generation, and swaps which one is live.

mod outcome;
mod status;

use std::time::Duration;

use anyhow::anyhow;

use super::arguments::{GlobalArgs, ReplayArgs, ReplayCommand};
use super::failure::CommandFailure;
use super::output::{self, OutputFormat};
use super::progress::ProgressDisplay;
use super::report;
use super::serve::block_on;
use super::signals::Signals;
use super::streams;
use crate::config::{Config, Need};
use crate::domain::count::counted;
use crate::observe::crash_point;
use crate::service::app::App;
use crate::service::generation::{Generations, Lock};
use crate::service::replay::{self, Consent, Error, ReplayObserver};
use crate::sink::{self, Upkeep};
use crate::store::ReadOnlyStore;
use crate::view::reading::ReadError;

/// How long a running service may take to follow the swap at the end of a replay.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the subcommand, or builds a generation without one.
///
/// # Errors
/// When the command line, the configuration or the state does not allow it, or a server does not answer.
pub fn run(asked: &ReplayArgs, globals: &GlobalArgs) -> Result<(), CommandFailure> {
    if asked.swap && asked.step.is_some() {
        return Err(CommandFailure::Usage(anyhow!(
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
            Some(ReplayCommand::Status) => status::print(&config, &generations, output).await,
            Some(ReplayCommand::Swap {
                accept_differences,
                timeout,
            }) => {
                let _lock = lock(&generations)?;
                let to = replay::newest(&generations)?;
                let consent = consent(*accept_differences);
                swap(&config, &generations, to, consent, *timeout, output).await
            }
            Some(ReplayCommand::Rollback { timeout }) => {
                // The live state may be the one that is lost.
                if let Ok(to) = replay::before(&generations) {
                    generations.own_state(to)?;
                } else {
                    generations.live_state()?;
                }
                let _lock = lock_replay(&generations)?;
                let to = replay::before(&generations)?;
                swap(&config, &generations, to, Consent::Back, *timeout, output).await
            }
            Some(ReplayCommand::Drop { generation, yes }) => {
                let _lock = lock(&generations)?;
                drop_generation(&config, &generations, *generation, *yes).await
            }
        }
    })
}

async fn build(
    asked: &ReplayArgs,
    globals: &GlobalArgs,
    config: &Config,
    generations: &Generations,
) -> Result<(), CommandFailure> {
    let _lock = lock(generations)?;
    let mut signals = Signals::new()?;
    let mut shown = Shown {
        progress: ProgressDisplay::new(!globals.quiet, true),
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
    outcome::print(&report, asked.output)?;
    if asked.swap {
        let consent = consent(asked.accept_differences);
        let to = report.generation;
        let swapped = replay::swap(config, generations, to, consent, PATIENCE).await?;
        // The report is what was asked for as data.
        tell(&swapped);
    }
    Ok(())
}

/// Shows how far a replay has come.
struct Shown {
    progress: ProgressDisplay,
}

impl ReplayObserver for Shown {
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
) -> Result<Upkeep, CommandFailure> {
    let upkeep = replay::upkeep(sink, generations, config, generation)?;
    upkeep.reach().await.map_err(Error::from)?;
    Ok(upkeep)
}

// Before anything is made: with another state_dir, numbers would be those of other generations.
fn lock(generations: &Generations) -> Result<Lock, CommandFailure> {
    generations.live_state()?;
    lock_replay(generations)
}

fn lock_replay(generations: &Generations) -> Result<Lock, CommandFailure> {
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
    output: OutputFormat,
) -> Result<(), CommandFailure> {
    let swapped = replay::swap(config, generations, to, consent, patience).await?;
    output::print(output, &[report::row(&swapped)?], &report::text(&swapped)?)?;
    Ok(())
}

fn tell(swapped: &replay::Swapped) {
    let aliases = match swapped.aliases {
        replay::Aliases::Moved => "; the aliases point to it",
        replay::Aliases::Follow => "; the aliases follow when a service has caught up",
        replay::Aliases::None => "",
    };
    let live = swapped.live;
    streams::note(format_args!("generation {live} is live{aliases}"));
}

async fn drop_generation(
    config: &Config,
    generations: &Generations,
    generation: u32,
    yes: bool,
) -> Result<(), CommandFailure> {
    let refused = generations.refused();
    let live = generations.live()?;
    if let Some(refused) = refused.filter(|it| [it.generation, it.served].contains(&generation)) {
        return Err(CommandFailure::Running(anyhow!(
            "generation {generation} is needed until the swap is over: {refused}"
        )));
    }
    if live.generation == generation {
        let is_swapped = live.previous.is_some();
        return Err(Error::IsLive {
            generation,
            is_swapped,
        }
        .into());
    }
    // Just after a swap, until the service has followed.
    if generations.served() == Some(generation) {
        return Err(Error::IsServed { generation }.into());
    }
    if !yes {
        return Err(CommandFailure::Usage(anyhow!(
            "this deletes the indexes, templates and state of generation {generation} for good: give \
             --yes"
        )));
    }
    // Another state directory has its own numbers, and may have indexes with this one.
    if !generations.has(generation) {
        return Err(CommandFailure::Running(anyhow!(
            "there is no generation {generation} beside {}: `tidegauge replay status` lists them",
            config.state_dir.display()
        )));
    }
    let mut indexes = 0;
    let mut is_unreadable = false;
    if let Some(sink) = &config.elasticsearch {
        let still = ReadOnlyStore::open(&generations.dir(generation));
        is_unreadable = still.is_err();
        let readings = still.ok().flatten();
        let readings = readings.map(|still| generations.readings(generation, &still, config));
        let readings = readings.and_then(Result::ok);
        let mut upkeep = reached(sink, generations, config, generation).await?;
        let deleted = upkeep.delete(readings.as_deref()).await;
        indexes = deleted.map_err(Error::from)?;
    }
    crash_point::reach("drop: after the indexes");
    generations.delete(generation)?;
    streams::note(format_args!(
        "generation {generation} was deleted, with {}",
        counted(indexes, "index")
    ));
    if is_unreadable {
        streams::note(format_args!(
            "its state could not be read: indexes of windows that neither the configuration nor \
             another generation has are left; their names contain -g{generation}-"
        ));
    }
    Ok(())
}
