#![allow(clippy::unwrap_used)]

use super::*;

fn read(form: &str, value: PlaceValue<'_>) -> Option<i64> {
    read_in(Tz::UTC, form, value)
}

fn read_in(zone: Tz, form: &str, value: PlaceValue<'_>) -> Option<i64> {
    let form: TimeForm = form.parse().unwrap();
    let (time, _) = form.read(&value, zone).ok()?;
    Some(time.millis())
}

/// 2026-11-01 00:50:00 UTC.
const TIME: i64 = 1_793_494_200_000;

#[test]
fn a_number_since_1970_may_be_a_number_or_a_text() {
    for (form, number) in [
        ("epoch_s", "1793494200"),
        ("epoch_s", "1793494200.0009"),
        ("epoch_s", "1.7934942e9"),
        ("epoch_ms", "1793494200000"),
        ("epoch_ms", "1793494200000.9"),
        ("epoch_us", "1793494200000999"),
        ("epoch_ns", "1793494200000999999"),
    ] {
        let quoted = format!("\"{number}\"");
        for value in [
            PlaceValue::Json(number),
            PlaceValue::Json(&quoted),
            PlaceValue::Text(number),
        ] {
            assert_eq!(read(form, value), Some(TIME), "{form} {value:?}");
        }
    }
    assert_eq!(read("epoch_ms", PlaceValue::Integer(TIME)), Some(TIME));
    assert_eq!(read("epoch_ms", PlaceValue::Json("-1")), Some(-1));
    assert_eq!(read("epoch_us", PlaceValue::Json("-1")), Some(-1));
    for value in [
        "true",
        "\"\"",
        "\" 1\"",
        "\"1 \"",
        "\"0x1\"",
        "\"1e\"",
        "{}",
        "\"NaN\"",
        "1e30",
        "\"2026-11-01 00:50:00\"",
    ] {
        assert_eq!(read("epoch_s", PlaceValue::Json(value)), None, "{value}");
    }
}

#[test]
fn a_text_without_a_type_is_read_by_what_it_looks_like() {
    for text in [
        "2026-11-01 00:50:00",
        "2026-11-01T00:50:00Z",
        "1793494200000",
    ] {
        assert_eq!(read("auto", PlaceValue::Text(text)), Some(TIME), "{text}");
    }
    assert_eq!(read("auto", PlaceValue::Json("\"1793494200000\"")), None);
    assert_eq!(read("auto", PlaceValue::Integer(TIME)), Some(TIME));
}

#[test]
fn a_pattern_reads_what_it_writes() {
    for (pattern, text) in [
        ("%d.%m.%Y %H:%M:%S", "01.11.2026 00:50:00"),
        ("%d.%m.%Y %H:%M", "01.11.2026 00:50"),
        ("%m/%d/%Y %I:%M:%S %p", "11/01/2026 12:50:00 AM"),
        ("%Y%m%d%H%M%S", "20261101005000"),
        (
            "%a, %d %b %Y %H:%M:%S %z",
            "Sun, 01 Nov 2026 08:50:00 +0800",
        ),
        (
            "%Y-%m-%dT%H:%M:%S%.f%:z",
            "2026-11-01T00:50:00.000999+00:00",
        ),
        ("%s", "1793494200"),
    ] {
        let quoted = format!("\"{text}\"");
        assert_eq!(
            read(pattern, PlaceValue::Json(&quoted)),
            Some(TIME),
            "{pattern}"
        );
        assert_eq!(
            read(pattern, PlaceValue::Text(text)),
            Some(TIME),
            "{pattern}"
        );
    }
    let midnight = TIME - 50 * 60_000;
    assert_eq!(
        read("%d/%m/%Y", PlaceValue::Text("01/11/2026")),
        Some(midnight)
    );
    for text in [
        "30.02.2026 00:50:00",
        "01.11.2026 24:00:00",
        "01.11.2026 23:59:60",
        "01.11.2026 00:50:00 ",
        "01.11.26 00:50:00",
        "2026-11-01 00:50:00",
        "",
    ] {
        assert_eq!(
            read("%d.%m.%Y %H:%M:%S", PlaceValue::Text(text)),
            None,
            "{text}"
        );
    }
}

#[test]
fn local_times_of_a_pattern_are_read_in_the_zone_as_those_of_auto() {
    let zone = Tz::Europe__Berlin;
    // At 02:30 the clock was advanced from 02:00 to 03:00; in October it was put back.
    for (pattern, auto) in [
        ("29.03.2026 02:30:00", "2026-03-29 02:30:00"),
        ("25.10.2026 02:30:00", "2026-10-25 02:30:00"),
        ("01.07.2026 00:00:00", "2026-07-01 00:00:00"),
    ] {
        let by_pattern = read_in(zone, "%d.%m.%Y %H:%M:%S", PlaceValue::Text(pattern));
        assert_eq!(by_pattern, read_in(zone, "auto", PlaceValue::Text(auto)));
        assert!(by_pattern.is_some());
    }
}

#[test]
fn what_is_not_a_form_is_refused() {
    for text in ["", "epoch", "EPOCH_S", "iso", "%Q", "%"] {
        let error = text.parse::<TimeForm>().unwrap_err();
        assert_eq!(error, TimeFormError::Unknown(text.to_owned()));
    }
    let zone = "%Y-%m-%d %H:%M:%S %Z".to_owned();
    assert_eq!(zone.parse::<TimeForm>(), Err(TimeFormError::ZoneName(zone)));
    let nanos = "%Y-%m-%d %H:%M:%S.%f".to_owned();
    assert_eq!(
        nanos.parse::<TimeForm>(),
        Err(TimeFormError::Nanoseconds(nanos))
    );
    for (pattern, says_utc) in [
        ("%Y-%m-%dT%H:%M:%SZ", true),
        ("%a, %d %b %Y %H:%M:%S GMT", true),
        ("%d.%m.%Y %H:%M UTC", true),
        ("%Y-%m-%dT%H:%M:%S%:z", false),
        ("%d.%m.%Y um %H:%M Uhr", false),
    ] {
        let TimeForm::Pattern(pattern) = pattern.parse().unwrap() else {
            panic!("{pattern}");
        };
        assert_eq!(pattern.says_utc(), says_utc, "{pattern:?}");
    }
    for text in ["%H:%M:%S", "%d.%m. %H:%M", "%Y", "%Y%H"] {
        let error = text.parse::<TimeForm>().unwrap_err();
        assert_eq!(error, TimeFormError::NotAMoment(text.to_owned()), "{text}");
    }
    for text in [
        "auto",
        "epoch_s",
        "epoch_ms",
        "epoch_us",
        "epoch_ns",
        "%d.%m.%Y %H",
    ] {
        assert_eq!(text.parse::<TimeForm>().unwrap().to_string(), text);
    }
}
