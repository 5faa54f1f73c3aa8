//! Entity tags: which bytes an answer is, and whether the client has them already.

use std::fmt;

use axum::http::{HeaderMap, HeaderValue, header};
use xxhash_rust::xxh3::xxh3_128;

use crate::view::reading::Checkpoint;

/// A strong entity tag: of a file of the page, or of one form of the answer to one question at one
/// checkpoint.
///
/// Within one life of the process an answer is a function of the checkpoint and the question:
/// names, definitions and this program's version don't change in it. A number drawn at its start
/// stands for all of them, so tags of two lives are never the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct EntityTag(u128);

impl EntityTag {
    /// The tag of the answer to `question`, which says its form too, at `checkpoint`, in the life
    /// `life`.
    pub(super) fn of(life: u64, checkpoint: &Checkpoint, question: &str) -> Self {
        let Checkpoint {
            generation,
            sequence,
            as_of,
            ..
        } = checkpoint;
        let text = format!("{life} {generation} {sequence} {as_of} {question}");
        Self(xxh3_128(text.as_bytes()))
    }

    /// The tag of a file that this program holds.
    pub(super) fn of_content(content: &[u8]) -> Self {
        Self(xxh3_128(content))
    }

    /// Whether `If-None-Match` names it or anything, so that a client has these bytes already.
    pub(super) fn is_known(self, headers: &HeaderMap) -> bool {
        self.is_named(headers) || given(headers).any(|given| given == "*")
    }

    /// Whether `If-None-Match` names just it: the question was answered at this checkpoint.
    pub(super) fn is_named(self, headers: &HeaderMap) -> bool {
        let quoted = self.to_string();
        // Weak comparison: what was compressed on its way still says the same.
        given(headers).any(|given| given.strip_prefix("W/").unwrap_or(given) == quoted)
    }

    /// Whether a part may be sent: there is no `If-Range`, or it names exactly this.
    pub(super) fn allows_part(self, headers: &HeaderMap) -> bool {
        match headers.get(header::IF_RANGE) {
            None => true,
            Some(given) => given.as_bytes() == self.to_string().as_bytes(),
        }
    }

    /// Its value of `ETag`.
    pub(super) fn header(self) -> HeaderValue {
        // Hexadecimal digits in quotes are a valid value.
        HeaderValue::try_from(self.to_string()).unwrap_or(HeaderValue::from_static("\"\""))
    }
}

/// What `If-None-Match` names.
fn given(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{:032x}\"", self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_tag_is_known_by_weak_and_allows_parts_by_strong_comparison() {
        let tag = EntityTag(0xab);
        let with = |name: header::HeaderName, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
            headers
        };
        for (value, known) in [
            (tag.to_string(), true),
            (format!("W/{tag}"), true),
            (format!("\"x\", {tag}"), true),
            ("*".to_owned(), true),
            ("\"ab\"".to_owned(), false),
        ] {
            let headers = with(header::IF_NONE_MATCH, &value);
            assert_eq!(tag.is_known(&headers), known, "{value}");
            assert_eq!(tag.is_named(&headers), known && value != "*", "{value}");
        }
        assert!(!tag.is_known(&HeaderMap::new()));
        assert!(tag.allows_part(&HeaderMap::new()));
        assert!(tag.allows_part(&with(header::IF_RANGE, &tag.to_string())));
        assert!(!tag.allows_part(&with(header::IF_RANGE, &format!("W/{tag}"))));
        let date = "Sun, 01 Nov 2026 00:00:00 GMT";
        assert!(!tag.allows_part(&with(header::IF_RANGE, date)));
    }
}
