//! What each field may say.

use super::*;
use tidegauge_windows::LocalTime;

#[test]
fn order_and_platform_may_be_missing_or_null_or_of_any_size() {
    let bare = r#"{"createTime":"2026-11-01 00:50:00","payAmount":12345.67,"branchId":3}"#;
    let read = payment(bare);
    assert_eq!((read.order_id, read.platform), (None, None));
    let others = |order: &str, platform: &str| {
        let read = payment(&bare.replace(
            '}',
            &format!(r#","orderId":{order},"payPlatform":{platform}}}"#),
        ));
        (read.order_id.and_then(OrderId::number), read.platform)
    };
    assert_eq!(others("null", "null"), (None, None));
    assert_eq!(others("-5", "-1"), (Some(-5), Some(-1)));
    assert_eq!(
        others("9223372036854775807", "9223372036854775807"),
        (Some(i64::MAX.into()), Some(i64::MAX))
    );
    assert_eq!(
        others("9223372036854775808", "9223372036854775808"),
        (Some(1 << 63), None)
    );
    assert_eq!(others(&i128::MAX.to_string(), "0").0, Some(i128::MAX));
    assert_eq!(
        others(&format!("1{}", "0".repeat(100)), "0"),
        (None, Some(0))
    );
    assert_eq!(
        others("1604020801.0", "-1E0"),
        (Some(1_604_020_801), Some(-1))
    );
    assert_eq!(
        others("1e999999999999", "9e18"),
        (None, Some(9_000_000_000_000_000_000))
    );
    for bad in ["1.5", "1e-3", "\"1\"", "true", "[]", "{}"] {
        for field in ["orderId", "payPlatform"] {
            let payload = bare.replace('}', &format!(r#","{field}":{bad}}}"#));
            assert_eq!(reason(&payload), Reason::BadField, "{payload}");
        }
    }
}

#[test]
fn branches_are_integers_from_0_to_the_largest_of_31_bits() {
    for (text, id) in [
        ("0", 0),
        ("-0", 0),
        ("9", 9),
        ("2147483647", 2_147_483_647),
        ("7.0", 7),
        ("7e0", 7),
        ("1.2E1", 12),
        ("-0.0", 0),
        ("2147483647.000", 2_147_483_647),
    ] {
        assert_eq!(payment(&with_branch(text)).branch.get(), id);
    }
    for text in [
        "2147483648",
        "4294967296",
        "-1",
        "7.5",
        "7e-1",
        "1e10",
        "2147483647.5",
        "\"7\"",
        "true",
        "[7]",
        "{}",
        "99999999999999999999",
    ] {
        assert_eq!(reason(&with_branch(text)), Reason::BadField, "{text}");
    }
}

#[test]
fn amounts_are_numbers_or_strings_that_hold_one() {
    for (text, units) in [
        ("0", 0),
        ("-0", 0),
        ("-0.0", 0),
        ("5", 5 * ONE),
        ("-199.99", -199_990_000_000_000_000_000),
        ("1e3", 1_000 * ONE),
        ("1.5E-1", 150_000_000_000_000_000),
        ("\"5\"", 5 * ONE),
        ("\"-1.25e1\"", -12_500_000_000_000_000_000),
        ("\"\\u0035\"", 5 * ONE),
        ("999999999999999", 999_999_999_999_999 * ONE),
        ("1.0000000000000000000", ONE),
    ] {
        let read = payment(&with_amount(text));
        assert_eq!(
            (read.amount.units(), read.notices.rounded),
            (units, false),
            "{text}"
        );
    }
    for (text, units) in [
        ("0.1234567890123456785", 123_456_789_012_345_678),
        ("0.1234567890123456775", 123_456_789_012_345_678),
        ("1e-400", 0),
        ("\"1e-999999999999\"", 0),
    ] {
        let read = payment(&with_amount(text));
        assert_eq!(
            (read.amount.units(), read.notices.rounded),
            (units, true),
            "{text}"
        );
    }
}

#[test]
fn amounts_that_are_none_or_absurd_are_bad() {
    for text in [
        "1000000000000000",
        "-1000000000000000",
        "1e15",
        "1e400",
        "1e999999999999",
        "999999999999999.9999999999999999999",
        "\"\"",
        "\" 5\"",
        "\"5 \"",
        "\"+5\"",
        "\"05\"",
        "\".5\"",
        "\"5.\"",
        "\"NaN\"",
        "\"Infinity\"",
        "\"five\"",
        "\"\\ud800\"",
        "true",
        "[5]",
        "{\"a\":5}",
        // Not JSON, but what encoders write for amounts that are not numbers.
        "NaN",
        "Infinity",
        "-Infinity",
    ] {
        assert_eq!(reason(&with_amount(text)), Reason::BadAmount, "{text}");
    }
}

#[test]
fn a_bare_word_is_forgiven_as_the_amount_alone() {
    for payload in [
        with_time("NaN"),
        with_branch("NaN"),
        with_more(",\"note\":NaN"),
        with_more(",\"note\":{\"payAmount\":NaN}"),
        with_amount("\"NaN\"").replace("}", ",\"note\":NaN}"),
        with_amount("NaN").replace("}", ",\"note\":NaN}"),
        with_amount("NaN").replace("}", "}}"),
        with_amount("nan"),
        with_amount("inf"),
        with_amount("+Infinity"),
        with_amount("-NaN"),
        with_amount("NaN5"),
        with_amount("NaNNaN"),
        with_amount("[NaN]"),
        "NaN".to_owned(),
    ] {
        assert_eq!(reason(&payload), Reason::NotJson, "{payload}");
    }
    // In a string it is but text.
    assert_eq!(
        reason(&with_amount("NaN").replace('}', r#","note":"NaN \" Infinity"}"#)),
        Reason::BadAmount
    );
}

#[test]
fn a_bare_amount_is_found_wherever_it_stands_among_texts() {
    for payload in [
        r#"{"payAmount":NaN,"createTime":"2026-11-01 00:50:00","branchId":3,"note":"NaN"}"#,
        r#"{"note":"\"","a":1,"payAmount":NaN,"createTime":"2026-11-01 00:50:00","branchId":3}"#,
    ] {
        assert_eq!(reason(payload), Reason::BadAmount, "{payload}");
    }
}

#[test]
fn times_that_are_none_are_bad() {
    for text in [
        "\"2026-02-30 00:00:00\"",
        "\"2026-01-01 24:00:00\"",
        "\"2026-01-01 23:59:60\"",
        "\"0000-01-01 00:00:00\"",
        "\"10000-01-01 00:00:00\"",
        "\"2026-11-01t00:50:00\"",
        "\"2026-11-01_00:50:00\"",
        "\"2026-11-01 00:50:00z\"",
        "\"2026-11-01 00:50:00.\"",
        "\"2026-11-01 00:50:00.Z\"",
        "\"2026-11-01 00:50:00.1234567890\"",
        "\"2026-11-01 00:50:00+8:00\"",
        "\"2026-11-01 00:50:00+24:00\"",
        "\"2026-11-01 00:50:00-08:60\"",
        "\"2026-11-01 00:50:00 +08:00\"",
        "\"1793494200000\"",
        "\"\"",
        "253402300800000",
        "-62135596800001",
        "1793494200000.5",
        "1e-12",
        "1e20",
        "true",
        "[]",
        "{}",
    ] {
        assert_eq!(reason(&with_time(text)), Reason::BadTime, "{text}");
    }
}

#[test]
fn times_without_an_offset_are_read_in_the_zone_and_remarked() {
    let read = |zone, time: &str| match decode_in(zone, with_time(time).as_bytes()) {
        Decoded::Payment(payment) => (
            payment.event_time.millis() - TIME,
            payment.notices.local_time,
        ),
        other => panic!("{other:?}"),
    };
    let hour = 3_600_000;
    let shanghai = Tz::Asia__Shanghai;
    assert_eq!(
        read(shanghai, "\"2026-11-01 00:50:00\""),
        (-8 * hour, LocalTime::Plain)
    );
    assert_eq!(
        read(shanghai, "\"2026-11-01T00:50:00Z\""),
        (0, LocalTime::Plain)
    );
    assert_eq!(read(shanghai, "1793494200000"), (0, LocalTime::Plain));
    let new_york = Tz::America__New_York;
    assert_eq!(
        read(new_york, "\"2026-11-01 00:50:00\""),
        (4 * hour, LocalTime::Plain)
    );
    assert_eq!(
        read(new_york, "\"2026-11-01 01:50:00\""),
        (5 * hour, LocalTime::Fold)
    );
    assert_eq!(
        read(new_york, "\"2026-11-01 02:50:00\""),
        (7 * hour, LocalTime::Plain)
    );
    assert_eq!(
        read(new_york, "\"2026-11-01 01:50:00-05:00\""),
        (6 * hour, LocalTime::Plain)
    );
    assert_eq!(read(new_york, "\"2026-03-08 02:50:00\"").1, LocalTime::Gap);
}

#[test]
fn a_time_may_leave_out_seconds_as_java_time_does_and_nothing_else() {
    let usual = TIME;
    for (text, millis) in [
        ("\"2026-11-01T00:50\"", usual),
        ("\"2026-11-01 00:50\"", usual),
        ("\"2026-11-01T00:50Z\"", usual),
        ("\"2026-11-01T08:50+08:00\"", usual),
        ("\"2026-10-31T19:20-05:30\"", usual),
        ("1793494200000.0", usual),
        ("1.7934942E12", usual),
        ("-1.0", -1),
    ] {
        let read = payment(&with_time(text));
        assert_eq!(read.event_time.millis(), millis, "{text}");
    }
    let shanghai = decode_in(
        Tz::Asia__Shanghai,
        with_time("\"2026-11-01T08:50\"").as_bytes(),
    );
    assert!(matches!(shanghai, Decoded::Payment(read) if read.event_time.millis() == usual));
    for text in [
        "2026-11-01",
        "2026-11-01T",
        "2026-11-01T00",
        "2026-11-01T00Z",
        "2026-11-01T0050",
        "2026-11-01T00:5",
        "2026-11-01T00:50:",
        "2026-11-01T00:50:0",
        "2026-11-01T00:50.5",
        "2026-11-01T24:00",
        "2026-11-01T00:60",
        "2026-02-30T00:50",
        "2026-11-01T00:50+01:00[Europe/Berlin]",
    ] {
        assert_eq!(
            reason(&with_time(&format!("{text:?}"))),
            Reason::BadTime,
            "{text}"
        );
    }
}
