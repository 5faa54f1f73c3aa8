//! Watermarks, finality and quiet closes. Minutes of event time; `|` is where a watermark stands.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use tidegauge_windows::{
    ClosedBy, Definition, Engine, EventTime, Frame, MemoryCells, Participation, Placement, Query,
    Settings, Span, Summary, Window, WindowResult,
};

fn at(minute: i64) -> EventTime {
    EventTime::from_millis(minute * 60_000)
}

fn settings(definitions: Vec<Definition>) -> Arc<Settings> {
    Arc::new(Settings {
        definitions,
        out_of_orderness: Span::MINUTE.times(5),
        allowed_lateness: Span::HOUR,
        max_future: Span::MINUTE.times(5),
        retention: Span::DAY.times(35),
        zero_windows: true,
    })
}

fn ten_minutes() -> Definition {
    let size = Span::MINUTE.times(10);
    Definition::tumbling("10m", size, Span::ZERO, chrono_tz::UTC).unwrap()
}

fn engine() -> Engine<u32, Summary> {
    Engine::new(settings(vec![ten_minutes()]))
}

fn add(engine: &mut Engine<u32, Summary>, partition: i32, minute: i64) -> Placement {
    let placement = engine.insert(partition, at(minute), None, 1, &100);
    engine.know(1, at(minute));
    engine.advance();
    placement
}

/// Two payments that agree, so that the time of a partition which had none is believed.
fn begin(engine: &mut Engine<u32, Summary>, partition: i32, minute: i64) {
    add(engine, partition, minute);
    add(engine, partition, minute);
}

/// All windows, as the engine's changes so far make them.
fn windows(
    engine: &mut Engine<u32, Summary>,
    cells: &mut MemoryCells<u32, Summary>,
) -> Vec<WindowResult<u32, Summary>> {
    let changes = engine.take_changes();
    let frame = Frame::new(settings(vec![ten_minutes()]), changes.snapshot.clone());
    cells.apply(frame.grid(), changes);
    frame.windows(cells, &Query::all(0)).unwrap()
}

#[test]
fn a_payment_exactly_on_the_watermark_is_on_time_and_one_before_it_is_late() {
    // ---- 14 | 15 ---------- 20
    //      late  on time       highest, 5 minutes of disorder allowed
    let mut engine = engine();
    assert_eq!(add(&mut engine, 0, 20), Placement::OnTime);
    assert_eq!(add(&mut engine, 0, 15), Placement::OnTime);
    assert_eq!(add(&mut engine, 0, 14), Placement::Late);
}

#[test]
fn a_second_chance_is_judged_as_a_payment_that_comes_now_and_moves_no_watermark() {
    // ---- 9 ][ 10 ----- 14 | 15 ----- 20 ------ 80
    let mut engine = engine();
    begin(&mut engine, 0, 20);
    let again = |engine: &mut Engine<u32, Summary>, minute| {
        engine.insert_again(0, at(minute), None, 1, &100)
    };
    let before = (engine.partitions().clone(), engine.watermark());
    assert_eq!(again(&mut engine, 15), Placement::OnTime);
    assert_eq!(again(&mut engine, 14), Placement::Late);
    // Far ahead of all others.
    assert_eq!(again(&mut engine, 80), Placement::OnTime);
    // A partition that has had no payment.
    assert_eq!(
        engine.insert_again(7, at(3), None, 1, &100),
        Placement::OnTime
    );
    engine.advance();
    assert_eq!((engine.partitions().clone(), engine.watermark()), before);
    let ahead = Some(at(20));
    assert_eq!(
        engine.insert_again(0, at(26), ahead, 1, &100),
        Placement::Future
    );
    begin(&mut engine, 0, 75);
    assert_eq!(again(&mut engine, 9), Placement::TooLate);
    assert_eq!(again(&mut engine, 10), Placement::Late);
    // Those at 3 and at 10 came for windows that are final.
    let windows = windows(&mut engine, &mut MemoryCells::default());
    let revised = windows.iter().filter(|window| window.revision > 0);
    let revised: Vec<i64> = revised
        .map(|it| it.window.start.millis() / 60_000)
        .collect();
    assert_eq!(revised, [0, 10]);
    let payments: u64 = windows.iter().map(|window| window.aggregate.count).sum();
    assert_eq!(payments, 2 + 4 + 2 + 1);
}

