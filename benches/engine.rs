//! What the event-time engine costs: nanoseconds per payment, and time per checkpoint.
//!
//! `cargo bench --bench engine`. One iteration of the first group is one payment; checkpoints are
//! taken as often as the service takes them, but not on the clock. Per checkpoint there is a group
//! of its own. In the groups of lanes, all of them are on one thread: what dividing and merging costs, without
//! what it gains.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement counts small things, looks at the clock, and says what it found"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, criterion_group, criterion_main};
use tidegauge_windows::{
    Definition, DefinitionError, Engine, EventTime, MemoryCells, Placement, Settings, Span, Summary,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// 2026-11-01T00:00:00Z.
const BEGIN: i64 = 1_793_491_200_000;
/// Payments that are made beforehand and inserted again and again, each round later.
const ROUND: usize = 1 << 18;
const PER_SECOND: usize = 1_000;
const ROUND_MILLIS: i64 = (ROUND / PER_SECOND) as i64 * 1_000;
/// How many payments the service applies at a time, about.
const BATCH: usize = 1 << 12;
/// A checkpoint is taken after so many payments, as at 3 million a second and 200 ms, …
const CHECKPOINT_PAYMENTS: usize = 600_000;
/// … or so many changed cells.
const CHECKPOINT_CELLS: usize = 16 << 10;
const PARTITIONS: usize = 4;

/// A payment as the engine sees it, its time relative to the round's.
#[derive(Clone, Copy)]
struct Input {
    partition: i32,
    millis: i64,
    branch: u32,
    amount: i128,
}

/// Payments without end.
struct Changelog {
    round: Vec<Input>,
    next: usize,
    shift: i64,
}

impl Changelog {
    /// Whole seconds of event time, as the payments have; up to `disorder` seconds behind.
    fn new(branches: u32, disorder: i64) -> Self {
        let mut random = fastrand::Rng::with_seed(0);
        let round = (0..ROUND)
            .map(|number| Input {
                partition: (number % PARTITIONS) as i32,
                millis: ((number / PER_SECOND) as i64 - random.i64(0..=disorder)) * 1_000,
                branch: random.u32(0..branches),
                amount: random.i128(0..20_000_000) * 10_i128.pow(16),
            })
            .collect();
        Self {
            round,
            next: 0,
            shift: BEGIN,
        }
    }

    /// The next payments, with what is to be added to their times.
    fn take(&mut self, limit: usize) -> (i64, &[Input]) {
        if self.next == self.round.len() {
            self.next = 0;
            self.shift += ROUND_MILLIS;
        }
        let from = self.next;
        self.next = self.round.len().min(from + limit);
        (self.shift, &self.round[from..self.next])
    }
}

/// An engine with what feeds it.
struct Run {
    engine: Engine<u32, Summary>,
    feed: Changelog,
    since_checkpoint: usize,
    too_late: u64,
}

impl Run {
    fn new(settings: Settings, feed: Changelog) -> Self {
        Self {
            engine: Engine::new(Arc::new(settings)),
            feed,
            since_checkpoint: 0,
            too_late: 0,
        }
    }

    /// Inserts so many payments; how long that took, without the checkpoints.
    fn insert(&mut self, payments: u64) -> Duration {
        let mut left = usize::try_from(payments).unwrap_or(usize::MAX);
        let mut spent = Duration::ZERO;
        while left > 0 {
            let (shift, batch) = self.feed.take(left.min(BATCH));
            let begun = Instant::now();
            for input in batch {
                let time = EventTime::from_millis(shift + input.millis);
                let recorded = Some(time);
                let placement = self.engine.insert(
                    input.partition,
                    time,
                    recorded,
                    input.branch,
                    &input.amount,
                );
                self.too_late += u64::from(placement == Placement::TooLate);
            }
            self.engine.advance();
            spent += begun.elapsed();
            left -= batch.len();
            self.since_checkpoint += batch.len();
            if self.since_checkpoint >= CHECKPOINT_PAYMENTS
                || self.engine.changed() >= CHECKPOINT_CELLS
            {
                self.since_checkpoint = 0;
                drop(self.engine.take_changes());
            }
        }
        spent
    }
}

/// Engines of which each has every so many-th partition, with what feeds them.
struct LaneRun {
    lanes: Vec<Engine<u32, Summary>>,
    feed: Changelog,
    since_checkpoint: usize,
    /// How long all met at each checkpoint.
    meetings: Vec<Duration>,
}

impl LaneRun {
    fn new(count: usize, settings: Settings, feed: Changelog) -> Self {
        let mut primary = Engine::new(Arc::new(settings));
        let others: Vec<_> = (1..count)
            .map(|lane| primary.split_off(|partition| partition as usize % count == lane))
            .collect();
        let mut lanes = vec![primary];
        lanes.extend(others);
        Self {
            lanes,
            feed,
            since_checkpoint: 0,
            meetings: Vec::new(),
        }
    }

    /// Inserts so many payments; how long that took, checkpoints included.
    fn insert(&mut self, payments: u64) -> Duration {
        let mut left = usize::try_from(payments).unwrap_or(usize::MAX);
        let mut spent = Duration::ZERO;
        let count = self.lanes.len();
        while left > 0 {
            let (shift, batch) = self.feed.take(left.min(BATCH));
            let begun = Instant::now();
            for (number, lane) in self.lanes.iter_mut().enumerate() {
                let its = batch
                    .iter()
                    .filter(|input| input.partition as usize % count == number);
                for input in its {
                    let time = EventTime::from_millis(shift + input.millis);
                    lane.insert(
                        input.partition,
                        time,
                        Some(time),
                        input.branch,
                        &input.amount,
                    );
                }
            }
            if count == 1 {
                self.lanes[0].advance();
            }
            left -= batch.len();
            self.since_checkpoint += batch.len();
            let changed: usize = self.lanes.iter().map(Engine::changed).sum();
            if self.since_checkpoint >= CHECKPOINT_PAYMENTS || changed >= CHECKPOINT_CELLS {
                self.since_checkpoint = 0;
                self.checkpoint();
            }
            spent += begun.elapsed();
        }
        spent
    }

    fn checkpoint(&mut self) {
        let begun = Instant::now();
        let (primary, others) = self.lanes.split_at_mut(1);
        for lane in &mut *others {
            primary[0].absorb(lane);
            primary[0].absorb_slices(lane);
        }
        primary[0].advance();
        let changes = primary[0].take_changes();
        for lane in others {
            lane.follow(&primary[0]);
        }
        self.meetings.push(begun.elapsed());
        drop(changes);
    }
}

fn settings(definitions: Vec<Definition>) -> Settings {
    Settings {
        definitions,
        out_of_orderness: Span::from_millis(5_000),
        allowed_lateness: Span::DAY,
        max_future: Span::from_millis(300_000),
        retention: Span::DAY.times(35),
        zero_windows: true,
    }
}

/// The four definitions that a configuration without any has.
fn default_windows() -> Result<Vec<Definition>, DefinitionError> {
    let (none, utc) = (Span::ZERO, chrono_tz::UTC);
    Ok(vec![
        Definition::tumbling("1m", Span::MINUTE, none, utc)?,
        Definition::sliding("10m-by-1m", Span::MINUTE.times(10), Span::MINUTE, none, utc)?,
        Definition::tumbling("1h", Span::HOUR, none, utc)?,
        Definition::cumulative("day", Span::DAY, Span::HOUR, none, utc)?,
    ])
}

/// Every payment is in `overlap` windows.
fn sliding(overlap: i64) -> Result<Vec<Definition>, DefinitionError> {
    let size = Span::SECOND.times(overlap);
    let windows = Definition::sliding("sliding", size, Span::SECOND, Span::ZERO, chrono_tz::UTC)?;
    Ok(vec![windows])
}

fn insert(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one payment");
    quick(&mut group);
    let windows = |definitions: Result<_, DefinitionError>| match definitions {
        Ok(definitions) => settings(definitions),
        Err(error) => unreachable!("the definitions of this file are right: {error}"),
    };
    let runs = [
        (
            "10 branches",
            windows(default_windows()),
            Changelog::new(10, 0),
        ),
        (
            "10 branches, up to 4 s out of order",
            windows(default_windows()),
            Changelog::new(10, 4),
        ),
        (
            "10,000 branches",
            windows(default_windows()),
            Changelog::new(10_000, 0),
        ),
        // A time 40 s back is late by 35 s, and its minute may be final.
        (
            "10 branches, up to 40 s out of order",
            windows(default_windows()),
            Changelog::new(10, 40),
        ),
        // Nearly all of their minutes are final.
        (
            "10 branches, up to 2 h out of order",
            windows(default_windows()),
            Changelog::new(10, 7_200),
        ),
        (
            "in one window of a second",
            windows(sliding(1)),
            Changelog::new(10, 4),
        ),
        (
            "in 60 sliding windows",
            windows(sliding(60)),
            Changelog::new(10, 4),
        ),
        (
            "in 600 sliding windows",
            windows(sliding(600)),
            Changelog::new(10, 4),
        ),
        (
            "in 3,600 sliding windows",
            windows(sliding(3_600)),
            Changelog::new(10, 4),
        ),
    ];
    for (name, settings, feed) in runs {
        let mut run = Run::new(settings, feed);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| run.insert(count))
        });
        assert_eq!(
            run.too_late, 0,
            "{name}: payments fell out of their windows"
        );
    }
    group.finish();
}

