//! What the service measures of itself while it runs: durations, outcomes, and who is connected.
//!
//! Figures that a checkpoint holds are not here: they are read from it at each scrape. There is
//! no clock here either: durations are handed in, and so is `now`, the time since the epoch by the
//! wall clock.

mod order_ids;
mod readers;
mod recent;

use core::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use self::order_ids::OrderIdGauges;
use self::readers::ReaderGauges;
pub use self::recent::Quantiles;
use self::recent::Recent;
use crate::core::seen_orders::OrderStats;
use crate::observe::reader_use::ReaderUse;

/// What is measured since the process started.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    checkpoints: Histogram,
    bulks: Histogram,
    bulk_failures: Counter,
    bulk_items: Family<[(&'static str, &'static str); 1], Counter>,
    requests: Family<Request, Counter>,
    request_durations: Family<Route, Histogram, fn() -> Histogram>,
    connections: Gauge,
    event_clients: Gauge,
    state_space: Family<[(&'static str, &'static str); 1], Gauge>,
    order_ids: OrderIdGauges,
    readers: ReaderGauges,
    recent_freshness: Recent,
    recent_checkpoints: Recent,
    recent_bulks: Recent,
    recent_answers: Recent,
}

/// What took how long in the last five minutes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Latencies {
    /// From a record's timestamp until its payment was in the figures that are shown.
    pub freshness: Quantiles,
    /// Writing a checkpoint.
    pub checkpoint: Quantiles,
    /// A bulk request to Elasticsearch, answered or not.
    pub bulk: Quantiles,
    /// Until an HTTP answer could be sent. A read that waits counts from the end of its waiting.
    pub answer: Quantiles,
}

/// The label of a route.
type Route = [(&'static str, String); 1];

/// The labels of a request: its route's template and the answer's status.
type Request = [(&'static str, String); 2];

/// How large a file system is, and how much of it can still be written, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Space {
    /// All of it.
    pub size: u64,
    /// What is left for a process without privileges.
    pub available: u64,
}

/// What became of one document that was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ItemOutcome {
    /// It is there.
    Done,
    /// One of the same log that knows more payments is there.
    Outdated,
    /// It is sent again.
    Retried,
    /// It is refused, and kept back for a while.
    Parked,
    /// Its index is not there.
    Missing,
    /// The credentials do not allow it.
    Denied,
}

impl ItemOutcome {
    /// Every outcome.
    pub const ALL: [Self; 6] = [
        Self::Done,
        Self::Outdated,
        Self::Retried,
        Self::Parked,
        Self::Missing,
        Self::Denied,
    ];

    /// The value of the label `outcome`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Outdated => "outdated",
            Self::Retried => "retried",
            Self::Parked => "parked",
            Self::Missing => "missing",
            Self::Denied => "denied",
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Registry::default(),
            // 0.5 ms to 8 s: a checkpoint is due every 200 ms.
            checkpoints: Histogram::new(exponential_buckets(0.000_5, 2.0, 15)),
            // 1 ms to 33 s: a request is given up after 30 s.
            bulks: Histogram::new(exponential_buckets(0.001, 2.0, 16)),
            bulk_failures: Counter::default(),
            bulk_items: Family::default(),
            requests: Family::default(),
            request_durations: Family::new_with_constructor(request_histogram),
            connections: Gauge::default(),
            event_clients: Gauge::default(),
            state_space: Family::default(),
            order_ids: OrderIdGauges::default(),
            readers: ReaderGauges::default(),
            recent_freshness: Recent::default(),
            recent_checkpoints: Recent::default(),
            recent_bulks: Recent::default(),
            recent_answers: Recent::default(),
        };
        // A rate needs to see the zero before the one.
        for outcome in ItemOutcome::ALL {
            drop(
                metrics
                    .bulk_items
                    .get_or_create(&[("outcome", outcome.as_str())]),
            );
        }
        metrics.registered()
    }
}

// 0.5 ms to 8 s: an answer is given up after 5 s.
fn request_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.000_5, 4.0, 8))
}

impl Metrics {
    fn registered(mut self) -> Self {
        self.registry.register(
            "tidegauge_checkpoint_duration_seconds",
            "How long writing a checkpoint took, since the process started",
            self.checkpoints.clone(),
        );
        self.registry.register(
            "tidegauge_bulk_request_duration_seconds",
            "How long bulk requests to Elasticsearch took, answered or not, since the process started",
            self.bulks.clone(),
        );
        self.registry.register(
            "tidegauge_bulk_request_failures",
            "Bulk requests that failed as a whole, since the process started",
            self.bulk_failures.clone(),
        );
        self.registry.register(
            "tidegauge_bulk_items",
            "Documents sent to Elasticsearch by what became of them, since the process started",
            self.bulk_items.clone(),
        );
        self.registry.register(
            "tidegauge_http_requests",
            "Requests answered by route and status, since the process started",
            self.requests.clone(),
        );
        self.registry.register(
            "tidegauge_http_request_duration_seconds",
            "How long it took until an answer could be sent, waiting reads included, by route, since \
             the process started",
            self.request_durations.clone(),
        );
        self.registry.register(
            "tidegauge_http_connections",
            "HTTP connections that are open now",
            self.connections.clone(),
        );
        self.registry.register(
            "tidegauge_event_clients",
            "Clients that follow the events now",
            self.event_clients.clone(),
        );
        self.registry.register(
            "tidegauge_state_filesystem_bytes",
            "The file system that holds the state when it was last forced to the disk: its size, \
             and what is available on it",
            self.state_space.clone(),
        );
        self.order_ids.register(&mut self.registry);
        self.readers.register(&mut self.registry);
        self
    }

