//! Days that begin at local midnight, also where the clocks change.

use chrono_tz::{Africa, America, Asia, Australia, Europe, Pacific, TZ_VARIANTS, Tz};
use tidegauge_windows::{Definition, EventTime, Grid, Span, Window};

use super::{at, hours, ms, window};

const HOUR: Span = Span::HOUR;
const NONE: Span = Span::ZERO;

fn day(zone: Tz) -> Definition {
    Definition::tumbling("day", Span::DAY, NONE, zone).unwrap()
}

/// The day that holds the time written, and how many hours it has.
fn day_of(zone: Tz, time: &str) -> Window {
    let days: Vec<Window> = day(zone).windows_of(at(time)).collect();
    assert_eq!(days.len(), 1);
    assert_eq!(day(zone).last_end(at(time)), days[0].end);
    days[0]
}

#[test]
fn midnight_is_the_zones_own() {
    let shanghai = window("2026-10-31 16:00", "2026-11-01 16:00");
    assert_eq!(day_of(Asia::Shanghai, "2026-11-01 00:50"), shanghai);
    assert_eq!(day_of(Asia::Shanghai, "2026-10-31 16:00"), shanghai);
    let kathmandu = window("2026-10-31 18:15", "2026-11-01 18:15");
    assert_eq!(day_of(Asia::Kathmandu, "2026-11-01 00:00"), kathmandu);
}

#[test]
fn clocks_of_berlin_are_an_hour_ahead_in_winter_and_two_in_summer() {
    for (time, ahead) in [("2026-03-29 00:59", 1), ("2026-03-29 01:00", 2)] {
        let offset = tidegauge_windows::offset_at_utc(Europe::Berlin, at(time).millis());
        assert_eq!(offset, HOUR.times(ahead).millis());
    }
}

#[test]
fn day_has_23_hours_when_clocks_go_forward_and_25_when_they_go_back() {
    let berlin = window("2026-03-28 23:00", "2026-03-29 22:00");
    assert_eq!(day_of(Europe::Berlin, "2026-03-29 12:00"), berlin);
    let berlin = window("2026-10-24 22:00", "2026-10-25 23:00");
    assert_eq!(day_of(Europe::Berlin, "2026-10-25 12:00"), berlin);
    let new_york = window("2026-03-08 05:00", "2026-03-09 04:00");
    assert_eq!(day_of(America::New_York, "2026-03-08 12:00"), new_york);
    let new_york = window("2026-11-01 04:00", "2026-11-02 05:00");
    assert_eq!(day_of(America::New_York, "2026-11-01 12:00"), new_york);
}

#[test]
fn eight_hours_back_are_sixteen_hours_forward_for_a_day_in_any_zone() {
    let hours = |count| Span::HOUR.times(count);
    for zone in [Tz::UTC, Asia::Shanghai, Europe::Berlin, Asia::Kathmandu] {
        let plain = |offset| Definition::tumbling("day", Span::DAY, offset, zone).unwrap();
        let back = plain(NONE).shifted_back(hours(8)).unwrap();
        assert_eq!(back, plain(hours(16)));
        assert_eq!(
            plain(hours(6)).shifted_back(hours(8)).unwrap(),
            plain(hours(22))
        );
        assert_eq!(plain(hours(6)).shifted_back(NONE).unwrap(), plain(hours(6)));
        let week = |offset| Definition::tumbling("week", Span::DAY.times(7), offset, zone).unwrap();
        assert_eq!(
            week(NONE).shifted_back(Span::DAY).unwrap(),
            week(Span::DAY.times(6))
        );
        let cumulative =
            |offset| Definition::cumulative("day", Span::DAY, HOUR, offset, zone).unwrap();
        assert_eq!(
            cumulative(NONE).shifted_back(hours(8)).unwrap(),
            cumulative(hours(16))
        );
    }
    // 16:00 of the day before is 08:00 UTC in Shanghai.
    let back = day(Asia::Shanghai).shifted_back(hours(8)).unwrap();
    let windows: Vec<Window> = back.windows_of(at("2026-11-01 12:00")).collect();
    assert_eq!(windows, [window("2026-11-01 08:00", "2026-11-02 08:00")]);
    // What slides through a day of a zone shifts the day.
    let sliding = |zone, offset| Definition::sliding("d", Span::DAY, HOUR, offset, zone);
    let slid = sliding(Europe::Berlin, NONE)
        .unwrap()
        .shifted_back(hours(8));
    assert_eq!(slid, sliding(Europe::Berlin, hours(16)));
    // As long as the grid itself makes no sense, as little as forward.
    let error = day(Tz::UTC)
        .shifted_back(Span::DAY)
        .unwrap_err()
        .to_string();
    assert!(error.contains("must be shorter than 1d"), "{error}");
}

