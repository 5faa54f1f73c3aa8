//! Which generation is live, as a running service sees it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tracing::{error, warn};

use super::failure::Failure;
use crate::app::{Plan, Until};
use crate::config::{Config, Need, Sources};
use crate::generation::{Generations, Live};

/// How often it is looked at.
const POINTER_EVERY: Duration = Duration::from_secs(1);

/// What is to run next.
pub(super) struct Successor {
    pub(super) live: Live,
    pub(super) config: Config,
}

/// What says which generation is live, and when it was looked at.
pub(super) struct Pointer<'a> {
    generations: &'a Generations,
    sources: &'a Sources,
    state_dir: PathBuf,
    generation: u32,
    /// Whether it is followed: a run to the end stays with one generation.
    is_followed: bool,
    next: Instant,
    /// The generation that can't be run, as was said once.
    refused: Option<Live>,
}

impl<'a> Pointer<'a> {
    pub(super) fn new(
        generations: &'a Generations,
        config: &Config,
        plan: &Plan,
        sources: &'a Sources,
    ) -> Self {
        Self {
            generations,
            sources,
            state_dir: config.state_dir.clone(),
            generation: plan.generation,
            is_followed: plan.until == Until::Stopped,
            next: Instant::now() + POINTER_EVERY,
            refused: None,
        }
    }

    /// Another generation, if that is live now and can be run.
    pub(super) fn look(&mut self) -> Option<Successor> {
        if !self.is_followed || Instant::now() < self.next {
            return None;
        }
        self.next = Instant::now() + POINTER_EVERY;
        let live = match self.generations.live() {
            Ok(live) => live,
            Err(error) => {
                warn!("{error}");
                return None;
            }
        };
        if live.generation == self.generation || self.refused == Some(live) {
            return None;
        }
        match self.successor(live) {
            Ok(successor) => Some(successor),
            Err(failure) => {
                error!(
                    "generation {} is live now and can't be run, so generation {} goes on: \
                     {failure}",
                    live.generation, self.generation
                );
                self.refused = Some(live);
                None
            }
        }
    }

    fn successor(&self, live: Live) -> Result<Successor, Failure> {
        let mut config = Config::load(self.sources, Need::Brokers)?;
        if config.state_dir != self.state_dir {
            return Err(Failure::Config(anyhow::anyhow!(
                "state_dir was changed to {}: start the service again for that",
                config.state_dir.display()
            )));
        }
        self.generations.fits(live.generation, &config)?;
        self.generations.enter(&mut config, live)?;
        Ok(Successor { live, config })
    }
}
