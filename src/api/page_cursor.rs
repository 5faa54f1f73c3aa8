//! Where a page ended, as a text that only fits the question it was given for.

use std::fmt::{self, Debug};

use tidegauge_windows::EventTime;
use xxhash_rust::xxh3::xxh3_64;

use super::problem::Problem;
use crate::domain::branch::Branches;
use crate::domain::payment::BranchId;

/// The last window of a page, by start, branch and end.
pub(super) type WindowPosition = (EventTime, BranchId, EventTime);

/// The cursor after `position`, for the question `asked`.
pub(super) fn after_window(
    position: WindowPosition,
    branches: &Branches,
    asked: &impl Debug,
) -> String {
    let (start, branch, end) = position;
    let (start, number, end) = (start.millis(), branch.get(), end.millis());
    sealed(
        format!("{start}.{number}.{end}"),
        &OfText(branches, branch, asked),
    )
}

/// A question, and the text of a branch: after a power failure its number may be that of another text.
struct OfText<'a, A>(&'a Branches, BranchId, &'a A);

impl<A: Debug> Debug for OfText<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(branches, branch, asked) = self;
        asked.fmt(f)?;
        match branch.is_text() {
            true => branches.key(*branch).fmt(f),
            false => Ok(()),
        }
    }
}

/// The position that `cursor` names.
pub(super) fn window_position(
    cursor: &str,
    branches: &Branches,
    asked: &impl Debug,
) -> Result<WindowPosition, Problem> {
    let position = || {
        let (text, _) = cursor.rsplit_once('.')?;
        let mut parts = text.splitn(3, '.');
        let start = EventTime::from_millis(parts.next()?.parse().ok()?);
        let branch = BranchId::from_bits(parts.next()?.parse().ok()?);
        let end = EventTime::from_millis(parts.next()?.parse().ok()?);
        unsealed(cursor, &OfText(branches, branch, asked))?;
        Some((start, branch, end))
    };
    position().ok_or_else(refused)
}

/// The cursor to what was booked before `number`, for the question `asked`.
pub(super) fn before_number(number: u64, asked: &impl Debug) -> String {
    sealed(number.to_string(), asked)
}

/// The number that `cursor` names.
pub(super) fn number(cursor: &str, asked: &impl Debug) -> Result<u64, Problem> {
    unsealed(cursor, asked)
        .and_then(|text| text.parse().ok())
        .ok_or_else(refused)
}

fn refused() -> Problem {
    Problem::parameter(
        "cursor",
        "this cursor does not belong to this question; pass \"next\" of the page before, \
         unchanged and with the same filters, or leave the cursor out to start again",
    )
}

// A checksum, not a signature: a cursor gives no right that the question itself does not give.
fn sealed(position: String, asked: &impl Debug) -> String {
    let seal = xxh3_64(format!("{position} {asked:?}").as_bytes());
    format!("{position}.{seal:016x}")
}

fn unsealed<'a>(cursor: &'a str, asked: &impl Debug) -> Option<&'a str> {
    let (position, _) = cursor.rsplit_once('.')?;
    (sealed(position.to_owned(), asked) == cursor).then_some(position)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use super::*;
    use crate::domain::branch_texts::BranchTexts;

    #[test]
    fn a_cursor_fits_only_the_question_it_was_given_for() {
        let position = (
            EventTime::from_millis(-60_000),
            BranchId::MAX,
            EventTime::from_millis(0),
        );
        let branches = Branches::default();
        let cursor = after_window(position, &branches, &("1m", 3));
        assert_eq!(
            window_position(&cursor, &branches, &("1m", 3)),
            Ok(position)
        );
        assert!(window_position(&cursor, &branches, &("1h", 3)).is_err());
        assert!(number(&before_number(9, &"late"), &"rejects").is_err());
        assert_eq!(number(&before_number(9, &"late"), &"late"), Ok(9));
    }

    #[test]
    fn a_cursor_at_a_text_fits_only_where_the_number_is_that_text() {
        let of = |texts: [&str; 2]| {
            let texts = BranchTexts::restore(texts).unwrap();
            Branches::new(Arc::default(), Arc::new(texts))
        };
        let (ours, others) = (of(["a", "b"]), of(["b", "a"]));
        let time = EventTime::from_millis(0);
        let position = (time, ours.id(&"b".parse().unwrap()).unwrap(), time);
        let cursor = after_window(position, &ours, &());
        assert_eq!(window_position(&cursor, &ours, &()), Ok(position));
        assert!(window_position(&cursor, &others, &()).is_err());
    }

    #[test]
    fn a_changed_cursor_is_refused() {
        let position = (
            EventTime::from_millis(5),
            BranchId::MAX,
            EventTime::from_millis(65),
        );
        let branches = Branches::default();
        let cursor = after_window(position, &branches, &());
        for index in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[index] ^= 1;
            let changed = String::from_utf8(changed).unwrap();
            assert!(
                window_position(&changed, &branches, &()).is_err(),
                "{changed}"
            );
        }
        for garbage in ["", ".", "...", "é", "1.2.3.0000000000000000"] {
            assert!(
                window_position(garbage, &branches, &()).is_err(),
                "{garbage:?}"
            );
        }
    }
}
