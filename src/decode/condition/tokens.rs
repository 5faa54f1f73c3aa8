//! The tokens of a condition's text, as far as a look before the parser needs them.

use super::error::{ConditionError, Position};
use super::{NESTING_MAX, TEXT_MAX};

/// Refuses a text that the parser should not see: one that is too long, nested too deep, or has
/// characters that belong to no token. Says what to write instead of operators of other languages.
///
/// Strings, numbers and comments are split exactly as the grammar of CEL splits them, because a
/// bracket in a string counts nowhere and one outside counts.
pub(super) fn check(text: &str) -> Result<(), ConditionError> {
    if text.len() > TEXT_MAX {
        return Err(ConditionError::TooLong { length: text.len() });
    }
    let mut tokens = Tokens { text, offset: 0 };
    let mut depth = Depth::default();
    let mut empty = true;
    while let Some(token) = tokens.next()? {
        empty = false;
        depth.count(text, &token)?;
    }
    if empty {
        return Err(ConditionError::Empty);
    }
    match depth.levels.pop() {
        Some(level) => {
            let problem = format!("the bracket `{}` is never closed", level.open);
            Err(syntax(text, level.offset, problem))
        }
        None => Ok(()),
    }
}

/// The token at `position`; `None` at the end of the text.
pub(super) fn token_at(text: &str, position: Position) -> Option<&str> {
    let line_start = match position.line {
        0 | 1 => 0,
        line => text.match_indices('\n').nth(line - 2)?.0 + 1,
    };
    let column = text
        .get(line_start..)?
        .char_indices()
        .nth(position.column.checked_sub(1)?)?
        .0;
    let mut tokens = Tokens {
        text,
        offset: line_start + column,
    };
    let token = tokens.next().ok()??;
    text.get(token.start..token.end)
}

fn syntax(text: &str, offset: usize, problem: impl Into<String>) -> ConditionError {
    ConditionError::Syntax {
        position: Position::of_byte(text, offset),
        problem: problem.into(),
    }
}

struct Token {
    start: usize,
    end: usize,
    shape: TokenShape,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TokenShape {
    Value,
    Open(char),
    Close(char),
    /// `&&`, `||`: the parser balances these.
    Logical,
    Comma,
    Question,
    /// Any other operator, and the colon.
    Operator,
}

struct Tokens<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Tokens<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    fn next(&mut self) -> Result<Option<Token>, ConditionError> {
        self.skip_blanks();
        let start = self.offset;
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Ok(None);
        };
        let digit_follows = rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        let (length, shape) = match first {
            '.' if digit_follows => (1 + fraction(&rest[1..]), TokenShape::Value),
            '0'..='9' => (number(rest), TokenShape::Value),
            '"' | '\'' => (self.string(0, false)?, TokenShape::Value),
            'a'..='z' | 'A'..='Z' | '_' => (self.word()?, TokenShape::Value),
            _ => self.operator(first)?,
        };
        self.offset += length;
        Ok(Some(Token {
            start,
            end: self.offset,
            shape,
        }))
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let blanks = span(rest, |byte| {
                matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'\x0c')
            });
            let comment = match &rest[blanks..] {
                comment if comment.starts_with("//") => span(comment, |byte| byte != b'\n'),
                _ => 0,
            };
            self.offset += blanks + comment;
            if blanks + comment == 0 {
                return;
            }
        }
    }

    /// The length of a name or a keyword, or of a string with the prefix `r`, `b` or `br`.
    fn word(&self) -> Result<usize, ConditionError> {
        let rest = self.rest();
        let length = span(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let quoted = matches!(rest.as_bytes().get(length), Some(b'"' | b'\''));
        let (name, _) = rest.split_at(length);
        match name.to_ascii_lowercase().as_str() {
            "r" | "br" if quoted => self.string(length, true),
            "b" if quoted => self.string(length, false),
            _ => Ok(length),
        }
    }

    /// The length of the string whose first quote stands `prefix` bytes ahead.
    fn string(&self, prefix: usize, raw: bool) -> Result<usize, ConditionError> {
        let rest = self.rest();
        let body = &rest[prefix..];
        let (quote, multiline) = match body {
            text if text.starts_with("\"\"\"") => ("\"\"\"", true),
            text if text.starts_with("'''") => ("'''", true),
            text if text.starts_with('"') => ("\"", false),
            _ => ("'", false),
        };
        let mut at = quote.len();
        loop {
            let tail = &body[at..];
            if tail.starts_with(quote) {
                return Ok(prefix + at + quote.len());
            }
            at += match tail.chars().next() {
                None => break,
                Some('\n' | '\r') if !multiline => break,
                Some('\\') if !raw => escape(tail).ok_or_else(|| {
                    let problem = "this escape is not valid in a string; write \\\\ for a \
                                   backslash, or a raw string such as r\"\\d+\"";
                    syntax(self.text, self.offset + prefix + at, problem)
                })?,
                Some(character) => character.len_utf8(),
            };
        }
        let problem = format!("the string that begins here has no closing {quote}");
        Err(syntax(self.text, self.offset, problem))
    }

    fn operator(&self, first: char) -> Result<(usize, TokenShape), ConditionError> {
        let rest = self.rest();
        if rest.starts_with("&&") || rest.starts_with("||") {
            return Ok((2, TokenShape::Logical));
        }
        if ["==", "!=", "<=", ">="]
            .iter()
            .any(|op| rest.starts_with(op))
        {
            return Ok((2, TokenShape::Operator));
        }
        let problem = match first {
            '(' | '[' | '{' => return Ok((1, TokenShape::Open(first))),
            ')' | ']' | '}' => return Ok((1, TokenShape::Close(first))),
            ',' => return Ok((1, TokenShape::Comma)),
            '?' => return Ok((1, TokenShape::Question)),
            '<' | '>' | '!' | ':' | '.' | '+' | '-' | '*' | '/' | '%' => {
                return Ok((1, TokenShape::Operator));
            }
            '=' => "`=` is not an operator here; write == to compare".to_owned(),
            '&' => "`&` is not an operator here; write && for and".to_owned(),
            '|' => "`|` is not an operator here; write || for or".to_owned(),
            '`' => "names in backquotes are not supported; write this[\"odd-name\"]".to_owned(),
            '“' | '”' | '„' | '‘' | '’' | '«' | '»' => {
                format!("`{first}` does not begin a string; write \" or '")
            }
            '$' => {
                "`$` has no meaning here: a condition sees the payment's object alone; to see what \
                    stands outside of the envelope, give a shorter envelope"
                    .to_owned()
            }
            other if other.is_alphabetic() => {
                format!("a name can't hold `{other}`; write this[\"odd-name\"] for such a field")
            }
            other => format!("the character {other:?} has no meaning here; remove it"),
        };
        Err(syntax(self.text, self.offset, problem))
    }
}

