//! Exact decimal money.

use std::fmt;

use ethnum::{I256, U256};

/// An amount of money in units of 10^-18. From [`Amount::parse`] its magnitude is below 10^15
/// currency units.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Amount(i128);

/// Why a text is not a valid amount.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AmountError {
    /// The text does not follow the grammar of JSON numbers. `NaN` and infinities are of this kind.
    #[error("is not a finite number written as JSON writes one, such as -12.50 or 1e3")]
    NotANumber,
    /// The magnitude is 10^15 or more once rounded.
    #[error("is out of range: it must be between -10^15 and 10^15, both excluded")]
    TooLarge,
}

/// Units of 10^-18 in one currency unit.
const UNITS_PER_ONE: u64 = 10_u64.pow(Amount::SCALE);
/// The magnitude, in decimal digits before the point, from which on an amount is refused.
const INTEGER_DIGITS: u32 = 15;
/// 10^15 currency units.
const LIMIT: u128 = 10_u128.pow(INTEGER_DIGITS + Amount::SCALE);
/// An exponent beyond this either way decides by itself: no text in memory has as many digits.
const EXPONENT_MAX: i64 = i64::MAX / 100;

impl Amount {
    /// Decimals kept.
    pub const SCALE: u32 = 18;

    /// The amount of `units` × 10^-18.
    #[must_use]
    pub const fn from_units(units: i128) -> Self {
        Self(units)
    }

    /// As much in the other direction.
    #[must_use]
    pub const fn negated(self) -> Self {
        // Only `i128::MIN` would overflow, and no amount is near it.
        Self(self.0.wrapping_neg())
    }

    /// This amount in units of 10^-18.
    #[must_use]
    pub const fn units(self) -> i128 {
        self.0
    }

    /// Reads the text of a JSON number (RFC 8259: sign, digits, fraction, exponent).
    ///
    /// Decimals beyond the eighteenth are rounded half-even; the flag says whether that changed
    /// the value, so zeros there do not count. Takes time linear in the text, whatever the exponent.
    ///
    /// # Errors
    /// When the text is not a JSON number, or the rounded magnitude is 10^15 or more.
    pub fn parse(text: &[u8]) -> Result<(Self, bool), AmountError> {
        Self::parse_scaled(text, 0)
    }

    /// As [`Amount::parse`], for a number of which `scale` decimals are left out: 1234 is 12.34 with
    /// 2.
    ///
    /// # Errors
    /// When the text is not a JSON number, or the rounded magnitude is 10^15 or more.
    pub fn parse_scaled(text: &[u8], scale: u32) -> Result<(Self, bool), AmountError> {
        let mut number = Number::read(text).ok_or(AmountError::NotANumber)?;
        number.exponent -= i64::from(scale);
        let (units, rounded) = number.units().ok_or(AmountError::TooLarge)?;
        let units = i128::try_from(units).map_err(|_| AmountError::TooLarge)?;
        Ok((Self(if number.negative { -units } else { units }), rounded))
    }
}

/// The exact decimal without trailing zeros or an exponent, and never `-0`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = u128::from(UNITS_PER_ONE);
        let magnitude = self.0.unsigned_abs();
        #[expect(clippy::cast_possible_truncation, reason = "a remainder of 10^18")]
        let decimals = (magnitude % one) as u64;
        write_decimal(f, self.0 < 0, magnitude / one, decimals)
    }
}

/// The exact decimal of `units` × 10^-18, written as [`Amount`]'s.
#[must_use]
pub fn format_units(units: I256) -> String {
    let one = U256::from(UNITS_PER_ONE);
    let magnitude = units.unsigned_abs();
    let decimals = (magnitude % one).as_u64();
    let mut text = String::with_capacity(32);
    // Writing to a String does not fail.
    let _ = write_decimal(&mut text, units.is_negative(), magnitude / one, decimals);
    text
}

/// The double nearest to `units` × 10^-18; of two equally near the even one.
#[must_use]
pub fn nearest_double(units: I256) -> f64 {
    average(units, 1)
}

