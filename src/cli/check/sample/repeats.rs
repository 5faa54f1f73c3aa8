//! Which records of a sample repeat others of it.

use std::sync::Arc;

use crate::config::Config;
use crate::core::pipeline::{Pipeline, PipelineStart};
use crate::core::seen_orders::{KeptOrdersError, MemoryOrders, SeenOrders};
use crate::domain::branch::Branches;
use crate::domain::record::Record;

/// Applies the records of a sample, to find those that repeat others.
pub(super) struct Repeats {
    pipeline: Pipeline,
    orders: Arc<MemoryOrders>,
    records: i64,
}

impl Repeats {
    /// `None` if payments are not compared.
    pub(super) fn new(config: &Config) -> Result<Option<Self>, KeptOrdersError> {
        let Some(rule) = config.duplicates else {
            return Ok(None);
        };
        let orders: Arc<MemoryOrders> = Arc::default();
        let pipeline = Pipeline::new(
            Arc::clone(&config.event_time.settings),
            config.decoding(),
            Arc::new(Branches::of_names(&config.branches)),
            PipelineStart::default(),
        );
        Ok(Some(Self {
            pipeline: pipeline.comparing(SeenOrders::restore(rule, 0, orders.clone())?),
            orders,
            records: 0,
        }))
    }

    /// `duplicate` or `conflict`, if `record` repeats one before it.
    pub(super) fn outcome(
        &mut self,
        record: &Record<'_>,
    ) -> Result<Option<&'static str>, KeptOrdersError> {
        let offset = self.records;
        self.records += 1;
        self.pipeline.apply([Record { offset, ..*record }])?;
        let effects = self.pipeline.take_effects();
        self.orders.apply(effects.orders);
        let repeated = effects.repeated.first();
        Ok(repeated.map(|repeated| match repeated.is_conflict() {
            true => "conflict",
            false => "duplicate",
        }))
    }
}
