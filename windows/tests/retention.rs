//! Which windows are kept, and which payments come too late for that. Days of event time.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use proptest::prelude::*;
use tidegauge_windows::{Engine, EventTime, Placement};

use crate::topic::{DAY, RETENTION, Topic, after, day, settings};

#[test]
fn a_partition_far_behind_keeps_the_windows_that_its_next_payments_are_in() {
    // p0  day 0 .................. day 18 18 18        retention 10: windows from day 0 - 10 on
    // p1  day 0  (idle) ......................... day 1
    let mut topic = Topic::new();
    for partition in [0, 1, 0, 1] {
        topic.pay(partition, 1, day(0));
    }
    topic.0.set_idle(1, true);
    topic.0.take_changes();
    for minute in 0..3 {
        topic.pay(0, 1, after(18, minute));
        topic.0.take_changes();
    }
    assert_eq!(topic.pay(1, 2, day(1)), Placement::OnTime);
    assert_eq!(topic.pay(1, 2, after(1, 1)), Placement::OnTime);
}

#[test]
fn what_is_past_retention_is_in_none_of_its_windows() {
    // p0 at day 30, retention 10: windows that start before day 20 are gone
    // the minute of day 20, 00:00 is kept, and so is the day; the minute before it is not
    let mut topic = Topic::new();
    topic.step(0, 0, 30);
    let mut other = topic.clone();
    assert_eq!(other.pay(1, 2, after(20, -1)), Placement::PastRetention);
    assert_eq!(other.pay(1, 2, day(20)), Placement::OnTime);
    // Retention counts from day 30 and an hour on: the minute would be kept, its day is gone.
    topic.pay(0, 1, after(30, 60));
    topic.0.take_changes();
    assert_eq!(topic.pay(1, 2, after(20, 120)), Placement::PastRetention);
    assert_eq!(topic.pay(1, 2, day(21)), Placement::OnTime);
}

#[test]
fn the_floor_stays_while_there_is_nothing_to_forget() {
    // day 0 | the first start that it reaches is a millisecond later | day 10 and 1 ms, 2 ms
    let mut topic = Topic::new();
    topic.step(0, 0, 10);
    let millis = |millis| EventTime::from_millis(day(10).millis() + millis);
    for (time, floor) in [
        (millis(1), None),
        (millis(2), Some(EventTime::from_millis(2))),
    ] {
        topic.pay(0, 1, time);
        topic.0.take_changes();
        assert_eq!(topic.floor(), floor);
    }
}

#[test]
fn a_wrong_clock_that_is_alone_in_its_partition_moves_no_retention() {
    // p0  day 0 -------- (idle) .............. day 1
    // p1  day 365 365 365, and continues, once a day, for less than the retention (10)
    for is_first in [true, false] {
        let mut topic = Topic::new();
        if !is_first {
            topic.step(0, 0, 0);
        }
        topic.step(1, 365, 365);
        topic.step(1, 365, 374);
        topic.0.set_idle(0, true);
        topic.0.set_idle(1, true);
        topic.0.advance();
        topic.0.take_changes();
        topic.0 = Engine::restore(settings(), topic.0.snapshot(), []);
        assert_eq!(topic.0.watermark(), Some(day(374)));
        topic.step(0, 1, 2);
        assert_eq!(topic.floor(), None);
        // The other continues as well: it is waited for again, as long as it pays at all.
        topic.step(1, 375, 384);
        topic.step(0, 3, 12);
        topic.step(0, 13, 13);
        topic.0.take_changes();
        let kept = topic.floor().unwrap_or(EventTime::MIN);
        assert!(kept <= day(3), "{kept}");
    }
}

#[test]
fn wrong_clocks_in_most_partitions_move_no_retention() {
    // p0  day 0 ... (idle) ........ day 1
    // p1, p2  day 365 .. 366, then 30 days further, again and again
    let mut topic = Topic::new();
    topic.step(0, -20, 0);
    for days in [365, 366, 396, 426, 456] {
        for partition in [1, 2] {
            for minute in 0..3 {
                topic.pay(partition, 1, after(days, minute));
            }
        }
        for partition in 0..3 {
            topic.0.set_idle(partition, true);
        }
        topic.0.advance();
        topic.0.take_changes();
    }
    assert_eq!(topic.0.watermark(), Some(after(456, 2)));
    assert_eq!(topic.floor(), Some(day(-RETENTION)));
    topic.step(0, 1, 2);
}

