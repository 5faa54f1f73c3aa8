//! Figures for Prometheus, as one checkpoint and the status board hold them.

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::process::Process;
use super::status::PartitionAnswer;
use crate::decode::Reason;
use crate::domain::ledger::Entry;
use crate::observe::status::{Board, Condition};
use crate::view::reading::Reading;

/// So many partitions are shown one by one. Sums are over all of them.
const PARTITIONS_MAX: usize = 1_000;

/// What is known beside a reading.
pub(super) struct Moment {
    pub(super) board: Board,
    pub(super) version: &'static str,
    pub(super) uptime: Duration,
    /// The wall clock, since the epoch.
    pub(super) now: Duration,
    /// How many answers are being made or sent.
    pub(super) in_flight: usize,
    pub(super) process: Process,
}

/// All that is shown at one moment.
#[derive(Debug, Default)]
pub(super) struct Scrape {
    metrics: Vec<Metric>,
}

#[derive(Debug)]
struct Metric {
    name: &'static str,
    help: &'static str,
    series: Vec<(Labels, Figure)>,
}

type Labels = Vec<(&'static str, String)>;

#[derive(Clone, Copy, Debug)]
enum Figure {
    /// Never falls while the state, or the process, lives.
    Counter(u64),
    /// The same with a fraction.
    Sum(f64),
    Gauge(f64),
}

impl Scrape {
    /// What `reading` and `moment` hold. Without a reading, what comes from it is left out.
    pub(super) fn new(reading: Option<&dyn Reading>, moment: &Moment) -> Self {
        let mut scrape = Self::default();
        scrape.one(
            "tidegauge_state_readable",
            "Whether the state could be read for this answer",
            flag(reading.is_some()),
        );
        if let Some(reading) = reading {
            scrape.add_ledger(reading);
            scrape.add_checkpoint(reading, moment);
        }
        scrape.add_partitions(reading, &moment.board);
        scrape.add_parts(moment);
        scrape.add_process(&moment.process);
        scrape
    }

    fn add_ledger(&mut self, reading: &dyn Reading) {
        let checkpoint = reading.checkpoint();
        let ledger = &checkpoint.ledger;
        self.many(
            "tidegauge_records",
            "Records consumed by what became of them (a figure of the state: it survives restarts)",
            Entry::ALL.map(|entry| {
                (
                    labels("entry", entry.as_str()),
                    Figure::Counter(ledger.entry(entry).count),
                )
            }),
        );
        self.one(
            "tidegauge_ledger_balanced",
            "Whether the entries of the ledger add up to all that was consumed (state)",
            flag(ledger.balanced()),
        );
        let notices = &checkpoint.notices;
        self.many(
            "tidegauge_rejects",
            "Rejected records by reason (state)",
            Reason::ALL
                .into_iter()
                .zip(notices.rejects)
                .map(|(reason, count)| (labels("reason", reason.as_str()), Figure::Counter(count))),
        );
        self.many(
            "tidegauge_notices",
            "Not errors, but worth monitoring: amounts rounded, local times that a clock change \
             skips or repeats, payments of branches without a name, of records whose timestamp can't be real, and of times that look like seconds (state)",
            [
                ("rounded", notices.rounded),
                ("skipped_local_time", notices.skipped_local_times),
                ("repeated_local_time", notices.repeated_local_times),
                ("unnamed_branch", notices.unnamed_branches),
                ("unreal_timestamp", notices.unreal_timestamps),
                ("time_like_seconds", notices.times_like_seconds),
            ]
            .map(|(notice, count)| (labels("notice", notice), Figure::Counter(count))),
        );
    }

    fn add_checkpoint(&mut self, reading: &dyn Reading, moment: &Moment) {
        let checkpoint = reading.checkpoint();
        self.one(
            "tidegauge_generation",
            "The generation that this service shows (state)",
            Figure::Gauge(checkpoint.generation.into()),
        );
        self.one(
            "tidegauge_checkpoints",
            "Checkpoints and acknowledgements written (state)",
            Figure::Counter(checkpoint.sequence),
        );
        self.one(
            "tidegauge_last_checkpoint_timestamp_seconds",
            "When the newest checkpoint was written; nothing is written while nothing changes (state)",
            seconds(checkpoint.as_of),
        );
        self.one(
            "tidegauge_dirty_documents",
            "Documents that await delivery (state)",
            Figure::Gauge(float(checkpoint.dirty)),
        );
        self.one(
            "tidegauge_given_up_documents",
            "Documents that were refused for so long that they were given up (state)",
            Figure::Counter(checkpoint.given_up),
        );
        if let Some(watermark) = reading.frame().watermark() {
            let watermark = watermark.millis();
            self.one(
                "tidegauge_watermark_timestamp_seconds",
                "The combined watermark: all before it is expected to be here (state)",
                seconds(watermark),
            );
            self.one(
                "tidegauge_watermark_age_seconds",
                "How far the combined watermark is behind the wall clock",
                Figure::Gauge(moment.now.as_secs_f64() - millis(watermark)),
            );
        }
    }

    fn add_partitions(&mut self, reading: Option<&dyn Reading>, board: &Board) {
        let partitions = PartitionAnswer::all(reading, board);
        // Without any partition it is 0; while no broker answers it is not there.
        let lag = PartitionAnswer::sum_of_lags(&partitions);
        if let Some(lag) = lag.or(partitions.is_empty().then_some(0)) {
            self.one(
                "tidegauge_lag_records",
                "Records still to be read, of all partitions; absent while no broker confirms their ends",
                Figure::Gauge(double(lag)),
            );
        }
        let ages = board
            .partitions
            .values()
            .filter_map(|known| known.end.age());
        if let Some(age) = ages.max() {
            self.one(
                "tidegauge_end_age_seconds",
                "How long ago a broker last confirmed where a partition ends: the longest of all partitions",
                Figure::Gauge(age.as_secs_f64()),
            );
        }
        let count = |is: fn(&PartitionAnswer) -> bool| {
            Figure::Gauge(float(
                partitions.iter().filter(|partition| is(partition)).count() as u64,
            ))
        };
        self.many(
            "tidegauge_partitions",
            "Partitions: all, those that count as idle, those that are stopped",
            [
                (labels("kind", "all"), count(|_| true)),
                (labels("kind", "idle"), count(|partition| partition.idle)),
                (
                    labels("kind", "halted"),
                    count(|partition| partition.halted.is_some()),
                ),
            ],
        );
        let shown = partitions.get(..PARTITIONS_MAX).unwrap_or(&partitions);
        let mut each = |name, help, figure: fn(&PartitionAnswer) -> Option<Figure>| {
            let series = shown.iter().filter_map(|partition| {
                Some((labels("partition", partition.partition), figure(partition)?))
            });
            self.many(name, help, series);
        };
        each(
            "tidegauge_partition_position",
            "The next offset to be applied (state)",
            |partition| Some(Figure::Gauge(double(partition.position?))),
        );
        each(
            "tidegauge_partition_end",
            "The offset after the last record, as far as the broker has said",
            |partition| Some(Figure::Gauge(double(partition.end?))),
        );
        each(
            "tidegauge_partition_lag_records",
            "Records still to be read",
            |partition| Some(Figure::Gauge(double(partition.lag?))),
        );
        each(
            "tidegauge_partition_watermark_timestamp_seconds",
            "The partition's own watermark (state)",
            |partition| Some(seconds(partition.time?.millis())),
        );
        each(
            "tidegauge_partition_idle",
            "Whether the partition counts as idle (state)",
            |partition| Some(flag(partition.idle)),
        );
        each(
            "tidegauge_partition_halted",
            "Whether the partition is stopped until an operator does something",
            |partition| Some(flag(partition.halted.is_some())),
        );
    }

    fn add_parts(&mut self, moment: &Moment) {
        let conditions = [
            Condition::Starting,
            Condition::Ok,
            Condition::Degraded,
            Condition::Failed,
        ];
        let parts = moment.board.parts.iter().flat_map(|(part, health)| {
            conditions.map(|condition| {
                let labels = vec![
                    ("part", part.as_str().to_owned()),
                    ("condition", condition.as_str().to_owned()),
                ];
                (labels, flag(condition == health.condition))
            })
        });
        self.many(
            "tidegauge_part_condition",
            "How each part is doing: 1 for the condition it is in",
            parts,
        );
        self.one(
            "tidegauge_ready",
            "Whether /readyz says that requests should be sent here",
            flag(moment.board.ready()),
        );
        self.many(
            "tidegauge_build_info",
            "The version of this program",
            [(labels("version", moment.version), Figure::Gauge(1.0))],
        );
        self.one(
            "tidegauge_uptime_seconds",
            "How long the process has run",
            Figure::Gauge(moment.uptime.as_secs_f64()),
        );
        self.one(
            "tidegauge_http_in_flight",
            "Answers that are being made or sent now",
            Figure::Gauge(float(moment.in_flight as u64)),
        );
    }

    fn add_process(&mut self, process: &Process) {
        let figures = [
            (
                "process_cpu_seconds",
                "CPU time used by the process",
                process.cpu_seconds.map(Figure::Sum),
            ),
            (
                "process_resident_memory_bytes",
                "What the process holds in memory",
                process
                    .resident_bytes
                    .map(|bytes| Figure::Gauge(float(bytes))),
            ),
            (
                "process_open_fds",
                "File descriptors that are open",
                process.open_fds.map(|fds| Figure::Gauge(float(fds as u64))),
            ),
            (
                "process_max_fds",
                "File descriptors that may be open",
                process.max_fds.map(|fds| Figure::Gauge(float(fds))),
            ),
            (
                "process_start_time_seconds",
                "When the process started",
                process.started.map(Figure::Gauge),
            ),
        ];
        for (name, help, figure) in figures {
            if let Some(figure) = figure {
                self.one(name, help, figure);
            }
        }
    }

    fn one(&mut self, name: &'static str, help: &'static str, figure: Figure) {
        self.many(name, help, [(Vec::new(), figure)]);
    }

    fn many(
        &mut self,
        name: &'static str,
        help: &'static str,
        series: impl IntoIterator<Item = (Labels, Figure)>,
    ) {
        let series: Vec<_> = series.into_iter().collect();
        if !series.is_empty() {
            self.metrics.push(Metric { name, help, series });
        }
    }
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for metric in &self.metrics {
            let kind = match metric.series.first() {
                Some((_, Figure::Gauge(_))) | None => MetricType::Gauge,
                Some(_) => MetricType::Counter,
            };
            let mut encoder = encoder.encode_descriptor(metric.name, metric.help, None, kind)?;
            for (labels, figure) in &metric.series {
                let encoder = encoder.encode_family(labels)?;
                match figure {
                    Figure::Counter(value) => ConstCounter::new(*value).encode(encoder)?,
                    Figure::Sum(value) => ConstCounter::new(*value).encode(encoder)?,
                    Figure::Gauge(value) => ConstGauge::new(*value).encode(encoder)?,
                }
            }
        }
        Ok(())
    }
}

fn labels(name: &'static str, value: impl ToString) -> Labels {
    vec![(name, value.to_string())]
}

fn flag(is: bool) -> Figure {
    Figure::Gauge(if is { 1.0 } else { 0.0 })
}

fn seconds(millis_since_the_epoch: i64) -> Figure {
    Figure::Gauge(millis(millis_since_the_epoch))
}

fn millis(since_the_epoch: i64) -> f64 {
    double(since_the_epoch) / 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus keeps doubles")]
fn double(value: i64) -> f64 {
    value as f64
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus keeps doubles")]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests;
