//! Making another generation the live one.
//!
//! The pointer file is the one truth, and it is written first, in one rename. The aliases follow in
//! one request, when the other generation has come as far as the one before had, and by one hand: a
//! running service's, after it has stopped the old generation, or ours, while none can start. So
//! whenever this is interrupted, readers see the old generation or the new one, and the next service
//! or the next swap does the rest.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::spawn_blocking;
use tracing::info;

use super::Error;
use crate::config::Config;
use crate::generation::{self, Generations, Live};
use crate::sink::{self, Upkeep};
use crate::store::Still;

/// What a switch came to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Switched {
    /// The generation that is live now.
    pub live: u32,
    /// The one before, which is kept.
    pub previous: Option<u32>,
    /// What became of the aliases in Elasticsearch.
    pub aliases: Aliases,
}

/// What became of the aliases.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aliases {
    /// They point to the live generation.
    Moved,
    /// They point to the one before until a service has caught up with it.
    Follow,
    /// There is no Elasticsearch.
    None,
}

/// How often it is looked at whether the service has followed.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Makes generation `to` the live one, and waits for as long as `patience` for the aliases. May be
/// asked again.
///
/// # Errors
/// When `to` has no state or other rules than `config`, or Elasticsearch does not answer: then
/// nothing has changed. When the service does not follow in time: it does so later.
pub async fn switch(
    config: &Config,
    generations: &Generations,
    to: u32,
    patience: Duration,
) -> Result<Switched, Error> {
    generations.fits(to, config)?;
    let indexes = match &config.elasticsearch {
        Some(sink) => Some(upkeep(sink, generations, config, to)?),
        None => None,
    };
    if let Some(indexes) = &indexes {
        indexes.reach().await?;
    }
    let before = generations.live()?;
    let live = if before.generation == to {
        before
    } else {
        let live = Live {
            generation: to,
            previous: Some(before.generation),
        };
        generations.set_live(live)?;
        info!(live = to, previous = before.generation, "switched");
        live
    };
    let aliases = match indexes {
        Some(indexes) => follow(indexes, generations, live, patience).await?,
        None => Aliases::None,
    };
    Ok(Switched {
        live: to,
        previous: live.previous,
        aliases,
    })
}

/// The indexes of a generation.
///
/// # Errors
/// When the settings can't be used, or the state can't be read.
pub fn upkeep(
    sink: &sink::Config,
    generations: &Generations,
    config: &Config,
    generation: u32,
) -> Result<Upkeep, Error> {
    let definitions =
        match Still::open(&generations.dir(generation)).map_err(generation::Error::from)? {
            Some(still) => generations
                .settings(generation, &still)?
                .definitions
                .clone(),
            None => config.event_time.settings.definitions.clone(),
        };
    let mut sink = sink.clone();
    sink.generation = generation;
    sink.former_windows = generations.former_windows(generation)?;
    Ok(Upkeep::new(&sink, &definitions)?)
}

async fn follow(
    mut upkeep: Upkeep,
    generations: &Generations,
    live: Live,
    patience: Duration,
) -> Result<Aliases, Error> {
    let deadline = Instant::now() + patience;
    loop {
        let audience = upkeep.audience().await?;
        if audience.iter().all(|seen| *seen == live.generation) && !audience.is_empty() {
            return Ok(Aliases::Moved);
        }
        if let Some(_lock) = generations.lock_service()? {
            // No service runs, and none starts while this is held.
            if !is_caught_up(generations, live).await? {
                return Ok(Aliases::Follow);
            }
            upkeep.publish().await?;
            return Ok(Aliases::Moved);
        }
        if Instant::now() >= deadline {
            return Err(Error::NotFollowed {
                generation: live.generation,
                patience,
            });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whether the live generation has applied and delivered all that the one before had applied.
///
/// # Errors
/// When a state can't be read.
pub async fn is_caught_up(generations: &Generations, live: Live) -> Result<bool, Error> {
    let generations = generations.clone();
    spawn_blocking(move || {
        let Some(now) = Still::open(&generations.dir(live.generation))? else {
            return Ok(false);
        };
        if now.checkpoint().dirty > 0 {
            return Ok(false);
        }
        let Some(previous) = live.previous else {
            return Ok(true);
        };
        let Some(before) = Still::open(&generations.dir(previous))? else {
            return Ok(true);
        };
        let positions = &now.checkpoint().positions;
        Ok(before
            .checkpoint()
            .positions
            .iter()
            .all(|(partition, position)| positions.get(partition).is_some_and(|p| p >= position)))
    })
    .await?
}