#[test]
fn a_payment_is_too_late_when_its_last_window_and_the_allowed_lateness_are_past() {
    // window [0,10) + 60 minutes = 70: too late from a watermark of 70 on
    let mut engine = engine();
    add(&mut engine, 0, 74);
    assert_eq!(add(&mut engine, 0, 9), Placement::Late);
    add(&mut engine, 0, 75);
    assert_eq!(add(&mut engine, 0, 9), Placement::TooLate);
    assert_eq!(add(&mut engine, 0, 10), Placement::Late);
}

#[test]
fn a_payment_too_far_ahead_of_its_record_moves_no_watermark() {
    let mut engine = engine();
    let recorded = Some(at(100));
    for _ in 0..2 {
        let placement = engine.insert(0, at(105), recorded, 1, &1);
        assert_eq!(placement, Placement::OnTime);
    }
    let future = EventTime::from_millis(at(105).millis() + 1);
    assert_eq!(engine.insert(0, future, recorded, 1, &1), Placement::Future);
    engine.advance();
    assert_eq!(engine.watermark(), Some(at(100)));
}

#[test]
fn a_window_is_final_when_the_watermark_reaches_its_end() {
    // [0 ........ 10)        a watermark of 10 comes with a payment at 15
    let mut engine = engine();
    let mut cells = MemoryCells::default();
    add(&mut engine, 0, 3);
    engine.insert(0, EventTime::from_millis(at(15).millis() - 1), None, 1, &1);
    engine.advance();
    assert_eq!(windows(&mut engine, &mut cells)[0].closed_by, None);
    add(&mut engine, 0, 15);
    let first = &windows(&mut engine, &mut cells)[0];
    assert_eq!(first.closed_by, Some(ClosedBy::Watermark));
    assert_eq!(first.window, Window::new(at(0), at(10)));
}

#[test]
fn a_late_payment_revises_its_final_window() {
    let mut engine = engine();
    let mut cells = MemoryCells::default();
    add(&mut engine, 0, 3);
    add(&mut engine, 0, 30);
    assert_eq!(windows(&mut engine, &mut cells)[0].revision, 0);
    assert_eq!(add(&mut engine, 0, 4), Placement::Late);
    assert_eq!(add(&mut engine, 0, 5), Placement::Late);
    let first = windows(&mut engine, &mut cells).remove(0);
    assert_eq!((first.revision, first.aggregate.count), (2, 3));
    assert_eq!(first.aggregate.late_count, 2);
    assert!(first.is_final());
}

#[test]
fn a_partition_without_a_payment_holds_the_others_back_until_it_is_idle() {
    let mut engine = engine();
    engine.register(0);
    engine.register(1);
    begin(&mut engine, 0, 50);
    assert_eq!(engine.watermark(), None);
    engine.set_idle(1, true);
    engine.advance();
    assert_eq!(engine.watermark(), Some(at(45)));
}

#[test]
fn a_partition_is_idle_until_it_has_a_payment_and_has_a_watermark_of_its_own() {
    let mut engine = engine();
    begin(&mut engine, 0, 50);
    begin(&mut engine, 1, 20);
    engine.set_idle(1, true);
    assert_eq!(engine.partition_watermark(1), Some(at(15)));
    assert_eq!(engine.partition_watermark(2), None);
    assert!(!engine.partitions()[&0].is_idle() && engine.partitions()[&1].is_idle());
    add(&mut engine, 1, 21);
    assert!(!engine.partitions()[&1].is_idle());
}

#[test]
fn what_changed_is_counted_in_slices_and_keys_until_it_is_taken() {
    // slices of 10 minutes: [0,10) of keys 1 and 2, [10,20) of key 1
    let mut engine = engine();
    for (minute, key) in [(3, 1), (4, 1), (5, 2), (11, 1)] {
        engine.insert(0, at(minute), None, key, &1);
    }
    assert_eq!(engine.changed(), 3);
    engine.take_changes();
    assert_eq!(engine.changed(), 0);
}

