//! Decimal numbers computed on their text, one digit after the other: none of the product's code.

/// A number as JSON writes it (RFC 8259), in parts.
pub struct Written<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: &'a str,
}

/// What an amount must be: in units of 10^-18, with whether it was rounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expected {
    Units(i128, bool),
    TooLarge,
    NotANumber,
}

/// What an integer must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whole {
    Value(i128),
    Huge,
}

/// More digits than that either way decide by themselves.
const FAR: i64 = 1 << 40;

impl<'a> Written<'a> {
    pub fn read(text: &'a str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
            Some(at) => (&unsigned[..at], &unsigned[at + 1..]),
            None => (unsigned, "0"),
        };
        let (whole, fraction) = match mantissa.find('.') {
            Some(at) => (&mantissa[..at], Some(&mantissa[at + 1..])),
            None => (mantissa, None),
        };
        let is_digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_right = is_digits(whole)
            && (whole == "0" || !whole.starts_with('0'))
            && fraction.is_none_or(is_digits)
            && is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
        is_right.then_some(Self {
            negative,
            whole,
            fraction: fraction.unwrap_or_default(),
            exponent,
        })
    }

    /// The digits without zeros in front, and how far the point stands behind the last of them: `120.5` is
    /// `1205` and -1.
    fn digits(&self) -> (String, i64) {
        let all = format!("{}{}", self.whole, self.fraction);
        let sign = if self.exponent.starts_with('-') {
            -1
        } else {
            1
        };
        let exponent = self.exponent.trim_start_matches(['+', '-']);
        let exponent = exponent.parse().unwrap_or(FAR).min(FAR) * sign;
        let point = exponent - self.fraction.len() as i64;
        (all.trim_start_matches('0').to_owned(), point)
    }

    /// The amount that this is.
    pub fn amount(&self) -> Expected {
        let (digits, point) = self.digits();
        if digits.is_empty() {
            return Expected::Units(0, false);
        }
        // In units, the point stands 18 digits further on.
        let point = point + 18;
        let length = digits.len() as i64 + point;
        if length > 34 {
            return Expected::TooLarge;
        }
        if length < 0 {
            return Expected::Units(0, true);
        }
        let (kept, cut) = match usize::try_from(-point) {
            Ok(cut) => digits.split_at(digits.len() - cut.min(digits.len())),
            Err(_) => (digits.as_str(), ""),
        };
        let zeros = "0".repeat(usize::try_from(point).unwrap_or(0));
        let mut units: i128 = format!("0{kept}{zeros}").parse().unwrap();
        // With fewer digits than are cut, those before them are zeros.
        let cut = format!(
            "{cut:0>width$}",
            width = usize::try_from(-point).unwrap_or(0)
        );
        let half = format!("5{}", "0".repeat(cut.len().saturating_sub(1)));
        if !cut.is_empty() && (cut > half || (cut == half && units % 2 == 1)) {
            units += 1;
        }
        if units >= 10_i128.pow(33) {
            return Expected::TooLarge;
        }
        let rounded = cut.bytes().any(|digit| digit != b'0');
        Expected::Units(if self.negative { -units } else { units }, rounded)
    }

    /// The integer that this is, whatever its form.
    pub fn integer(&self) -> Option<Whole> {
        let (digits, point) = self.digits();
        if digits.is_empty() {
            return Some(Whole::Value(0));
        }
        let significant = digits.trim_end_matches('0');
        let point = point + (digits.len() - significant.len()) as i64;
        let zeros = usize::try_from(point).ok()?;
        if significant.len() + zeros > 39 {
            return Some(Whole::Huge);
        }
        let sign = if self.negative { "-" } else { "" };
        let value = format!("{sign}{significant}{}", "0".repeat(zeros)).parse();
        Some(value.map_or(Whole::Huge, Whole::Value))
    }
}

/// What the amount `text` must be.
pub fn amount(text: &str) -> Expected {
    Written::read(text).map_or(Expected::NotANumber, |written| written.amount())
}

/// The plain decimal of `units` of 10^-18.
pub fn shown(units: i128) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let digits = format!("{:019}", units.unsigned_abs());
    let (whole, fraction) = digits.split_at(digits.len() - 18);
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        fraction => format!("{sign}{whole}.{fraction}"),
    }
}
