//! The state by its size: what a changed cell costs at a checkpoint, what a page of windows costs, and
//! what an acknowledgement costs, with 10^5, 10^6 and 10^7 cells on the disk.
//!
//! Cells change where the history ends, as those of a stream do, and anywhere in it, as those of late
//! payments may. `cargo bench --bench state` prints each cost, and its ratio to the cost at 10^5 cells;
//! it ends with exit code 1 if one is more than twice as much, or more than 4 times for cells anywhere:
//! 10^5 cells fit into the cache, 10^7 don't. `-- --cells 100000,1000000` takes other sizes,
//! `-- --no-check` only measures.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    reason = "a measurement counts small things, and looks at the clock"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    missing_docs
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs};

use tidegauge::core::branch_slice::BranchSlice;
use tidegauge::core::effect::correction::Corrections;
use tidegauge::core::effect::timestamps::TimestampRange;
use tidegauge::core::effect::{Effects, Notices};
use tidegauge::core::feedback::Mark;
use tidegauge::core::seen_orders::OrderChanges;
use tidegauge::domain::document_key::DocumentKey;
use tidegauge::domain::ledger::Ledger;
use tidegauge::domain::payment::BranchId;
use tidegauge::store::{Identity, MarkedDocuments, Store};
use tidegauge_windows::{
    Aggregate, Changes, Definition, EventTime, Query, Settings, Snapshot, Span, Stretch, Window,
};

