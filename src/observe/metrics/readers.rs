//! By what partitions are read.

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::observe::reader_use::ReaderUse;

/// How many partitions each reader reads.
#[derive(Debug, Default)]
pub(super) struct ReaderGauges(Family<[(&'static str, &'static str); 1], Gauge>);

impl ReaderGauges {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "tidegauge_reader_partitions",
            "Partitions that are read, by reader: direct or librdkafka",
            self.0.clone(),
        );
    }

    pub(super) fn set(&self, readers: &ReaderUse) {
        let by = [
            ("direct", readers.direct),
            ("librdkafka", readers.librdkafka),
        ];
        for (reader, partitions) in by {
            let shown = i64::try_from(partitions).unwrap_or(i64::MAX);
            self.0.get_or_create(&[("reader", reader)]).set(shown);
        }
    }
}
