//! Lengths of time as the configuration and the command line write them: `250ms`, `1m30s`, `1d`.

use core::time::Duration;

/// The longest length that is read: 100 years of 365.25 days.
pub const LONGEST: Duration = Duration::from_secs(36_525 * 86_400);

const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Why a text is not a valid duration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// A number has no unit.
    #[error("the unit is missing: give d, h, m, s or ms, as in 250ms, 5s, 1m30s, 1d")]
    NoUnit,
    /// A fraction, or a sign.
    #[error("only whole numbers without a sign are allowed: give 1m30s in place of 1.5m or -90s")]
    NotWhole,
    /// An unknown or repeated unit, or a longer unit after a shorter one.
    #[error(
        "give whole numbers with d, h, m, s or ms, the longest first, as in 250ms, 5s, 1m30s, 1d"
    )]
    Form,
    /// Longer than [`LONGEST`].
    #[error("that is longer than 100 years (36525d), the maximum")]
    TooLong,
}

/// The length that `text` names: one or more whole numbers with a unit each, the longest unit first,
/// with nothing between them. The units are `d` (24 hours), `h`, `m`, `s` and `ms`.
///
/// # Errors
/// When the text has another form or names more than [`LONGEST`].
pub fn parse(text: &str) -> Result<Duration, Error> {
    let mut rest = text;
    let mut millis = 0_u64;
    let mut units = UNITS.iter();
    if rest.is_empty() {
        return Err(Error::Form);
    }
    while !rest.is_empty() {
        let (number, after) = split(rest, |byte| byte.is_ascii_digit());
        let (unit, after) = split(after, |byte| byte.is_ascii_alphabetic());
        if number.is_empty() {
            let sign = rest.starts_with(['-', '+', '.']);
            return Err(if sign { Error::NotWhole } else { Error::Form });
        }
        if unit.is_empty() {
            return Err(match after.bytes().next() {
                None => Error::NoUnit,
                Some(b'.' | b',') => Error::NotWhole,
                Some(_) => Error::Form,
            });
        }
        let (_, length) = units.find(|(name, _)| *name == unit).ok_or(Error::Form)?;
        let number = number.parse::<u64>().map_err(|_| Error::TooLong)?;
        millis = number
            .checked_mul(*length)
            .and_then(|part| millis.checked_add(part))
            .ok_or(Error::TooLong)?;
        rest = after;
    }
    let duration = Duration::from_millis(millis);
    if duration > LONGEST {
        return Err(Error::TooLong);
    }
    Ok(duration)
}

/// `duration` as [`parse`] reads it; what is finer than a millisecond is cut.
#[must_use]
pub fn text(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, length) in UNITS {
        let whole = rest / length;
        rest %= length;
        if whole > 0 {
            text.push_str(&format!("{whole}{unit}"));
        }
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

/// About how long `duration` is, as people say it: `0.42 ms`, `12 ms`, `1.3 s`, `12 s`, `3 min`, `2 h 5 min`,
/// `26 d 6 h`. The page says it alike.
#[must_use]
pub fn about(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1_000.0;
    let seconds = duration.as_secs_f64();
    // Rounded, so that nothing is said as 60 of a unit.
    let minutes = (duration.as_secs().saturating_add(30)) / 60;
    if millis < 0.995 {
        format!("{millis:.2} ms")
    } else if millis < 9.95 {
        format!("{millis:.1} ms")
    } else if millis < 999.5 {
        format!("{millis:.0} ms")
    } else if seconds < 9.95 {
        format!("{seconds:.1} s")
    } else if seconds < 119.5 {
        format!("{seconds:.0} s")
    } else if minutes < 60 {
        format!("{minutes} min")
    } else if minutes < 1_440 {
        two(minutes / 60, "h", minutes % 60, "min")
    } else {
        two(minutes / 1_440, "d", minutes % 1_440 / 60, "h")
    }
}

fn two(most: u64, most_unit: &str, rest: u64, rest_unit: &str) -> String {
    match rest {
        0 => format!("{most} {most_unit}"),
        _ => format!("{most} {most_unit} {rest} {rest_unit}"),
    }
}

fn split(text: &str, is_part: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|byte| !is_part(byte));
    // The bytes before `end` are ASCII, so it is a character boundary.
    text.split_at(end.unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn about_how_long_is_said_in_the_units_that_people_use() {
        for (micros, text) in [
            (0, "0.00 ms"),
            (421, "0.42 ms"),
            (994, "0.99 ms"),
            (995, "1.0 ms"),
            (1_234, "1.2 ms"),
            (9_949, "9.9 ms"),
            (9_950, "10 ms"),
            (12_345, "12 ms"),
            (999_499, "999 ms"),
            (999_500, "1.0 s"),
            (1_320_000, "1.3 s"),
            (9_949_000, "9.9 s"),
            (9_950_000, "10 s"),
            (12_400_000, "12 s"),
            (119_499_000, "119 s"),
            (119_500_000, "2 min"),
            (3_569_000_000, "59 min"),
            (3_599_000_000, "1 h"),
            (7_500_000_000, "2 h 5 min"),
            (86_399_000_000, "1 d"),
            (2_267_742_732_300, "26 d 5 h"),
        ] {
            assert_eq!(about(Duration::from_micros(micros)), text);
        }
        let longest = about(Duration::MAX);
        assert!(longest.contains(" d "), "{longest}");
    }

    #[test]
    fn every_unit_is_read_and_added_up() {
        let millis = |text| parse(text).unwrap().as_millis();
        assert_eq!(millis("250ms"), 250);
        assert_eq!(millis("5s"), 5_000);
        assert_eq!(millis("1m30s"), 90_000);
        assert_eq!(millis("1h"), 3_600_000);
        assert_eq!(millis("1d"), 86_400_000);
        assert_eq!(millis("1d2h3m4s5ms"), 93_784_005);
        assert_eq!(millis("90m"), 5_400_000);
        assert_eq!(millis("0s"), 0);
        assert_eq!(parse("36525d"), Ok(LONGEST));
    }

    #[test]
    fn other_forms_are_refused_with_what_would_be_right() {
        assert_eq!(parse("5"), Err(Error::NoUnit));
        assert_eq!(parse("1m30"), Err(Error::NoUnit));
        assert_eq!(parse("1.5h"), Err(Error::NotWhole));
        assert_eq!(parse("-5s"), Err(Error::NotWhole));
        assert_eq!(parse(".5s"), Err(Error::NotWhole));
        for text in [
            "", " ", "s", "5 s", "1m 30s", "30s1m", "1s1s", "5S", "5sec", "1w", "5µs", "५s", "1mé",
        ] {
            assert_eq!(parse(text), Err(Error::Form), "{text:?}");
        }
        for text in [
            "36525d1ms",
            "99999999999999999999d",
            "18446744073709551615d",
        ] {
            assert_eq!(parse(text), Err(Error::TooLong), "{text:?}");
        }
    }

    #[test]
    fn text_is_short() {
        assert_eq!(text(Duration::ZERO), "0s");
        assert_eq!(text(Duration::from_millis(90_250)), "1m30s250ms");
        assert_eq!(text(Duration::from_secs(86_400)), "1d");
        assert_eq!(text(Duration::from_nanos(1_999_999)), "1ms");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(millis in 0..=36_525_u64 * 86_400_000) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse(&text(duration)), Ok(duration));
        }

        #[test]
        fn no_text_makes_it_panic(input in "[0-9dhms.+-]{0,30}|\\PC{0,20}") {
            if let Ok(duration) = parse(&input) {
                prop_assert!(duration <= LONGEST);
            }
        }
    }
}
