//! Integers, in all the ways in which JSON writes them.

/// An integer of any size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Integer {
    /// This one.
    Value(i128),
    /// An integer that does not fit 128 bits.
    Huge,
}

impl Integer {
    /// The JSON value `raw` as an integer; `None` if it is not an integer.
    ///
    /// As in JSON Schema the value counts, not how it is written: `3`, `3.0` and `0.3e1` are the
    /// same. Nothing is rounded. Takes time linear in the text, whatever the exponent.
    pub fn read(raw: &str) -> Option<Self> {
        let parts = NumberParts::of(raw)?;
        parts.is_integer().then(|| parts.floor())
    }

    /// The largest integer that is not above the JSON number `raw` × 10^`power`; `None` if it is not
    /// a number.
    pub fn read_floor(raw: &str, power: i32) -> Option<Self> {
        let mut parts = NumberParts::of(raw)?;
        parts.power += i64::from(power);
        Some(parts.floor())
    }

    /// The integer, if `N` holds it.
    pub fn fit<N: TryFrom<i128>>(self) -> Option<N> {
        match self {
            Self::Value(value) => N::try_from(value).ok(),
            Self::Huge => None,
        }
    }
}

/// The parts of a JSON number: its digits are `whole` and `decimals`, and its value is the first `count`
/// of them, which have no zeros behind them, × 10^`power`.
struct NumberParts<'a> {
    negative: bool,
    whole: &'a str,
    decimals: &'a str,
    count: usize,
    power: i64,
}

impl<'a> NumberParts<'a> {
    fn of(raw: &'a str) -> Option<Self> {
        let (negative, unsigned) = match raw.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, raw),
        };
        // A JSON value that begins with a digit is a number.
        if !unsigned.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)),
            None => (unsigned, 0),
        };
        let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = || whole.bytes().chain(decimals.bytes());
        if !digits().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let zeros = digits().rev().take_while(|digit| *digit == b'0').count();
        #[expect(
            clippy::cast_possible_wrap,
            reason = "no payload is near 2^63 bytes long, and exponents stay a fourth of that away from it"
        )]
        let power = exponent + zeros as i64 - decimals.len() as i64;
        Some(Self {
            negative,
            whole,
            decimals,
            count: whole.len() + decimals.len() - zeros,
            power,
        })
    }

    const fn is_integer(&self) -> bool {
        self.count == 0 || self.power >= 0
    }

    /// The largest integer that is not above it.
    fn floor(&self) -> Integer {
        let power = usize::try_from(self.power).unwrap_or(0);
        let cut = usize::try_from(self.power.min(0).unsigned_abs()).unwrap_or(usize::MAX);
        let digits = self.whole.bytes().chain(self.decimals.bytes());
        let value = digits
            .take(self.count.saturating_sub(cut))
            .chain(std::iter::repeat_n(
                b'0',
                if self.count == 0 {
                    0
                } else {
                    power.min(DIGITS_MAX)
                },
            ))
            .try_fold(0_i128, |value, digit| {
                let digit = i128::from(digit - b'0');
                let digit = if self.negative { -digit } else { digit };
                value.checked_mul(10)?.checked_add(digit)
            })
            .and_then(|value| {
                // What is cut off ends with a digit that is not 0.
                let is_below = self.negative && !self.is_integer();
                value.checked_sub(i128::from(is_below))
            });
        value.map_or(Integer::Huge, Integer::Value)
    }
}

/// More zeros behind a digit than 128 bits hold.
const DIGITS_MAX: usize = 40;

/// An exponent; one that no number of digits makes up for as a very large one.
fn read_exponent(text: &str) -> i64 {
    const FAR: i64 = i64::MAX / 4;
    match text.parse::<i64>() {
        Ok(exponent) => exponent.clamp(-FAR, FAR),
        Err(_) if text.starts_with('-') => -FAR,
        Err(_) => FAR,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_value_counts_and_not_how_it_is_written() {
        for (raw, value) in [
            ("0", 0),
            ("-0", 0),
            ("-0.0", 0),
            ("0e5", 0),
            ("0.000e-99999999999999999999", 0),
            ("3", 3),
            ("3.0", 3),
            ("3.000", 3),
            ("-3.0", -3),
            ("3e0", 3),
            ("3E+2", 300),
            ("300e-2", 3),
            ("0.3e1", 3),
            ("1.604020801E9", 1_604_020_801),
            ("1793494200000.0", 1_793_494_200_000),
        ] {
            assert_eq!(Integer::read(raw), Some(Integer::Value(value)), "{raw}");
        }
        for raw in [
            "3.5",
            "0.1",
            "1e-1",
            "-1.25",
            "33e-1",
            "1e-99999999999999999999",
            "1e-9223372036854775808",
            "\"3\"",
            "true",
            "null",
            "[3]",
            "{}",
            "-",
            "",
            "1x",
        ] {
            assert_eq!(Integer::read(raw), None, "{raw}");
        }
        let digits = "9".repeat(100);
        for raw in [
            "1e39",
            "1e9223372036854775807",
            "1e99999999999999999999",
            &digits,
        ] {
            assert_eq!(Integer::read(raw), Some(Integer::Huge), "{raw}");
        }
        for extreme in [i128::MIN, i128::MAX] {
            let read = Integer::read(&extreme.to_string());
            assert_eq!(read, Some(Integer::Value(extreme)));
        }
    }

    #[test]
    fn what_is_behind_the_point_is_cut_towards_the_past() {
        for (raw, power, value) in [
            ("1793494200", 3, 1_793_494_200_000),
            ("1793494200.1239", 3, 1_793_494_200_123),
            ("1.7934942e9", 3, 1_793_494_200_000),
            ("1793494200123999", -3, 1_793_494_200_123),
            ("1793494200123999999", -6, 1_793_494_200_123),
            ("999999", -6, 0),
            ("1", -6, 0),
            ("-1", -6, -1),
            ("-1000000", -6, -1),
            ("-1000001", -6, -2),
            ("-0.0004", 3, -1),
            ("-0.0", 3, 0),
            ("0", -6, 0),
            ("0e9", 3, 0),
        ] {
            let floor = Integer::read_floor(raw, power);
            assert_eq!(floor, Some(Integer::Value(value)), "{raw} × 10^{power}");
        }
        assert_eq!(Integer::read_floor("1e40", 3), Some(Integer::Huge));
        assert_eq!(Integer::read_floor("\"1\"", 3), None);
    }

    proptest! {
        #[test]
        fn points_and_exponents_change_no_value(value: i64, shift in 0..30_usize, zeros in 0..5_usize) {
            let expected = Some(Integer::Value(value.into()));
            let zeros = "0".repeat(zeros);
            prop_assert_eq!(Integer::read(&format!("{value}.0{zeros}")), expected);
            let padded = format!("{value}{}e-{shift}", "0".repeat(shift));
            prop_assert_eq!(Integer::read(&padded), expected);
            let digits = format!("{:030}", value.unsigned_abs());
            let sign = if value < 0 { "-" } else { "" };
            let scaled = format!("{sign}0.{digits}{zeros}e30");
            prop_assert_eq!(Integer::read(&scaled), expected);
        }
    }
}
