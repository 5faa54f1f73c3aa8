//! Dates have the day numbers and the offsets that `chrono` gives them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use chrono::{MappedLocalTime, NaiveDate, Offset, TimeDelta, TimeZone};
use proptest::prelude::*;

use super::*;
use crate::decode::create_time::tests::ZONES;

fn date(day: NaiveDate) -> [u8; 10] {
    *day.format("%Y-%m-%d")
        .to_string()
        .as_bytes()
        .first_chunk()
        .unwrap()
}

/// The one offset with which every seventh second of the day is told; `None` if there are several,
/// or a second is skipped or repeated.
fn naive_offset(zone: Tz, day: NaiveDate) -> Option<i32> {
    let midnight = day.and_hms_opt(0, 0, 0).unwrap();
    let mut offsets: Vec<Option<i32>> = (0..=86_399)
        .step_by(7)
        .chain([86_399])
        .map(|second| {
            match zone.offset_from_local_datetime(&(midnight + TimeDelta::seconds(second))) {
                MappedLocalTime::Single(offset) => Some(offset.fix().local_minus_utc()),
                _ => None,
            }
        })
        .collect();
    offsets.dedup();
    match offsets[..] {
        [only] => only,
        _ => None,
    }
}

#[test]
fn every_day_from_year_1_to_9999_has_its_number() {
    let mut expected = NaiveDate::from_ymd_opt(1, 1, 1).unwrap();
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
    for year in 0..=9_999 {
        for month in 0..=13 {
            for day in 0..=32 {
                let text = format!("{year:04}-{month:02}-{day:02}");
                let number = day_number(text.as_bytes().first_chunk().unwrap());
                if year > 0 && NaiveDate::from_ymd_opt(year, month, day).is_some() {
                    assert_eq!(number, Some((expected - epoch).num_days() as i32), "{text}");
                    expected = expected.succ_opt().unwrap();
                } else {
                    assert_eq!(number, None, "{text}");
                }
            }
        }
    }
}

#[test]
fn what_is_not_written_as_a_date_is_none() {
    for text in [
        b"2026/11-01",
        b"2026-11/01",
        b"2026-1a-01",
        b"x026-11-01",
        b"2026-11-0\xb1",
        b"2026:11-01",
    ] {
        assert_eq!(day_number(text), None);
    }
}

#[test]
fn days_whose_clocks_change_have_no_shift_and_their_neighbours_do() {
    let mut days = Days::new(Tz::America__New_York);
    let mut shift = |date| days.day(date).unwrap().shift.map(|shift| shift / 3_600_000);
    assert_eq!(shift(b"2026-03-07"), Some(-5));
    assert_eq!(shift(b"2026-03-08"), None);
    assert_eq!(shift(b"2026-03-09"), Some(-4));
    assert_eq!(shift(b"2026-10-31"), Some(-4));
    assert_eq!(shift(b"2026-11-01"), None);
    assert_eq!(shift(b"2026-11-02"), Some(-5));
}

#[test]
fn shifts_around_clock_changes_hold_for_every_local_time_of_the_day() {
    for (zone, around) in ZONES {
        let around: NaiveDate = around.parse().unwrap();
        let mut changes = 0;
        for days in -3..=3 {
            let day = around + TimeDelta::days(days);
            let found = Days::new(zone).day(&date(day)).unwrap();
            let expected = naive_offset(zone, day);
            assert_eq!(
                found.shift,
                expected.map(|offset| i64::from(offset) * 1_000),
                "{zone} {day}"
            );
            changes += usize::from(expected.is_none());
        }
        assert!(changes > 0, "{zone} changes no clock around {around}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn days_asked_for_in_any_order_are_the_same_as_alone(
        zone in proptest::sample::select(&chrono_tz::TZ_VARIANTS[..]),
        offsets in prop::collection::vec(-60_000..60_000_i64, 1..20),
    ) {
        let mut days = Days::new(zone);
        for offset in offsets {
            let day = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap() + TimeDelta::days(offset);
            let found = days.day(&date(day)).unwrap();
            prop_assert_eq!(found.midnight, offset * 86_400_000);
            prop_assert_eq!(found.shift, naive_offset(zone, day).map(|offset| i64::from(offset) * 1_000));
        }
    }
}
