//! Making another generation the live one.
//!
//! The pointer file is the one truth, and it is written first, in one rename. The aliases follow in
//! one request, when the other generation has come as far as the one before had, and by one hand: a
//! running service's, after it has stopped the old generation, or ours, while none can start. So
//! whenever this is interrupted, readers see the old generation or the new one, and the next service
//! or the next swap does the rest.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tidegauge_windows::planted::{Mistake, is_planted};
use tracing::info;

use super::{Error, Proof, report};
use crate::config::Config;
use crate::host::blocking;
use crate::host::clock::Instant;
use crate::service::generation::{self, Generations, Live, ServedAnnouncement};
use crate::sink::{self, Upkeep};
use crate::store::ReadOnlyStore;
use crate::view::reading::Readings;

/// The outcome of a swap.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Swapped {
    /// The generation that is live now.
    pub live: u32,
    /// The one before, which is kept.
    pub previous: Option<u32>,
    /// The aliases in Elasticsearch after the swap.
    pub aliases: Aliases,
}

/// Where the aliases point after a swap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aliases {
    /// The aliases point to the live generation.
    Moved,
    /// The aliases point to the previous generation until a service has caught up with it.
    Follow,
    /// There is no Elasticsearch.
    None,
}

/// On which condition another generation may be made live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Consent {
    /// The generation is proven to have the figures of the live one.
    Proven,
    /// Whatever its figures are: an operator has looked at the differences.
    AcceptDifferences,
    /// The generation was live before this one.
    Back,
}

/// How often to check whether the service has followed.
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// The generation that was built last: it is to be made live, or has been.
///
/// # Errors
/// When there is none, or generations can't be listed.
pub fn newest(generations: &Generations) -> Result<u32, Error> {
    let live = generations.live()?;
    let newest = generations.all()?.into_iter().max().unwrap_or_default();
    if newest > live.generation || (newest == live.generation && live.previous.is_some()) {
        Ok(newest)
    } else {
        Err(nothing_before(generations, live)?)
    }
}

/// The generation to go back to: the one that was live before, or the one that the running service
/// stays on as it can't run the live one.
///
/// # Errors
/// When there is none, or generations can't be listed.
pub fn before(generations: &Generations) -> Result<u32, Error> {
    let live = generations.live()?;
    let served = generations.refused().map(|refused| refused.served);
    let Some(previous) = served.or(live.previous) else {
        return Err(nothing_before(generations, live)?);
    };
    if generations.all()?.contains(&previous) {
        Ok(previous)
    } else {
        Err(Error::Gone {
            generation: previous,
        })
    }
}

// Why no generation was live before, and what can be done with the others.
fn nothing_before(generations: &Generations, live: Live) -> Result<Error, Error> {
    let others = generations.all()?;
    let newest = others.iter().copied().max().unwrap_or_default();
    if newest > live.generation {
        let is_complete = report(generations, newest)?.is_some_and(|report| report.complete);
        return Ok(match is_complete {
            true => Error::NotSwapped { generation: newest },
            false => Error::Incomplete { generation: newest },
        });
    }
    Ok(match others.into_iter().rfind(|g| *g != live.generation) {
        Some(older) => Error::Unordered {
            generation: older,
            live: live.generation,
            pointer: generations.pointer(),
        },
        None => Error::NoOther,
    })
}

/// Makes generation `to` the live one, on the condition `consent`, and waits for as long as
/// `patience` for the aliases. May be asked again.
///
/// # Errors
/// When the condition is not met, `to` is not complete, has no state or other rules than `config`, may not
/// write to its indexes, or Elasticsearch does not answer: then nothing has changed. When the service does not follow in time: it does so later.
pub async fn swap(
    config: &Config,
    generations: &Generations,
    to: u32,
    consent: Consent,
    patience: Duration,
) -> Result<Swapped, Error> {
    permit(generations, to, consent)?;
    let fits = generations.fits(to, config);
    fits.map_err(|error| unfit(error, generations, to, consent))?;
    let mut indexes = match &config.elasticsearch {
        Some(sink) => Some(upkeep(sink, generations, config, to)?),
        None => None,
    };
    if let Some(indexes) = &indexes {
        indexes.reach().await.map_err(Error::NotBegun)?;
    }
    let before = generations.live()?;
    let live = if before.generation == to {
        before
    } else {
        // The way back leads to what is served, and not to what was never run.
        let served = generations.refused().map(|refused| refused.served);
        let served = served.filter(|served| *served != to);
        let live = Live {
            generation: to,
            previous: served.or(Some(before.generation)),
        };
        if let Some(indexes) = &mut indexes {
            let readings = readings(config, generations, live)?;
            indexes.refuse_strangers(Some(readings.as_ref())).await?;
        }
        generations.set_live(live)?;
        info!(live = to, previous = before.generation, "swapped");
        live
    };
    let aliases = match indexes {
        Some(indexes) => follow(indexes, config, generations, live, patience).await?,
        None => {
            served(generations, to, patience).await?;
            Aliases::None
        }
    };
    Ok(Swapped {
        live: to,
        previous: live.previous,
        aliases,
    })
}

