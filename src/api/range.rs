//! Which bytes of a file a request asks for.

use std::ops::Range;

use axum::http::{HeaderMap, header};

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
        headers
            .get(header::RANGE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("bytes="))
            .and_then(|range| range.trim().split_once('-'))
            .and_then(|(first, last)| part(first, last, length))
            .unwrap_or(Self::All)
    }
}

fn part(first: &str, last: &str, length: usize) -> Option<Asked> {
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        // A number too large to be read is beyond any file.
        plain.then(|| digits.parse::<usize>().unwrap_or(usize::MAX))
    };
    let range = if first.is_empty() {
        let last_bytes = number(last)?;
        length.saturating_sub(last_bytes)..length
    } else {
        let first = number(first)?;
        let end = if last.is_empty() {
            length
        } else {
            let last = number(last)?;
            if last < first {
                return None;
            }
            last.saturating_add(1).min(length)
        };
        first..end
    };
    Some(if range.is_empty() {
        Asked::Beyond
    } else {
        Asked::Part(range)
    })
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