fn checkpoint(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one checkpoint");
    quick(&mut group);
    for (name, branches, payments) in [
        (
            "600,000 payments of 10 branches",
            10,
            CHECKPOINT_PAYMENTS as u64,
        ),
        // As many cells as the service lets come together.
        ("24,000 payments of 10,000 branches", 10_000, 24_000),
    ] {
        let definitions = match default_windows() {
            Ok(definitions) => definitions,
            Err(error) => unreachable!("the definitions of this file are right: {error}"),
        };
        let grid = tidegauge_windows::Grid::new(&definitions);
        let mut run = Run::new(settings(definitions), Changelog::new(branches, 4));
        // The checkpoint that comes with the last payment is not to be taken yet.
        run.insert(payments - 1);
        let mut cells = MemoryCells::default();
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || run.engine.clone(),
                |mut engine| {
                    cells.apply(&grid, engine.take_changes());
                    engine
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn lanes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one payment with its part of a checkpoint");
    quick(&mut group);
    for branches in [10, 10_000] {
        for count in [1, 2, 4] {
            let definitions = match default_windows() {
                Ok(definitions) => definitions,
                Err(error) => unreachable!("the definitions of this file are right: {error}"),
            };
            let mut run = LaneRun::new(count, settings(definitions), Changelog::new(branches, 4));
            group.bench_function(format!("{branches} branches, lanes: {count}"), |bencher| {
                bencher.iter_custom(|count| run.insert(count));
            });
            run.meetings.sort_unstable();
            let median = run.meetings.get(run.meetings.len() / 2);
            println!("all meet for {median:?} at half of the checkpoints");
        }
    }
    group.finish();
}

fn quick(group: &mut BenchmarkGroup<'_, WallTime>) {
    group
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
}

criterion_group!(benches, insert, checkpoint, lanes);
criterion_main!(benches);