#[test]
fn a_wrong_clock_takes_no_window_from_others_however_short_the_retention_is() {
    // retention 3 h
    // p0  0:00 ... 0:30 (idle) .................. 0:31
    // p1  a year, or 23 hours, further: three payments (idle)
    for ahead in [365 * 24 * 60, 23 * 60] {
        let mut topic = Topic::kept_for_hours(3);
        for minute in 0..=30 {
            topic.pay(0, 1, after(0, minute));
            topic.pay(1, 1, after(0, minute));
        }
        for minute in 0..3 {
            topic.pay(1, 1, after(0, ahead + minute));
        }
        for partition in [0, 1] {
            topic.0.set_idle(partition, true);
        }
        topic.0.advance();
        topic.0.take_changes();
        assert_eq!(topic.pay(0, 1, after(0, 31)), Placement::OnTime, "{ahead}");
        topic.0.take_changes();
        assert_eq!(topic.pay(0, 1, after(0, 32)), Placement::OnTime, "{ahead}");
    }
}

#[test]
fn a_partition_that_has_no_payment_is_waited_for_until_others_went_on_for_twice_the_retention() {
    // p0  day 0 1 2 ................. 10 ......... 19 20      floor: day 0 - 10, ..., 19 - 20, 20 - 10
    // p1  day 0   (idle)              still waited for  no longer
    let mut topic = Topic::new();
    topic.step(0, -15, 0);
    topic.step(1, 0, 0);
    topic.0.set_idle(1, true);
    topic.step(0, 1, 10);
    assert_eq!(topic.floor(), Some(day(-RETENTION)));
    topic.step(0, 11, 19);
    assert_eq!(topic.floor(), Some(day(19 - 2 * RETENTION)));
    topic.step(0, 20, 20);
    assert_eq!(topic.floor(), Some(day(20 - RETENTION)));
}

#[test]
fn a_shop_that_is_open_once_a_week_keeps_no_more_days_than_any_other() {
    let mut topic = Topic::new();
    topic.pay(1, 1, day(0));
    topic.pay(1, 1, day(0));
    topic.0.set_idle(1, true);
    for week in 0..100 {
        for minute in 0..3 {
            topic.pay(0, 1, after(7 * week, minute));
        }
        topic.0.take_changes();
    }
    topic.0.take_changes();
    assert_eq!(topic.floor(), Some(after(7 * 99 - RETENTION, 2)));
}

/// What retention must count back from, from all payments so far, each time from the beginning.
#[derive(Default)]
struct Oracle {
    /// The payments that were not behind the watermark.
    log: Vec<Noted>,
}

struct Noted {
    partition: i32,
    /// What was believed before and after it.
    before: Option<i64>,
    believed: Option<i64>,
    /// What is not believed yet.
    jump: Option<i64>,
}

impl Oracle {
    fn note(&mut self, topic: &Topic, partition: i32, before: Option<EventTime>) {
        let part = topic.0.partitions()[&partition];
        self.log.push(Noted {
            partition,
            before: before.map(EventTime::millis),
            believed: part.highest.map(EventTime::millis),
            jump: part.jump.map(|jump| jump.to.millis()),
        });
    }

    /// How far event time had travelled after each payment: a payment continues from where event time was
    /// at the payment of its partition before it.
    fn travelled(&self) -> Vec<i64> {
        let mut travelled: Vec<i64> = Vec::new();
        for (at, noted) in self.log.iter().enumerate() {
            let step = match (noted.before, noted.believed) {
                (Some(before), Some(now)) => (now - before).min(DAY),
                _ => 0,
            };
            let from = self.last_of(noted.partition, at);
            let by_it = from.map_or(0, |from| travelled[from]) + step;
            let by_all = travelled.last().copied().unwrap_or(0);
            travelled.push(by_all.max(by_it));
        }
        travelled
    }

    fn last_of(&self, partition: i32, before: usize) -> Option<usize> {
        let mut log = self.log[..before].iter();
        log.rposition(|noted| noted.partition == partition)
    }

