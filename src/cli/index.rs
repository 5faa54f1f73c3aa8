//! `tidegauge index`: creates, verifies, repairs and deletes the indexes of the live generation.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::anyhow;
use serde::Serialize;

use super::arguments::{GlobalArgs, IndexArgs, IndexCommand};
use super::failure::CommandFailure;
use super::output::{self, OutputFormat};
use super::report;
use super::serve::block_on;
use crate::config::{Config, Need};
use crate::domain::count::{agreeing, counted};
use crate::service::generation::{self, Generations, Live};
use crate::service::replay::{self, Error};
use crate::sink::{ForeignIndex, IndexFinding, Upkeep};
use crate::store::ReadOnlyStore;
use crate::view::reading::Readings;

/// What the command did and found.
#[derive(Default, Serialize)]
struct Findings {
    generation: u32,
    /// Changes that were made.
    done: Vec<String>,
    /// Changes that `--yes` would make.
    planned: Vec<String>,
    /// What the running service will do.
    waiting: Vec<String>,
    /// What is not as it should be.
    drift: Vec<String>,
}

impl Findings {
    // A deletion is done with `yes`, and planned without it.
    const fn deletions(&mut self, yes: bool) -> &mut Vec<String> {
        match yes {
            true => &mut self.done,
            false => &mut self.planned,
        }
    }
}

/// Who fills an index of the live generation again after it was deleted.
const BY_SERVICE: &str =
    "the service creates and fills it again, within a minute or when it starts";
/// Who fills an index of another generation again.
const BY_REPLAY: &str = "the next replay or service of that generation creates and fills it again";

/// One change or finding, as a row.
#[derive(Serialize)]
struct FindingRow<'a> {
    kind: &'a str,
    what: &'a str,
}

