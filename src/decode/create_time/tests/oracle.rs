//! A naive reading of local times, and of text by chrono, to compare with.

use chrono::{NaiveDate, NaiveDateTime, Offset, TimeZone, Timelike};
use proptest::prelude::*;

use super::*;

fn utc(seconds: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp(seconds, 0).map(|time| time.naive_utc())
}

fn seconds(offset: &impl Offset) -> i32 {
    offset.fix().local_minus_utc()
}

/// Tries every offset that the zone has had around that time: those at which the clock showed
/// `local` are the instants; without one, the smaller offset is that from before the gap.
fn naive_instant(zone: Tz, local: NaiveDateTime) -> (i64, LocalTime) {
    let wall = local.and_utc().timestamp();
    let mut offsets: Vec<i64> = (-27..=27)
        .map(|hours| {
            i64::from(seconds(
                &zone.offset_from_utc_datetime(&utc(wall + hours * 3_600).unwrap()),
            ))
        })
        .collect();
    offsets.sort_unstable();
    offsets.dedup();
    let mut instants: Vec<i64> = offsets
        .iter()
        .filter(|offset| {
            let time = utc(wall - **offset).unwrap();
            i64::from(seconds(&zone.offset_from_utc_datetime(&time))) == **offset
        })
        .map(|offset| wall - offset)
        .collect();
    instants.sort_unstable();
    let (instant, kind) = match instants[..] {
        [] => (wall - offsets[0], LocalTime::Gap),
        [only] => (only, LocalTime::Plain),
        [first, ..] => (first, LocalTime::Fold),
    };
    (
        instant * 1_000 + i64::from(local.nanosecond() / 1_000_000),
        kind,
    )
}

pub(in crate::decode) const ZONES: [(Tz, &str); 15] = [
    (Tz::America__New_York, "2026-03-08"),
    (Tz::America__New_York, "2026-11-01"),
    (Tz::Asia__Shanghai, "1986-05-04"),
    (Tz::Australia__Lord_Howe, "2026-04-05"),
    (Tz::Antarctica__Troll, "2026-03-29"),
    (Tz::America__Sao_Paulo, "2018-11-04"),
    (Tz::America__Sao_Paulo, "2019-02-17"),
    (Tz::Pacific__Apia, "2011-12-30"),
    (Tz::Pacific__Kwajalein, "1969-10-01"),
    (Tz::America__Juneau, "1867-10-18"),
    (Tz::Asia__Manila, "1844-12-31"),
    (Tz::Europe__Dublin, "1916-05-21"),
    (Tz::Africa__Monrovia, "1972-01-07"),
    (Tz::Asia__Amman, "2021-10-29"),
    (Tz::Africa__Casablanca, "2026-02-15"),
];

#[test]
fn local_times_around_clock_changes_are_those_the_clock_showed() {
    for (zone, date) in ZONES {
        let day: NaiveDate = date.parse().unwrap();
        let begin = day.and_hms_opt(0, 0, 0).unwrap() - chrono::TimeDelta::days(2);
        for step in 0..5 * 24 * 60 {
            let local = begin + chrono::TimeDelta::seconds(step * 60 + step % 60);
            let millis = local.and_utc().timestamp_millis();
            let (offset, kind) = offset_at_local(zone, millis);
            assert_eq!(
                (millis - offset, kind),
                naive_instant(zone, local),
                "{zone} {local}"
            );
        }
    }
}

fn zone() -> impl Strategy<Value = Tz> {
    proptest::sample::select(&chrono_tz::TZ_VARIANTS[..])
}

proptest! {
    #[test]
    fn any_local_time_in_any_zone_is_one_the_clock_showed(
        zone in zone(),
        seconds in -5_000_000_000..5_000_000_000_i64,
        millis in 0..1_000_i64,
    ) {
        let local = utc(seconds).unwrap() + chrono::TimeDelta::milliseconds(millis);
        let text = local.format("%Y-%m-%d %H:%M:%S%.3f").to_string();
        prop_assert_eq!(read_text(&text, zone), Ok(naive_instant(zone, local)));
    }

    #[test]
    fn times_with_an_offset_are_read_as_chrono_reads_them(
        seconds in (MILLIS_MIN / 1_000)..MILLIS_MAX / 1_000,
        decimals in "(\\.[0-9]{1,9})?",
        offset in "Z|[+-](0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]",
        zone in zone(),
    ) {
        let text = format!("{}{decimals}{offset}", utc(seconds).unwrap().format("%Y-%m-%dT%H:%M:%S"));
        prop_assert_eq!(read_text(&text, zone), Ok((utc_millis(&text), LocalTime::Plain)));
    }

    #[test]
    fn near_times_are_times_exactly_when_chrono_says_so(
        text in "[0-2][0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-5][0-9](\\.[0-9]{1,9})?Z",
    ) {
        let expected = DateTime::parse_from_rfc3339(&text).ok().filter(|time| time.timestamp_millis() >= MILLIS_MIN);
        prop_assert_eq!(
            read_text(&text, Tz::UTC).ok(),
            expected.map(|time| (time.timestamp_millis(), LocalTime::Plain))
        );
    }

    #[test]
    fn no_text_makes_reading_panic(text: String, near in "[0-9TZ :.+-]{0,32}", zone in zone()) {
        let _ = read_text(&text, zone);
        let _ = read_text(&near, zone);
        let _ = read(&near, zone);
    }
}
