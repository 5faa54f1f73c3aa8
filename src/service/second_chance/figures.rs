//! The figures that second chances change, or are only compared with.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;

use super::Error;
use crate::config::Config;
use crate::core::effect::correction::ListedRecord;
use crate::core::pipeline::{Pipeline, PipelineStart};
use crate::core::seen_orders::{KeptOrders, KeptOrdersError, MemoryOrders, SeenOrders};
use crate::domain::branch::Branches;
use crate::domain::document_key::Origin;
use crate::host::wall_clock;
use crate::service::app;
use crate::store::{self, ReadOnlyStore, RecordsListed, Recovered, Store};

/// A state, and whether it is written.
pub(super) enum Figures {
    /// Every page is a checkpoint.
    Written(Box<Store>),
    /// Nothing is written: order ids that are new are in memory.
    Looked(Box<ReadOnlyStore>, Arc<MemoryOrders>),
}

impl Figures {
    /// The state of a generation, to be written; with `adopts`, it takes the rules of `config` first.
    pub(super) fn open(
        dir: &Path,
        config: &Config,
        generation: u32,
        adopts: bool,
    ) -> Result<(Self, Pipeline), Error> {
        let identity = app::identity(config, generation);
        if adopts {
            store::adopt(dir, &identity)?;
        }
        let (store, recovered) = Store::open(dir, &identity)?;
        let kept = store.kept_orders();
        let pipeline = pipeline(config, store.branches(), recovered, kept)?;
        Ok((Self::Written(Box::new(store)), pipeline))
    }

    /// A state that is only looked at.
    pub(super) fn look(still: ReadOnlyStore, config: &Config) -> Result<(Self, Pipeline), Error> {
        let branches = still.branches(&config.branches)?;
        let settings = Arc::clone(&config.event_time.settings);
        let recovered = still.recovered(settings, &branches)?;
        let kept = Arc::new(MemoryOrders::over(still.kept_orders()));
        let orders: Arc<dyn KeptOrders> = Arc::<MemoryOrders>::clone(&kept);
        let pipeline = pipeline(config, Arc::new(branches), recovered, orders)?;
        Ok((Self::Looked(Box::new(still), kept), pipeline))
    }

    /// Some records of `list` from `from` on.
    pub(super) fn listed(
        &self,
        list: RecordsListed,
        from: Origin,
        limit: usize,
    ) -> Result<Vec<ListedRecord>, store::Error> {
        match self {
            Self::Written(store) => store.listed(list, from, limit),
            Self::Looked(still, _) => still.listed(list, from, limit),
        }
    }

    /// Writes what the pipeline has changed, as one checkpoint.
    pub(super) fn write(&mut self, pipeline: &mut Pipeline) -> Result<(), store::Error> {
        if !pipeline.has_corrections() {
            return Ok(());
        }
        match self {
            Self::Written(store) => {
                store.commit(&pipeline.take_effects(), &[], wall_clock::now_ms())?;
            }
            Self::Looked(_, kept) => kept.apply(pipeline.take_effects().orders),
        }
        Ok(())
    }

    /// Makes all of it durable.
    pub(super) fn finish(&self) -> Result<(), store::Error> {
        match self {
            Self::Written(store) => store.sync(),
            Self::Looked(..) => Ok(()),
        }
    }
}

fn pipeline(
    config: &Config,
    branches: Arc<Branches>,
    recovered: Recovered,
    kept: Arc<dyn KeptOrders>,
) -> Result<Pipeline, KeptOrdersError> {
    let start = PipelineStart {
        snapshot: recovered.snapshot,
        known: recovered.known,
        progress: recovered.progress,
    };
    let settings = Arc::clone(&config.event_time.settings);
    let pipeline = Pipeline::new(settings, config.decoding(), branches, start);
    let Some(rule) = config.duplicates else {
        return Ok(pipeline);
    };
    // Senders can't know it. It decides no verdict.
    let seed = RandomState::new().hash_one(0);
    Ok(pipeline.comparing(SeenOrders::restore(rule, seed, kept)?))
}
