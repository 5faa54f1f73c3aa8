//! The pure core: whatever the batches and checkpoints, the ledger balances and nothing moves.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod lanes;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ethnum::I256;
use proptest::prelude::*;
use tidegauge::core::effect::{Effects, Notices};
use tidegauge::core::pipeline::{Pipeline, PipelineStart, fingerprint};
use tidegauge::core::seen_orders::{DuplicateRule, MemoryOrders, SeenOrders};
use tidegauge::domain::branch::Branches;
use tidegauge::domain::ledger::{Entry, Ledger};
use tidegauge::domain::payment::BranchId;
use tidegauge::domain::record::Record;
use tidegauge::domain::total::Total;
use tidegauge::generator::{Generator, Options};
use tidegauge_windows::{
    Definition, EventTime, Frame, MemoryCells, Query, Settings, Span, Summary, WindowResult,
};

/// 2026-11-01T00:00:00Z.
const START: i64 = 1_793_491_200_000;

/// A message as a topic would hold it: partition, timestamp, value.
type Message = (i32, i64, Option<Vec<u8>>);

fn messages(seed: u64, count: usize) -> Vec<Message> {
    let mut generator = Generator::new(Options {
        seed,
        start: EventTime::from_millis(START),
        per_second: 2,
        disorder: Duration::from_secs(9),
        late_fraction: 0.05,
        too_late_fraction: 0.02,
        future_fraction: 0.02,
        duplicate_fraction: 0.02,
        bad_fraction: 0.1,
        ..Options::default()
    });
    (0..count)
        .map(|n| {
            let message = generator.next_message();
            let partition = i32::try_from(n % 3).unwrap();
            let value = message.value.map(<[u8]>::to_vec);
            (partition, message.timestamp.millis(), value)
        })
        .collect()
}

fn settings() -> Arc<Settings> {
    let utc = chrono_tz::UTC;
    Arc::new(Settings {
        definitions: vec![
            Definition::tumbling("1m", Span::MINUTE, Span::ZERO, utc).unwrap(),
            Definition::sliding("1h", Span::HOUR, Span::MINUTE.times(7), Span::ZERO, utc).unwrap(),
        ],
        out_of_orderness: Span::SECOND.times(5),
        allowed_lateness: Span::DAY,
        max_future: Span::MINUTE.times(5),
        retention: Span::DAY.times(35),
        zero_windows: true,
    })
}

/// Everything that effects have built up: a state directory in memory.
#[derive(Default)]
struct State {
    cells: MemoryCells<BranchId, Summary>,
    totals: BTreeMap<BranchId, Total>,
    ledger: Ledger,
    notices: Notices,
    listed: usize,
    /// How many payments repeat others, and how many of them are conflicts.
    repeated: (u64, u64),
    start: PipelineStart,
    /// The order ids that are remembered, if payments are compared.
    orders: Option<Arc<MemoryOrders>>,
}

impl State {
    fn commit(&mut self, effects: Effects) {
        for (branch, added) in &effects.totals {
            self.totals
                .entry(*branch)
                .and_modify(|total| total.merge(added))
                .or_insert(*added);
        }
        self.ledger.merge(&effects.ledger);
        self.notices.merge(&effects.notices);
        self.listed += effects.rejects.len() + effects.in_no_window.len();
        for repeated in &effects.repeated {
            self.repeated.0 += 1;
            self.repeated.1 += u64::from(repeated.is_conflict());
            assert!(repeated.first.offset < repeated.origin.offset);
        }
        if let Some(orders) = &self.orders {
            orders.apply(effects.orders);
        }
        self.start = PipelineStart {
            snapshot: effects.changes.snapshot.clone(),
            known: self
                .totals
                .iter()
                .map(|(branch, total)| (*branch, total.known_since))
                .collect(),
            progress: effects.progress,
        };
        let frame = Frame::new(settings(), effects.changes.snapshot.clone());
        let changes = effects.changes.map(|slice| slice.summary);
        self.cells.apply(frame.grid(), changes);
    }

    fn windows(&self) -> Vec<WindowResult<BranchId, Summary>> {
        let frame = Frame::new(settings(), self.start.snapshot.clone());
        (0..2)
            .flat_map(|number| frame.windows(&self.cells, &Query::all(number)).unwrap())
            // How often a final window was revised depends on when it was final.
            .map(|result| WindowResult {
                revision: 0,
                ..result
            })
            .collect()
    }

    fn pipeline(&self) -> Pipeline {
        let branches = Arc::new(Branches::default());
        let pipeline = Pipeline::new(settings(), chrono_tz::UTC, branches, self.start.clone());
        let Some(orders) = &self.orders else {
            return pipeline;
        };
        let rule = DuplicateRule {
            within: Span::MINUTE,
            max_ids: 200,
        };
        pipeline.comparing(SeenOrders::restore(rule, self.ledger.consumed, orders.clone()).unwrap())
    }
}

