//! Any interleaving of partitions, any batches, any restart: the same figures, and a sink that is
//! told enough.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use tidegauge_windows::{
    Definition, Engine, EventTime, Frame, MemoryCells, Placement, Query, Settings, Span, Summary,
    Window,
};

use crate::lanes::Lanes;
use crate::model::{self, Fate, Figure, Input, MINUTE, Rules, Shape};

fn minutes(n: i64) -> Span {
    Span::MINUTE.times(n)
}

fn definition(shape: &Shape) -> Definition {
    match *shape {
        Shape::Tumbling { size, offset } => {
            Definition::tumbling("t", minutes(size), minutes(offset), chrono_tz::UTC)
        }
        Shape::Sliding {
            size,
            slide,
            offset,
        } => Definition::sliding(
            "s",
            minutes(size),
            minutes(slide),
            minutes(offset),
            chrono_tz::UTC,
        ),
        Shape::Cumulative { size, step, offset } => Definition::cumulative(
            "c",
            minutes(size),
            minutes(step),
            minutes(offset),
            chrono_tz::UTC,
        ),
    }
    .unwrap()
}

fn settings(shapes: &[Shape], rules: Rules) -> Arc<Settings> {
    Arc::new(Settings {
        definitions: shapes.iter().map(definition).collect(),
        out_of_orderness: minutes(rules.out_of_orderness),
        allowed_lateness: minutes(rules.allowed_lateness),
        max_future: minutes(rules.max_future),
        retention: Span::DAY.times(400),
        zero_windows: true,
    })
}

/// An engine with a store and a sink: all that happens to a payment, without Kafka and disks.
struct House {
    settings: Arc<Settings>,
    lanes: Lanes,
    cells: MemoryCells<u32, Summary>,
    known: BTreeMap<u32, EventTime>,
    sent: BTreeMap<(u16, Window, u32), Figure>,
    /// How many windows one step of a walk names at most.
    step: usize,
}

impl House {
    fn new(settings: Arc<Settings>, configured: &[u32]) -> Self {
        let mut house = Self {
            lanes: Lanes::new(Engine::new(Arc::clone(&settings)), 1),
            settings,
            cells: MemoryCells::default(),
            known: BTreeMap::new(),
            sent: BTreeMap::new(),
            step: 1_000,
        };
        for key in configured {
            house.learn(0, *key, EventTime::MIN);
        }
        house
    }

    fn learn(&mut self, partition: i32, key: u32, time: EventTime) {
        let known = self.known.entry(key).or_insert(EventTime::MAX);
        *known = time.min(*known);
        self.lanes.of(partition).know(key, time);
    }

    fn insert(&mut self, input: &Input) -> Placement {
        let time = EventTime::from_millis(input.time());
        self.learn(input.partition, input.key, time);
        let recorded = input.recorded().map(EventTime::from_millis);
        let amount = i128::from(input.amount);
        let lane = self.lanes.of(input.partition);
        lane.insert(input.partition, time, recorded, input.key, &amount)
    }

    fn checkpoint(&mut self) {
        self.lanes.advance();
        let changes = self.lanes.take_changes();
        let frame = Frame::new(Arc::clone(&self.settings), changes.snapshot.clone());
        let cells: Vec<_> = changes.slices.keys().copied().collect();
        let mut touched = frame.windows_of(&cells);
        let closings: Vec<_> = frame.closings(&changes).collect();
        let zeros: Vec<_> = frame.zero_walks(&changes).collect();
        self.cells.apply(frame.grid(), changes);
        for mut walk in closings.into_iter().map(Some) {
            while let Some(next) = walk {
                let step = frame.walk(&self.cells, &next, self.step).unwrap();
                touched.extend(step.windows);
                walk = step.rest;
            }
        }
        for mut walk in zeros.into_iter().map(Some) {
            while let Some(next) = walk {
                let step = frame.walk_zeros(&self.cells, &next, |_| true, self.step);
                let step = step.unwrap();
                touched.extend(step.windows);
                walk = step.rest;
            }
        }
        for (number, window, key) in touched {
            if let Some(result) = frame.window(&self.cells, number, window, key).unwrap() {
                self.sent.insert(
                    (number, window, key),
                    figure(&result.aggregate, result.is_final()),
                );
            }
        }
    }

    fn restart(&mut self, lanes: usize) {
        self.checkpoint();
        let snapshot = self.lanes.primary().snapshot();
        let settings = Arc::clone(&self.settings);
        let engine = Engine::restore(settings, snapshot, self.known.clone());
        self.lanes = Lanes::new(engine, lanes);
    }

    fn end(&mut self) {
        for partition in self.lanes.partitions() {
            self.lanes.of(partition).set_idle(partition, true);
        }
        self.checkpoint();
    }

    fn listed(&self, page: usize) -> BTreeMap<(u16, Window, u32), Figure> {
        let frame = Frame::new(Arc::clone(&self.settings), self.lanes.primary().snapshot());
        let mut all = BTreeMap::new();
        for number in 0..u16::try_from(self.settings.definitions.len()).unwrap() {
            let mut query = Query::all(number);
            query.limit = page;
            loop {
                let results = frame.windows(&self.cells, &query).unwrap();
                assert!(results.len() <= page, "more than asked for");
                for result in &results {
                    let at = (result.window.start, result.key, result.window.end);
                    assert!(query.after.is_none_or(|after| after < at), "out of order");
                    query.after = Some(at);
                    let key = (number, result.window, result.key);
                    let figure = figure(&result.aggregate, result.is_final());
                    assert_eq!(all.insert(key, figure), None, "given twice");
                }
                if results.len() < page {
                    break;
                }
            }
        }
        all
    }
}