#[test]
fn clocks_that_change_by_half_an_hour_make_half_hours() {
    let forward = window("2026-10-03 13:30", "2026-10-04 13:00");
    assert_eq!(day_of(Australia::Lord_Howe, "2026-10-04 00:00"), forward);
    let back = window("2026-04-04 13:00", "2026-04-05 13:30");
    assert_eq!(day_of(Australia::Lord_Howe, "2026-04-05 00:00"), back);
}

#[test]
fn skipped_midnight_is_read_with_the_offset_from_before() {
    // 00:00 does not exist on these days: the clocks go from 23:59 to 01:00.
    let sao_paulo = window("2018-11-04 03:00", "2018-11-05 02:00");
    assert_eq!(day_of(America::Sao_Paulo, "2018-11-04 12:00"), sao_paulo);
    let beirut = window("2026-03-28 22:00", "2026-03-29 21:00");
    assert_eq!(day_of(Asia::Beirut, "2026-03-29 12:00"), beirut);
    // In Berlin 02:30 does not exist: it is 01:30 UTC by the offset of +1 from before, and the
    // clock then shows 03:30.
    let half_past_two = Span::from_millis(150 * 60_000);
    let shifted = Definition::tumbling("day", Span::DAY, half_past_two, Europe::Berlin).unwrap();
    let expected = window("2026-03-29 01:30", "2026-03-30 00:30");
    assert_eq!(
        shifted.windows_of(at("2026-03-29 12:00")).next(),
        Some(expected)
    );
}

#[test]
fn time_before_a_begin_that_the_clock_skips_is_in_the_day_before() {
    // Berlin, days from 02:30 on:  01:00 UTC       01:15           01:30
    //                              01:59 -> 03:00  03:15, skipped  03:30, the begin of the day
    let half_past_two = Span::from_millis(150 * 60_000);
    let shifted = Definition::tumbling("day", Span::DAY, half_past_two, Europe::Berlin).unwrap();
    let before = window("2026-03-28 01:30", "2026-03-29 01:30");
    for time in ["2026-03-29 00:59", "2026-03-29 01:15", "2026-03-29 01:29"] {
        assert_eq!(shifted.windows_of(at(time)).collect::<Vec<_>>(), [before]);
        assert_eq!(shifted.last_end(at(time)), before.end);
    }
    let windows = shifted.windows_of(before.end);
    assert_eq!(
        windows.map(|window| window.start).collect::<Vec<_>>(),
        [before.end]
    );
}

#[test]
fn repeated_midnight_is_the_first_of_the_two() {
    // At 01:00 the clocks go back to 00:00 in Havana, and at 00:01 they went to 23:01 in St John's.
    let havana = window("2026-11-01 04:00", "2026-11-02 05:00");
    assert_eq!(day_of(America::Havana, "2026-11-01 04:30"), havana);
    let st_johns = window("2010-11-07 02:30", "2010-11-08 03:30");
    assert_eq!(day_of(America::St_Johns, "2010-11-07 03:00"), st_johns);
    // At 00:00 they go back to 23:00 in Beirut: midnight comes once, after 25 hours.
    let beirut = window("2026-10-23 21:00", "2026-10-24 22:00");
    assert_eq!(day_of(Asia::Beirut, "2026-10-24 21:30"), beirut);
    let half_past_two = Span::from_millis(150 * 60_000);
    let shifted = Definition::tumbling("day", Span::DAY, half_past_two, Europe::Berlin).unwrap();
    let expected = window("2026-10-25 00:30", "2026-10-26 01:30");
    assert_eq!(
        shifted.windows_of(at("2026-10-25 12:00")).next(),
        Some(expected)
    );
}

