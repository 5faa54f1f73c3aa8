//! How a running service follows a swap: it sees that another generation is live, tries to run it, and
//! announces why it can't.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info, warn};

use super::{Error, Generations, Live, ServedAnnouncement, UnfollowedSwap};
use crate::config::{self, Config, Need, Sources};
use crate::host::clock::Instant;
use crate::observe::status::{RefusedSwap, Status};

/// How often the pointer is read.
const POINTER_EVERY: Duration = Duration::from_secs(1);
/// How often a generation that can't be run is tried again: the configuration may have been corrected.
const REFUSED_EVERY: Duration = Duration::from_secs(5);

/// The generation that runs next.
#[derive(Debug)]
pub struct Successor {
    /// What is live since the swap.
    pub live: Live,
    /// Its configuration. Not entered yet: the generation that runs still writes, and its last positions are the ones that
    /// the next one has to come to before it is shown.
    pub config: Config,
}

/// Watches which generation is live.
#[derive(Debug)]
pub struct SwapFollower<'a> {
    generations: &'a Generations,
    sources: &'a Sources,
    state_dir: PathBuf,
    generation: u32,
    next: Instant,
    /// The swap that was seen last.
    swap: Option<String>,
    /// When a generation that can't be run is tried again.
    retry: Instant,
    /// Why the live generation can't be run, as was said once.
    refused: Option<UnfollowedSwap>,
    status: Arc<Status>,
}

impl<'a> SwapFollower<'a> {
    /// Follows swaps from now on for a service that runs `generation` with `config`. Refusals are set in
    /// `status`.
    #[must_use]
    pub fn new(
        generations: &'a Generations,
        config: &Config,
        generation: u32,
        sources: &'a Sources,
        status: Arc<Status>,
    ) -> Self {
        Self {
            generations,
            sources,
            state_dir: config.state_dir.clone(),
            generation,
            next: Instant::now() + POINTER_EVERY,
            swap: generations.swapped_at(),
            retry: Instant::now(),
            refused: None,
            status,
        }
    }

    /// Another generation, if that is live now and can be run.
    pub fn poll(&mut self) -> Option<Successor> {
        if Instant::now() < self.next {
            return None;
        }
        self.next = Instant::now() + POINTER_EVERY;
        // Before the generation, so that a swap that comes between the two is seen next time.
        let swap = self.generations.swapped_at();
        let live = match self.generations.live() {
            Ok(live) => live,
            Err(error) => {
                warn!("{error}");
                return None;
            }
        };
        let is_new = self.swap != swap;
        self.swap = swap;
        if live.generation == self.generation {
            let was_refused = self.refused.take().is_some();
            if was_refused {
                info!(
                    generation = live.generation,
                    "the generation that is served is live again"
                );
                self.status.set_refused_swap(None);
            }
            // The command that made the swap may wait for this, also if it was made and undone.
            if was_refused || is_new {
                self.announce(|generations| generations.announce_serving(live.generation));
            }
            return None;
        }
        if !is_new && Instant::now() < self.retry {
            return None;
        }
        match self.successor(live) {
            Ok(successor) => Some(successor),
            Err(unfit) => {
                let refused = UnfollowedSwap {
                    generation: live.generation,
                    served: self.generation,
                    reason: self.reason(&unfit),
                };
                // It is said of one swap: again after the next, though it be to the same generation.
                if self.generations.announcement()
                    != Some(ServedAnnouncement::Refused(refused.clone()))
                {
                    self.announce(|generations| generations.announce_refused(&refused));
                }
                if self.refused.as_ref() != Some(&refused) {
                    error!("{refused}");
                    self.status.set_refused_swap(Some(RefusedSwap {
                        generation: refused.generation,
                        reason: refused.to_string(),
                    }));
                }
                self.refused = Some(refused);
                self.retry = Instant::now() + REFUSED_EVERY;
                None
            }
        }
    }

    // If the message can't be written, a command that waits for it only waits longer.
    fn announce(&self, announce: impl Fn(&Generations) -> Result<(), Error>) {
        if let Err(error) = announce(self.generations) {
            warn!("{error}");
        }
    }

