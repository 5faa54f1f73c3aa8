//! A replay: the next generation, built beside the live one from the earliest record, compared with
//! it, and made live.
//!
//! The new generation reads up to exactly the positions of the live one, is compared with it there,
//! and then reads to the end and delivers its documents to indexes that no alias points to. Making it
//! live is a step of its own: [`swap`].

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use crate::config::Config;
use crate::domain::provenance::offsets;
use crate::domain::topic_id::TopicId;
use crate::host::blocking;
use crate::host::clock::Instant;
use crate::service::app::{App, Plan, Until};
use crate::service::generation::{self, Generations, Live};
use crate::sink::Publication;
use crate::source::StartPosition;
use crate::store::{ReadOnlyStore, RuleDifference};
use crate::view::reading::ReadError;

mod compared_generation;
mod comparison;
mod error;
mod figure_difference;
mod proof;
mod report;
mod swap;

pub use self::compared_generation::ComparedGeneration;
pub use self::comparison::Comparison;
pub use self::error::Error;
pub use self::figure_difference::{FieldDifference, FigureDifference, FigureValue};
pub use self::proof::Proof;
pub use self::report::{Report, forget_comparisons, report};
pub use self::swap::{Aliases, Consent, Swapped, before, is_caught_up, newest, swap, upkeep};

/// How long to wait until the live generation reaches the positions of an interrupted replay.
const LIVE_PATIENCE: Duration = Duration::from_secs(20);
const CHECK_EVERY: Duration = Duration::from_millis(200);

/// Is shown the progress of a replay.
pub trait ReplayObserver {
    /// Shows the progress of `app`; an error ends the replay.
    ///
    /// # Errors
    /// When the state can't be read.
    fn show(&mut self, app: &App) -> Result<(), ReadError>;

    /// The run that was shown has ended, and the next one begins.
    fn next_run(&mut self);
}

/// A replay of the topic beside the live generation.
pub struct Replay<'a> {
    config: &'a Config,
    generations: &'a Generations,
    live: Live,
    generation: u32,
    /// The report of the last replay that built it.
    before: Option<Report>,
    /// Which topic the live generation was built from: one that only has its name now is not read.
    topic: Option<TopicId>,
    records: u64,
    reading: Duration,
}

impl<'a> Replay<'a> {
    /// A replay of the topic of `config`. It resumes a generation that is newer than the live
    /// one, if there is one, or begins the next.
    ///
    /// # Errors
    /// When there is no live state beside which to build, the generation to continue was built by
    /// other rules, or generations can't be listed.
    pub fn new(config: &'a Config, generations: &'a Generations) -> Result<Self, Error> {
        let live = generations.live_state()?;
        let newest = generations.all()?.into_iter().max().unwrap_or_default();
        let generation = match newest {
            newest if newest > live.generation => newest,
            newest => newest.max(live.generation) + 1,
        };
        // One that was killed as it began holds nothing yet, and what was said of another state that
        // was here before is not true of the one to come.
        let store = ReadOnlyStore::open(&generations.dir(generation));
        let before =
            match store.map_err(|source| generation::Error::Unreadable { generation, source })? {
                Some(_) => {
                    let fits = generations.fits(generation, config);
                    fits.map_err(|error| Error::unfit(error, generations, generation))?;
                    report(generations, generation)?
                }
                None => None,
            };
        // If the new generation is found without this file, the file was lost.
        if !generations.is_live_said() {
            generations.set_live(live)?;
        }
        Ok(Self {
            config,
            generations,
            live,
            generation,
            before,
            topic: None,
            records: 0,
            reading: Duration::ZERO,
        })
    }

    /// The generation that is built.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// Builds the generation, compares it, and delivers it, until `stop` resolves.
    ///
    /// # Errors
    /// What went wrong. The work done so far is kept, and the next replay resumes it.
    pub async fn run(
        mut self,
        audience: &mut impl ReplayObserver,
        stop: impl Future<Output = ()>,
    ) -> Result<Report, Error> {
        let mut stop = std::pin::pin!(stop);
        let begun = Instant::now();
        let compared = tokio::select! {
            biased;
            live = self.live_store() => live?,
            () = &mut stop => return Err(Error::Interrupted),
        };
        let compared = match compared {
            Ok(live) => {
                self.topic = live.topic_id();
                let mut config = self.quiet_config();
                config.elasticsearch = None;
                let until = Until::Positions(live.checkpoint().positions.clone());
                self.read(&config, until, audience, stop.as_mut()).await?;
                audience.next_run();
                Ok(self.compare(live).await?)
            }
            Err(reason) => Err(reason),
        };
        let mut report = Report::begun(self.generation, self.live.generation);
        match compared {
            Ok(comparison) => report.comparison = Some(comparison),
            Err(reason) => report.not_compared = Some(reason),
        }
        if let Some(before) = self.before.take() {
            report.keep_proof_of(before);
        }
        self.note(&mut report, begun);
        // A replay that is interrupted from here on may find nothing to compare any more.
        report.write(self.generations)?;
        let config = self.quiet_config();
        self.read(&config, Until::End, audience, stop).await?;
        let store = self.own_store().await?;
        self.note(&mut report, begun);
        report.positions.clone_from(&store.checkpoint().positions);
        report.complete = true;
        report.write(self.generations)?;
        Ok(report)
    }

    // How much was read so far, and how fast.
    fn note(&self, report: &mut Report, begun: Instant) {
        report.records = self.records;
        report.seconds = begun.elapsed().as_secs_f64();
        report.rate = self.rate();
    }

