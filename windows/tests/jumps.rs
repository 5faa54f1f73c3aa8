//! A jump of a partition's time, by one wrong clock or a real gap. Days of event time.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use tidegauge_windows::{AGREED_OF_ONE_KEY_MIN, Placement};

use crate::topic::{RETENTION, Topic, after, day};

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
    assert!(topic.0.close_quiet(after(0, 1)));
    assert!(
        !topic.0.close_quiet(after(0, 1)),
        "there is no other to close"
    );
}

#[test]
fn a_payment_within_a_day_of_both_makes_a_jump_near_and_one_further_back_disproves_it() {
    // 0:01 |-------- a day --------| 1 d 0:01
    //            12:00 |--------- a day ---------| 1 d 12:00, the jump
    let jump = after(1, 12 * 60);
    for (minute, highest) in [
        (20 * 60, jump),
        (12 * 60, jump),
        (12 * 60 - 1, after(0, 12 * 60 - 1)),
    ] {
        let mut topic = Topic::new();
        topic.pay(0, 1, after(0, 0));
        topic.pay(0, 2, after(0, 1));
        topic.pay(0, 1, jump);
        assert_eq!(topic.highest(0), Some(after(0, 1)));
        topic.pay(0, 1, after(0, minute));
        assert_eq!(topic.highest(0), Some(highest), "after {minute}");
        assert_eq!(topic.0.partitions()[&0].jump, None);
    }
}

#[test]
fn a_payment_on_the_watermark_disproves_a_jump_and_a_late_one_does_not() {
    // 0:00 | 0:01, the watermark ......... day 7, a jump
    for (minute, is_disproved) in [(1, true), (0, false)] {
        let mut topic = Topic::new();
        topic.pay(0, 1, after(0, 0));
        topic.pay(0, 2, after(0, 1));
        topic.pay(0, 1, day(7));
        topic.pay(0, 1, after(0, minute));
        let jump = topic.0.partitions()[&0].jump;
        assert_eq!(jump.is_none(), is_disproved, "{jump:?}");
    }
}