    /// All of it, to be shown.
    #[must_use]
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What took how long in the five minutes before `now`.
    #[must_use]
    pub fn latencies(&self, now: Duration) -> Latencies {
        Latencies {
            freshness: self.recent_freshness.quantiles(now),
            checkpoint: self.recent_checkpoints.quantiles(now),
            bulk: self.recent_bulks.quantiles(now),
            answer: self.recent_answers.quantiles(now),
        }
    }

    /// A checkpoint was written.
    pub fn checkpoint(&self, took: Duration, now: Duration) {
        self.checkpoints.observe(took.as_secs_f64());
        self.recent_checkpoints.record(took, now);
    }

    /// A record with this Kafka timestamp, in ms since the epoch, is in the figures that are shown
    /// `now`. Nothing is known of how old one with a timestamp in the future is.
    pub fn visible(&self, timestamp: i64, now: Duration) {
        if let Ok(timestamp) = u64::try_from(timestamp)
            && let Some(age) = now.checked_sub(Duration::from_millis(timestamp))
        {
            self.recent_freshness.record(age, now);
        }
    }

    /// The file system that holds the state, if it says how large it is.
    pub fn state_space(&self, space: Option<Space>) {
        let Some(space) = space else { return };
        for (what, bytes) in [("size", space.size), ("available", space.available)] {
            self.state_space
                .get_or_create(&[("what", what)])
                .set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
    }

    /// Partitions are read so.
    pub fn readers(&self, readers: &ReaderUse) {
        self.readers.set(readers);
    }

    /// The order ids that are remembered, and what that takes.
    pub fn order_ids(&self, stats: OrderStats) {
        self.order_ids.set(stats);
    }

    /// A bulk request ended; whether it was answered as it should be.
    pub fn bulk(&self, took: Duration, is_answered: bool, now: Duration) {
        self.bulks.observe(took.as_secs_f64());
        self.recent_bulks.record(took, now);
        if !is_answered {
            self.bulk_failures.inc();
        }
    }

    /// Documents were sent, each with this outcome.
    pub fn bulk_items(&self, outcome: ItemOutcome, count: u64) {
        self.bulk_items
            .get_or_create(&[("outcome", outcome.as_str())])
            .inc_by(count);
    }

    /// A request was answered. `route` is the template of its route, never its address: there are
    /// only so many of them.
    pub fn request(&self, route: &str, status: u16, took: Duration) {
        self.requests
            .get_or_create(&[("route", route.to_owned()), ("status", status.to_string())])
            .inc();
        self.request_durations
            .get_or_create(&[("route", route.to_owned())])
            .observe(took.as_secs_f64());
    }

    /// An answer could be sent so long after it was begun.
    pub fn answer(&self, took: Duration, now: Duration) {
        self.recent_answers.record(took, now);
    }

    /// A connection that is open until the answer is dropped.
    #[must_use]
    pub fn connection(&self) -> GaugeGuard {
        GaugeGuard::new(&self.connections)
    }

    /// A client that follows the events until the answer is dropped.
    #[must_use]
    pub fn event_client(&self) -> GaugeGuard {
        GaugeGuard::new(&self.event_clients)
    }
}

/// Counts as one in a gauge until it is dropped.
#[derive(Debug)]
pub struct GaugeGuard(Gauge);

impl GaugeGuard {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use prometheus_client::encoding::prometheus_text::encode;

    use super::*;

    const NOW: Duration = Duration::from_secs(1_793_491_200);

    fn shown(metrics: &Metrics) -> String {
        let mut text = String::new();
        encode(&mut text, metrics.registry()).unwrap();
        text
    }

    #[test]
    fn every_outcome_is_shown_before_it_happens() {
        let metrics = Metrics::default();
        for outcome in ItemOutcome::ALL {
            let line = format!(
                "tidegauge_bulk_items_total{{outcome=\"{}\"}} 0\n",
                outcome.as_str()
            );
            assert!(shown(&metrics).contains(&line), "{line}");
        }
    }

    #[test]
    fn what_is_present_counts_until_it_goes() {
        let metrics = Metrics::default();
        let first = metrics.event_client();
        let second = metrics.event_client();
        assert!(shown(&metrics).contains("tidegauge_event_clients 2\n"));
        drop((first, second));
        assert!(shown(&metrics).contains("tidegauge_event_clients 0\n"));
    }

    #[test]
    fn a_request_is_counted_under_its_route_and_status() {
        let metrics = Metrics::default();
        metrics.request("/api/v1/windows/{name}", 404, Duration::from_millis(3));
        let line =
            "tidegauge_http_requests_total{route=\"/api/v1/windows/{name}\",status=\"404\"} 1\n";
        assert!(shown(&metrics).contains(line), "{}", shown(&metrics));
    }

    #[test]
    fn a_record_from_the_future_says_nothing_about_freshness() {
        let metrics = Metrics::default();
        metrics.visible(1_793_491_199_000, NOW);
        metrics.visible(1_793_491_200_001, NOW);
        metrics.visible(-1, NOW);
        let freshness = metrics.latencies(NOW).freshness;
        assert_eq!(freshness.count, 1);
        assert!(freshness.max >= Duration::from_secs(1));
    }

    #[test]
    fn each_duration_counts_where_it_belongs() {
        let metrics = Metrics::default();
        let one = Duration::from_millis(1);
        metrics.checkpoint(one, NOW);
        metrics.bulk(one, false, NOW);
        metrics.bulk(one, true, NOW);
        for _ in 0..3 {
            metrics.answer(one, NOW);
        }
        let latencies = metrics.latencies(NOW);
        let counts = [latencies.checkpoint, latencies.bulk, latencies.answer].map(|q| q.count);
        assert_eq!(counts, [1, 2, 3]);
        assert_eq!(latencies.freshness, Quantiles::default());
    }
}
