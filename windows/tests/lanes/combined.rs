//! What all partitions decide together, by a naive computation and for any number of lanes.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tidegauge_windows::{EventTime, Participation, PartitionTime, Placement, Snapshot};

use super::LaneTopic;
use crate::topic::{DAY, after};

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