/// A cell that costs this many times as much in a larger state fails the run.
const RATIO_MAX: f64 = 2.0;
/// The same for cells anywhere, of which most are not in the cache of a large state.
const RATIO_ANYWHERE_MAX: f64 = 4.0;
const BRANCHES: u32 = 100;
const MINUTE: i64 = 60_000;
/// Cells of one checkpoint while the state is filled.
const FILL: u64 = 20_000;
/// Cells of one measured checkpoint, windows of one page, acknowledgements of one bulk.
const CHANGED: u64 = 1_000;
const PAGE: usize = 1_000;
const BULK: usize = 5_000;
const ROUNDS: usize = 30;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    let sizes = arguments
        .iter()
        .position(|argument| argument == "--cells")
        .map_or("100000,1000000,10000000", |at| &arguments[at + 1]);
    let check = !arguments.iter().any(|argument| argument == "--no-check");
    let mut first: Option<Costs> = None;
    let mut is_slow = false;
    println!(
        "{:>9}  {:>22}  {:>22}  {:>22}  {:>22}  {:>7}  {:>9}  {:>8}",
        "cells",
        "newest cell changed",
        "any cell changed",
        "window of a page",
        "acknowledgement",
        "disk",
        "resident",
        "filled"
    );
    for size in sizes.split(',').map(|size| size.parse::<u64>().unwrap()) {
        let costs = Costs::at(size);
        let first = first.get_or_insert_with(|| costs.clone());
        let mut shown = Vec::new();
        for ((cost, most), (least, _)) in costs.each().into_iter().zip(first.each()) {
            let ratio = cost.as_secs_f64() / least.as_secs_f64();
            is_slow |= ratio > most;
            shown.push(format!(
                "{:>9.2} us  x {ratio:.2}",
                cost.as_secs_f64() * 1e6
            ));
        }
        println!(
            "{size:>9}  {:>22}  {:>22}  {:>22}  {:>22}  {:>4} MB  {:>6} MB  {:>6.1} s",
            shown[0],
            shown[1],
            shown[2],
            shown[3],
            costs.disk >> 20,
            costs.resident >> 20,
            costs.filled.as_secs_f64(),
        );
    }
    if check && is_slow {
        println!(
            "a cost rose to more than {RATIO_MAX} times, or {RATIO_ANYWHERE_MAX} times for any cell"
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Medians, of one cell, window or document.
#[derive(Clone)]
struct Costs {
    newest: Duration,
    changed: Duration,
    window: Duration,
    acknowledged: Duration,
    disk: u64,
    resident: u64,
    filled: Duration,
}

impl Costs {
    /// Each with the most that its ratio may be.
    fn each(&self) -> [(Duration, f64); 4] {
        [
            (self.newest, RATIO_MAX),
            (self.changed, RATIO_ANYWHERE_MAX),
            (self.window, RATIO_MAX),
            (self.acknowledged, RATIO_MAX),
        ]
    }

    fn at(cells: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let minutes = i64::try_from(cells).unwrap() / i64::from(BRANCHES);
        let settings = settings();
        let began = Instant::now();
        {
            let mut store = open(dir.path(), &settings);
            let mut next = 0;
            while next < cells {
                let upto = (next + FILL).min(cells);
                commit(&mut store, minutes, next..upto);
                next = upto;
            }
        }
        let filled = began.elapsed();

        // As after a restart: nothing is in memory.
        let mut store = open(dir.path(), &settings);
        let mut random = fastrand::Rng::with_seed(7);
        let mut anywhere = |count: u64| {
            let cells: Vec<u64> = (0..count).map(|_| random.u64(..cells)).collect();
            cells.into_iter()
        };
        let newest = median(|| {
            let began = Instant::now();
            commit(&mut store, minutes, cells - CHANGED..cells);
            began.elapsed() / u32::try_from(CHANGED).unwrap()
        });
        let changed = median(|| {
            let touched = anywhere(CHANGED);
            let began = Instant::now();
            commit(&mut store, minutes, touched);
            began.elapsed() / u32::try_from(CHANGED).unwrap()
        });
        let window = median(|| {
            let from = anywhere(1).next().unwrap();
            let from = place(from)
                .0
                .min(EventTime::from_millis((minutes - 20) * MINUTE));
            let query = Query {
                from: Some(from),
                limit: PAGE,
                ..Query::all(0)
            };
            let began = Instant::now();
            let page = store
                .readings()
                .query(|reading| reading.frame().windows(reading, &query))
                .unwrap();
            assert_eq!(page.len(), PAGE);
            assert!(page.iter().all(|window| window.aggregate.count > 0));
            began.elapsed() / u32::try_from(PAGE).unwrap()
        });
        let acknowledged = median(|| {
            let after = place(anywhere(1).next().unwrap());
            let after = DocumentKey::Window {
                definition: 0,
                window: minute(after.0),
                branch: after.1,
            };
            let dirty: Vec<(DocumentKey, Mark)> = store
                .readings()
                .deliver(|reading| reading.dirty(Some(after), BULK))
                .unwrap();
            let began = Instant::now();
            store.acknowledge(&dirty).unwrap();
            began.elapsed() / u32::try_from(dirty.len().max(1)).unwrap()
        });
        Self {
            newest,
            changed,
            window,
            acknowledged,
            disk: size(dir.path()),
            resident: resident(),
            filled,
        }
    }
}

fn settings() -> Arc<Settings> {
    Arc::new(Settings {
        definitions: vec![
            Definition::tumbling("1m", Span::MINUTE, Span::ZERO, chrono_tz::UTC).unwrap(),
        ],
        out_of_orderness: Span::SECOND,
        allowed_lateness: Span::DAY,
        max_future: Span::MINUTE,
        retention: Span::DAY.times(100_000),
        zero_windows: false,
    })
}

fn open(dir: &Path, settings: &Arc<Settings>) -> Store {
    let identity = Identity {
        topic: "payment_msg".into(),
        generation: 1,
        rules: String::new(),
        settings: Arc::clone(settings),
        names: Arc::default(),
        documents: MarkedDocuments::WithPayments,
    };
    Store::open(dir, &identity).unwrap().0
}

fn minute(start: EventTime) -> Window {
    Window::new(start, start.plus(Span::MINUTE))
}

/// The slice and branch of a cell: all branches of one minute, then the next minute.
fn place(cell: u64) -> (EventTime, BranchId) {
    let minute = i64::try_from(cell / u64::from(BRANCHES)).unwrap();
    let branch = u32::try_from(cell % u64::from(BRANCHES)).unwrap();
    let start = EventTime::from_millis(minute * MINUTE);
    (start, BranchId::new(branch).unwrap())
}

/// Adds three payments to each of `cells`.
fn commit(store: &mut Store, minutes: i64, cells: impl IntoIterator<Item = u64>) {
    let end = EventTime::from_millis(minutes * MINUTE);
    let mut changes = Changes {
        slices: Default::default(),
        revisions: Default::default(),
        finals: Vec::new(),
        known: Vec::new(),
        reached: Vec::new(),
        snapshot: Snapshot {
            activity: vec![Stretch::new(EventTime::from_millis(0), end)],
            latest: Some(end),
            ..Snapshot::default()
        },
    };
    for cell in cells {
        let slice: &mut BranchSlice = changes.slices.entry(place(cell)).or_default();
        for payment in 1..=3 {
            let amount = i128::from(cell % 1_000 + payment) * 1_000_000_000_000_000_000;
            slice.summary.add(&amount, false);
        }
    }
    let effects = Effects {
        changes,
        totals: BTreeMap::new(),
        ledger: Ledger::default(),
        notices: Notices::default(),
        timestamps: TimestampRange::EMPTY,
        rejects: Vec::new(),
        in_no_window: Vec::new(),
        repeated: Vec::new(),
        orders: OrderChanges::default(),
        progress: BTreeMap::new(),
        corrections: Corrections::default(),
    };
    store.commit(&effects, &[], 0).unwrap();
}

fn median(mut once: impl FnMut() -> Duration) -> Duration {
    let mut all: Vec<Duration> = (0..ROUNDS).map(|_| once()).collect();
    all.sort_unstable();
    all[all.len() / 2]
}

fn size(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).unwrap();
    entries
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum()
}

/// Bytes of this process in memory.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) << 10
}