    fn floor(&self, combined: Option<EventTime>) -> Option<i64> {
        let travelled = self.travelled();
        let retention = RETENTION * DAY;
        let mut times = Vec::new();
        for partition in 0..8 {
            let Some(at) = self.last_of(partition, self.log.len()) else {
                continue;
            };
            let missed = travelled.last().unwrap() - travelled[at];
            let time = self.log[at].believed.or(self.log[at].jump).unwrap();
            if missed < 2 * retention {
                times.push(time + (missed - retention).max(0));
            }
        }
        let slowest = times.into_iter().min()?;
        Some(slowest.min(combined?.millis()) - retention)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn retention_counts_back_from_what_a_naive_computation_says(
        steps in prop::collection::vec((0..5_i32, 0..3_i64, -30..200_i64, 0..6_u8, 0..3_u32), 1..150),
    ) {
        let mut topic = Topic::new();
        let mut oracle = Oracle::default();
        let mut now = [0; 5];
        let (mut floor, mut first) = (None, i64::MAX);
        for (partition, days, jump, step, key) in steps {
            let at = usize::try_from(partition).unwrap();
            now[at] += if step == 5 { jump } else { days };
            let time = after(now[at], days * 7);
            let before = topic.0.partitions().get(&partition).and_then(|part| part.highest);
            let is_behind = before.is_some_and(|highest| time < highest);
            let placement = topic.pay(partition, key, time);
            if matches!(placement, Placement::OnTime | Placement::Late) {
                first = first.min(time.millis());
                if !is_behind {
                    oracle.note(&topic, partition, before);
                }
            }
            topic.0.set_idle(partition, step % 2 == 0);
            topic.0.advance();
            if step == 4 {
                topic.0.take_changes();
                let wanted = oracle.floor(topic.0.watermark());
                // There is something to forget, from a millisecond after the payment on.
                let wanted = wanted.filter(|wanted| floor.is_some() || first + 1 < *wanted);
                floor = floor.max(wanted);
                if let (Some(floor), Some(engine)) = (floor, topic.floor()) {
                    prop_assert!(engine.millis() <= floor, "{engine} {floor}");
                }
                let is_same = topic.floor().map(EventTime::millis) == floor;
                let has_gap = topic.0.snapshot().activity.first().is_none_or(|first| Some(first.start) >= topic.floor());
                prop_assert!(is_same || has_gap, "{:?} {floor:?}", topic.floor());
            }
        }
    }

    // Each of the healthy partitions pays at least once while the wrong clock moves on by eight days;
    // retention is ten.
    #[test]
    fn whatever_is_on_a_lone_wrong_clock_no_payment_of_others_is_past_retention(
        ahead in 0..40_000_i64,
        moves in prop::collection::vec((prop::collection::vec(0..24_i64, 0..8), 0..8_u8, 0..3_i64), 1..60),
    ) {
        let mut topic = Topic::new();
        topic.step(0, 0, 0);
        topic.step(1, 0, 0);
        let (mut now, mut wrong) = (0, ahead);
        for (steps, turn, days) in moves {
            for hours in steps {
                wrong += hours;
                topic.pay(9, 1, after(0, wrong * 60));
                topic.0.take_changes();
            }
            for partition in 0..2 {
                now += days * 8;
                let placement = topic.pay(partition, 1, after(0, now * 60));
                prop_assert_eq!(placement, Placement::OnTime);
            }
            for partition in [0, 1, 9] {
                topic.0.set_idle(partition, turn & (1 << (partition % 4)) != 0);
            }
            topic.0.advance();
            topic.0.take_changes();
            if turn == 7 {
                topic.0 = Engine::restore(settings(), topic.0.snapshot(), []);
            }
        }
    }

    #[test]
    fn a_payment_in_its_windows_is_in_none_that_is_gone(
        steps in prop::collection::vec((0..3_i32, 0..60_i64, 0..3_u32, 0..8_u8), 1..120),
    ) {
        let mut topic = Topic::new();
        let mut floor = None;
        for partition in 0..3 {
            topic.0.register(partition);
        }
        let mut written = BTreeSet::new();
        for (partition, days, key, step) in steps {
            match step {
                0 => topic.0.set_idle(partition, true),
                1 => {
                    let changes = topic.0.take_changes();
                    floor = floor.max(changes.snapshot.floor);
                    topic.0 = Engine::restore(settings(), topic.0.snapshot(), []);
                }
                2 => floor = floor.max(topic.0.take_changes().snapshot.floor),
                _ => {}
            }
            let time = after(days, days * 7);
            let placement = topic.pay(partition, key, time);
            if matches!(placement, Placement::OnTime | Placement::Late) {
                written.insert(time);
                for definition in &settings().definitions {
                    for window in definition.windows_of(time) {
                        prop_assert!(Some(window.start) >= floor, "{window:?} starts before {floor:?}");
                    }
                }
            }
        }
    }
}