/// Runs the subcommand and prints what it did and found.
///
/// # Errors
/// When drift is left, or Elasticsearch does not answer.
pub fn run(index: &IndexArgs, globals: &GlobalArgs) -> Result<(), CommandFailure> {
    let config = Config::load(&globals.sources(), Need::Nothing)?;
    let Some(sink) = &config.elasticsearch else {
        return Err(CommandFailure::Config(anyhow!(
            "the configuration has no section [elasticsearch]: add it, with a url"
        )));
    };
    let generations = Generations::of(&config.state_dir);
    // While the running service refuses a swap, readers see what it serves.
    let refused = generations.refused();
    let live = match &refused {
        Some(refused) => Live {
            generation: refused.served,
            previous: None,
        },
        None => generations.live()?,
    };
    let readings = readings(&config, &generations, live)?;
    // Without a state, only setup is possible: it prepares the first start.
    if readings.is_none() && index.step != IndexCommand::Setup {
        let path = generations.dir(live.generation);
        return Err(generation::Error::NoState { path }.into());
    }
    let mut upkeep = replay::upkeep(sink, &generations, &config, live.generation)?;
    let step = index.step;
    let mut waits = None;
    let findings = block_on(async {
        upkeep.reach().await.map_err(Error::from)?;
        let mut findings = Findings {
            generation: live.generation,
            ..Findings::default()
        };
        let readings = readings.as_deref();
        if let IndexCommand::Delete { yes } = step {
            let lines = findings.deletions(yes);
            delete(&mut upkeep, readings, yes, &config, BY_SERVICE, lines).await?;
            // Other generations may have indexes that were refused for the same reason.
            let mut others: BTreeSet<u32> = generations.all()?.into_iter().collect();
            let own = others.clone();
            // The public aliases may point to indexes of another state.
            others.extend(upkeep.audience().await.map_err(Error::from)?);
            others.remove(&findings.generation);
            for other in others {
                if !own.contains(&other) {
                    let mut upkeep = replay::upkeep(sink, &generations, &config, other)?;
                    let lines = findings.deletions(yes);
                    delete(&mut upkeep, readings, yes, &config, BY_SERVICE, lines).await?;
                    continue;
                }
                let live = Live {
                    generation: other,
                    previous: None,
                };
                // A generation that can't be read, or has read nothing, can't tell which indexes are its own.
                let Ok(Some(readings)) = self::readings(&config, &generations, live) else {
                    continue;
                };
                let provenance = readings.query(|reading| reading.provenance());
                if provenance.map_err(Error::from)?.is_none() {
                    continue;
                }
                let mut upkeep = replay::upkeep(sink, &generations, &config, other)?;
                let lines = findings.deletions(yes);
                let readings = Some(readings.as_ref());
                delete(&mut upkeep, readings, yes, &config, BY_REPLAY, lines).await?;
            }
            return Ok(findings);
        }
        if readings.is_none() {
            let path = generations.dir(live.generation);
            findings.done.push(format!(
                "there is no state in {} yet: the indexes are prepared for the first start",
                path.display()
            ));
        }
        if matches!(step, IndexCommand::Setup | IndexCommand::Repair) {
            make(&mut upkeep, readings, step, &mut findings).await?;
            // The service may follow the swap at any moment, and then moves the aliases itself.
            if refused.is_none() {
                publish(&mut upkeep, &generations, live, &mut findings).await?;
            }
        }
        let found = upkeep.verify(readings).await.map_err(Error::from)?;
        for finding in found {
            match finding {
                // A new index waits for its service. After setup and repair that is the right state.
                IndexFinding::AwaitsService(text) if step != IndexCommand::Verify => {
                    findings.waiting.push(format!(
                        "{text}: it takes the index over within a minute, or when it starts"
                    ));
                }
                finding => findings.drift.push(finding.into_text()),
            }
        }
        let refused = refused.as_ref().map(ToString::to_string);
        findings.drift.splice(0..0, refused);
        // A service moves aliases only from the previous generation.
        let seen = awaited(&upkeep, &generations, live).await?;
        waits = seen.filter(|seen| live.previous == Some(*seen));
        Ok::<_, CommandFailure>(findings)
    })?;
    print(&findings, index.output)?;
    if let Some(refused) = refused.filter(|_| !matches!(step, IndexCommand::Delete { .. })) {
        return Err(CommandFailure::Running(anyhow!("{refused}")));
    }
    match (findings.drift.len(), waits) {
        (0, _) => Ok(()),
        (_, Some(seen)) => Err(CommandFailure::Running(anyhow!(
            "the aliases point to generation {seen} until a service has caught up with it in \
             generation {}, which is live now: start it, or wait for it",
            live.generation
        ))),
        (count, None) => Err(CommandFailure::Running(unrepaired(count as u64, step))),
    }
}

// What the operator can do about the drift.
fn unrepaired(count: u64, step: IndexCommand) -> anyhow::Error {
    let things = counted(count, "thing");
    let are = agreeing(count, "is", "are");
    let they = agreeing(count, "it", "they");
    let repairable = match step {
        IndexCommand::Verify => {
            " `tidegauge index repair` repairs templates, aliases, missing indexes and missing fields."
        }
        IndexCommand::Setup | IndexCommand::Repair | IndexCommand::Delete { .. } => {
            " This command can't repair the rest."
        }
    };
    anyhow!(
        "{things} {are} not as {they} should be.{repairable} If a field has another type, delete the index \
         while the service runs: it creates and fills the index again. Remove blocks and foreign aliases \
         in Elasticsearch"
    )
}

async fn make(
    upkeep: &mut Upkeep,
    readings: Option<&dyn Readings>,
    step: IndexCommand,
    findings: &mut Findings,
) -> Result<(), CommandFailure> {
    let made = upkeep.set_up(readings).await.map_err(Error::from)?;
    findings.done.push("the templates are in place".into());
    let made = made.iter().map(|index| {
        format!(
            "the index {index} was created; the service fills it, within a minute or when it starts"
        )
    });
    findings.done.extend(made);
    if step == IndexCommand::Repair {
        let mended = upkeep.mend().await.map_err(Error::from)?;
        let mended = mended
            .iter()
            .map(|index| format!("the fields that the index {index} lacked were added"));
        findings.done.extend(mended);
    }
    Ok(())
}

