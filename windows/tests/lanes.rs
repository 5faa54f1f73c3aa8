//! Engines beside each other, each with the inputs of some partitions: lanes.

#![allow(clippy::unwrap_used)]

mod combined;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tidegauge_windows::{Changes, Engine, EventTime, Participation, Placement, Summary};

use crate::topic::{RETENTION, Topic, after, day, settings};

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
        let all = self.0.iter().flat_map(|lane| lane.partitions().into_keys());
        let all: BTreeSet<i32> = all.collect();
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

//  p0  day 0  (idle)               still waited for  no longer
//  p1  day 0 1 2 ................. 10 ......... 19 20      floor: day 0 - 10, ..., 19 - 20, 20 - 10
#[test]
fn a_partition_that_has_no_payment_is_waited_for_while_another_lane_goes_on_for_twice_the_retention()
 {
    for is_primary in [true, false] {
        let (silent, other) = if is_primary { (0, 1) } else { (1, 0) };
        let mut topic = LaneTopic::new(2);
        for days in -15..=0 {
            topic.pay(other, 1, day(days));
        }
        topic.pay(silent, 1, day(0));
        topic.pay(silent, 1, day(0));
        topic.0.of(silent).set_idle(silent, true);
        topic.0.take_changes();
        let expected = [
            (10, -RETENTION),
            (19, 19 - 2 * RETENTION),
            (20, 20 - RETENTION),
        ];
        let mut next = 1;
        for (to, floor) in expected {
            for days in next..=to {
                topic.pay(other, 1, day(days));
                topic.0.take_changes();
            }
            next = to + 1;
            assert_eq!(topic.0.primary().snapshot().floor, Some(day(floor)));
        }
    }
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

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

    // Each of the healthy partitions pays once between two meetings of all lanes, or at every other one. Meanwhile the wrong
    // clock moves on by weeks, or by eight days; retention is ten.
    #[test]
    fn a_partition_that_pays_between_two_meetings_misses_nothing_that_others_travelled_then(
        count in 2..=4_usize,
        moves in prop::collection::vec((0..40_usize, 0..8_u8, 0..3_i64), 1..40),
    ) {
        let mut topic = LaneTopic::new(count);
        for partition in [0, 1] {
            topic.pay(partition, 1, day(0));
            topic.pay(partition, 1, day(0));
        }
        topic.0.take_changes();
        let (mut now, mut wrong) = ([0; 2], 1_000);
        for (steps, turn, days) in moves {
            for (partition, now) in (0..).zip(&mut now) {
                *now += days * 8;
                let placement = topic.pay(partition, 1, after(0, *now * 60));
                prop_assert_eq!(placement, Placement::OnTime);
            }
            for _ in 0..steps {
                wrong += 1;
                topic.pay(9, 1, day(wrong));
            }
            for partition in [0, 1, 9] {
                topic.0.of(partition).set_idle(partition, turn & (1 << (partition % 4)) != 0);
            }
            topic.0.take_changes();
            if turn % 2 == 1 {
                for _ in 0..8 {
                    wrong += 1;
                    topic.pay(9, 1, day(wrong));
                    topic.0.take_changes();
                }
            }
            if turn == 7 {
                topic.restart(count % 3 + 2);
            }
        }
    }
}
