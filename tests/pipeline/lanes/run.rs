//! Applying a log in lanes, with checkpoints, crashes and silences on the way.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use proptest::prelude::*;
use tidegauge::core::effect::{Effects, Notices};
use tidegauge::core::pipeline::{Pipeline, PipelineStart};
use tidegauge::core::pipeline_lanes::PipelineLanes;
use tidegauge::core::seen_orders::{DuplicateRule, MemoryOrders, SeenOrders};
use tidegauge::domain::branch::Branches;
use tidegauge::domain::ledger::Ledger;
use tidegauge::domain::payment::BranchId;
use tidegauge::domain::record::Record;
use tidegauge::domain::total::Total;
use tidegauge_windows::{
    Definition, EventTime, Frame, MemoryCells, Query, Settings, Span, Summary, WindowResult,
};

use super::log::{PARTITIONS, START};
use crate::support::oracle;

/// The rules of a run.
#[derive(Clone, Debug)]
pub struct Rules {
    pub settings: Arc<Settings>,
    pub duplicates: Option<DuplicateRule>,
}

/// What happens after some records.
#[derive(Clone, Copy, Debug)]
pub enum Turn {
    Checkpoint,
    /// A checkpoint, and a restart with another number of lanes.
    Restart,
    /// A restart from the last checkpoint.
    Crash,
    Idle(i32),
    /// Records are waiting again.
    Resume(i32),
    Advance,
    /// So many minutes after the start by the wall clock.
    QuietClose(i64),
    /// Nothing.
    On,
}

/// So many records of the partition whose turn it is, or of the next that has some; and what happens then.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    partition: i32,
    records: usize,
    turn: Turn,
}

pub fn step() -> impl Strategy<Value = Step> {
    let turn = prop_oneof![
        3 => Just(Turn::Checkpoint),
        1 => Just(Turn::Restart),
        1 => Just(Turn::Crash),
        2 => (0..PARTITIONS).prop_map(Turn::Idle),
        1 => (0..PARTITIONS).prop_map(Turn::Resume),
        1 => Just(Turn::Advance),
        1 => (0..12_000_i64).prop_map(Turn::QuietClose),
        8 => Just(Turn::On),
    ];
    (0..PARTITIONS, 0..12_usize, turn).prop_map(|(partition, records, turn)| Step {
        partition,
        records,
        turn,
    })
}

/// A payment in no window, times in ms.
#[derive(Clone, PartialEq, Debug)]
pub struct InNoWindow {
    pub reason: &'static str,
    pub event_time: i64,
    pub watermark: Option<i64>,
    pub branch: u32,
    pub units: i128,
}

/// What the effects of all checkpoints have built up: a state directory in memory.
pub struct State {
    pub rules: Rules,
    pub cells: MemoryCells<BranchId, Summary>,
    pub totals: BTreeMap<BranchId, Total>,
    pub ledger: Ledger,
    pub notices: Notices,
    /// By partition and offset.
    pub in_no_window: BTreeMap<(i32, i64), InNoWindow>,
    pub rejects: BTreeMap<(i32, i64), &'static str>,
    /// The offset of the one that counted, and whether it differs.
    pub repeated: BTreeMap<(i32, i64), (i64, bool)>,
    pub start: PipelineStart,
    pub was_quiet: bool,
    /// The combined watermark after each checkpoint.
    pub watermarks: Vec<Option<EventTime>>,
    orders: Arc<MemoryOrders>,
}

impl State {
    fn new(rules: Rules) -> Self {
        Self {
            rules,
            cells: MemoryCells::default(),
            totals: BTreeMap::new(),
            ledger: Ledger::default(),
            notices: Notices::default(),
            in_no_window: BTreeMap::new(),
            rejects: BTreeMap::new(),
            repeated: BTreeMap::new(),
            start: PipelineStart::default(),
            was_quiet: false,
            watermarks: Vec::new(),
            orders: Arc::default(),
        }
    }