#[test]
fn a_partition_that_comes_back_behind_the_others_stays_out_until_it_has_caught_up() {
    // p0 --------- 20 ................. 60      combined follows p0 while p1 is behind 55
    // p1 -- 10  (idle)   12 .. 58  60 61
    let mut engine = engine();
    begin(&mut engine, 1, 10);
    add(&mut engine, 0, 20);
    assert_eq!(engine.watermark(), Some(at(5)));
    engine.set_idle(1, true);
    add(&mut engine, 0, 60);
    assert_eq!(engine.watermark(), Some(at(55)));
    assert_eq!(add(&mut engine, 1, 12), Placement::OnTime);
    assert_eq!(engine.watermark(), Some(at(55)));
    assert_eq!(
        engine.partitions()[&1].participation,
        Participation::Returning
    );
    add(&mut engine, 0, 70);
    assert_eq!(engine.watermark(), Some(at(65)), "it holds nothing back");
    add(&mut engine, 1, 72);
    assert_eq!(engine.partitions()[&1].participation, Participation::Active);
    add(&mut engine, 0, 90);
    assert_eq!(engine.watermark(), Some(at(67)), "it counts again");
}

#[test]
fn a_partition_with_records_to_read_after_a_restart_is_not_idle() {
    // p0 -- 10 (idle) | restart | 70      p1, whose records come later, holds the watermark back
    // p1 -- 10 (idle) | restart |    12
    let mut before = engine();
    for partition in [0, 1] {
        begin(&mut before, partition, 10);
        before.set_idle(partition, true);
    }
    before.advance();
    let restored = || {
        Engine::restore(
            settings(vec![ten_minutes()]),
            before.snapshot(),
            [(1, at(10))],
        )
    };
    let mut engine: Engine<u32, Summary> = restored();
    engine.resume(0);
    engine.resume(1);
    begin(&mut engine, 0, 70);
    assert_eq!(engine.watermark(), Some(at(5)));
    let mut cells = MemoryCells::default();
    add(&mut engine, 1, 12);
    let first = &windows(&mut engine, &mut cells)[0];
    assert!(!first.is_final());
    assert_eq!(first.revision, 0);
}

#[test]
fn a_restart_changes_nothing_about_what_is_past_retention() {
    // p0 -- day 0 | checkpoint | day 40, 41, … 100 | checkpoint | (restart)
    // p1                                                                      day 1
    let day = |days: i64| days * 24 * 60;
    let mut engine = engine();
    begin(&mut engine, 0, day(0));
    engine.take_changes();
    for days in 1..=100 {
        begin(&mut engine, 0, day(days));
    }
    let snapshot = engine.take_changes().snapshot;
    let known = [(1, at(0))];
    let mut restored = Engine::restore(settings(vec![ten_minutes()]), snapshot, known);
    assert_eq!(add(&mut engine, 1, day(1)), Placement::PastRetention);
    assert_eq!(add(&mut restored, 1, day(1)), Placement::PastRetention);
}

#[test]
fn when_all_partitions_are_idle_the_highest_watermark_holds() {
    let mut engine = engine();
    engine.register(1);
    begin(&mut engine, 0, 50);
    add(&mut engine, 1, 40);
    assert_eq!(engine.watermark(), Some(at(35)));
    engine.set_idle(1, true);
    engine.set_idle(0, true);
    engine.advance();
    assert_eq!(engine.watermark(), Some(at(45)));
}

#[test]
fn the_watermark_never_goes_back() {
    let mut engine = engine();
    begin(&mut engine, 0, 50);
    engine.register(1);
    begin(&mut engine, 1, 10);
    assert_eq!(engine.watermark(), Some(at(45)));
}

