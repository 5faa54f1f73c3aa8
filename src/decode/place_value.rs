//! A value of a record before it is a fact.

use std::borrow::Cow;

use super::integer::Integer;
use super::quoted::unquote;

/// What stands at a place of a record, in the form in which its format writes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PlaceValue<'a> {
    /// The text of a JSON value, strings with their quotes. Never `null`.
    Json(&'a str),
    /// A text that says nothing of its type: a key, a header.
    Text(&'a str),
    /// An integer: the record's timestamp.
    Integer(i64),
}

impl<'a> PlaceValue<'a> {
    /// What it says as a text: a string without its quotes, a number as it is written. `None` for
    /// `true`, `false`, objects, arrays, and strings with an escape that stands for no character.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        match *self {
            Self::Json(raw) if raw.starts_with('"') => unquote(raw),
            Self::Json(raw) => is_number(raw).then_some(Cow::Borrowed(raw)),
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Integer(number) => Some(Cow::Owned(number.to_string())),
        }
    }

    /// What it says as a part of a key: a text, or an integer in digits, however it is written.
    pub fn key(&self) -> Option<Cow<'a, str>> {
        match self {
            Self::Json(raw) if is_number(raw) => match Integer::read(raw)? {
                Integer::Value(value) => Some(Cow::Owned(value.to_string())),
                Integer::Huge => None,
            },
            _ => self.text(),
        }
    }

    /// It as it is written, to be shown.
    pub fn shown(&self) -> Cow<'a, str> {
        match *self {
            Self::Json(raw) => Cow::Borrowed(raw),
            Self::Text(text) => Cow::Owned(format!("\"{text}\"")),
            Self::Integer(number) => Cow::Owned(number.to_string()),
        }
    }
}

fn is_number(raw: &str) -> bool {
    raw.starts_with(|c: char| c.is_ascii_digit() || c == '-')
}
