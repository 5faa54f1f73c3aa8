//! What took how long in the last five minutes.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use crate::observe::metrics::{Latencies, Quantiles};

#[derive(Serialize, ToSchema)]
pub(super) struct LatenciesAnswer {
    /// From a record's Kafka timestamp until its payment was in the figures that are shown: of the
    /// oldest and the newest record of each checkpoint. Records without a timestamp, or with one in
    /// the future, don't count.
    freshness: LatencyAnswer,
    /// Writing a checkpoint.
    checkpoint: LatencyAnswer,
    /// A bulk request to Elasticsearch, answered or not.
    bulk: LatencyAnswer,
    /// Until an HTTP answer could be sent; a read that waits counts from the end of its waiting.
    answer: LatencyAnswer,
}

impl LatenciesAnswer {
    pub(super) fn new(latencies: &Latencies) -> Self {
        Self {
            freshness: LatencyAnswer::new(&latencies.freshness),
            checkpoint: LatencyAnswer::new(&latencies.checkpoint),
            bulk: LatencyAnswer::new(&latencies.bulk),
            answer: LatencyAnswer::new(&latencies.answer),
        }
    }
}

/// Quantiles in milliseconds, up to 1 % too high.
#[derive(Serialize, ToSchema)]
struct LatencyAnswer {
    /// How many were measured.
    count: u64,
    /// The median; null when none was measured.
    p50_ms: Option<f64>,
    /// 99 of 100 took at most this long; null when none was measured.
    p99_ms: Option<f64>,
    /// The longest; null when none was measured.
    max_ms: Option<f64>,
}

impl LatencyAnswer {
    fn new(quantiles: &Quantiles) -> Self {
        let millis = |took: Duration| (quantiles.count > 0).then_some(took.as_secs_f64() * 1e3);
        Self {
            count: quantiles.count,
            p50_ms: millis(quantiles.p50),
            p99_ms: millis(quantiles.p99),
            max_ms: millis(quantiles.max),
        }
    }
}
