//! Engines beside each other, each with the inputs of some partitions: lanes.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tidegauge_windows::{
    Changes, Engine, EventTime, Participation, PartitionTime, Placement, Snapshot, Summary,
};

use crate::topic::{DAY, Topic, after, day, settings};

/// Engines of which each inserts every so many-th partition. The first is the primary.
pub struct Lanes(Vec<Engine<u32, Summary>>);

impl Lanes {
    pub fn new(mut primary: Engine<u32, Summary>, count: usize) -> Self {
        let others: Vec<_> = (1..count)
            .map(|lane| primary.split_off(|partition| lane_of(partition, count) == lane))
            .collect();
        let mut lanes = vec![primary];
        lanes.extend(others);
        Self(lanes)
    }

    /// The one that inserts the inputs of `partition`.
    pub fn of(&mut self, partition: i32) -> &mut Engine<u32, Summary> {
        let lane = lane_of(partition, self.0.len());
        &mut self.0[lane]
    }

    pub fn primary(&self) -> &Engine<u32, Summary> {
        &self.0[0]
    }

    pub fn advance(&mut self) {
        self.together(Engine::advance);
    }

    pub fn close_quiet(&mut self, now: EventTime) -> bool {
        self.together(|primary| primary.close_quiet(now))
    }

    pub fn take_changes(&mut self) -> Changes<u32, Summary> {
        let (primary, others) = self.0.split_first_mut().unwrap();
        for lane in others {
            primary.absorb_slices(lane);
        }
        self.together(|primary| {
            primary.advance();
            primary.take_changes()
        })
    }

    /// The partitions of all.
    pub fn partitions(&self) -> Vec<i32> {
        let all = self.0.iter().flat_map(|lane| lane.partitions().keys());
        let all: BTreeSet<i32> = all.copied().collect();
        all.into_iter().collect()
    }

    fn together<T>(&mut self, decide: impl FnOnce(&mut Engine<u32, Summary>) -> T) -> T {
        let (primary, others) = self.0.split_first_mut().unwrap();
        for lane in others.iter_mut() {
            primary.absorb(lane);
        }
        let decided = decide(primary);
        for lane in others {
            lane.follow(primary);
        }
        decided
    }
}

fn lane_of(partition: i32, count: usize) -> usize {
    usize::try_from(partition).unwrap() % count
}

/// A topic in days of event time, read by several engines.
struct LaneTopic(Lanes);

impl LaneTopic {
    fn new(count: usize) -> Self {
        Self(Lanes::new(Topic::new().0, count))
    }

    fn restart(&mut self, count: usize) {
        let snapshot = self.0.primary().snapshot();
        self.0 = Lanes::new(Engine::restore(settings(), snapshot, []), count);
    }

    fn pay(&mut self, partition: i32, key: u32, time: EventTime) -> Placement {
        let lane = self.0.of(partition);
        lane.insert(partition, time, None, key, &1)
    }
}

//  p0  day 0, 1
//  p1  day 0 ............ 30: the slice is the lane's until all meet
#[test]
fn a_lane_moves_no_watermark_before_all_meet() {
    let mut topic = LaneTopic::new(2);
    for days in 0..=1 {
        topic.pay(0, 1, day(days));
        topic.pay(1, 1, day(days));
    }
    for days in 2..=30 {
        topic.pay(1, 1, day(days));
    }
    assert_eq!(topic.0.primary().watermark(), None);
    topic.0.advance();
    assert_eq!(topic.0.primary().watermark(), Some(day(1)));
    assert_eq!(topic.0.0[1].watermark(), Some(day(1)));
    let changes = topic.0.take_changes();
    assert_eq!(changes.slices[&(day(0), 1)].count, 2);
    assert_eq!(changes.slices.len(), 31);
    assert_eq!(changes.snapshot.latest, Some(day(30)));
    assert!(topic.0.take_changes().slices.is_empty());
}

