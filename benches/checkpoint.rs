//! What it costs to write a checkpoint: 24,000 payments of 10,000 branches, as the service makes and writes them.
//!
//! `cargo bench --bench checkpoint` applies an hour of payments with the default windows, and writes each 24,000 of them to a
//! state on the disk. It prints the median time of a commit, the mean of the processor time of its thread, and what the
//! median was before 2026-11-30 on the machine of `benches/README.md`. `-- --case 2` runs one case only, `-- --rounds 5`
//! each as often, from a new state.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a measurement counts small things, and looks at the clock"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    missing_docs
)]

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs};

use tidegauge::core::pipeline::{Pipeline, PipelineStart};
use tidegauge::decode::DecodeRules;
use tidegauge::domain::record::Record;
use tidegauge::store::{Identity, MarkedDocuments, Store};
use tidegauge_windows::{Definition, Settings, Span};

/// The payments of one checkpoint.
const CHECKPOINT: usize = 24_000;
/// The records that are applied at a time.
const BATCH: usize = 4_096;
const PARTITIONS: usize = 4;
const BRANCHES: u32 = 10_000;
/// 2026-11-01T00:00:00Z.
const START: i64 = 1_793_491_200_000;
const HOUR: i64 = 3_600_000;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is measured.
struct Case {
    name: &'static str,
    /// The event time of one checkpoint, in ms.
    span: i64,
    documents: MarkedDocuments,
    /// Whether a delivery reads the marks before each checkpoint.
    is_read: bool,
    /// What a commit took before, in ms.
    before: u32,
}

const CASES: [Case; 5] = [
    Case {
        name: "24 s, no sink",
        span: 24_000,
        documents: MarkedDocuments::None,
        is_read: false,
        before: 48,
    },
    Case {
        name: "144 s, no sink",
        span: 144_000,
        documents: MarkedDocuments::None,
        is_read: false,
        before: 25,
    },
    Case {
        name: "24 s, marks that nothing reads",
        span: 24_000,
        documents: MarkedDocuments::WithPayments,
        is_read: false,
        before: 126,
    },
    Case {
        name: "144 s, marks that nothing reads",
        span: 144_000,
        documents: MarkedDocuments::WithPayments,
        is_read: false,
        before: 262,
    },
    Case {
        name: "24 s, marks that are read",
        span: 24_000,
        documents: MarkedDocuments::WithPayments,
        is_read: true,
        before: 246,
    },
];

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let number = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name);
        at.map(|at| arguments[at + 1].parse::<usize>().unwrap())
    };
    let rounds = number("--rounds").unwrap_or(1);
    for (case, number_of_case) in CASES.iter().zip(0..) {
        if number("--case").is_some_and(|wanted| wanted != number_of_case) {
            continue;
        }
        let mut costs = Costs::default();
        for _ in 0..rounds {
            costs.measure(case);
        }
        println!(
            "{number_of_case} {:<32} {:>6} cells  apply {:>6.2} ms  take {:>5.2} ms  commit {:>6.2} ms, {:>6.2} on the processor (before: {} ms)",
            case.name,
            costs.cells,
            milliseconds(&mut costs.apply),
            milliseconds(&mut costs.take),
            milliseconds(&mut costs.commit),
            costs.processor.as_secs_f64() * 1e3 / costs.commit.len() as f64,
            case.before,
        );
    }
}

/// What each checkpoint took.
#[derive(Default)]
struct Costs {
    /// The cells of the last one.
    cells: usize,
    apply: Vec<Duration>,
    take: Vec<Duration>,
    commit: Vec<Duration>,
    /// What all commits took of this thread's processor time.
    processor: Duration,
}