// Whether the condition is met. What is live already needs none.
fn permit(generations: &Generations, to: u32, consent: Consent) -> Result<(), Error> {
    let live = generations.live()?;
    if live.generation == to || is_planted(Mistake::SwapWithoutProof) {
        return Ok(());
    }
    if consent == Consent::Back {
        return match before(generations)? {
            previous if previous == to => Ok(()),
            _ => Err(Error::NoOther),
        };
    }
    let Some(report) = report(generations, to)?.filter(|report| report.complete) else {
        return Err(Error::Incomplete { generation: to });
    };
    match consent {
        Consent::AcceptDifferences => Ok(()),
        _ => Proof::of(&report, live.generation).demand(to),
    }
}

/// The indexes of a generation. If its state can't be read, they are those of the windows in `config`
/// and in other generations.
///
/// # Errors
/// When the settings can't be used, or generations can't be listed.
pub fn upkeep(
    sink: &sink::Config,
    generations: &Generations,
    config: &Config,
    generation: u32,
) -> Result<Upkeep, Error> {
    // A state that can't be read can be deleted all the same, by the known names.
    let settings = match ReadOnlyStore::open(&generations.dir(generation)) {
        Ok(Some(store)) => generations.settings(generation, &store).ok(),
        _ => None,
    };
    let settings = settings.unwrap_or_else(|| Arc::clone(&config.event_time.settings));
    let mut sink = sink.clone();
    sink.generation = generation;
    sink.former_windows = generations.former_windows(generation)?;
    Ok(Upkeep::new(&sink, &settings.definitions)?)
}

// The error for a generation that does not fit the configuration, with what can be done.
fn unfit(error: generation::Error, generations: &Generations, to: u32, consent: Consent) -> Error {
    match generations.refused() {
        // The service says it of its configuration.
        Some(refused) if refused.generation == to => Error::Refused(refused),
        _ if consent == Consent::Back => error.into(),
        _ => Error::unfit(error, generations, to),
    }
}

// Fails if the running service has said that it can't run `to`; otherwise whether it serves it.
fn accepted(generations: &Generations, to: u32) -> Result<bool, Error> {
    match generations.announcement() {
        Some(ServedAnnouncement::Refused(refused)) if refused.generation == to => {
            Err(Error::Refused(refused))
        }
        _ => Ok(generations.is_followed(to)),
    }
}

// Without aliases nothing else shows whether a running service has followed.
async fn served(
    generations: &Generations,
    generation: u32,
    patience: Duration,
) -> Result<(), Error> {
    let deadline = Instant::now() + patience;
    while generations.hold_services_off()?.is_none() && !accepted(generations, generation)? {
        if Instant::now() >= deadline {
            return Err(Error::NotServed {
                generation,
                patience,
            });
        }
        tokio::time::sleep(CHECK_EVERY).await;
    }
    Ok(())
}

async fn follow(
    mut upkeep: Upkeep,
    config: &Config,
    generations: &Generations,
    live: Live,
    patience: Duration,
) -> Result<Aliases, Error> {
    let deadline = Instant::now() + patience;
    loop {
        let audience = upkeep.audience().await?;
        let is_public =
            audience.iter().all(|seen| *seen == live.generation) && !audience.is_empty();
        if let Some(_lock) = generations.hold_services_off()? {
            // No service runs, and none starts while this is held.
            if is_public {
                return Ok(Aliases::Moved);
            }
            if !is_caught_up(generations, live).await?
                || upkeep
                    .lacks_indexes(readings(config, generations, live)?.as_ref())
                    .await?
            {
                return Ok(Aliases::Follow);
            }
            return match upkeep.publish().await? {
                None => Ok(Aliases::Moved),
                Some(reason) => Err(sink::Error::Aliases(reason).into()),
            };
        }
        // The aliases may have pointed there before, while HTTP still gives the figures of another.
        if accepted(generations, live.generation)? && is_public {
            return Ok(Aliases::Moved);
        }
        if Instant::now() >= deadline {
            let generation = live.generation;
            return Err(match is_public {
                true => Error::NotServed {
                    generation,
                    patience,
                },
                false => Error::NotFollowed {
                    generation,
                    patience,
                },
            });
        }
        tokio::time::sleep(CHECK_EVERY).await;
    }
}

fn readings(
    config: &Config,
    generations: &Generations,
    live: Live,
) -> Result<Arc<dyn Readings>, Error> {
    let store = generations.fits(live.generation, config)?;
    Ok(generations.readings(live.generation, &store, config)?)
}

/// Whether the live generation has applied and delivered all that the one before had applied.
///
/// # Errors
/// When a state can't be read.
pub async fn is_caught_up(generations: &Generations, live: Live) -> Result<bool, Error> {
    let generations = generations.clone();
    blocking::run(move || {
        let Some(now) = ReadOnlyStore::open(&generations.dir(live.generation))? else {
            return Ok(false);
        };
        // What is still to be marked is not delivered either.
        if now.checkpoint().dirty > 0 || now.checkpoint().is_marking {
            return Ok(false);
        }
        let before = match live.previous {
            Some(previous) => generations.positions(previous),
            None => return Ok(true),
        };
        let positions = &now.checkpoint().positions;
        Ok(before
            .iter()
            .all(|(partition, position)| positions.get(partition).is_some_and(|p| p >= position)))
    })
    .await?
}