    // The state of the live generation, or why there is nothing to compare.
    async fn live_store(&self) -> Result<Result<ReadOnlyStore, String>, Error> {
        let deadline = Instant::now() + LIVE_PATIENCE;
        let own = match ReadOnlyStore::open(&self.generations.dir(self.generation))? {
            Some(own) => own.checkpoint().positions.clone(),
            None => BTreeMap::new(),
        };
        loop {
            let dir = self.generations.dir(self.live.generation);
            let number = self.live.generation;
            let Some(live) = blocking::run(move || ReadOnlyStore::open(&dir)).await?? else {
                return Ok(Err(format!(
                    "generation {number}, which is live, has no state: there is nothing to compare"
                )));
            };
            if live.topic() != self.config.kafka.topic {
                return Ok(Err(format!(
                    "generation {number} is of the topic {}: there is nothing to compare",
                    live.topic()
                )));
            }
            let positions = &live.checkpoint().positions;
            // Nothing is equal to nothing, which proves no figure.
            if positions.is_empty() || live.checkpoint().ledger.consumed == 0 {
                return Ok(Err(format!(
                    "generation {number} has read nothing yet: there is nothing to compare"
                )));
            }
            let is_behind = |(partition, position): (&i32, &i64)| {
                positions.get(partition).is_none_or(|live| live < position)
            };
            if !own.iter().any(is_behind) {
                return Ok(Ok(live));
            }
            if Instant::now() >= deadline {
                return Ok(Err(format!(
                    "generation {number} has not come as far as generation {} yet: they can be \
                     compared when it has",
                    self.generation
                )));
            }
            tokio::time::sleep(CHECK_EVERY).await;
        }
    }

    fn quiet_config(&self) -> Config {
        let mut config = self.config.clone();
        // Lag tools show how the service is doing, and every generation holds the whole topic.
        config.kafka.group_id.clear();
        config.kafka.start = StartPosition::Earliest;
        if let Some(sink) = &mut config.elasticsearch {
            sink.publication = Publication::Never;
        }
        config
    }

    // Reads so far, and delivers.
    async fn read(
        &mut self,
        config: &Config,
        until: Until,
        audience: &mut impl ReplayObserver,
        mut stop: std::pin::Pin<&mut impl Future<Output = ()>>,
    ) -> Result<(), Error> {
        let begun = Instant::now();
        let plan = Plan {
            generation: self.generation,
            listen: None,
            until,
            topic: self.topic,
            // The service of the live state names them.
            logs_rejects: false,
        };
        let app = tokio::select! {
            biased;
            app = App::start(config, &plan) => app?,
            () = stop.as_mut() => return Err(Error::Interrupted),
        };
        let mut is_stopped = false;
        while !app.is_finished() && !is_stopped {
            tokio::select! {
                biased;
                () = stop.as_mut() => is_stopped = true,
                () = app.finished() => {}
                () = tokio::time::sleep(CHECK_EVERY / 10) => audience.show(&app)?,
            }
        }
        let readings = app.readings();
        let before = app.before().consumed;
        self.reading += begun.elapsed();
        if is_stopped {
            app.stop(false).await?;
            return Err(Error::Interrupted);
        }
        tokio::select! {
            biased;
            outcome = app.stop(true) => outcome?,
            () = stop.as_mut() => return Err(Error::Interrupted),
        }
        let consumed = readings.query(|reading| Ok(reading.checkpoint().ledger.consumed))?;
        self.records += consumed - before;
        Ok(())
    }

    async fn compare(&self, live: ReadOnlyStore) -> Result<Comparison, Error> {
        let own = self.own_store().await?;
        let (generations, config) = (self.generations.clone(), self.config.clone());
        let (old, new) = (self.live.generation, self.generation);
        blocking::run(move || {
            let ours = generations.readings(old, &live, &config)?;
            let theirs = generations.readings(new, &own, &config)?;
            let our_branches = live.branches(&config.branches)?;
            let their_branches = own.branches(&config.branches)?;
            let mut comparison = ours.query(|live| {
                theirs.query(|replayed| {
                    Comparison::of(
                        &ComparedGeneration::new(live, &our_branches),
                        &ComparedGeneration::new(replayed, &their_branches),
                    )
                })
            })?;
            for (number, store) in [(old, &live), (new, &own)] {
                for former in store.former_rules()? {
                    comparison.because.push(format!(
                        "generation {number} adopted other rules, which hold since {} there: payments \
                         before were read by the former ones, and records that got a second chance \
                         were judged by later watermarks",
                        offsets(&former.positions)
                    ));
                }
            }
            let rules = RuleDifference::between(live.rules(), own.rules());
            comparison.because.extend(rules.iter().map(|rule| {
                format!(
                    "the rules differ: {} is {} in generation {old} and {} in generation {new}",
                    rule.key,
                    rule.state_told(),
                    rule.configured_told(),
                )
            }));
            Ok(comparison)
        })
        .await?
    }

    async fn own_store(&self) -> Result<ReadOnlyStore, Error> {
        let path = self.generations.dir(self.generation);
        let lost = self.generations.lost(self.generation);
        Ok(blocking::run(move || ReadOnlyStore::open(&path))
            .await??
            .ok_or(lost)?)
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate is for people")]
    fn rate(&self) -> f64 {
        self.records as f64 / self.reading.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}