    fn lanes(&self, count: usize) -> PipelineLanes {
        let settings = Arc::clone(&self.rules.settings);
        let branches = Arc::new(Branches::default());
        let mut pipeline = Pipeline::new(settings, chrono_tz::UTC, branches, self.start.clone());
        if let Some(rule) = self.rules.duplicates {
            let orders = SeenOrders::restore(rule, self.ledger.consumed, self.orders.clone());
            pipeline = pipeline.comparing(orders.unwrap());
        }
        PipelineLanes::new(pipeline, NonZeroUsize::new(count).unwrap())
    }

    fn commit(&mut self, effects: Effects) {
        assert!(effects.ledger.balanced());
        self.assert_nothing_is_past_the_floor(&effects);
        for (branch, added) in &effects.totals {
            let total = self.totals.entry(*branch).or_insert(Total::ZERO);
            total.merge(added);
        }
        self.ledger.merge(&effects.ledger);
        self.notices.merge(&effects.notices);
        for listed in effects.in_no_window {
            let fields = InNoWindow {
                reason: listed.reason.as_str(),
                event_time: listed.event_time.millis(),
                watermark: listed.watermark.map(EventTime::millis),
                branch: listed.branch.get(),
                units: listed.amount.units(),
            };
            let at = (listed.origin.partition, listed.origin.offset);
            assert_eq!(self.in_no_window.insert(at, fields), None, "listed twice");
        }
        for listed in effects.rejects {
            let at = (listed.origin.partition, listed.origin.offset);
            assert_eq!(
                self.rejects.insert(at, listed.reason.as_str()),
                None,
                "listed twice"
            );
        }
        for listed in effects.repeated {
            let at = (listed.origin.partition, listed.origin.offset);
            let fields = (listed.first.offset, listed.is_conflict());
            assert_eq!(self.repeated.insert(at, fields), None, "listed twice");
        }
        self.orders.apply(effects.orders);
        self.watermarks.push(effects.changes.snapshot.watermark);
        let known = self
            .totals
            .iter()
            .map(|(branch, total)| (*branch, total.known_since));
        self.start = PipelineStart {
            snapshot: effects.changes.snapshot.clone(),
            known: known.collect(),
            progress: effects.progress,
        };
        let frame = Frame::new(
            Arc::clone(&self.rules.settings),
            effects.changes.snapshot.clone(),
        );
        let changes = effects.changes.map(|slice| slice.summary);
        self.cells.apply(frame.grid(), changes);
    }

    // The floor of a checkpoint is that which was decided at the one before: windows before it may be deleted by now.
    fn assert_nothing_is_past_the_floor(&self, effects: &Effects) {
        let floor = effects.changes.snapshot.floor;
        for (start, _) in effects.changes.slices.keys() {
            for definition in &self.rules.settings.definitions {
                let first = definition.windows_of(*start).next().unwrap();
                assert!(
                    Some(first.start) >= floor,
                    "{first:?} is deleted: {floor:?}"
                );
            }
        }
    }

    pub fn windows(&self) -> Vec<WindowResult<BranchId, Summary>> {
        let frame = Frame::new(
            Arc::clone(&self.rules.settings),
            self.start.snapshot.clone(),
        );
        let numbers = 0..self.rules.settings.definitions.len() as u16;
        let of = |number| frame.windows(&self.cells, &Query::all(number)).unwrap();
        numbers.flat_map(of).collect()
    }
}

