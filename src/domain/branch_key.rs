//! What a branch is outside of a state: an integer or a text.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::domain::payment::BranchId;

/// A branch as records, answers, documents and the configuration have it. Integers sort first, in numerical
/// order, and then texts by their bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum BranchKey {
    /// An integer from 0 to 2^31 − 1: never the number of a text.
    Integer(BranchId),
    /// A text that is not such an integer in canonical decimal form.
    Text(Arc<str>),
}

/// The most bytes that the text of a branch may have, in UTF-8. With the times of a window it fits into
/// the id of a document, which has at most 512.
pub const BRANCH_TEXT_BYTES_MAX: usize = 256;

/// Why a text can't be a branch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BranchTextError {
    /// It has no characters.
    #[error("a branch can't be an empty text")]
    Empty,
    /// It has more than [`BRANCH_TEXT_BYTES_MAX`] bytes.
    #[error(
        "the text of a branch has at most {BRANCH_TEXT_BYTES_MAX} bytes in UTF-8, and this one has {bytes}"
    )]
    TooLong {
        /// Its bytes.
        bytes: usize,
    },
    /// It has control characters.
    #[error("the text of a branch can't hold control characters, such as a line break")]
    Control,
    /// There are as many texts as there can be.
    #[error("there are {max} branches with texts already, and there can't be more")]
    Full {
        /// How many that is.
        max: usize,
    },
    /// It is there twice in a list in which each is once.
    #[error("the text of a branch is there twice")]
    Twice,
    /// It is an integer, in a list of texts.
    #[error("an integer is among the texts of branches")]
    Integer,
}

impl BranchKey {
    /// Whether it is a text.
    #[must_use]
    pub const fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }
}

impl BranchTextError {
    /// Refuses `text` if it can't be the text of a branch.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn check(text: &str) -> Result<(), Self> {
        if text.is_empty() {
            return Err(Self::Empty);
        }
        if text.len() > BRANCH_TEXT_BYTES_MAX {
            return Err(Self::TooLong { bytes: text.len() });
        }
        if text.contains(char::is_control) {
            return Err(Self::Control);
        }
        Ok(())
    }
}

impl fmt::Display for BranchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(id) => fmt::Display::fmt(&id.get(), f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Reads what `Display` writes.
impl FromStr for BranchKey {
    type Err = BranchTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Integer(id));
        }
        BranchTextError::check(text)?;
        Ok(Self::Text(text.into()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn integers_sort_before_texts_and_texts_by_their_bytes() {
        let mut keys: Vec<BranchKey> = ["b", "10", "a", "9", "007", "é"]
            .map(|text| text.parse().unwrap())
            .into();
        keys.sort();
        let shown: Vec<String> = keys.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["9", "10", "007", "a", "b", "é"]);
    }

    #[test]
    fn a_text_that_can_not_be_a_branch_is_refused_with_a_sentence() {
        let refused = |text: &str| text.parse::<BranchKey>().unwrap_err().to_string();
        assert_eq!(refused(""), "a branch can't be an empty text");
        assert_eq!(
            refused(&"x".repeat(257)),
            "the text of a branch has at most 256 bytes in UTF-8, and this one has 257"
        );
        assert_eq!(
            refused("a\u{1}"),
            "the text of a branch can't hold control characters, such as a line break"
        );
    }
}
