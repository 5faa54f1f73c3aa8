//! Starting the worker: what it is started from, and where it reads.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use tidegauge_windows::{Definition, Settings};
use tracing::info;

use super::skipped_records;
use super::{Error, Plan, Until, documents};
use crate::config::Config;
use crate::core::pipeline::{Pipeline, PipelineStart};
use crate::core::pipeline_lanes::PipelineLanes;
use crate::core::seen_orders::{DuplicateRule, SeenOrders};
use crate::decode::DecodeRules;
use crate::domain::branch::Branches;
use crate::domain::topic_id::TopicId;
use crate::host::clock::Instant;
use crate::observe::status::Status;
use crate::service::worker::{self, Worker};
use crate::source::{self, LogClient, Source};
use crate::store::{self, MarkedDocuments, Store};

/// How long Kafka may take to answer at the start.
pub(super) const KAFKA_PATIENCE: Duration = Duration::from_secs(15);

/// What a worker is started from.
pub(super) struct WorkerStart {
    pub(super) kafka: source::Config,
    /// What an attempt to connect to the topic has ended with, if there was one.
    pub(super) source: Option<Result<Source, source::Error>>,
    /// Which topic of its name is to be read, if that is known.
    pub(super) topic: Option<TopicId>,
    pub(super) until: Until,
    pub(super) worker: worker::Config,
    /// Whether `kafka.appliers` is `auto`.
    pub(super) are_appliers_auto: bool,
    pub(super) settings: Arc<Settings>,
    pub(super) decoding: DecodeRules,
    pub(super) duplicates: Option<DuplicateRule>,
    pub(super) branches: Arc<Branches>,
    pub(super) store: Store,
    pub(super) recovered: store::Recovered,
    pub(super) status: Arc<Status>,
}

impl WorkerStart {
    /// What the worker of `plan` is started from, with the state as it was found.
    pub(super) fn new(
        config: &Config,
        plan: &Plan,
        source: Option<Result<Source, source::Error>>,
        store: Store,
        recovered: store::Recovered,
        status: Arc<Status>,
    ) -> Self {
        Self {
            kafka: config.kafka.clone(),
            source,
            // A state that has read nothing is of no topic yet.
            topic: (recovered.topic.filter(|_| !recovered.progress.is_empty())).or(plan.topic),
            until: plan.until.clone(),
            are_appliers_auto: config.appliers.is_none(),
            worker: worker::Config {
                appliers: appliers(config),
                idle_after: config.event_time.idle_after,
                quiet_after: config.event_time.quiet_after,
                until_end: plan.until != Until::Stopped,
                logs_rejects: plan.logs_rejects,
                documents_per_slice: documents_per_slice(config),
            },
            settings: Arc::clone(&config.event_time.settings),
            decoding: config.decoding(),
            duplicates: config.duplicates,
            branches: store.branches(),
            store,
            recovered,
            status,
        }
    }

    /// Connects to the topic and starts the worker on it.
    ///
    /// # Errors
    /// When the topic can't be read, or is not the one that the state is of.
    pub(super) fn connect(mut self) -> Result<Worker, Error> {
        #[cfg(feature = "simulation")]
        if let Some(connect) = source::simulated::connector() {
            let client = connect(&self.kafka).map_err(|error| self.explain(error))?;
            let source = Source::new(client, &self.kafka, KAFKA_PATIENCE)?;
            return self.start(source);
        }
        let connect = || Source::connect(&self.kafka, KAFKA_PATIENCE);
        let source = self.source.take().unwrap_or_else(connect);
        let source = source.map_err(|error| self.explain(error))?;
        self.start(source)
    }

    fn explain(&self, error: source::Error) -> source::Error {
        let is_known = self.topic.is_some() || !self.recovered.progress.is_empty();
        match is_known {
            true => error.of_known_topic(),
            false => error,
        }
    }

    fn start<C: LogClient + ?Sized>(self, mut source: Source<C>) -> Result<Worker, Error> {
        let Self {
            store,
            recovered,
            status,
            ..
        } = self;
        source.remember(self.topic, recovered.halted);
        let assigned = source.assign(&recovered.progress)?;
        let readers = source.readers();
        let is_all_by_librdkafka = readers.direct == 0 && readers.librdkafka > 0;
        if let Some(topic) = source.topic_id() {
            store.bind(topic)?;
        }
        let is_first = recovered.progress.is_empty();
        skipped_records::tell(
            self.kafka.start,
            &assigned,
            is_first,
            recovered.ledger.consumed,
            &status,
        );
        match self.until {
            Until::Stopped => {}
            Until::End => {
                let ends = source.end_offsets()?;
                source.stop_at(&ends);
            }
            Until::Positions(positions) => source.stop_at(&positions),
        }
        let start = PipelineStart {
            snapshot: recovered.snapshot,
            known: recovered.known,
            progress: recovered.progress,
        };
        let mut pipeline = Pipeline::new(self.settings, self.decoding, self.branches, start);
        if let Some(rule) = self.duplicates {
            pipeline = pipeline.comparing(restore(rule, &store)?);
        }
        // A lane without a partition is of no use, and neither are several while librdkafka alone reads.
        let partitions = NonZeroUsize::new(assigned.len()).unwrap_or(NonZeroUsize::MIN);
        let appliers = match self.are_appliers_auto && is_all_by_librdkafka {
            true => NonZeroUsize::MIN,
            false => self.worker.appliers.min(partitions),
        };
        let mut lanes = PipelineLanes::new(pipeline, appliers);
        for partition in assigned {
            lanes.assign(partition.partition, partition.position);
        }
        Worker::start(self.worker, source, lanes, store, status).map_err(Error::Thread)
    }
}

/// In how many lanes partitions are applied.
fn appliers(config: &Config) -> NonZeroUsize {
    let cores = || available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let auto = || cores().min(AUTO_APPLIERS_MAX);
    config.appliers.unwrap_or_else(auto)
}

/// More lanes than this, which all meet at each checkpoint, are for those who ask for them.
const AUTO_APPLIERS_MAX: NonZeroUsize = NonZeroUsize::new(8).unwrap();

fn documents_per_slice(config: &Config) -> usize {
    if documents(config) == MarkedDocuments::None {
        return 0;
    }
    let definitions = &config.event_time.settings.definitions;
    let overlap: u64 = definitions.iter().map(Definition::overlap).sum();
    usize::try_from(overlap).unwrap_or(usize::MAX)
}

/// The order ids that the state remembers.
fn restore(rule: DuplicateRule, store: &Store) -> Result<SeenOrders, Error> {
    // Senders can't know it. It decides no verdict.
    let seed = RandomState::new().hash_one(0);
    let began = Instant::now();
    let orders = SeenOrders::restore(rule, seed, store.kept_orders())?;
    let stats = orders.stats();
    if stats.ids > 0 {
        info!(
            ids = stats.ids,
            bytes = stats.bytes,
            seconds = began.elapsed().as_secs_f64(),
            "order ids are remembered"
        );
    }
    Ok(orders)
}