/// Runs all messages in batches of these lengths; after each a checkpoint, and where it says so a
/// restart. `compares`: with payments compared by their order ids.
fn run(messages: &[Message], batches: &[(usize, bool)], compares: bool) -> State {
    let mut state = State {
        orders: compares.then(Arc::default),
        ..State::default()
    };
    let mut pipeline = state.pipeline();
    let mut offsets = BTreeMap::new();
    let mut rest = messages;
    for (length, restart) in batches.iter().cycle() {
        let (batch, after) = rest.split_at((*length).min(rest.len()));
        rest = after;
        let records: Vec<Record<'_>> = batch
            .iter()
            .map(|(partition, timestamp, value)| {
                let offset = offsets.entry(*partition).or_insert(0_i64);
                *offset += 1;
                Record {
                    partition: *partition,
                    offset: *offset - 1,
                    timestamp: Some(*timestamp),
                    payload: value.as_deref(),
                    ..Record::default()
                }
            })
            .collect();
        pipeline.apply(records.iter().copied()).unwrap();
        for record in &records {
            let progress = pipeline.progress()[&record.partition];
            assert_eq!(progress.position, offsets[&record.partition]);
            let last = records.iter().rfind(|r| r.partition == record.partition);
            assert_eq!(progress.fingerprint, last.map(fingerprint));
        }
        state.commit(pipeline.take_effects());
        assert_balanced(&state);
        if *restart {
            pipeline = state.pipeline();
        }
        if rest.is_empty() {
            break;
        }
    }
    for partition in 0..3 {
        pipeline.set_idle(partition, true);
    }
    state.commit(pipeline.take_effects());
    assert_balanced(&state);
    state
}

fn assert_balanced(state: &State) {
    let ledger = &state.ledger;
    assert!(ledger.balanced());
    let totals = state
        .totals
        .values()
        .fold(I256::ZERO, |sum, total| sum + total.amount);
    assert_eq!(ledger.in_totals(), totals);
    let count = |entry| ledger.entry(entry).count;
    assert_eq!(
        state.notices.rejects.iter().sum::<u64>(),
        count(Entry::Rejected)
    );
    let conflicts = count(Entry::Conflict);
    let listed = count(Entry::Rejected) + count(Entry::TooLate) + count(Entry::Future) + conflicts;
    assert_eq!(state.listed as u64, listed);
    assert_eq!(
        state.repeated,
        (count(Entry::Duplicate) + conflicts, conflicts)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn batches_checkpoints_and_restarts_change_no_figure(
        seed: u64,
        batches in prop::collection::vec((1_usize..300, prop::bool::weighted(0.3)), 1..12),
    ) {
        let messages = messages(seed, 1_200);
        let whole = run(&messages, &[(messages.len(), false)], false);
        let parts = run(&messages, &batches, false);
        prop_assert_eq!(&whole.ledger, &parts.ledger);
        prop_assert_eq!(&whole.totals, &parts.totals);
        prop_assert_eq!(&whole.notices, &parts.notices);
        prop_assert_eq!(whole.windows(), parts.windows());
        // All of its windows or none: the minutes hold what is on time or late.
        let minutes: u64 = whole
            .windows()
            .iter()
            .filter(|result| result.definition == 0)
            .map(|result| result.aggregate.count)
            .sum();
        let placed = whole.ledger.entry(Entry::OnTime).count + whole.ledger.entry(Entry::Late).count;
        prop_assert_eq!(minutes, placed);
        for entry in Entry::ALL {
            let none = matches!(
                entry,
                Entry::Duplicate | Entry::Conflict | Entry::PastRetention | Entry::Filtered
            );
            prop_assert_eq!(whole.ledger.entry(entry).count == 0, none, "{:?}", entry);
        }
    }
    #[test]
    fn which_payments_are_duplicates_depends_on_the_log_of_their_partition_alone(
        seed: u64,
        batches in prop::collection::vec((1_usize..300, prop::bool::weighted(0.3)), 1..12),
        conflict_every in 2_usize..9,
    ) {
        let mut messages = messages(seed, 1_200);
        // Every so many payments the id of the one 20 before it in its partition comes again.
        for at in (60..messages.len()).step_by(conflict_every) {
            let (before, from) = messages.split_at_mut(at);
            if let (Some(earlier), Some(value)) = (&before[at - 60].2, &mut from[0].2) {
                take_order_id(value, earlier);
            }
        }
        let whole = run(&messages, &[(messages.len(), false)], true);
        prop_assert!(whole.ledger.entry(Entry::Conflict).count > 0);
        // One partition after the other.
        let mut apart = messages.clone();
        apart.sort_by_key(|(partition, _, _)| *partition);
        for other in [run(&messages, &batches, true), run(&apart, &batches, true)] {
            prop_assert_eq!(&whole.ledger, &other.ledger);
            prop_assert_eq!(&whole.totals, &other.totals);
            prop_assert_eq!(&whole.notices, &other.notices);
            prop_assert_eq!(whole.repeated, other.repeated);
        }
        prop_assert_eq!(run(&messages, &batches, true).windows(), whole.windows());
    }
}

/// Gives `value` the order id of `earlier`, if both are payments.
fn take_order_id(value: &mut Vec<u8>, earlier: &[u8]) {
    let id = |text: &str| {
        let from = text.find("\"orderId\":")? + 10;
        let digits = text[from..].find(|c: char| !c.is_ascii_digit())?;
        Some(from..from + digits)
    };
    let (Ok(text), Ok(earlier)) = (str::from_utf8(value), str::from_utf8(earlier)) else {
        return;
    };
    if let (Some(to), Some(from)) = (id(text), id(earlier)) {
        let mut taken = text.to_owned();
        taken.replace_range(to, &earlier[from]);
        *value = taken.into_bytes();
    }
}
