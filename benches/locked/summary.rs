//! All rounds in one table, and the verdict.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use crate::options::Options;
use crate::timed_run::{TimedRun, Used};
use crate::way::Way;

/// By librdkafka, throughput with both locks, in that without any, is at least this.
const RATIO_MIN: f64 = 0.8;
/// With both locks, throughput of the direct reader, in that of librdkafka, is at least this.
const DIRECT_MIN: f64 = 1.0;

/// What was measured.
pub struct Summary {
    payments: u64,
    /// Whether the limit on throughput counts.
    check: bool,
    runs: BTreeMap<Way, Vec<TimedRun>>,
}

/// One round in one line.
pub fn round_line(round: usize, rounds: usize, mut times: Vec<(Way, Duration)>) -> String {
    times.sort();
    let of = |wanted: Way| times.iter().find(|(way, _)| *way == wanted).unwrap().1;
    let ratio = of(Way::Plain).as_secs_f64() / of(Way::Locked).as_secs_f64();
    let shown = times
        .iter()
        .map(|(way, wall)| format!("{} {:.2} s", way.name(), wall.as_secs_f64()));
    let shown: Vec<String> = shown.collect();
    format!(
        "round {round} of {rounds}: {}; throughput locked / plain {ratio:.2}",
        shown.join(", ")
    )
}

impl Summary {
    pub fn new(options: &Options) -> Self {
        Self {
            payments: options.payments,
            check: options.check,
            runs: BTreeMap::new(),
        }
    }

    pub fn add(&mut self, way: Way, run: TimedRun) {
        self.runs.entry(way).or_default().push(run);
    }

    /// Whether the limit holds, if it counts.
    pub fn is_fast_enough(&self) -> bool {
        !self.check || (self.by_locks() >= RATIO_MIN && self.by_reader() >= DIRECT_MIN)
    }

    /// With both locks against none, by librdkafka.
    fn by_locks(&self) -> f64 {
        self.throughput(Way::LockedByLibrdkafka, Way::PlainByLibrdkafka)
    }

    /// With both locks, by the direct reader against librdkafka.
    fn by_reader(&self) -> f64 {
        self.throughput(Way::Locked, Way::LockedByLibrdkafka)
    }

    /// Of one way, in that of another.
    fn throughput(&self, way: Way, other: Way) -> f64 {
        self.wall(other).as_secs_f64() / self.wall(way).as_secs_f64()
    }

    /// Both locks against none: the throughput of each round, from the worst to the best.
    fn rounds(&self) -> Vec<f64> {
        let rounds = self.runs[&Way::Plain].iter().zip(&self.runs[&Way::Locked]);
        let ratio = |(plain, locked): (&TimedRun, &TimedRun)| {
            plain.wall.as_secs_f64() / locked.wall.as_secs_f64()
        };
        let mut ratios: Vec<f64> = rounds.map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        ratios
    }

    fn wall(&self, way: Way) -> Duration {
        median(self.runs[&way].iter().map(|run| run.wall))
    }

    fn used(&self, way: Way, of: impl Fn(&Used) -> Duration) -> String {
        let middle = median(self.runs[&way].iter().map(|run| of(&run.used)));
        format!("{:.2}", middle.as_secs_f64())
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} payments; medians; processor time in s, the proxy's is in that of the bench",
            self.payments
        )?;
        writeln!(
            f,
            "{:<48} {:>8} {:>11} {:>8} {:>7} {:>8} {:>8} {:>8} {:>8} {:>8}",
            "",
            "wall s",
            "min-max",
            "M/s",
            "x plain",
            "service",
            "bench",
            "Kafka",
            "Elastic",
            "peak MB"
        )?;
        for (&way, runs) in &self.runs {
            let wall = self.wall(way).as_secs_f64();
            let least = runs.iter().map(|run| run.wall).min().unwrap_or_default();
            let most = runs.iter().map(|run| run.wall).max().unwrap_or_default();
            writeln!(
                f,
                "{:<48} {wall:>8.2} {:>11} {:>8.2} {:>7.2} {:>8} {:>8} {:>8} {:>8} {:>8}",
                way.title(),
                format!("{:.2}-{:.2}", least.as_secs_f64(), most.as_secs_f64()),
                self.payments as f64 / wall / 1e6,
                self.throughput(way, Way::Plain),
                self.used(way, |used| used.service),
                self.used(way, |used| used.bench),
                self.used(way, |used| used.kafka),
                self.used(way, |used| used.elastic),
                runs.iter()
                    .map(|run| run.peak_kib)
                    .max()
                    .unwrap_or_default()
                    / 1_024,
            )?;
        }
        writeln!(f)?;
        writeln!(
            f,
            "throughput locked / proxy {:.2}: without what the proxy itself costs",
            self.throughput(Way::Locked, Way::Proxy)
        )?;
        let verdict = match (self.check, self.is_fast_enough()) {
            (false, _) => String::new(),
            (true, true) => format!(" (limits {RATIO_MIN} and {DIRECT_MIN}: ok)"),
            (true, false) => format!(" (limits {RATIO_MIN} and {DIRECT_MIN}: BELOW A LIMIT)"),
        };
        let rounds = self.rounds();
        write!(
            f,
            "throughput locked / plain {:.2} (rounds: {:.2} to {:.2}); by librdkafka {:.2}; locked, direct reader / \
             librdkafka {:.2}{verdict}",
            self.throughput(Way::Locked, Way::Plain),
            rounds.first().unwrap_or(&0.0),
            rounds.last().unwrap_or(&0.0),
            self.by_locks(),
            self.by_reader()
        )
    }
}

/// The middle one; of an even number, the upper of the two.
fn median(durations: impl Iterator<Item = Duration>) -> Duration {
    let mut all: Vec<Duration> = durations.collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or_default()
}
