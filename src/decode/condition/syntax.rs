//! Calls the crate's parser, and says in a sentence what it did not understand.

use cel::common::ast::SourceInfo;
use cel::{Env, IdedExpr, ParseError};

use super::error::{ConditionError, Position, excerpt};
use super::path::RESERVED;
use super::tokens::token_at;

/// The expression that `text` is, with macros left as calls.
pub(super) fn parse(text: &str) -> Result<(IdedExpr, SourceInfo), ConditionError> {
    // An environment without the standard library has no macros.
    let parser = Env::default().with_optional_support(false).parser();
    parser.parse_with_source_info(text).map_err(|errors| {
        let first = errors.errors.iter().min_by_key(|error| error.pos);
        explain(text, first)
    })
}

fn explain(text: &str, error: Option<&ParseError>) -> ConditionError {
    let count = |number: isize| usize::try_from(number).unwrap_or(0).max(1);
    let position = error.map_or(Position { line: 1, column: 1 }, |error| Position {
        line: count(error.pos.0),
        column: count(error.pos.1),
    });
    let message = error.map_or("", |error| error.msg.as_str());
    let problem = match token_at(text, position) {
        None => "the condition ends where a value is expected".to_owned(),
        Some(token) => unexpected(token, message),
    };
    ConditionError::Syntax { position, problem }
}

fn unexpected(token: &str, message: &str) -> String {
    let token = &*excerpt(token);
    let operator = match token.to_ascii_lowercase().as_str() {
        "and" => Some("write && for and"),
        "or" => Some("write || for or"),
        "not" => Some("write ! for not"),
        "is" | "eq" | "equals" => Some("write == to compare"),
        "ne" => Some("write != to compare"),
        "like" => Some("write x.matches(\"^a+$\")"),
        "between" => Some("write x >= 1 && x <= 2"),
        _ => None,
    };
    if let Some(operator) = operator {
        return format!("`{token}` is not an operator here; {operator}");
    }
    if message.starts_with("reserved identifier") || RESERVED.contains(&token) {
        return format!(
            "`{token}` is a word of the language; write it in brackets, as in this[\"{token}\"]"
        );
    }
    if message.starts_with("unsupported syntax") {
        return "optional values (`?`) are not supported; write has(x) to ask for a field"
            .to_owned();
    }
    match message {
        "invalid int literal" => format!("the integer {token} does not fit 64 bits"),
        "invalid uint literal" => format!("the integer {token} does not fit 64 bits"),
        "invalid double literal" => format!("the number {token} is beyond what a double holds"),
        message if message.starts_with("invalid string literal") => {
            "an escape in this string stands for no character".to_owned()
        }
        _ => {
            format!("`{token}` does not fit here; an operator or a value may be missing before it")
        }
    }
}