/// Applies all of `log` in as many lanes as `counts` says, another number after each restart. With `advances`, the
/// watermark moves after each step.
pub fn run(
    rules: &Rules,
    log: &[oracle::Record],
    steps: &[Step],
    counts: &[usize],
    advances: bool,
) -> State {
    let mut state = State::new(rules.clone());
    let mut counts = counts.iter().copied().cycle();
    let mut lanes = state.lanes(counts.next().unwrap());
    let mut logs: Vec<Vec<&oracle::Record>> = vec![Vec::new(); PARTITIONS as usize];
    for record in log {
        logs[record.partition as usize].push(record);
    }
    let mut next = vec![0; PARTITIONS as usize];
    for partition in 0..PARTITIONS {
        lanes.assign(partition, 0);
    }
    let mut crashes = 0;
    for step in steps.iter().cycle() {
        let batch = batch(&logs, &mut next, *step);
        match step.records % 2 {
            0 => lanes.apply(batch.iter().copied()).unwrap(),
            _ => apply_apart(&mut lanes, &batch),
        }
        if advances {
            lanes.advance();
        }
        match step.turn {
            Turn::Checkpoint => state.commit(lanes.take_effects()),
            Turn::Restart => {
                state.commit(lanes.take_effects());
                lanes = state.lanes(counts.next().unwrap());
            }
            // Otherwise nothing would ever be kept.
            Turn::Crash if crashes < 3 && !state.watermarks.is_empty() => {
                crashes += 1;
                lanes = state.lanes(counts.next().unwrap());
                for (partition, progress) in &state.start.progress {
                    next[*partition as usize] = progress.position as usize;
                }
            }
            Turn::Idle(partition) => lanes.set_idle(partition, true),
            Turn::Resume(partition) => lanes.set_idle(partition, false),
            Turn::Advance => lanes.advance(),
            Turn::QuietClose(minutes) => {
                let now = EventTime::from_millis(START + minutes * 60_000);
                state.was_quiet |= lanes.close_quiet(now);
            }
            Turn::Crash | Turn::On => {}
        }
        if advances {
            lanes.advance();
        }
        if next.iter().zip(&logs).all(|(next, log)| *next == log.len()) {
            break;
        }
    }
    for partition in 0..PARTITIONS {
        lanes.set_idle(partition, true);
    }
    state.commit(lanes.take_effects());
    state
}

fn batch<'a>(logs: &[Vec<&'a oracle::Record>], next: &mut [usize], step: Step) -> Vec<Record<'a>> {
    let turns = (0..PARTITIONS).map(|after| ((step.partition + after) % PARTITIONS) as usize);
    let mut has_some = turns.filter(|at| next[*at] < logs[*at].len());
    // Those of two partitions, in turns, as a poll may give them.
    let two = [has_some.next(), has_some.next()];
    let mut records = Vec::new();
    for _ in 0..=step.records {
        for at in two.into_iter().flatten() {
            if let Some(record) = logs[at].get(next[at]) {
                next[at] += 1;
                records.push(Record {
                    partition: record.partition,
                    offset: record.offset,
                    timestamp: Some(record.timestamp),
                    payload: record.value.as_deref(),
                    ..Record::default()
                });
            }
        }
    }
    records
}

// As threads would do it: each pipeline apart, the last lane first.
fn apply_apart(lanes: &mut PipelineLanes, batch: &[Record<'_>]) {
    for lane in (0..lanes.count().get()).rev() {
        let mut pipeline = lanes.take(lane).unwrap();
        let its = |record: &&Record<'_>| lanes.lane_of(record.partition) == lane;
        pipeline.apply(batch.iter().filter(its).copied()).unwrap();
        lanes.put_back(pipeline);
    }
}

/// The rules that the oracle knows, with windows that are kept for so many days.
pub fn rules(retention: i64, zero_windows: bool, duplicates: Option<oracle::Horizon>) -> Rules {
    let (utc, none) = (chrono_tz::UTC, Span::ZERO);
    let ten_minutes = Span::MINUTE.times(10);
    let day = Definition::cumulative(
        "day",
        Span::DAY,
        Span::HOUR,
        none,
        chrono_tz::Asia::Shanghai,
    );
    let definitions = vec![
        Definition::tumbling("1m", Span::MINUTE, none, utc).unwrap(),
        Definition::sliding("10m-by-1m", ten_minutes, Span::MINUTE, none, utc).unwrap(),
        Definition::tumbling("1h", Span::HOUR, none, utc).unwrap(),
        day.unwrap(),
    ];
    Rules {
        settings: Arc::new(Settings {
            definitions,
            out_of_orderness: Span::SECOND.times(5),
            allowed_lateness: Span::DAY,
            max_future: Span::MINUTE.times(5),
            retention: Span::DAY.times(retention),
            zero_windows,
        }),
        duplicates: duplicates.map(|horizon| DuplicateRule {
            within: Span::from_millis(horizon.within),
            max_ids: horizon.max_ids,
        }),
    }
}