//  p0  day 0 1 ... 30                  | a checkpoint: windows before day 20 are past retention
//  p1  day 0 1 ... 30                  | then day 19, and day 20
#[test]
fn what_is_past_retention_is_so_in_all_lanes_from_the_checkpoint_on() {
    let mut topic = LaneTopic::new(2);
    for days in 0..=30 {
        topic.pay(0, 1, day(days));
        topic.pay(1, 1, day(days));
    }
    assert_ne!(topic.pay(1, 1, after(0, 1)), Placement::PastRetention);
    topic.0.take_changes();
    // Its allowed lateness is over, but its windows may still be in the store. It is in none of them.
    assert_eq!(topic.pay(3, 1, after(20, -1)), Placement::PastRetention);
    assert_eq!(topic.pay(3, 1, day(20)), Placement::OnTime);
}

//  p0  day 0 1 2 3            | a checkpoint: the watermark is at day 3
//  p1  day 0 1 2 3            | day 2, then
#[test]
fn late_inputs_of_all_lanes_revise_the_windows_that_were_final_when_they_came() {
    let minute = |days| settings().definitions[0].windows_of(day(days)).next();
    let mut topic = LaneTopic::new(3);
    for days in 0..=3 {
        topic.pay(0, 1, day(days));
        topic.pay(1, 1, day(days));
    }
    topic.0.take_changes();
    for (partition, key) in [(0, 1), (1, 1), (1, 2)] {
        assert_eq!(topic.pay(partition, key, day(2)), Placement::Late);
        assert_eq!(topic.pay(partition, key, day(3)), Placement::OnTime);
    }
    topic.pay(0, 1, day(4));
    topic.pay(1, 1, day(4));
    // The minute of day 3 becomes final now, and was not when they came.
    topic.0.advance();
    assert_eq!(topic.pay(1, 1, day(3)), Placement::Late);
    let changes = topic.0.take_changes();
    let of_minutes = changes
        .revisions
        .iter()
        .filter(|((definition, ..), _)| *definition == 0);
    let revisions: BTreeMap<_, _> = of_minutes
        .map(|((_, window, key), times)| ((*window, *key), *times))
        .collect();
    let expected = [
        ((minute(2).unwrap(), 1), 2),
        ((minute(2).unwrap(), 2), 1),
        ((minute(3).unwrap(), 1), 1),
    ];
    assert_eq!(revisions, BTreeMap::from(expected));
}

//  p0  day 0, idle | meets | day 1: returning | meets: behind the others | day 8: has caught up | meets
//  p1  day 0 1 ... 8
#[test]
fn a_partition_that_returns_is_active_in_its_own_lane_once_it_has_caught_up() {
    let mut topic = LaneTopic::new(2);
    let participation = |topic: &LaneTopic| {
        let of = |lane: usize| topic.0.0[lane].partitions()[&1].participation;
        (of(0), of(1))
    };
    for partition in [0, 1] {
        topic.pay(partition, 1, day(0));
        topic.pay(partition, 1, day(0));
    }
    topic.0.of(1).set_idle(1, true);
    for days in 1..=8 {
        topic.pay(0, 1, day(days));
    }
    topic.0.advance();
    let both = |participation| (participation, participation);
    assert_eq!(participation(&topic), both(Participation::Idle));
    topic.pay(1, 1, day(1));
    topic.0.advance();
    assert_eq!(participation(&topic), both(Participation::Returning));
    for days in 2..=8 {
        topic.pay(1, 1, day(days));
    }
    topic.0.advance();
    assert_eq!(participation(&topic), both(Participation::Active));
    // So it holds back what the other would move.
    topic.pay(0, 1, day(9));
    topic.0.advance();
    assert_eq!(topic.0.primary().watermark(), Some(day(8)));
}

/// The combined watermark as its definition says it, from the partitions' times at each moment at which it may move.
#[derive(Default)]
struct Oracle {
    combined: Option<i64>,
    parts: BTreeMap<i32, OraclePart>,
}

