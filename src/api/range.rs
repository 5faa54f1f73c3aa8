//! Which bytes of a file a request asks for.

use std::ops::Range;

use axum::http::{HeaderMap, header};
use http_range_header::SyntacticallyCorrectRange::{FromLast, FromStart, Indexed};
use http_range_header::{ParsedRanges, parse_range_header};

/// What `Range` asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    /// All of it: there is no `Range`, or none that is understood; several ranges are not.
    All,
    /// These bytes.
    Part(Range<usize>),
    /// Bytes that the file does not have.
    Beyond,
}

impl Asked {
    /// What `headers` ask of a file of `length` bytes.
    pub(super) fn of(headers: &HeaderMap, length: usize) -> Self {
        let ranges = headers
            .get(header::RANGE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| parse_range_header(value).ok())
            .map(ParsedRanges::into_ranges);
        let range = match ranges.as_deref() {
            Some(&[FromStart(first)]) => position(first)..length,
            Some(&[FromLast(count)]) => length.saturating_sub(position(count))..length,
            Some(&[Indexed(first, last)]) => {
                position(first)..position(last).saturating_add(1).min(length)
            }
            _ => return Self::All,
        };
        if range.is_empty() {
            Self::Beyond
        } else {
            Self::Part(range)
        }
    }
}

/// A number too large for a position is beyond any file.
fn position(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn single_ranges_are_understood_and_others_ignored() {
        for (range, asked) in [
            ("bytes=0-0", Asked::Part(0..1)),
            ("bytes=2-5", Asked::Part(2..6)),
            ("bytes=2-", Asked::Part(2..10)),
            ("bytes=9-99", Asked::Part(9..10)),
            ("bytes=-3", Asked::Part(7..10)),
            ("bytes=-99", Asked::Part(0..10)),
            ("bytes=0-99999999999999999999999", Asked::Part(0..10)),
            ("bytes=10-", Asked::Beyond),
            ("bytes=99999999999999999999999-", Asked::Beyond),
            ("bytes=-0", Asked::Beyond),
            ("bytes=5-2", Asked::All),
            ("bytes=0-1,3-4", Asked::All),
            ("bytes=-", Asked::All),
            ("bytes=+1-2", Asked::All),
            ("lines=0-1", Asked::All),
            ("", Asked::All),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::from_str(range).unwrap());
            assert_eq!(Asked::of(&headers, 10), asked, "{range}");
        }
        assert_eq!(Asked::of(&HeaderMap::new(), 10), Asked::All);
    }
}
