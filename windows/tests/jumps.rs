//! A jump of a partition's time, by one wrong clock or a real gap. Days of event time.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use tidegauge_windows::{
    AGREED_OF_ONE_KEY_MIN, Definition, Engine, EventTime, Placement, Settings, Span, Summary,
};

const DAY: i64 = 86_400_000;
const RETENTION: i64 = 10;

fn day(days: i64) -> EventTime {
    EventTime::from_millis(days * DAY)
}

fn after(days: i64, minutes: i64) -> EventTime {
    EventTime::from_millis(days * DAY + minutes * 60_000)
}

fn settings() -> Arc<Settings> {
    let zone = chrono_tz::UTC;
    let day = Definition::cumulative("day", Span::DAY, Span::HOUR, Span::ZERO, zone);
    let minute = Definition::tumbling("1m", Span::MINUTE, Span::ZERO, zone);
    Arc::new(Settings {
        definitions: vec![minute.unwrap(), day.unwrap()],
        out_of_orderness: Span::ZERO,
        allowed_lateness: Span::DAY,
        max_future: Span::MINUTE,
        retention: Span::DAY.times(u32::try_from(RETENTION).unwrap().into()),
        zero_windows: true,
    })
}

#[derive(Clone)]
struct Topic(Engine<u32, Summary>);

impl Topic {
    fn new() -> Self {
        Self(Engine::new(settings()))
    }

    fn pay(&mut self, partition: i32, key: u32, time: EventTime) -> Placement {
        let placement = self.0.insert(partition, time, None, key, &1);
        self.0.advance();
        placement
    }

    /// A payment a day in `partition`, and a checkpoint after each.
    fn step(&mut self, partition: i32, from: i64, to: i64) {
        for days in from..=to {
            assert_eq!(self.pay(partition, 1, day(days)), Placement::OnTime);
            self.0.take_changes();
        }
    }

    fn floor(&self) -> Option<EventTime> {
        self.0.snapshot().floor
    }

    fn highest(&self, partition: i32) -> Option<EventTime> {
        self.0.partitions()[&partition].highest
    }
}

#[test]
fn one_wrong_clock_moves_no_watermark_and_its_payment_is_in_its_windows() {
    // p0  0:00 ---- 0:01          day 365 comes from a wrong clock
    // p1  day 365 -- 0:01
    let mut topic = Topic::new();
    assert_eq!(topic.pay(0, 1, after(0, 0)), Placement::OnTime);
    assert_eq!(topic.pay(1, 2, day(365)), Placement::OnTime);
    assert_eq!(topic.pay(0, 1, after(0, 1)), Placement::OnTime);
    assert_eq!(topic.pay(1, 3, after(0, 1)), Placement::OnTime);
    assert_eq!(topic.pay(1, 3, after(0, 2)), Placement::OnTime);
    assert_eq!(topic.0.watermark(), Some(after(0, 1)));
    let slices = topic.0.take_changes().slices;
    assert!(slices.contains_key(&(day(365), 2)));
    assert_eq!(slices.values().map(|slice| slice.count).sum::<u64>(), 5);
}

#[test]
fn a_clock_that_goes_wrong_again_and_again_among_others_is_never_believed() {
    let mut topic = Topic::new();
    for minute in 0..100 {
        assert_eq!(topic.pay(0, 1, after(0, minute)), Placement::OnTime);
        // Several in a row, in between.
        for _ in 0..minute % 7 {
            topic.pay(0, 9, after(365, minute));
        }
    }
    assert_eq!(topic.highest(0), Some(after(0, 99)));
}

#[test]
fn nothing_follows_a_jump_that_no_payment_agrees_with_even_when_all_is_quiet() {
    let mut topic = Topic::new();
    topic.step(0, -20, -1);
    for minute in 0..3 {
        topic.pay(0, 1, after(0, minute));
        topic.pay(1, 2, after(0, minute));
    }
    topic.pay(1, 2, day(365));
    topic.0.set_idle(0, true);
    topic.0.set_idle(1, true);
    topic.0.advance();
    assert_eq!(topic.0.watermark(), Some(after(0, 2)));
    topic.0.take_changes();
    let floor = topic.0.take_changes().snapshot.floor;
    assert_eq!(floor, Some(after(-RETENTION, 2)));
    // The shop opens: nothing is too late, nothing is past retention.
    assert_eq!(topic.pay(1, 3, after(1, 0)), Placement::OnTime);
}