    // What is wrong, and what to do about it.
    fn reason(&self, unfit: &SuccessorError) -> String {
        let (fact, is_config) = match unfit {
            SuccessorError::Config(error) => (error.to_string(), true),
            SuccessorError::Moved(state_dir) => {
                let (now, here) = (state_dir.display(), self.state_dir.display());
                (format!("state_dir is {now} now and was {here}"), true)
            }
            SuccessorError::Generation(error, _) => (error.fact(), error.is_config_mismatch()),
        };
        let fact = fact.trim_end().trim_end_matches('.');
        let file = self.sources.shown_file();
        let file = file.map(|file| format!(", {file}")).unwrap_or_default();
        let settings = match is_config {
            true => format!("the configuration of the service{file}"),
            false => "that".to_owned(),
        };
        // The command reads the same file.
        let with = match unfit {
            SuccessorError::Generation(_, config) if self.still_fits(config) => "",
            _ => ", with the configuration that it was built with",
        };
        format!(
            "{fact}. Either correct {settings}: the service tries again every few seconds; or make generation {} \
             live again with `tidegauge replay rollback`{with}",
            self.generation
        )
    }

    fn still_fits(&self, config: &Config) -> bool {
        self.generations.fits(self.generation, config).is_ok()
    }

    fn successor(&self, live: Live) -> Result<Successor, SuccessorError> {
        let config = Config::load(self.sources, Need::Brokers)?;
        if config.state_dir != self.state_dir {
            return Err(SuccessorError::Moved(config.state_dir));
        }
        let fits = self.generations.fits(live.generation, &config);
        let fits = fits.and_then(|_| self.generations.enter(&mut config.clone(), live));
        match fits {
            Ok(()) => Ok(Successor { live, config }),
            Err(error) => Err(SuccessorError::Generation(error, Box::new(config))),
        }
    }
}

/// Why another generation can't be run.
#[derive(Debug)]
enum SuccessorError {
    /// The configuration can't be used.
    Config(config::Error),
    /// It names another state directory, which only a start can go to.
    Moved(PathBuf),
    /// The generation does not fit it, or can't be opened.
    Generation(Error, Box<Config>),
}

impl From<config::Error> for SuccessorError {
    fn from(error: config::Error) -> Self {
        Self::Config(error)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;
    use std::fs;
    use std::sync::Arc;

    use super::*;
    use crate::core::pipeline::{Pipeline, PipelineStart};
    use crate::domain::branch::Branches;
    use crate::sink::Publication;
    use crate::store::{Identity, MarkedDocuments, Store};

    fn open(config: &Config, generations: &Generations, generation: u32) -> Store {
        let identity = Identity {
            topic: config.kafka.topic.clone(),
            generation,
            rules: config.rules(),
            settings: Arc::clone(&config.event_time.settings),
            names: Arc::default(),
            documents: MarkedDocuments::WithPayments,
        };
        Store::open(&generations.dir(generation), &identity)
            .unwrap()
            .0
    }

    fn come_to(store: &mut Store, config: &Config, position: i64) {
        let settings = Arc::clone(&config.event_time.settings);
        let branches = Arc::new(Branches::of_names(&config.branches));
        let mut pipeline = Pipeline::new(
            settings,
            config.time_zone,
            branches,
            PipelineStart::default(),
        );
        pipeline.assign(0, position);
        store.commit(&pipeline.take_effects(), &[], 0).unwrap();
    }

    #[test]
    fn a_successor_waits_for_what_the_one_before_it_writes_last() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tidegauge.toml");
        let text = format!(
            "state_dir = {:?}\nkafka.brokers = \"127.0.0.1:1\"\n\
             elasticsearch.url = \"http://127.0.0.1:1\"\n",
            dir.path().join("state")
        );
        fs::write(&file, text).unwrap();
        let sources = Sources::of_process(Some(file));
        let config = Config::load(&sources, Need::Brokers).unwrap();
        let generations = Generations::of(&config.state_dir);
        let mut first = open(&config, &generations, 1);
        come_to(&mut first, &config, 5);
        drop(open(&config, &generations, 2));
        let mut follower = SwapFollower::new(&generations, &config, 1, &sources, Arc::default());
        let live = Live {
            generation: 2,
            previous: Some(1),
        };
        generations.set_live(live).unwrap();
        follower.next = Instant::now();
        let mut next = follower.poll().unwrap();

        // What runs until then still reads.
        come_to(&mut first, &config, 9);
        drop(first);
        let publication = |config: &Config| config.elasticsearch.clone().unwrap().publication;
        assert_eq!(publication(&next.config), Publication::Now);
        generations.enter(&mut next.config, next.live).unwrap();
        let last = BTreeMap::from([(0, 9)]);
        assert_eq!(publication(&next.config), Publication::After(last));
    }
}
