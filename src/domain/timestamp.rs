//! Times as people and programs read them: RFC 3339, UTC.

use tidegauge_windows::EventTime;

const DAY: i64 = 86_400_000;

/// Whether `millis` since the epoch are the seconds since the epoch of a time from 1990 to 2100: as
/// milliseconds they are in January or February 1970.
#[must_use]
pub const fn looks_like_seconds(millis: i64) -> bool {
    631_152_000 <= millis && millis <= 4_102_444_800
}

/// The first timestamp that a record can have, 1971-01-01. Everything before it is, in seconds, a time up
/// to the year 2969.
const FIRST_OF_RECORDS: i64 = 365 * DAY;

/// Whether a record of Kafka can have the timestamp `millis`, in ms since the epoch: from 1971 to 9999. Zero,
/// seconds and microseconds are mistakes of its producer, and no reader takes a later year.
#[must_use]
pub fn can_be_of_record(millis: i64) -> bool {
    (FIRST_OF_RECORDS..=EventTime::CALENDAR_MAX.millis()).contains(&millis)
}

/// `time` in RFC 3339 with `Z`; milliseconds only when they are not zero.
///
/// A year after 9999 or before 0 is written with its sign and as many digits as it has.
#[must_use]
pub fn rfc3339(time: EventTime) -> String {
    let (year, month, day) = date_of(time.millis().div_euclid(DAY));
    let millis = time.millis().rem_euclid(DAY);
    let year = if (0..=9_999).contains(&year) {
        format!("{year:04}")
    } else {
        format!("{year:+}")
    };
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    let (seconds, fraction) = (millis / 1_000 % 60, millis % 1_000);
    let mut text = format!("{year}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}");
    if fraction != 0 {
        text.push_str(&format!(".{fraction:03}"));
    }
    text.push('Z');
    text
}

/// The time that `text` names: `YYYY-MM-DDTHH:MM:SS`, any number of fractional digits (those finer
/// than a millisecond are cut), and `Z` or an offset. `None` for anything else.
///
/// A space or a small letter in place of `T` and `z` in place of `Z` are read too. 24:00, second 60
/// and days that their month does not have are refused.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<EventTime> {
    let (local, rest) = parse_local(text)?;
    let offset = match rest.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), hours @ .., b':', m1, m2] if hours.len() == 2 => {
            let (hours, minutes) = (digits(hours)?, digits(&[*m1, *m2])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = (hours * 60 + minutes) * 60_000;
            if *sign == b'+' { offset } else { -offset }
        }
        _ => return None,
    };
    Some(EventTime::from_millis(local - offset))
}

/// The local time at the head of `text`, in milliseconds as if it were UTC, and what follows it.
///
/// The form is that of [`parse_rfc3339`] without the offset.
#[must_use]
pub fn parse_local(text: &str) -> Option<(i64, &str)> {
    let bytes = text.as_bytes();
    let shape = bytes.len() >= 19
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && matches!(bytes[10], b'T' | b't' | b' ')
        && bytes[13] == b':'
        && bytes[16] == b':';
    if !shape {
        return None;
    }
    let (year, month, day) = (
        digits(&bytes[..4])?,
        digits(&bytes[5..7])?,
        digits(&bytes[8..10])?,
    );
    let (hours, minutes, seconds) = (
        digits(&bytes[11..13])?,
        digits(&bytes[14..16])?,
        digits(&bytes[17..19])?,
    );
    let days = day_number(year, month, day)?;
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let mut end = 19;
    let mut millis = 0;
    if bytes.get(19) == Some(&b'.') {
        let fraction = bytes[20..].iter().take_while(|byte| byte.is_ascii_digit());
        let count = fraction.clone().count();
        if count == 0 {
            return None;
        }
        end = 20 + count;
        let places = fraction.chain(b"000".iter()).take(3);
        millis = places.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    }
    let seconds = ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
    Some((seconds * 1_000 + millis, text.get(end..)?))
}

/// The calendar date of a day, counted from 1970-01-01, as year, month and day.
///
/// Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`: the proleptic
/// Gregorian calendar in eras of 400 years whose years begin in March.
#[must_use]
pub fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The day of a calendar date, counted from 1970-01-01; `None` if there is no such date.
///
/// `days_from_civil` of the same source, which has the year begin in March too: the leap day is the
/// last.
#[must_use]
pub fn day_number(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=days_in_month(year, month)).contains(&day) {
        return None;
    }
    let year = if month > 2 { year } else { year - 1 };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// How many days a month has; 0 for a month that does not exist.
