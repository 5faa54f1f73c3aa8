//! Every form of `createTime` names its instant, in every zone; other texts are refused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use chrono::DateTime;

use super::*;

mod oracle;

pub(in crate::decode) use oracle::ZONES;

fn read_text(text: &str, zone: Tz) -> Result<(i64, LocalTime), TimeError> {
    read(&format!("{text:?}"), zone).map(|(time, local)| (time.millis(), local))
}

fn utc_millis(rfc3339: &str) -> i64 {
    DateTime::parse_from_rfc3339(rfc3339)
        .unwrap()
        .timestamp_millis()
}

#[test]
fn every_written_form_names_its_instant() {
    for (text, utc) in [
        ("2026-11-01 00:50:00", "2026-11-01T00:50:00Z"),
        ("2026-11-01T00:50:00", "2026-11-01T00:50:00Z"),
        ("2026-11-01 00:50:00Z", "2026-11-01T00:50:00Z"),
        ("2026-11-01T00:50", "2026-11-01T00:50:00Z"),
        ("2026-11-01T00:50Z", "2026-11-01T00:50:00Z"),
        ("2026-11-01T08:50+08:00", "2026-11-01T00:50:00Z"),
        ("2026-11-01T00:50:00.5", "2026-11-01T00:50:00.500Z"),
        ("2026-11-01T00:50:00.05Z", "2026-11-01T00:50:00.050Z"),
        ("2026-11-01 00:50:00.123456789", "2026-11-01T00:50:00.123Z"),
        ("2026-11-01 00:50:00.999999999", "2026-11-01T00:50:00.999Z"),
        ("2026-11-01T08:50:00+08:00", "2026-11-01T00:50:00Z"),
        ("2026-11-01T08:50:00.25+0800", "2026-11-01T00:50:00.250Z"),
        ("2026-11-01T08:50:00+08", "2026-11-01T00:50:00Z"),
        ("2026-10-31T19:20:00-05:30", "2026-11-01T00:50:00Z"),
        ("2026-11-01T00:50:00-00:00", "2026-11-01T00:50:00Z"),
        ("2026-11-02T00:49:00+23:59", "2026-11-01T00:50:00Z"),
        ("2026-12-31 23:59:59.999", "2026-12-31T23:59:59.999Z"),
        ("2024-02-29 12:00:00", "2024-02-29T12:00:00Z"),
        ("2000-02-29 12:00:00", "2000-02-29T12:00:00Z"),
        ("1969-12-31 23:59:59", "1969-12-31T23:59:59Z"),
        ("0001-01-01 00:00:00", "0001-01-01T00:00:00Z"),
        ("9999-12-31 23:59:59.999", "9999-12-31T23:59:59.999Z"),
    ] {
        assert_eq!(
            read_text(text, Tz::UTC),
            Ok((utc_millis(utc), LocalTime::Plain)),
            "{text}"
        );
    }
}

#[test]
fn finer_digits_are_cut_and_not_rounded_before_1970_too() {
    assert_eq!(
        read_text("1969-12-31 23:59:59.9999", Tz::UTC),
        Ok((-1, LocalTime::Plain))
    );
    assert_eq!(
        read_text("1969-12-31 23:59:59.0009", Tz::UTC),
        Ok((-1_000, LocalTime::Plain))
    );
    assert_eq!(
        read_text("1970-01-01 00:00:00.0019", Tz::UTC),
        Ok((1, LocalTime::Plain))
    );
}

#[test]
fn years_are_counted_where_they_are_written() {
    let first = MILLIS_MIN;
    assert_eq!(
        read_text("0001-01-01T00:00:00+23:59", Tz::UTC),
        Ok((first, LocalTime::Plain))
    );
    assert_eq!(
        read_text("9999-12-31T23:59:59.999-23:59", Tz::UTC),
        Ok((MILLIS_MAX, LocalTime::Plain))
    );
    assert_eq!(
        read_text("0001-01-01 00:00:00", Tz::Etc__GMTMinus14),
        Ok((first, LocalTime::Plain))
    );
}