async fn delete(
    upkeep: &mut Upkeep,
    readings: Option<&dyn Readings>,
    yes: bool,
    config: &Config,
    again: &str,
    lines: &mut Vec<String>,
) -> Result<(), CommandFailure> {
    let Some(readings) = readings else {
        return Err(CommandFailure::Running(anyhow!(
            "there is no state in {} that could tell which indexes are its own: check state_dir",
            config.state_dir.display()
        )));
    };
    let foreign = upkeep.foreign(readings, yes).await.map_err(Error::from)?;
    lines.extend(foreign.iter().map(|found| deleted(found, yes, again)));
    Ok(())
}

// Whose figures the index holds, which aliases show them, and what happens to it.
fn deleted(found: &ForeignIndex, yes: bool, again: &str) -> String {
    let ForeignIndex {
        index,
        whose,
        aliases,
    } = found;
    let count = aliases.len() as u64;
    let names = aliases.join(", ");
    let alias = agreeing(count, "alias", "aliases");
    match (yes, aliases.is_empty()) {
        (true, true) => format!("the index {index} with figures {whose} is deleted; {again}"),
        (true, false) => format!(
            "the index {index} with figures {whose}, which the {alias} {names} pointed to, is \
             deleted; {again}"
        ),
        (false, true) => format!(
            "the index {index} holds figures {whose}; no public alias points to it; --yes deletes it"
        ),
        (false, false) => format!(
            "the index {index} holds figures {whose}; readers see it by the {alias} {names}; --yes \
             deletes it all the same"
        ),
    }
}

// Moves the aliases unless readers would see older figures than now.
async fn publish(
    upkeep: &mut Upkeep,
    generations: &Generations,
    live: Live,
    findings: &mut Findings,
) -> Result<(), CommandFailure> {
    if awaited(upkeep, generations, live).await?.is_some() {
        return Ok(());
    }
    // The verification that follows finds what is wrong with them.
    if upkeep.publish().await.map_err(Error::from)?.is_none() {
        findings.done.push("the aliases are in place".into());
    }
    Ok(())
}

// The generation that readers see until the live one has caught up with it.
async fn awaited(
    upkeep: &Upkeep,
    generations: &Generations,
    live: Live,
) -> Result<Option<u32>, CommandFailure> {
    let audience = upkeep.audience().await.map_err(Error::from)?;
    let seen = match audience.first() {
        Some(seen) if audience.len() == 1 && *seen != live.generation => *seen,
        _ => return Ok(None),
    };
    let is_caught_up = replay::is_caught_up(generations, live).await?;
    Ok((!is_caught_up).then_some(seen))
}

fn readings(
    config: &Config,
    generations: &Generations,
    live: Live,
) -> Result<Option<Arc<dyn Readings>>, CommandFailure> {
    let generation = live.generation;
    let still = ReadOnlyStore::open(&generations.dir(generation)).map_err(Error::from)?;
    let readings = still.map(|still| generations.readings(generation, &still, config));
    Ok(readings.transpose()?)
}

fn print(findings: &Findings, format: OutputFormat) -> Result<(), CommandFailure> {
    let done = findings
        .done
        .iter()
        .map(|what| FindingRow { kind: "done", what });
    let planned = findings.planned.iter().map(|what| FindingRow {
        kind: "planned",
        what,
    });
    let drift = findings.drift.iter().map(|what| FindingRow {
        kind: "drift",
        what,
    });
    let waiting = findings.waiting.iter().map(|what| FindingRow {
        kind: "waiting",
        what,
    });
    let rows = done
        .chain(planned)
        .chain(waiting)
        .chain(drift)
        .map(|line| report::row(&line))
        .collect::<Result<Vec<_>, _>>()?;
    let columns = ["kind", "what"];
    output::print_list(format, &columns, &rows, &report::text(findings)?)?;
    Ok(())
}