#[derive(Clone, Copy, Default)]
struct OraclePart {
    is_idle: bool,
    is_returning: bool,
    believed: Option<i64>,
    /// The time of its first payments, while none is believed.
    first: Option<i64>,
}

impl Oracle {
    fn part(&mut self, partition: i32) -> &mut OraclePart {
        self.parts.entry(partition).or_default()
    }

    fn note(&mut self, partition: i32, placement: Placement, time: &PartitionTime) {
        let part = self.part(partition);
        part.believed = time.highest.map(EventTime::millis);
        part.first = match time.highest {
            None => time.jump.map(|jump| jump.to.millis()),
            Some(_) => None,
        };
        if placement == Placement::OnTime && part.is_idle {
            (part.is_idle, part.is_returning) = (false, true);
        }
    }

    fn set_idle(&mut self, partition: i32, idle: bool) {
        let part = self.part(partition);
        match (part.is_idle, idle) {
            (_, true) => (part.is_idle, part.is_returning) = (true, false),
            (true, false) => (part.is_idle, part.is_returning) = (false, true),
            (false, false) => {}
        }
    }

    fn advance(&mut self) {
        let combined = self.combined;
        for part in self.parts.values_mut() {
            let has_caught_up = part.believed.is_some() && part.believed >= combined;
            part.is_returning = part.is_returning && !has_caught_up;
        }
        let highest = self.parts.values().filter_map(|part| part.believed).max();
        let time = |part: &OraclePart| {
            let first = part
                .first
                .filter(|first| highest.is_some_and(|highest| *first <= highest + DAY));
            part.believed.or(first)
        };
        let active = self
            .parts
            .values()
            .filter(|part| !part.is_idle && !part.is_returning);
        let active: Vec<Option<i64>> = active.map(time).collect();
        let next = if !active.is_empty() {
            active.into_iter().min().unwrap()
        } else if self.parts.values().all(|part| part.is_idle) {
            self.parts.values().filter_map(time).max()
        } else {
            None
        };
        self.combined = self.combined.max(next);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn the_combined_watermark_and_quiet_closes_are_the_same_for_any_number_of_lanes(
        steps in prop::collection::vec((0..6_i32, -3..5_i64, 0..3_u32, 0..10_u8), 1..120),
    ) {
        let mut topics: Vec<LaneTopic> = (1..=8).map(LaneTopic::new).collect();
        let mut oracle = Oracle::default();
        let mut now = [0; 6];
        for (partition, days, key, step) in steps {
            let at = usize::try_from(partition).unwrap();
            now[at] += days;
            // One of them is on a clock of its own.
            let time = after(now[at] + if partition == 5 { 400 } else { 0 }, i64::from(key));
            let mut told = None;
            for topic in &mut topics {
                match step {
                    0 => topic.0.of(partition).set_idle(partition, true),
                    1 => topic.0.of(partition).set_idle(partition, false),
                    2 => topic.0.of(partition).resume(partition),
                    _ => {
                        let placement = topic.pay(partition, key, time);
                        let part = topic.0.of(partition).partitions()[&partition];
                        told = Some((placement, part));
                    }
                }
            }
            match (step, told) {
                (0 | 1, _) => oracle.set_idle(partition, step == 0),
                (2, _) => {
                    let part = oracle.part(partition);
                    (part.is_idle, part.is_returning) = (false, false);
                }
                (_, Some((placement, part))) => oracle.note(partition, placement, &part),
                _ => {}
            }
            if step < 6 {
                oracle.advance();
            }
            let mut closed = BTreeSet::new();
            let quiet_until = after(now.into_iter().max().unwrap() + days, 90);
            for (count, topic) in (1..).zip(&mut topics) {
                match step {
                    3 => drop(topic.0.take_changes()),
                    4 => {
                        topic.0.advance();
                        topic.restart((count * 3) % 8 + 1);
                    }
                    0 => drop(closed.insert(topic.0.close_quiet(quiet_until))),
                    1 | 2 | 5 => topic.0.advance(),
                    _ => {}
                }
                let watermark = topic.0.primary().watermark().map(EventTime::millis);
                prop_assert_eq!(watermark, oracle.combined, "{} lanes", topic.0.0.len());
            }
            prop_assert!(closed.len() < 2, "some of them found something to close, others did not");
        }
        let snapshots = topics.iter_mut().map(|topic| topic.0.take_changes().snapshot);
        let decided: BTreeSet<_> = snapshots
            .map(|snapshot| (participations(&snapshot), snapshot.latest, closes(&snapshot)))
            .collect();
        prop_assert_eq!(decided.len(), 1, "{:?}", decided);
    }

    #[test]
    fn a_payment_in_its_windows_is_in_none_that_is_gone_in_any_lane(
        steps in prop::collection::vec((0..6_i32, 0..60_i64, 0..3_u32, 0..12_u8), 1..150),
        counts in prop::collection::vec(1..=8_usize, 8),
    ) {
        let mut counts = counts.into_iter().cycle();
        let mut topic = LaneTopic::new(counts.next().unwrap());
        let mut floor = None;
        for partition in 0..6 {
            topic.0.of(partition).register(partition);
        }
        for (partition, days, key, step) in steps {
            match step {
                0 => topic.0.of(partition).set_idle(partition, true),
                1 => {
                    floor = floor.max(topic.0.take_changes().snapshot.floor);
                    topic.restart(counts.next().unwrap());
                }
                2 | 3 => floor = floor.max(topic.0.take_changes().snapshot.floor),
                4 => topic.0.advance(),
                _ => {}
            }
            // What is deleted is what readers of the store see no more: the floor of the last snapshot or of the next one.
            floor = floor.max(topic.0.primary().snapshot().floor);
            let time = after(days, days * 7);
            let placement = topic.pay(partition, key, time);
            if matches!(placement, Placement::OnTime | Placement::Late) {
                for definition in &settings().definitions {
                    for window in definition.windows_of(time) {
                        prop_assert!(Some(window.start) >= floor, "{window:?} starts before {floor:?}");
                    }
                }
            }
        }
    }

    // Each of the healthy partitions pays once between two meetings of all lanes, in which the wrong clock moves on by
    // eight days at most; retention is ten.
    #[test]
    fn a_partition_that_pays_between_two_meetings_misses_nothing_that_others_travelled(
        count in 1..=4_usize,
        moves in prop::collection::vec((prop::collection::vec(0..24_i64, 0..8), 0..8_u8, 0..3_i64), 1..60),
    ) {
        let mut topic = LaneTopic::new(count);
        for partition in [0, 1] {
            topic.pay(partition, 1, day(0));
            topic.pay(partition, 1, day(0));
        }
        topic.0.take_changes();
        let (mut now, mut wrong) = ([0; 2], 20_000);
        for (steps, turn, days) in moves {
            for (partition, now) in (0..).zip(&mut now) {
                *now += days * 8;
                let placement = topic.pay(partition, 1, after(0, *now * 60));
                prop_assert_eq!(placement, Placement::OnTime);
            }
            for hours in steps {
                wrong += hours;
                topic.pay(9, 1, after(0, wrong * 60));
            }
            for partition in [0, 1, 9] {
                topic.0.of(partition).set_idle(partition, turn & (1 << (partition % 4)) != 0);
            }
            topic.0.advance();
            topic.0.take_changes();
            if turn == 7 {
                topic.restart(count % 4 + 1);
            }
        }
    }
}

fn participations(snapshot: &Snapshot) -> Vec<(i32, bool, bool)> {
    let parts = snapshot.partitions.iter().map(|(partition, part)| {
        let is = |participation| part.participation == participation;
        (
            *partition,
            is(Participation::Idle),
            is(Participation::Returning),
        )
    });
    parts.collect()
}

fn closes(snapshot: &Snapshot) -> Vec<(EventTime, EventTime, EventTime)> {
    let closes = snapshot.quiet_closes.iter();
    closes
        .map(|close| (close.after, close.until, close.latest))
        .collect()
}