fn figure(summary: &Summary, is_final: bool) -> Figure {
    (
        summary.count,
        i64::try_from(summary.sum.as_i128()).unwrap(),
        summary.late_count,
        is_final,
    )
}

fn shape() -> impl Strategy<Value = Shape> {
    let size = prop_oneof![Just(5_i64), Just(7), Just(60), Just(90), 1_i64..200];
    (size, 1_i64..40, 0_i64..30, 0..3).prop_map(|(size, part, offset, kind)| match kind {
        0 => Shape::Tumbling {
            size,
            offset: offset % size,
        },
        1 => Shape::Sliding {
            size,
            slide: part.min(size),
            offset: offset % part.min(size),
        },
        _ => Shape::Cumulative {
            size: size.min(12) * part,
            step: part,
            offset: offset % (size.min(12) * part),
        },
    })
}

fn input() -> impl Strategy<Value = Input> {
    // Mostly close together, around the epoch, on and off boundaries; some in far days.
    let minute = prop_oneof![8 => -200_i64..400, 1 => 2_000_i64..4_500];
    let ahead = prop_oneof![Just(None), (-10_i64..3).prop_map(Some), Just(Some(9))];
    (0..3_i32, minute, ahead, 0..4_u32, -50_i64..1_000).prop_map(
        |(partition, minute, ahead, key, amount)| Input {
            partition,
            minute,
            ahead,
            key,
            amount,
        },
    )
}

fn rules() -> impl Strategy<Value = Rules> {
    (0_i64..20, prop_oneof![Just(0_i64), 0_i64..2_000]).prop_map(
        |(out_of_orderness, allowed_lateness)| Rules {
            out_of_orderness,
            allowed_lateness,
            max_future: 5,
        },
    )
}

/// The same partitions' logs, their records taking turns another way.
fn interleaved(inputs: &[Input], turns: &[usize]) -> Vec<Input> {
    let mut logs: Vec<Vec<Input>> = vec![Vec::new(); 3];
    for input in inputs.iter().rev() {
        logs[usize::try_from(input.partition).unwrap()].push(*input);
    }
    let mut turns = turns.iter().cycle();
    let mut all = Vec::new();
    while all.len() < inputs.len() {
        let turn = turns.next().unwrap();
        let first = (0..3)
            .map(|k| (turn + k) % 3)
            .find(|p| !logs[*p].is_empty());
        // A run of records of one partition, as a fetch brings them.
        for _ in 0..=turn / 3 {
            all.extend(logs[first.unwrap()].pop());
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn figures_are_a_function_of_the_partitions_logs_alone(
        shapes in prop::collection::vec(shape(), 1..4),
        rules in rules(),
        inputs in prop::collection::vec(input(), 1..60),
        turns in prop::collection::vec(0_usize..15, 8..40),
        steps in prop::collection::vec(0_u8..12, 60),
        configured in prop_oneof![Just(vec![]), Just(vec![2_u32, 9])],
        page in 1_usize..9,
        lanes in prop::collection::vec(1_usize..=8, 8),
    ) {
        let inputs = interleaved(&inputs, &turns);
        let mut house = House::new(settings(&shapes, rules), &configured);
        let mut lanes = lanes.into_iter().cycle();
        house.restart(lanes.next().unwrap());
        // Steps this small end in the middle of everything.
        house.step = 5 * page;
        let fates = model::fates(&inputs, &shapes, rules);
        for ((input, fate), step) in inputs.iter().zip(fates).zip(steps) {
            let placement = house.insert(input);
            let same = matches!(
                (placement, fate),
                (Placement::OnTime, Fate::OnTime)
                    | (Placement::Late, Fate::Late)
                    | (Placement::TooLate, Fate::TooLate)
                    | (Placement::Future, Fate::Future)
            );
            prop_assert!(same, "{placement:?} for {fate:?} of {input:?}");
            match step {
                0 => house.restart(lanes.next().unwrap()),
                1..4 => house.checkpoint(),
                4 => house.lanes.advance(),
                _ => {}
            }
        }
        house.end();
        let expected = model::windows(&inputs, &shapes, rules, &configured);
        let listed = house.listed(page);
        prop_assert_eq!(&listed, &expected);
        // The sink was told of every window that looks the way it does now.
        prop_assert_eq!(&house.sent, &expected);
        // In all of its windows or in none: the amounts of a tumbling definition add up.
        for (number, shape) in (0..).zip(&shapes) {
            if let Shape::Tumbling { .. } = shape {
                let count: u64 = listed.iter().filter(|(k, _)| k.0 == number).map(|(_, f)| f.0).sum();
                let placed = model::fates(&inputs, &shapes, rules)
                    .iter()
                    .filter(|fate| matches!(fate, Fate::OnTime | Fate::Late))
                    .count();
                prop_assert_eq!(usize::try_from(count).unwrap(), placed);
            }
        }
    }
}

#[test]
fn a_partition_read_wholly_before_the_next_loses_nothing() {
    let shapes = [Shape::Tumbling { size: 1, offset: 0 }];
    let rules = Rules {
        out_of_orderness: 5,
        allowed_lateness: 0,
        max_future: 5,
    };
    let mut house = House::new(settings(&shapes, rules), &[]);
    let log = |partition| {
        (0..500).map(move |minute| Input {
            partition,
            minute,
            ahead: None,
            key: 1,
            amount: 1,
        })
    };
    house.lanes.of(0).register(0);
    house.lanes.of(1).register(1);
    let mut late = 0;
    for input in log(0).chain(log(1)) {
        late += usize::from(house.insert(&input) != Placement::OnTime);
        house.lanes.advance();
    }
    house.end();
    assert_eq!(late, 0);
    let all = house.listed(100);
    assert_eq!(all.values().map(|figure| figure.0).sum::<u64>(), 1_000);
    assert_eq!(MINUTE, 60_000);
}