#[test]
fn day_that_a_zone_left_out_has_no_window() {
    // Samoa went from 29 to 31 December 2011 over the date line.
    let apia = day(Pacific::Apia);
    let days: Vec<Window> = apia
        .starting_in(at("2011-12-29 00:00"), at("2012-01-01 00:00"))
        .collect();
    assert_eq!(
        days,
        [
            window("2011-12-29 10:00", "2011-12-30 10:00"),
            window("2011-12-30 10:00", "2011-12-31 10:00"),
            window("2011-12-31 10:00", "2012-01-01 10:00"),
        ]
    );
    let two =
        Definition::sliding("2d", Span::DAY.times(2), Span::DAY, NONE, Pacific::Apia).unwrap();
    let origin = at("2011-12-30 10:00");
    assert_eq!(hours(two.windows_of(origin), origin), [(0, 24), (0, 48)]);
    assert_eq!(
        two.starts_in(at("2011-12-30 00:00"), at("2011-12-31 00:00"))
            .collect::<Vec<_>>(),
        [origin]
    );
}

#[test]
fn cumulative_day_of_23_hours_has_23_windows_and_one_of_25_has_25() {
    let cumulative = Definition::cumulative("day", Span::DAY, HOUR, NONE, Europe::Berlin).unwrap();
    for (time, start, count) in [
        ("2026-03-29 12:00", "2026-03-28 23:00", 23),
        ("2026-10-25 12:00", "2026-10-24 22:00", 25),
        ("2026-07-01 12:00", "2026-06-30 22:00", 24),
    ] {
        let expected: Vec<_> = (1..=count).map(|hour| (0, hour)).collect();
        assert_eq!(
            hours(cumulative.starting_at(at(start)), at(start)),
            expected
        );
        assert_eq!(
            cumulative.last_end(at(time)),
            at(start).plus(HOUR.times(count))
        );
    }
}

#[test]
fn a_time_is_in_no_more_windows_than_the_overlap_and_in_as_many_when_a_day_has_25_hours() {
    let quarter = Span::MINUTE.times(15);
    for (zone, begin, count) in [
        (Tz::UTC, "2026-10-25 00:00", 96),
        (Europe::Berlin, "2026-10-24 22:00", 100),
    ] {
        let day = Definition::cumulative("day", Span::DAY, quarter, NONE, zone).unwrap();
        assert_eq!(day.windows_of(at(begin)).count(), count);
        assert_eq!(day.overlap(), u64::try_from(count).unwrap());
    }
}

#[test]
fn last_step_of_a_day_ends_with_the_day() {
    let cumulative =
        Definition::cumulative("day", Span::DAY, HOUR.times(8), NONE, Europe::Berlin).unwrap();
    let (short, long) = (at("2026-03-28 23:00"), at("2026-10-24 22:00"));
    assert_eq!(
        hours(cumulative.starting_at(short), short),
        [(0, 8), (0, 16), (0, 23)]
    );
    assert_eq!(
        hours(cumulative.starting_at(long), long),
        [(0, 8), (0, 16), (0, 24), (0, 25)]
    );
}

#[test]
fn steps_of_whole_days_end_at_midnight() {
    let week = Definition::cumulative(
        "week",
        Span::DAY.times(7),
        Span::DAY,
        Span::DAY.times(4),
        Europe::Berlin,
    )
    .unwrap();
    // The week from Monday 23 March 2026; the clocks go forward on the Sunday.
    let monday = at("2026-03-22 23:00");
    let expected = [
        (0, 24),
        (0, 48),
        (0, 72),
        (0, 96),
        (0, 120),
        (0, 144),
        (0, 167),
    ];
    assert_eq!(hours(week.starting_at(monday), monday), expected);
    assert_eq!(
        hours(week.windows_of(at("2026-03-27 23:00")), monday),
        expected[5..]
    );
    assert_eq!(
        hours(
            week.ending_in(at("2026-03-26 23:00"), at("2026-03-28 23:00")),
            monday
        ),
        expected[4..6]
    );
}

#[test]
fn slide_of_hours_starts_again_at_midnight() {
    let slide = HOUR.times(8);
    let sliding = Definition::sliding("1d-by-8h", Span::DAY, slide, NONE, Europe::Berlin).unwrap();
    let short = at("2026-03-28 23:00");
    let windows = sliding.starting_in(short, short.plus(HOUR.times(40)));
    assert_eq!(
        hours(windows, short),
        [(0, 24), (8, 32), (16, 40), (23, 47), (31, 55), (39, 63)]
    );
    assert_eq!(
        sliding.last_end(short.plus(HOUR.times(22))),
        short.plus(HOUR.times(40))
    );
    let long = at("2026-10-24 22:00");
    let windows = sliding.starting_in(long, long.plus(HOUR.times(34)));
    assert_eq!(
        hours(windows, long),
        [(0, 24), (8, 32), (16, 40), (24, 48), (25, 49), (33, 57)]
    );
}