#[test]
fn an_integer_is_milliseconds_since_the_epoch() {
    let at = |millis| Ok((EventTime::from_millis(millis), LocalTime::Plain));
    // The zone does not matter.
    for zone in [Tz::UTC, Tz::Asia__Shanghai] {
        assert_eq!(read("0", zone), at(0));
        assert_eq!(read("-0", zone), at(0));
        assert_eq!(read("-1", zone), at(-1));
        assert_eq!(read("1793494200250.0", zone), at(1_793_494_200_250));
        assert_eq!(read("1.79349420025E12", zone), at(1_793_494_200_250));
        assert_eq!(read("1793494200250", zone), at(1_793_494_200_250));
        assert_eq!(
            read("-62135596800000", zone),
            at(utc_millis("0001-01-01T00:00:00Z"))
        );
        assert_eq!(
            read("253402300799999", zone),
            at(utc_millis("9999-12-31T23:59:59.999Z"))
        );
    }
    for raw in [
        "-62135596800001",
        "253402300800000",
        "9223372036854775808",
        "-99999999999999999999",
    ] {
        assert_eq!(read(raw, Tz::UTC), Err(TimeError::Range), "{raw}");
    }
    for raw in ["1.5", "1e-3", "true", "[1]", "{}"] {
        assert_eq!(read(raw, Tz::UTC), Err(TimeError::Form), "{raw}");
    }
    for raw in ["\"1793494200250\"", "\"0\""] {
        assert_eq!(read(raw, Tz::UTC), Err(TimeError::Quoted), "{raw}");
    }
}

#[test]
fn what_no_calendar_or_clock_shows_is_refused() {
    for (text, error) in [
        ("2026-02-30 00:00:00", TimeError::Day),
        ("2026-02-29 00:00:00", TimeError::Day),
        ("1900-02-29 00:00:00", TimeError::Day),
        ("2026-04-31 00:00:00", TimeError::Day),
        ("2026-00-01 00:00:00", TimeError::Day),
        ("2026-13-01 00:00:00", TimeError::Day),
        ("2026-01-00 00:00:00", TimeError::Day),
        ("2026-01-32 00:00:00", TimeError::Day),
        ("0000-01-01 00:00:00", TimeError::Day),
        ("2026-01-01 24:00:00", TimeError::Clock),
        ("2026-01-01 23:60:00", TimeError::Clock),
        ("2026-01-01 23:59:60", TimeError::Clock),
        ("2016-12-31T23:59:60Z", TimeError::Clock),
        ("2026-01-01T00:00:00+24:00", TimeError::Offset),
        ("2026-01-01T00:00:00-08:60", TimeError::Offset),
    ] {
        assert_eq!(read_text(text, Tz::UTC), Err(error), "{text}");
    }
}