/// The double nearest to `units` × 10^-18 / `count`, of two equally near the even one; 0 when
/// `count` is 0.
///
/// The quotient is rounded once: the dividend is shifted to fill 256 bits, so the integer quotient
/// by `count` × 10^18 (under 2^124) has more than 130 bits, of which the upper 63, and a last one
/// that says whether anything follows, decide the 53 of a double.
#[must_use]
pub fn average(units: I256, count: u64) -> f64 {
    if units == I256::ZERO || count == 0 {
        return 0.0;
    }
    let magnitude = units.unsigned_abs();
    let shift = magnitude.leading_zeros();
    let dividend = magnitude << shift;
    let divisor = U256::from(UNITS_PER_ONE) * U256::from(count);
    let quotient = dividend / divisor;
    let dropped = U256::BITS - quotient.leading_zeros() - u64::BITS;
    let head = quotient >> dropped;
    let inexact = (head << dropped) != quotient || quotient * divisor != dividend;
    #[expect(
        clippy::cast_precision_loss,
        reason = "rounds to the nearest, as is meant"
    )]
    let nearest = (head.as_u64() | u64::from(inexact)) as f64;
    // The result lies between 2^-124 and 2^196: every step here is exact.
    let exponent = u64::from(1023 + dropped - shift);
    let scale = f64::from_bits(exponent << 52);
    let value = nearest * scale;
    if units.is_negative() { -value } else { value }
}

/// The parts of a JSON number.
struct Number<'a> {
    negative: bool,
    integer: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

impl<'a> Number<'a> {
    fn read(text: &'a [u8]) -> Option<Self> {
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let (integer, rest) = split_digits(rest);
        if integer.is_empty() || (integer.len() > 1 && integer[0] == b'0') {
            return None;
        }
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => match split_digits(rest) {
                ([], _) => return None,
                parts => parts,
            },
            rest => (&[][..], rest),
        };
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', b'-', digits @ ..] => -read_exponent(digits)?,
            [b'e' | b'E', b'+', digits @ ..] | [b'e' | b'E', digits @ ..] => read_exponent(digits)?,
            _ => return None,
        };
        Some(Self {
            negative,
            integer,
            fraction,
            exponent,
        })
    }

    /// The magnitude in units of 10^-18 and whether it was rounded; `None` from 10^15 on.
    fn units(&self) -> Option<(u128, bool)> {
        let mut digits = self.integer.iter().chain(self.fraction).map(|c| c - b'0');
        let Some(zeros) = digits.clone().position(|digit| digit != 0) else {
            return Some((0, false));
        };
        // The first digit that is not 0 stands right behind a point moved by this.
        #[expect(clippy::cast_possible_wrap, reason = "no text is 2^63 bytes long")]
        let point = self.integer.len() as i64 - zeros as i64 + self.exponent;
        if point > i64::from(INTEGER_DIGITS) {
            return None;
        }
        let kept = point + i64::from(Amount::SCALE);
        if kept < 0 {
            return Some((0, true));
        }
        let mut digits = digits.by_ref().skip(zeros);
        // At most 33 digits: an u128 holds 38.
        let mut units = (0..kept).fold(0_u128, |units, _| {
            units * 10 + u128::from(digits.next().unwrap_or(0))
        });
        let next = digits.next().unwrap_or(0);
        let more = digits.any(|digit| digit != 0);
        let up = match next {
            0..5 => false,
            5 => more || units % 2 == 1,
            _ => true,
        };
        units += u128::from(up);
        (units < LIMIT).then_some((units, next != 0 || more))
    }
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|c| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

fn read_exponent(text: &[u8]) -> Option<i64> {
    let (digits, rest) = split_digits(text);
    if digits.is_empty() || !rest.is_empty() {
        return None;
    }
    Some(digits.iter().fold(0, |exponent: i64, c| {
        (exponent
            .saturating_mul(10)
            .saturating_add(i64::from(c - b'0')))
        .min(EXPONENT_MAX)
    }))
}

fn write_decimal(
    out: &mut impl fmt::Write,
    negative: bool,
    integer: impl fmt::Display,
    decimals: u64,
) -> fmt::Result {
    if negative {
        out.write_char('-')?;
    }
    write!(out, "{integer}")?;
    if decimals == 0 {
        return Ok(());
    }
    let mut width = Amount::SCALE as usize;
    let mut decimals = decimals;
    while decimals.is_multiple_of(10) {
        decimals /= 10;
        width -= 1;
    }
    write!(out, ".{decimals:0width$}")
}

#[cfg(test)]
mod tests;
