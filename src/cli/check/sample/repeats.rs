//! Which records of a sample repeat others of it.

use std::sync::Arc;

use crate::config::Config;
use crate::core::pipeline::{Pipeline, PipelineStart};
use crate::core::seen_orders::{KeptOrdersError, MemoryOrders, SeenOrders};
use crate::domain::branch::Branches;
use crate::domain::count::{agreeing, grouped};
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

/// What a sentence on payments adds about those that repeat others, if any do.
pub(super) fn told(duplicates: u64, conflicts: u64) -> Option<String> {
    let each = [
        (duplicates, "is a duplicate", "are duplicates"),
        (conflicts, "is a conflict", "are conflicts"),
    ];
    let each: Vec<String> = each
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, several)| {
            format!("{} {}", grouped(count), agreeing(count, one, several))
        })
        .collect();
    (!each.is_empty()).then(|| format!("; of these, {}, in no total", each.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn duplicates_and_conflicts_are_told_apart_from_payments_that_count() {
        assert_eq!(told(0, 0), None);
        for (duplicates, conflicts, words) in [
            (22, 0, "; of these, 22 are duplicates, in no total"),
            (0, 1, "; of these, 1 is a conflict, in no total"),
            (
                1,
                3,
                "; of these, 1 is a duplicate and 3 are conflicts, in no total",
            ),
        ] {
            assert_eq!(told(duplicates, conflicts).as_deref(), Some(words));
        }
    }
}