#[test]
fn a_quiet_stream_closes_windows_that_have_ended_and_changes_no_figure() {
    // payment at 12 → window [10,20) stays open at a watermark of 7; the wall clock says 20
    let mut engine = engine();
    let mut cells = MemoryCells::default();
    add(&mut engine, 0, 12);
    engine.close_quiet(at(60));
    assert!(!windows(&mut engine, &mut cells)[0].is_final(), "not idle");
    engine.set_idle(0, true);
    engine.close_quiet(EventTime::from_millis(at(20).millis() - 1));
    assert!(!windows(&mut engine, &mut cells)[0].is_final(), "not ended");
    engine.close_quiet(at(20));
    let closed = windows(&mut engine, &mut cells);
    assert_eq!(closed.len(), 1, "a window that starts later is not made");
    assert_eq!(closed[0].closed_by, Some(ClosedBy::Quiet));
    assert_eq!(closed[0].aggregate.count, 1);
    // The stream continues: what comes for the closed window revises it, the next one is open.
    add(&mut engine, 0, 14);
    add(&mut engine, 0, 21);
    let after = windows(&mut engine, &mut cells);
    assert_eq!((after[0].revision, after[0].aggregate.count), (1, 2));
    assert_eq!(after[0].closed_by, Some(ClosedBy::Quiet));
    assert!(!after[1].is_final());
}

#[test]
fn known_keys_get_zero_windows_for_a_day_after_the_last_payment() {
    let mut engine = engine();
    let mut cells = MemoryCells::default();
    add(&mut engine, 0, 3);
    for _ in 0..3 {
        add(&mut engine, 0, 3 + 3 * 1_440);
    }
    let all = windows(&mut engine, &mut cells);
    // [0,10) has the payment; the starts 10 … 1440 are less than a day after minute 3.
    let zeros: Vec<i64> = all
        .iter()
        .filter(|result| result.aggregate.count == 0)
        .map(|result| result.window.start.millis() / 60_000)
        .collect();
    assert_eq!(zeros.first(), Some(&10));
    assert_eq!(zeros.last(), Some(&1_440));
    assert_eq!(zeros.len(), 144);
}

#[test]
fn more_than_a_thousand_known_keys_get_no_zero_windows() {
    let mut engine = engine();
    let mut cells = MemoryCells::default();
    add(&mut engine, 0, 3);
    for key in 0..1_001 {
        engine.know(key, if key == 1_000 { at(25) } else { at(1) });
    }
    add(&mut engine, 0, 65);
    let zeros = windows(&mut engine, &mut cells)
        .into_iter()
        .filter(|result| result.aggregate.count == 0)
        .map(|result| result.window.start.millis() / 60_000)
        .collect::<std::collections::BTreeSet<_>>();
    // Key 1000 is known from minute 25 on: [20,30) is the first window with a thousand and one.
    assert_eq!(zeros.into_iter().collect::<Vec<_>>(), [10]);
}

#[test]
fn windows_past_retention_are_not_given() {
    let mut settings = (*settings(vec![ten_minutes()])).clone();
    settings.retention = Span::HOUR;
    let settings = Arc::new(settings);
    let mut engine: Engine<u32, Summary> = Engine::new(Arc::clone(&settings));
    let mut cells = MemoryCells::default();
    add(&mut engine, 0, 5);
    add(&mut engine, 0, 85);
    let changes = engine.take_changes();
    let frame = Frame::new(Arc::clone(&settings), changes.snapshot.clone());
    let closings: Vec<_> = frame.closings(&changes).collect();
    cells.apply(frame.grid(), changes);
    let told: Vec<_> = closings
        .iter()
        .flat_map(|walk| frame.walk(&cells, walk, 100).unwrap().windows)
        .collect();
    assert!(
        told.contains(&(0, Window::new(at(0), at(10)), 1)),
        "it is told to be final before it goes"
    );
    let frame = Frame::new(settings, engine.take_changes().snapshot);
    let all = frame.windows(&cells, &Query::all(0)).unwrap();
    // The watermark is 80, so the floor is 20: [20,30) is the first that does not start before it.
    assert_eq!(all[0].window.start, at(20));
}
