//! JSON texts of single values, and how CEL compares what they stand for.

use std::cmp::Ordering;

use crate::decode::quoted::unquote;
/// A number of CEL.
///
/// A JSON number without fraction and exponent is an int if it fits 64 bits with a sign, else a
/// uint if it fits 64 bits without one. All others are doubles, the nearest one: also integers
/// beyond that, and `-0`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum CelNumber {
    Int(i64),
    Uint(u64),
    Double(f64),
}

impl CelNumber {
    /// Reads a JSON number; `None` if `raw` is none.
    pub(super) fn read(raw: &str) -> Option<Self> {
        let digits = raw.strip_prefix('-').unwrap_or(raw);
        if !digits.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        if digits.bytes().all(|byte| byte.is_ascii_digit()) && raw != "-0" {
            if let Ok(int) = raw.parse() {
                return Some(Self::Int(int));
            }
            if let Ok(uint) = raw.parse() {
                return Some(Self::Uint(uint));
            }
        }
        raw.parse().ok().map(Self::Double)
    }

    /// How this compares with `other`: exactly between integers. An integer beside a double is
    /// rounded to the nearest double first, as CEL does. `None` for a NaN.
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Double(_), _) | (_, Self::Double(_)) => {
                self.nearest_double().partial_cmp(&other.nearest_double())
            }
            (Self::Int(left), Self::Int(right)) => Some(left.cmp(&right)),
            _ => Some(self.widened().cmp(&other.widened())),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "rounds to the nearest, as CEL does"
    )]
    fn nearest_double(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Uint(uint) => uint as f64,
            Self::Double(double) => double,
        }
    }

    /// An integer in a type that holds all of them. Doubles never come here.
    fn widened(self) -> i128 {
        match self {
            Self::Int(int) => int.into(),
            Self::Uint(uint) => uint.into(),
            Self::Double(_) => 0,
        }
    }
}

/// A literal of a condition that a JSON value can equal.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Number(CelNumber),
    Text(Box<str>),
}

impl Literal {
    /// Whether the JSON value `raw` equals this. Values of different types never do, apart from
    /// numbers; `None` if `raw` can't be read.
    #[inline]
    pub(super) fn equals(&self, raw: &str) -> Option<bool> {
        match self {
            Self::Null => Some(raw == "null"),
            Self::Bool(bool) => Some(raw == if *bool { "true" } else { "false" }),
            Self::Number(number) if is_number(raw) => {
                let other = CelNumber::read(raw)?;
                Some(other.compare(*number) == Some(Ordering::Equal))
            }
            Self::Text(text) if raw.starts_with('"') => equals_text(text, raw),
            Self::Number(_) | Self::Text(_) => Some(false),
        }
    }

    /// How the JSON value `raw` compares with this; `None` if CEL does not order the two.
    pub(super) fn order(&self, raw: &str) -> Option<Ordering> {
        match self {
            Self::Null => None,
            Self::Bool(bool) => match raw {
                "true" => Some(true.cmp(bool)),
                "false" => Some(false.cmp(bool)),
                _ => None,
            },
            Self::Number(number) => CelNumber::read(raw)?.compare(*number),
            // The order of UTF-8 bytes is the order of code points.
            Self::Text(text) => Some((*unquote(raw)?).cmp(text)),
        }
    }

    /// What must stand beside this for an order.
    pub(super) const fn expected(&self) -> &'static str {
        match self {
            // No order at all; the compiler refuses it.
            Self::Null => "a value with an order",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
        }
    }
}

#[inline]
fn is_number(raw: &str) -> bool {
    raw.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

/// Whether the JSON string `raw` stands for `text`.
#[inline]
fn equals_text(text: &str, raw: &str) -> Option<bool> {
    let plain = raw.strip_prefix('"')?.strip_suffix('"')?;
    // Without a backslash on either side the bytes decide.
    if plain == text && !text.contains('\\') {
        return Some(true);
    }
    match plain.contains('\\') {
        true => Some(*unquote(raw)? == *text),
        false => Some(false),
    }
}