#[test]
fn other_forms_are_no_times() {
    for text in [
        "",
        "now",
        "2026-11-01",
        "2026-11-01 00:5",
        "2026-11-01 00:50:",
        "2026-11-01 00:50:0",
        "2026-11-01 00:50.5",
        "2026-11-1 00:50:00",
        "26-11-01 00:50:00",
        "12026-11-01 00:50:00",
        "-026-11-01 00:50:00",
        "+2026-11-01 00:50:00",
        "2026/11/01 00:50:00",
        "2026-11-01t00:50:00",
        "2026-11-01  00:50:00",
        " 2026-11-01 00:50:00",
        "2026-11-01 00:50:00 ",
        "2026-11-01 00:50:00z",
        "2026-11-01 00:50:00.",
        "2026-11-01 00:50:00.Z",
        "2026-11-01 00:50:00,5",
        "2026-11-01 00:50:00.1234567890",
        "2026-11-01 00:50:00 +08:00",
        "2026-11-01 00:50:00+8:00",
        "2026-11-01 00:50:00+08:0",
        "2026-11-01 00:50:00+08:00:00",
        "2026-11-01 00:50:00+",
        "2026-11-01 00:50:00+ab:cd",
        "2026-11-01 00:50:00UTC",
        "2026-11-01 00:50:00Z0",
        "2026-11-01 00:50:00ZZ",
        "２026-11-01 00:50",
        "2026-11-01 0a:50:00",
    ] {
        assert_eq!(read_text(text, Tz::UTC), Err(TimeError::Form), "{text}");
    }
    assert_eq!(read(r#""\ud800""#, Tz::UTC), Err(TimeError::Form));
}

#[test]
fn escapes_in_the_text_are_read() {
    let (time, _) = read(r#""2026\u002d11-01\u002000:50:00""#, Tz::UTC).unwrap();
    assert_eq!(time.millis(), utc_millis("2026-11-01T00:50:00Z"));
}

#[test]
fn a_skipped_local_time_is_read_with_the_offset_from_before() {
    for (zone, text, utc) in [
        (
            Tz::America__New_York,
            "2026-03-08 02:00:00",
            "2026-03-08T07:00:00Z",
        ),
        (
            Tz::America__New_York,
            "2026-03-08 02:59:59.999",
            "2026-03-08T07:59:59.999Z",
        ),
        (
            Tz::Australia__Lord_Howe,
            "2026-10-04 02:15:00",
            "2026-10-03T15:45:00Z",
        ),
        (
            Tz::America__Sao_Paulo,
            "2018-11-04 00:30:00",
            "2018-11-04T03:30:00Z",
        ),
        // Samoa left out a whole day.
        (
            Tz::Pacific__Apia,
            "2011-12-30 12:00:00",
            "2011-12-30T22:00:00Z",
        ),
    ] {
        assert_eq!(
            read_text(text, zone),
            Ok((utc_millis(utc), LocalTime::Gap)),
            "{text}"
        );
    }
    let new_york = |text| read_text(text, Tz::America__New_York).unwrap();
    assert_eq!(
        new_york("2026-03-08 01:59:59.999"),
        (utc_millis("2026-03-08T06:59:59.999Z"), LocalTime::Plain)
    );
    assert_eq!(
        new_york("2026-03-08 03:00:00"),
        (utc_millis("2026-03-08T07:00:00Z"), LocalTime::Plain)
    );
}

#[test]
fn a_repeated_local_time_is_the_first_of_the_two() {
    for (zone, text, utc) in [
        (
            Tz::America__New_York,
            "2026-11-01 01:00:00",
            "2026-11-01T05:00:00Z",
        ),
        (
            Tz::America__New_York,
            "2026-11-01 01:59:59.999",
            "2026-11-01T05:59:59.999Z",
        ),
        (
            Tz::Australia__Lord_Howe,
            "2026-04-05 01:45:00",
            "2026-04-04T14:45:00Z",
        ),
        (
            Tz::Asia__Shanghai,
            "1986-09-14 01:30:00",
            "1986-09-13T16:30:00Z",
        ),
    ] {
        assert_eq!(
            read_text(text, zone),
            Ok((utc_millis(utc), LocalTime::Fold)),
            "{text}"
        );
    }
    let new_york = |text| read_text(text, Tz::America__New_York).unwrap();
    assert_eq!(
        new_york("2026-11-01 00:59:59.999"),
        (utc_millis("2026-11-01T04:59:59.999Z"), LocalTime::Plain)
    );
    assert_eq!(
        new_york("2026-11-01 02:00:00"),
        (utc_millis("2026-11-01T07:00:00Z"), LocalTime::Plain)
    );
    // Given with an offset, it is what it says.
    assert_eq!(
        new_york("2026-11-01T01:30:00-05:00"),
        (utc_millis("2026-11-01T06:30:00Z"), LocalTime::Plain)
    );
}