#[must_use]
pub fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + i64::from(byte - b'0'))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Utc};
    use proptest::prelude::*;

    use super::*;

    const YEAR_10000: i64 = 253_402_300_800_000;

    fn parsed(text: &str) -> Option<i64> {
        parse_rfc3339(text).map(EventTime::millis)
    }

    #[test]
    fn a_record_can_have_a_timestamp_from_1971_to_9999() {
        // Zero; seconds of today, of the years 2100 and 2969; microseconds and nanoseconds of today.
        for unreal in [
            i64::MIN,
            -1,
            0,
            1,
            1_793_491_200,
            4_102_444_801,
            31_535_999_999,
            253_402_300_800_000,
            1_793_491_200_000_000,
            1_793_491_200_000_000_000,
            i64::MAX,
        ] {
            assert!(!can_be_of_record(unreal), "{unreal}");
        }
        for real in [31_536_000_000, 1_793_491_200_000, 253_402_300_799_999] {
            assert!(can_be_of_record(real), "{real}");
        }
    }

    #[test]
    fn milliseconds_are_written_only_when_there_are_any() {
        let at = |millis| rfc3339(EventTime::from_millis(millis));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(1_793_494_200_000), "2026-11-01T00:50:00Z");
        assert_eq!(at(1_793_494_200_250), "2026-11-01T00:50:00.250Z");
        assert_eq!(at(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(at(YEAR_10000), "+10000-01-01T00:00:00Z");
    }

    #[test]
    fn the_ends_of_time_can_be_written() {
        assert!(rfc3339(EventTime::MIN).starts_with("-292275055-05-16T16:47:04.192"));
        assert!(rfc3339(EventTime::MAX).starts_with("+292278994-08-17T07:12:55.807"));
    }

    #[test]
    fn offsets_and_fractions_are_read() {
        assert_eq!(parsed("2026-11-01T08:50:00+08:00"), Some(1_793_494_200_000));
        assert_eq!(parsed("2026-10-31T20:20:00-04:30"), Some(1_793_494_200_000));
        assert_eq!(
            parsed("2026-11-01t00:50:00.2509999z"),
            Some(1_793_494_200_250)
        );
        assert_eq!(parsed("2026-11-01 00:50:00.2Z"), Some(1_793_494_200_200));
        assert_eq!(parsed("1969-12-31T23:59:59.999Z"), Some(-1));
        // The farthest ones.
        assert_eq!(parsed("2026-11-02T00:49:00+23:59"), Some(1_793_494_200_000));
        assert_eq!(parsed("2026-10-31T00:51:00-23:59"), Some(1_793_494_200_000));
    }

    #[test]
    fn times_that_do_not_exist_and_other_forms_are_refused() {
        for text in [
            "",
            "2026-11-01",
            "2026-11-01T00:50:00",
            "2026-11-01T00:50Z",
            "2026-11-01T24:00:00Z",
            "2026-11-01T23:60:00Z",
            "2026-11-01T23:59:60Z",
            "2026-02-30T00:00:00Z",
            "2026-00-10T00:00:00Z",
            "2026-13-10T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-11-01T00:50:00.Z",
            "2026-11-01T00:50:00+0800",
            "2026-11-01T00:50:00+8:00",
            "2026-11-01T00:50:00+008:00",
            "2026-11-01T00:50:00+:30",
            "2026-11-01T00:50:00+24:00",
            "2026-11-01T00:50:00+08:60",
            "2026-11-01T00:50:00Z ",
            "+026-11-01T00:50:00Z",
            "2026-11-01T00:50:0éZ",
            "2026-11-01T00:50:00é",
        ] {
            assert_eq!(parsed(text), None, "{text:?}");
        }
    }

    // The calendar repeats itself after 400 years. The leap day of 2000 is the last day of such a cycle.
    #[test]
    fn every_day_of_400_years_has_the_date_that_chrono_gives_it() {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        let first = NaiveDate::from_ymd_opt(1999, 12, 31).unwrap();
        for day in first.iter_days().take(146_100) {
            let number = (day - epoch).num_days();
            let (year, month) = (i64::from(day.year()), i64::from(day.month()));
            let date = (year, month, i64::from(day.day()));
            assert_eq!(date_of(number), date);
            assert_eq!(day_number(date.0, date.1, date.2), Some(number));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_chrono_writes(millis in -62_167_219_200_000..YEAR_10000) {
            let chrono = DateTime::<Utc>::from_timestamp_millis(millis).unwrap();
            let format = match millis % 1_000 {
                0 => SecondsFormat::Secs,
                _ => SecondsFormat::Millis,
            };
            let text = rfc3339(EventTime::from_millis(millis));
            prop_assert_eq!(&text, &chrono.to_rfc3339_opts(format, true));
            prop_assert_eq!(parsed(&text), Some(millis));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9TtZz:. +-]{0,32}|\\PC{0,32}") {
            let chrono = DateTime::parse_from_rfc3339(&text).ok();
            if let (Some(ours), Some(chrono)) = (parsed(&text), chrono) {
                prop_assert_eq!(ours, chrono.timestamp_millis());
            }
        }
    }
}