#[test]
fn weeks_are_counted_from_a_thursday() {
    let week = Definition::tumbling("week", Span::DAY.times(7), NONE, Asia::Shanghai).unwrap();
    let expected = window("2026-10-28 16:00", "2026-11-04 16:00");
    assert_eq!(
        week.windows_of(at("2026-11-01 00:00")).collect::<Vec<_>>(),
        [expected]
    );
}

#[test]
fn local_mean_time_is_floored_to_a_quarter_of_an_hour() {
    // Monrovia was 44 minutes and 30 seconds behind UTC until 1972, so midnight was at 00:44:30.
    let monrovia = window("1971-06-01 00:30", "1971-06-02 00:30");
    assert_eq!(day_of(Africa::Monrovia, "1971-06-01 12:00"), monrovia);
    assert_eq!(
        Grid::new(&[day(Africa::Monrovia)]).slice(),
        Span::from_millis(900_000)
    );
}

#[test]
fn names_of_utc_are_utc() {
    for zone in [Tz::Etc__UTC, Tz::Zulu, Tz::GMT, Tz::UTC] {
        assert!(Definition::tumbling("36h", HOUR.times(36), NONE, zone).is_ok());
        assert!(!day(zone).zoned());
    }
    assert!(day(Europe::London).zoned());
}

#[test]
fn days_tile_the_line_in_every_zone() {
    for zone in TZ_VARIANTS {
        let definition = day(zone);
        let slice = Grid::new(core::slice::from_ref(&definition)).slice();
        // Historic: local mean times and date lines. Recent: the clocks as they are changed today.
        for (from, to) in [
            ("1867-10-01 00:00", "1867-11-01 00:00"),
            ("1969-09-20 00:00", "1969-10-10 00:00"),
            ("1993-08-01 00:00", "1995-01-10 00:00"),
            ("2011-12-01 00:00", "2012-01-10 00:00"),
            ("2025-12-20 00:00", "2027-01-10 00:00"),
        ] {
            let mut last: Option<Window> = None;
            for window in definition.starting_in(at(from), at(to)) {
                assert!(window.start < window.end, "{zone} {window:?}");
                assert_eq!(
                    last.map_or(window.start, |last| last.end),
                    window.start,
                    "{zone}"
                );
                let length = window.end.millis() - window.start.millis();
                assert!(length <= definition.reach().millis(), "{zone} {window:?}");
                assert_eq!(window.start.floor(slice), window.start, "{zone}");
                last = Some(window);
            }
            assert!(last.is_some_and(|last| last.end >= at(to)), "{zone}");
        }
    }
}

#[test]
fn times_far_away_are_held_and_never_panic() {
    let zone = America::New_York;
    let days = Span::DAY.times(7);
    let definitions = [
        Definition::tumbling("a", Span::MINUTE, NONE, zone).unwrap(),
        Definition::tumbling("b", Span::DAY, NONE, zone).unwrap(),
        Definition::sliding("c", days, Span::DAY, NONE, zone).unwrap(),
        Definition::sliding("d", Span::DAY, HOUR, NONE, zone).unwrap(),
        Definition::cumulative("e", days, Span::DAY, NONE, zone).unwrap(),
        Definition::cumulative("f", Span::DAY.times(36_525), HOUR, NONE, zone).unwrap(),
    ];
    for definition in &definitions {
        for time in [
            at("0001-01-01 00:00"),
            at("9999-12-31 23:59"),
            ms(-(1 << 60)),
            ms(1 << 60),
        ] {
            let windows: Vec<Window> = definition.windows_of(time).take(3).collect();
            assert!(!windows.is_empty());
            assert!(windows.iter().all(|window| window.contains(time)), "{time}");
            assert!(definition.last_end(time) > time);
        }
        for time in [EventTime::MIN, EventTime::MAX] {
            assert!(definition.windows_of(time).next().is_some());
            assert_eq!(definition.starting_at(time).count(), 0);
            assert_eq!(definition.ending_in(time, time).count(), 0);
            assert_eq!(definition.starts_in(time, time).count(), 0);
            let _ = definition.last_end(time);
        }
    }
}
