//! Windows by plain arithmetic: bounds, overlaps, offsets, negative times.

use tidegauge_windows::{Definition, EventTime, Kind, Span, Window};

use super::{UTC, at, hours, ms, window};

const MINUTE: Span = Span::MINUTE;
const HOUR: Span = Span::HOUR;
const NONE: Span = Span::ZERO;

fn millis_of(windows: impl Iterator<Item = Window>) -> Vec<(i64, i64)> {
    windows
        .map(|window| (window.start.millis(), window.end.millis()))
        .collect()
}

#[test]
fn payment_on_a_boundary_is_in_the_later_window() {
    let minute = Definition::tumbling("1m", MINUTE, NONE, UTC).unwrap();
    assert_eq!(millis_of(minute.windows_of(ms(59_999))), [(0, 60_000)]);
    assert_eq!(
        millis_of(minute.windows_of(ms(60_000))),
        [(60_000, 120_000)]
    );
    assert_eq!(minute.last_end(ms(59_999)), ms(60_000));
    assert_eq!(minute.last_end(ms(60_000)), ms(120_000));
}

#[test]
fn times_before_1970_are_floored_down() {
    let minute = Definition::tumbling("1m", MINUTE, NONE, UTC).unwrap();
    assert_eq!(millis_of(minute.windows_of(ms(-1))), [(-60_000, 0)]);
    assert_eq!(millis_of(minute.windows_of(ms(-60_000))), [(-60_000, 0)]);
    assert_eq!(
        millis_of(minute.windows_of(ms(-60_001))),
        [(-120_000, -60_000)]
    );
    let cumulative = Definition::cumulative("day", Span::DAY, HOUR.times(8), NONE, UTC).unwrap();
    assert_eq!(hours(cumulative.windows_of(ms(-1)), ms(0)), [(-24, 0)]);
    assert_eq!(
        hours(cumulative.windows_of(at("1969-12-31 08:00")), ms(0)),
        [(-24, -8), (-24, 0)]
    );
}

#[test]
fn offset_shifts_the_grid() {
    let shifted = Definition::tumbling("1h", HOUR, MINUTE.times(15), UTC).unwrap();
    let quarter = window("2026-01-01 10:15", "2026-01-01 11:15");
    assert_eq!(
        shifted
            .windows_of(at("2026-01-01 10:15"))
            .collect::<Vec<_>>(),
        [quarter]
    );
    assert_eq!(
        shifted
            .windows_of(at("2026-01-01 11:14"))
            .collect::<Vec<_>>(),
        [quarter]
    );
    assert_eq!(
        shifted.windows_of(ms(-1)).next().unwrap(),
        window("1969-12-31 23:15", "1970-01-01 00:15")
    );
}

//   time    0   1   2   3   4   5   6   7   8
//   size 5  [-------------------)
//   slide 3             [-------------------)
#[test]
fn size_need_not_be_a_multiple_of_the_slide() {
    let uneven = Definition::sliding("5h-by-3h", HOUR.times(5), HOUR.times(3), NONE, UTC).unwrap();
    let of = |hour: i64| hours(uneven.windows_of(ms(hour * HOUR.millis())), ms(0));
    assert_eq!(of(2), [(0, 5)]);
    assert_eq!(of(3), [(0, 5), (3, 8)]);
    assert_eq!(of(4), [(0, 5), (3, 8)]);
    assert_eq!(of(5), [(3, 8)]);
    assert_eq!(of(-1), [(-3, 2)]);
    assert_eq!(
        uneven.last_end(at("1970-01-01 04:00")),
        at("1970-01-01 08:00")
    );
    assert_eq!(
        uneven.last_end(at("1970-01-01 05:00")),
        at("1970-01-01 08:00")
    );
}

#[test]
fn sliding_windows_overlap_size_over_slide_times() {
    let sliding = Definition::sliding("10m-by-1m", MINUTE.times(10), MINUTE, NONE, UTC).unwrap();
    let windows: Vec<Window> = sliding.windows_of(at("2026-01-01 00:00")).collect();
    assert_eq!(windows.len(), 10);
    assert_eq!(windows[0], window("2025-12-31 23:51", "2026-01-01 00:01"));
    assert_eq!(windows[9], window("2026-01-01 00:00", "2026-01-01 00:10"));
    assert_eq!(
        sliding.last_end(at("2026-01-01 00:00")),
        at("2026-01-01 00:10")
    );
}

