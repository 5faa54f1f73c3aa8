//! What is measured of the order ids that are remembered.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::core::seen_orders::OrderStats;

/// How many order ids are remembered, and what that takes.
#[derive(Debug, Default)]
pub(super) struct OrderIdGauges {
    remembered: Gauge,
    memory: Gauge,
    full_partitions: Gauge,
}

impl OrderIdGauges {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "tidegauge_order_ids",
            "Order ids that are remembered to find duplicates; 0 without dedup.by",
            self.remembered.clone(),
        );
        registry.register(
            "tidegauge_order_ids_memory_bytes",
            "Memory of the tables that find these ids",
            self.memory.clone(),
        );
        registry.register(
            "tidegauge_order_ids_full_partitions",
            "Partitions that remember as many ids as dedup.max_ids allows",
            self.full_partitions.clone(),
        );
    }

    pub(super) fn set(&self, stats: OrderStats) {
        let shown = |number| i64::try_from(number).unwrap_or(i64::MAX);
        self.remembered.set(shown(stats.ids));
        self.memory.set(shown(stats.bytes));
        self.full_partitions.set(shown(stats.full_partitions));
    }
}
