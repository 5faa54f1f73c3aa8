//! What can be wrong with a condition, and with a payment that it is asked about.

use std::fmt;

use super::{NESTING_MAX, TEXT_MAX};

/// Why a text is not a valid condition.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ConditionError {
    /// There is nothing but blanks and comments.
    #[error("the condition is empty; write one such as status == \"captured\"")]
    Empty,
    /// The text is longer than 4 KiB.
    #[error("the condition has {length} bytes, more than the {TEXT_MAX} allowed")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// Brackets and operators are nested more than 24 deep.
    #[error(
        "{position}: brackets and operators are nested more than {NESTING_MAX} deep; split the \
         condition with && and ||, or shorten it"
    )]
    TooDeep {
        /// The first place that is too deep.
        position: Position,
    },
    /// The text does not follow the grammar of CEL.
    #[error("{position}: {problem}")]
    Syntax {
        /// Where reading stopped.
        position: Position,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A function or macro that does not exist here.
    #[error("{position}: there is no function {name}(); {advice}")]
    UnknownFunction {
        /// Where its name or its opening bracket stands.
        position: Position,
        /// Its name.
        name: String,
        /// What to write instead.
        advice: String,
    },
    /// A function that is called with the wrong number of arguments, or without a value before it.
    #[error("{position}: {name}() is called the wrong way; write {usage}")]
    WrongCall {
        /// Where its opening bracket stands.
        position: Position,
        /// Its name.
        name: String,
        /// How to call it.
        usage: String,
    },
    /// An operation on values of types that it does not take.
    #[error("{position}: {problem}")]
    WrongType {
        /// Where the operator, or the value of the wrong type, stands.
        position: Position,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A condition that gives something other than true or false for every payment.
    #[error("the condition gives {kind}, not true or false; compare it, as in x == y")]
    NotBoolean {
        /// What it gives.
        kind: &'static str,
    },
    /// Something that CEL allows and conditions do not.
    #[error("{position}: {problem}")]
    Unsupported {
        /// Where it stands.
        position: Position,
        /// What is refused and what to write instead.
        problem: String,
    },
}

/// Why a condition is neither true nor false for a payment.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EvaluationError {
    /// A field or an element that is not there.
    #[error("`{path}` is not there; use {question} to ask whether it is there")]
    Missing {
        /// The path, written as in a condition.
        path: String,
        /// An expression that asks for it.
        question: String,
    },
    /// A value of a type that the condition can't use there.
    #[error("`{path}` holds {found} where {expected} is expected")]
    WrongType {
        /// The path, written as in a condition.
        path: String,
        /// The first [`EXCERPT_MAX`] characters of what stands there.
        found: String,
        /// What would be right.
        expected: &'static str,
    },
    /// Values that the condition computes with and can't.
    #[error("the condition can't be decided: {problem}")]
    Undecided {
        /// What is wrong, without the values.
        problem: String,
    },
    /// The text is not one JSON object, nested at most 128 deep, whose strings are valid and whose names are
    /// each given once.
    #[error(
        "the condition can't be decided: the payment is not a JSON object with valid strings, \
         nested at most 128 deep, in which each name is given once"
    )]
    NotAnObject,
}

/// The most characters of a value that an [`EvaluationError`] quotes.
pub const EXCERPT_MAX: usize = 40;

/// A place in the text of a condition.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

impl Position {
    /// The place of the byte at `offset` in `text`; the end when there is no such byte.
    pub(super) fn of_byte(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// `at column 5`, or `at line 2, column 5`.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            1 => write!(f, "at column {}", self.column),
            line => write!(f, "at line {line}, column {}", self.column),
        }
    }
}

/// The first characters of `text`, at most [`EXCERPT_MAX`], with an ellipsis if that is not all.
pub(super) fn excerpt(text: &str) -> String {
    first_characters(text, EXCERPT_MAX)
}

/// The first characters of `text`, at most `count`, with an ellipsis if that is not all.
pub(super) fn first_characters(text: &str, count: usize) -> String {
    match text.char_indices().nth(count) {
        None => text.to_owned(),
        Some(_) => {
            let kept: String = text.chars().take(count.saturating_sub(1)).collect();
            format!("{kept}…")
        }
    }
}