fn span(text: &str, belongs: impl Fn(u8) -> bool) -> usize {
    let end = text.bytes().position(|byte| !belongs(byte));
    end.unwrap_or(text.len())
}

fn digits(text: &str) -> usize {
    span(text, |byte| byte.is_ascii_digit())
}

/// The length of the digits behind a point, with an exponent.
fn fraction(text: &str) -> usize {
    let length = digits(text);
    length + exponent(&text[length..])
}

fn exponent(text: &str) -> usize {
    if !text.starts_with(['e', 'E']) {
        return 0;
    }
    let sign = usize::from(text[1..].starts_with(['+', '-']));
    match digits(&text[1 + sign..]) {
        0 => 0,
        length => 1 + sign + length,
    }
}

/// The length of the number that `text` begins with.
fn number(text: &str) -> usize {
    let suffix = |length: usize| length + usize::from(text[length..].starts_with(['u', 'U']));
    if let Some(hex) = text.strip_prefix("0x") {
        let length = span(hex, |byte| byte.is_ascii_hexdigit());
        if length > 0 {
            return suffix(2 + length);
        }
    }
    let length = digits(text);
    if let Some(behind) = text[length..].strip_prefix('.')
        && digits(behind) > 0
    {
        return length + 1 + fraction(behind);
    }
    match exponent(&text[length..]) {
        0 => suffix(length),
        exponent => length + exponent,
    }
}

/// The length of the escape that `text` begins with; `None` if it is not a valid one.
fn escape(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let hex = |count: usize| {
        let digits = bytes.get(2..2 + count)?;
        digits
            .iter()
            .all(u8::is_ascii_hexdigit)
            .then_some(2 + count)
    };
    match bytes.get(1)? {
        b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'"' | b'\'' | b'\\' | b'?' | b'`' => {
            Some(2)
        }
        b'x' | b'X' => hex(2),
        b'u' => hex(4),
        b'U' => hex(8),
        b'0'..=b'3' => {
            let digits = bytes.get(2..4)?;
            let octal = digits.iter().all(|digit| matches!(digit, b'0'..=b'7'));
            octal.then_some(4)
        }
        _ => None,
    }
}

/// An upper bound of how deep the parser nests what it reads.
#[derive(Default)]
struct Depth {
    /// Outside all brackets.
    base: Nesting,
    levels: Vec<Level>,
}

struct Level {
    open: char,
    offset: usize,
    nesting: Nesting,
}

/// Operators nest to the left, `?` to the right; `&&` and `||` divide evenly.
#[derive(Default)]
struct Nesting {
    operators: usize,
    questions: usize,
}

impl Depth {
    fn count(&mut self, text: &str, token: &Token) -> Result<(), ConditionError> {
        let nesting = match self.levels.last_mut() {
            Some(level) => &mut level.nesting,
            None => &mut self.base,
        };
        match token.shape {
            TokenShape::Value => {}
            TokenShape::Operator => nesting.operators += 1,
            TokenShape::Logical => nesting.operators = 0,
            TokenShape::Question => {
                nesting.operators = 0;
                nesting.questions += 1;
            }
            TokenShape::Comma => *nesting = Nesting::default(),
            TokenShape::Open(open) => {
                // A chain of calls or of indexes nests too: f()()(), a[0][0].
                nesting.operators += 1;
                self.levels.push(Level {
                    open,
                    offset: token.start,
                    nesting: Nesting::default(),
                });
            }
            TokenShape::Close(close) => match self.levels.pop() {
                Some(level) if closing(level.open) == close => {}
                Some(level) => {
                    let right = closing(level.open);
                    let problem = format!(
                        "`{close}` does not close the bracket `{}`; write `{right}`",
                        level.open
                    );
                    return Err(syntax(text, token.start, problem));
                }
                None => {
                    let problem = format!("`{close}` closes no bracket; remove it");
                    return Err(syntax(text, token.start, problem));
                }
            },
        }
        if self.deepest() > NESTING_MAX {
            return Err(ConditionError::TooDeep {
                position: Position::of_byte(text, token.start),
            });
        }
        Ok(())
    }

    fn deepest(&self) -> usize {
        let nestings = self.levels.iter().map(|level| &level.nesting);
        nestings
            .chain([&self.base])
            .map(|nesting| nesting.operators + nesting.questions)
            .sum()
    }
}

fn closing(open: char) -> char {
    match open {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}