#[test]
fn cumulative_windows_share_a_start_and_end_a_step_apart() {
    let cumulative = Definition::cumulative("4h", HOUR.times(4), HOUR, NONE, UTC).unwrap();
    let origin = ms(0);
    assert_eq!(
        hours(cumulative.windows_of(origin), origin),
        [(0, 1), (0, 2), (0, 3), (0, 4)]
    );
    assert_eq!(
        hours(cumulative.windows_of(at("1970-01-01 02:30")), origin),
        [(0, 3), (0, 4)]
    );
    assert_eq!(
        hours(cumulative.windows_of(at("1970-01-01 03:00")), origin),
        [(0, 4)]
    );
    assert_eq!(
        hours(cumulative.windows_of(at("1970-01-01 04:00")), origin)[0],
        (4, 5)
    );
    assert_eq!(
        cumulative.last_end(at("1970-01-01 00:30")),
        at("1970-01-01 04:00")
    );
    assert_eq!(hours(cumulative.starting_at(origin), origin).len(), 4);
    assert_eq!(cumulative.starting_at(at("1970-01-01 01:00")).count(), 0);
}

#[test]
fn cumulative_windows_of_part_of_a_period_are_found_by_start_or_by_end() {
    let cumulative = Definition::cumulative("4h", HOUR.times(4), HOUR, NONE, UTC).unwrap();
    let origin = ms(0);
    let hour = |hour: i64| ms(hour * HOUR.millis());
    assert_eq!(
        hours(cumulative.ending_in(hour(2), hour(5)), origin),
        [(0, 3), (0, 4), (4, 5)]
    );
    assert_eq!(hours(cumulative.ending_in(hour(4), hour(4)), origin), []);
    assert_eq!(
        hours(cumulative.starting_in(hour(1), hour(5)), origin),
        [(4, 5), (4, 6), (4, 7), (4, 8)]
    );
    assert_eq!(
        cumulative.starts_in(hour(0), hour(9)).collect::<Vec<_>>(),
        [hour(0), hour(4), hour(8)]
    );
}

#[test]
fn in_utc_a_day_and_a_half_is_plain_arithmetic() {
    let odd = Definition::tumbling("36h", HOUR.times(36), NONE, UTC).unwrap();
    assert!(!odd.zoned());
    assert_eq!(
        hours(odd.windows_of(at("1970-01-02 12:00")), ms(0)),
        [(36, 72)]
    );
    assert_eq!(odd.reach(), HOUR.times(36));
}

#[test]
fn zone_has_no_say_below_a_day() {
    let hour = Definition::tumbling("1h", HOUR, NONE, chrono_tz::Asia::Kathmandu).unwrap();
    assert!(!hour.zoned());
    let expected = window("2026-01-01 10:00", "2026-01-01 11:00");
    assert_eq!(
        hour.windows_of(at("2026-01-01 10:30")).collect::<Vec<_>>(),
        [expected]
    );
}

#[test]
fn wide_ranges_cost_nothing_until_they_are_used() {
    let second = Definition::sliding("s", HOUR, Span::SECOND, NONE, UTC).unwrap();
    let day = Definition::tumbling("d", Span::DAY, NONE, chrono_tz::Europe::Berlin).unwrap();
    for definition in [second, day] {
        let all = definition.starting_in(EventTime::MIN, EventTime::MAX);
        assert_eq!(all.take(3).count(), 3);
        let all = definition.ending_in(EventTime::MIN, EventTime::MAX);
        assert_eq!(all.take(3).count(), 3);
        let ahead = definition.starts_in(at("2026-01-01 00:00"), EventTime::MAX);
        assert_eq!(ahead.take(3).count(), 3);
    }
}

#[test]
fn what_was_given_can_be_asked_for() {
    let zone = chrono_tz::Asia::Shanghai;
    let day = Definition::cumulative("day", Span::DAY, HOUR, HOUR.times(6), zone).unwrap();
    assert_eq!(
        (day.name(), day.kind(), day.zone()),
        ("day", Kind::Cumulative, zone)
    );
    assert_eq!(
        (day.size(), day.slide(), day.offset()),
        (Span::DAY, HOUR, HOUR.times(6))
    );
    assert!(day.zoned());
    let tumbling = Definition::tumbling("1m", MINUTE, NONE, UTC).unwrap();
    assert_eq!(
        (tumbling.kind(), tumbling.slide()),
        (Kind::Tumbling, MINUTE)
    );
}