impl Costs {
    fn measure(&mut self, case: &Case) {
        let dir = tempfile::tempdir().unwrap();
        let identity = Identity {
            topic: "payment_msg".into(),
            generation: 1,
            rules: String::new(),
            settings: settings(),
            names: Arc::default(),
            documents: case.documents,
        };
        let (mut store, _) = Store::open(dir.path(), &identity).unwrap();
        let start = PipelineStart::default();
        let rules = DecodeRules::from(chrono_tz::UTC);
        let mut pipeline = Pipeline::new(settings(), rules, store.branches(), start);
        let mut feed = Feed::new(case.span);
        for _ in 0..HOUR / case.span {
            let values = feed.values();
            let records = feed.records(&values);
            let began = Instant::now();
            for batch in records.chunks(BATCH) {
                pipeline.apply(batch.iter().copied()).unwrap();
            }
            self.apply.push(began.elapsed());
            let began = Instant::now();
            let effects = pipeline.take_effects();
            self.take.push(began.elapsed());
            self.cells = effects.changes.slices.len();
            if case.is_read {
                let read = store
                    .readings()
                    .deliver(|reading| reading.dirty(None, 1))
                    .unwrap();
                drop(read);
            }
            let before = processor_time();
            let began = Instant::now();
            let checkpoint = store.commit(&effects, &[], 0).unwrap();
            drop(effects);
            self.commit.push(began.elapsed());
            self.processor += processor_time().saturating_sub(before);
            assert!(checkpoint.ledger.balanced());
        }
    }
}

/// Payments, one checkpoint after the other.
struct Feed {
    random: fastrand::Rng,
    /// The event time of one checkpoint, in ms.
    span: i64,
    /// So many payments were made.
    made: usize,
}

/// The values of some records.
struct Values {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// How many were made before them.
    first: usize,
}

impl Feed {
    fn new(span: i64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(7),
            span,
            made: 0,
        }
    }

    /// When payment `at` happened.
    fn time(&self, at: usize) -> i64 {
        START + at as i64 * self.span / CHECKPOINT as i64
    }

    fn values(&mut self) -> Values {
        let mut values = Values {
            bytes: Vec::with_capacity(CHECKPOINT * 120),
            ends: Vec::with_capacity(CHECKPOINT),
            first: self.made,
        };
        for at in self.made..self.made + CHECKPOINT {
            let time = self.time(at);
            let (branch, cents) = (self.random.u32(..BRANCHES), self.random.u64(1..20_000_000));
            write!(
                values.bytes,
                r#"{{"createTime":{time},"orderId":{at},"payAmount":{}.{:02},"payPlatform":0,"branchId":{branch}}}"#,
                cents / 100,
                cents % 100
            )
            .unwrap();
            values.ends.push(values.bytes.len());
        }
        self.made += CHECKPOINT;
        values
    }

    /// The records with `values`, as a consumer gives them: each batch in the order of partitions.
    fn records<'v>(&self, values: &'v Values) -> Vec<Record<'v>> {
        let mut start = 0;
        let records = (values.first..).zip(&values.ends).map(|(at, end)| {
            let payload = Some(&values.bytes[start..*end]);
            start = *end;
            Record {
                partition: (at % PARTITIONS) as i32,
                offset: (at / PARTITIONS) as i64,
                timestamp: Some(self.time(at)),
                payload,
                ..Record::default()
            }
        });
        let mut records: Vec<Record<'v>> = records.collect();
        for batch in records.chunks_mut(BATCH) {
            batch.sort_by_key(|record| record.partition);
        }
        records
    }
}

/// The default windows, and the default times.
fn settings() -> Arc<Settings> {
    let (none, utc) = (Span::ZERO, chrono_tz::UTC);
    let minutes = |count| Span::MINUTE.times(count);
    let sliding = Definition::sliding("10m-by-1m", minutes(10), minutes(1), none, utc);
    let day = Definition::cumulative(
        "day",
        Span::DAY,
        Span::HOUR,
        none,
        chrono_tz::Asia::Shanghai,
    );
    Arc::new(Settings {
        definitions: vec![
            Definition::tumbling("1m", Span::MINUTE, none, utc).unwrap(),
            sliding.unwrap(),
            Definition::tumbling("1h", Span::HOUR, none, utc).unwrap(),
            day.unwrap(),
        ],
        out_of_orderness: Span::SECOND.times(5),
        allowed_lateness: Span::DAY,
        max_future: minutes(5),
        retention: Span::DAY.times(35),
        zero_windows: true,
    })
}

/// The processor time of this thread so far, to within a tick of the clock.
fn processor_time() -> Duration {
    let times = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let time = times.split_whitespace().next();
    Duration::from_nanos(time.and_then(|time| time.parse().ok()).unwrap_or_default())
}

fn milliseconds(all: &mut [Duration]) -> f64 {
    all.sort_unstable();
    all[all.len() / 2].as_secs_f64() * 1e3
}
