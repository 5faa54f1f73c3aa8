//! Where a page ended, as a text that only fits the question it was given for.

use std::fmt::Debug;

use tidegauge_windows::EventTime;
use xxhash_rust::xxh3::xxh3_64;

use super::problem::Problem;
use crate::domain::payment::BranchId;

/// The last window of a page, by start, branch and end.
pub(super) type WindowPosition = (EventTime, BranchId, EventTime);

/// The cursor after `position`, for the question `asked`.
pub(super) fn after_window(position: WindowPosition, asked: &impl Debug) -> String {
    let (start, branch, end) = position;
    sealed(
        format!("{}.{branch}.{}", start.millis(), end.millis()),
        asked,
    )
}

/// The position that `cursor` names.
pub(super) fn window_position(cursor: &str, asked: &impl Debug) -> Result<WindowPosition, Problem> {
    unsealed(cursor, asked)
        .and_then(|text| {
            let mut parts = text.splitn(3, '.');
            let start = EventTime::from_millis(parts.next()?.parse().ok()?);
            let branch = parts.next()?.parse().ok()?;
            let end = EventTime::from_millis(parts.next()?.parse().ok()?);
            Some((start, branch, end))
        })
        .ok_or_else(refused)
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

    use super::*;

    #[test]
    fn a_cursor_fits_only_the_question_it_was_given_for() {
        let position = (
            EventTime::from_millis(-60_000),
            BranchId::MAX,
            EventTime::from_millis(0),
        );
        let cursor = after_window(position, &("1m", 3));
        assert_eq!(window_position(&cursor, &("1m", 3)), Ok(position));
        assert!(window_position(&cursor, &("1h", 3)).is_err());
        assert!(number(&before_number(9, &"late"), &"rejects").is_err());
        assert_eq!(number(&before_number(9, &"late"), &"late"), Ok(9));
    }

    #[test]
    fn a_changed_cursor_is_refused() {
        let position = (
            EventTime::from_millis(5),
            BranchId::MAX,
            EventTime::from_millis(65),
        );
        let cursor = after_window(position, &());
        for index in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[index] ^= 1;
            let changed = String::from_utf8(changed).unwrap();
            assert!(window_position(&changed, &()).is_err(), "{changed}");
        }
        for garbage in ["", ".", "...", "é", "1.2.3.0000000000000000"] {
            assert!(window_position(garbage, &()).is_err(), "{garbage:?}");
        }
    }
}
