//! Closes of a quiet stream, by the wall clock. Minutes of event time.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use tidegauge_windows::{ClosedBy, EventTime, Frame, MemoryCells, Summary, Window};

use crate::topic::{Topic, after, day, settings};

const MINUTE: u16 = 0;

fn minute_of(start: EventTime) -> Window {
    settings().definitions[usize::from(MINUTE)]
        .windows_of(start)
        .next()
        .unwrap()
}

fn closed_by(topic: &Topic, start: EventTime) -> Option<ClosedBy> {
    Frame::new(settings(), topic.0.snapshot()).closed_by(minute_of(start))
}

/// A topic of one payment, two minutes behind which the stream was closed.
fn closed_after(time: EventTime) -> Topic {
    let mut topic = Topic::new();
    topic.pay(0, 1, time);
    topic.0.set_idle(0, true);
    assert!(
        topic
            .0
            .close_quiet(time.plus(tidegauge_windows::Span::MINUTE.times(2)))
    );
    topic
}

#[test]
fn a_window_that_begins_with_the_last_payment_is_closed_and_the_next_is_not() {
    let topic = closed_after(day(0));
    assert_eq!(closed_by(&topic, day(0)), Some(ClosedBy::Quiet));
    assert_eq!(closed_by(&topic, after(0, 1)), None);
}

#[test]
fn a_window_that_the_watermark_closed_is_not_closed_by_a_quiet_stream_too() {
    // [0:00) | 0:01 watermark [0:01) | close 0:05
    let mut topic = Topic::new();
    topic.pay(0, 1, day(0));
    topic.pay(0, 1, after(0, 1));
    topic.0.set_idle(0, true);
    assert!(topic.0.close_quiet(after(0, 5)));
    assert_eq!(closed_by(&topic, day(0)), Some(ClosedBy::Watermark));
    assert_eq!(closed_by(&topic, after(0, 1)), Some(ClosedBy::Quiet));
}

#[test]
fn a_payment_that_comes_between_two_closes_is_in_the_second_even_if_no_watermark_moves() {
    // 0:00 | close 0:02        day 7, which no payment agrees with | close day 7, 0:02
    let mut topic = closed_after(day(0));
    topic.pay(0, 1, after(0, 5));
    topic.0.set_idle(0, true);
    assert!(topic.0.close_quiet(after(0, 7)));
    let watermark = topic.0.watermark();
    topic.pay(0, 1, day(7));
    topic.0.set_idle(0, true);
    assert!(topic.0.close_quiet(after(7, 2)));
    assert_eq!(topic.0.watermark(), watermark);
    for start in [after(0, 5), day(7)] {
        assert_eq!(closed_by(&topic, start), Some(ClosedBy::Quiet), "{start}");
    }
}

#[test]
fn the_watermark_tells_of_windows_that_a_close_just_before_it_does_not_mean() {
    // [0:00) | close 0:02     [0:05) [0:06) | 0:10 watermark, in the same checkpoint
    let mut topic = closed_after(day(0));
    for minute in [5, 6, 10] {
        topic.pay(0, 1, after(0, minute));
    }
    let changes = topic.0.take_changes();
    let frame = Frame::new(settings(), changes.snapshot.clone());
    let walks: Vec<_> = frame.closings(&changes).collect();
    let mut cells = MemoryCells::<u32, Summary>::default();
    cells.apply(frame.grid(), changes);
    let told: BTreeSet<Window> = walks
        .iter()
        .flat_map(|walk| frame.walk(&cells, walk, 1_000).unwrap().windows)
        .filter(|(number, ..)| *number == MINUTE)
        .map(|(_, window, _)| window)
        .collect();
    let expected = [day(0), after(0, 5), after(0, 6)].map(minute_of);
    assert_eq!(told, BTreeSet::from(expected));
}

#[test]
fn a_close_is_forgotten_when_the_floor_reaches_it() {
    // close 0:02 | floor 0:01: [0:01, 0:02) is kept | floor 0:02: all of its windows are gone
    let mut topic = closed_after(day(0));
    topic.step(0, 1, 10);
    topic.pay(0, 1, after(10, 1));
    topic.0.take_changes();
    assert_eq!(topic.floor(), Some(after(0, 1)));
    assert_eq!(topic.0.snapshot().quiet_closes.len(), 1);
    topic.pay(0, 1, after(10, 2));
    topic.0.take_changes();
    assert_eq!(topic.floor(), Some(after(0, 2)));
    assert_eq!(topic.0.snapshot().quiet_closes, []);
}