#[test]
fn a_week_without_payments_is_believed_with_the_third_one_after_it() {
    // 0:00 0:01 ....... day 7, 7 + 1 min, 7 + 2 min
    for other in [1, 2] {
        let mut topic = Topic::new();
        topic.pay(0, 1, after(0, 0));
        topic.pay(0, other, after(0, 1));
        topic.pay(0, 1, day(7));
        assert_eq!(topic.highest(0), Some(after(0, 1)));
        topic.pay(0, other, after(7, 1));
        assert_eq!(topic.highest(0), Some(after(0, 1)));
        topic.pay(0, 1, after(7, 2));
        assert_eq!(topic.highest(0), Some(after(7, 2)));
        assert_eq!(topic.0.partitions()[&0].jump, None);
    }
}

#[test]
fn where_others_pay_too_one_branch_alone_is_believed_after_sixteen_payments_more() {
    let mut topic = Topic::new();
    topic.pay(0, 1, after(0, 0));
    topic.pay(0, 2, after(0, 1));
    let further = i64::from(AGREED_OF_ONE_KEY_MIN);
    for minute in 0..further {
        topic.pay(0, 2, after(7, minute));
        assert_eq!(topic.highest(0), Some(after(0, 1)));
    }
    topic.pay(0, 2, after(7, further));
    assert_eq!(topic.highest(0), Some(after(7, further)));
}

#[test]
fn payments_days_apart_move_the_watermark_a_few_payments_behind() {
    let mut topic = Topic::new();
    let believed = [
        None,
        Some(0),
        Some(0),
        Some(2),
        Some(2),
        Some(6),
        Some(6),
        Some(10),
    ];
    for (turn, believed) in (0..).zip(believed) {
        assert_eq!(topic.pay(0, 1, day(2 * turn)), Placement::OnTime);
        assert_eq!(topic.highest(0), believed.map(day), "after {turn}");
    }
}

#[test]
fn a_payment_that_agrees_with_a_jump_is_late_behind_it_and_not_lost() {
    // 0:00 0:01 ... day 7 ... an hour before day 7: late by the jump, in its windows
    let mut topic = Topic::new();
    topic.pay(0, 1, after(0, 0));
    topic.pay(0, 2, after(0, 1));
    topic.pay(0, 1, day(7));
    assert_eq!(topic.pay(0, 1, after(7, -60)), Placement::Late);
    assert_eq!(topic.highest(0), Some(after(0, 1)));
    assert_eq!(topic.pay(0, 2, after(7, -30)), Placement::Late);
    assert_eq!(topic.highest(0), Some(day(7)));
}

#[test]
fn a_quiet_stream_closes_the_only_payment_of_a_topic() {
    let mut topic = Topic::new();
    topic.pay(0, 1, after(0, 0));
    topic.0.set_idle(0, true);
    assert!(topic.0.quiet_close(after(0, 1)));
    assert!(
        !topic.0.quiet_close(after(0, 1)),
        "there is no other to close"
    );
}

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
fn a_wrong_clock_that_is_alone_in_its_partition_moves_no_retention() {
    // p0  day 0 -------- (idle) .............. day 1
    // p1  day 365 365 365, and goes on, once a day, for less than the retention (10)
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
        // The other goes on as well: it is waited for again, as long as it pays at all.
        topic.step(1, 375, 384);
        topic.step(0, 3, 12);
        topic.step(0, 13, 13);
        topic.0.take_changes();
        let kept = topic.floor().unwrap_or(EventTime::MIN);
        assert!(kept <= day(3), "{kept}");
    }
}

#[test]
fn of_three_partitions_one_whose_clock_is_behind_holds_no_more_than_twice_the_retention() {
    let mut topic = Topic::new();
    for days in 0..40 {
        for (partition, behind) in [(0, 0), (1, 0), (2, 15)] {
            let placement = topic.pay(partition, 1, day(days - behind));
            assert_eq!(placement, Placement::OnTime);
            topic.0.set_idle(2, true);
            topic.0.advance();
            topic.0.take_changes();
        }
    }
    assert_eq!(topic.floor(), Some(day(39 - 2 * RETENTION)));
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

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
