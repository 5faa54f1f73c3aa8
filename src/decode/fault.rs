//! Explains why a payload is not JSON: which byte, what it looks like, what would be right. Used
//! only for rejects, so it may take its time.

use std::str::Utf8Error;

use super::appearance::appearance;
use super::lookup::LookupError;

/// The error for a payload whose text, from `skipped` on, is not UTF-8.
pub(super) fn encoding(payload: &[u8], skipped: usize, error: Utf8Error) -> String {
    if let Some(detail) = appearance(payload) {
        return detail;
    }
    let offset = skipped + error.valid_up_to();
    let byte = payload.get(offset).copied().unwrap_or_default();
    let why = match (
        error.error_len(),
        is_like_json(payload.get(skipped..).unwrap_or_default()),
    ) {
        (None, _) => "the value ends within a character; was it cut off?",
        (_, true) => "it may be text in Latin-1, GBK or another encoding; write it in UTF-8",
        (_, false) => "it looks like binary data; send plain JSON",
    };
    format!("the value is not UTF-8: byte 0x{byte:02X} at offset {offset}; {why}")
}

/// The error for a payload whose text, from `skipped` on, is UTF-8 and yet not one JSON object.
pub(super) fn syntax(payload: &[u8], skipped: usize, error: &LookupError) -> String {
    if let Some(detail) = appearance(payload) {
        return detail;
    }
    let text = payload.get(skipped..).unwrap_or_default();
    let blank = text.iter().take_while(|c| c.is_ascii_whitespace()).count();
    let first = text.get(blank).copied();
    match error {
        LookupError::NotAnObject => {
            let what = match first {
                Some(b'[') => "an array; send one record for each payment",
                Some(b'"') if holds_json(text) => {
                    "a text that holds JSON: it was encoded twice; encode it once"
                }
                Some(b'"') => "a text; a payment is one JSON object",
                Some(b'n') => "null; for a tombstone send no value at all",
                Some(b't' | b'f') => "true or false; a payment is one JSON object",
                _ => "a number; a payment is one JSON object",
            };
            let (byte, offset) = (first.unwrap_or_default(), skipped + blank);
            format!(
                "the value is not a JSON object: byte 0x{byte:02X} at offset {offset} begins {what}"
            )
        }
        LookupError::BadName(offset) => format!(
            "the value is not JSON: a name in the object at offset {} has an escape that stands for no \
             character; write the character itself",
            skipped + offset
        ),
        LookupError::Syntax(error) => {
            let (offset, byte) = position(text, error);
            let at = skipped + offset;
            let Some(byte) = byte else {
                let why = match first {
                    None if skipped > 0 => {
                        "there is only a byte-order mark; for a tombstone send no value at all"
                    }
                    None => "there are only blanks; for a tombstone send no value at all",
                    Some(_) => "a part is missing; was it cut off?",
                };
                return format!("the value is not JSON: it ends at offset {at}; {why}");
            };
            let why = hint(text, offset, byte, error);
            format!("the value is not JSON: byte 0x{byte:02X} at offset {at}: {why}")
        }
    }
}

/// The hint for an amount whose JSON value is `raw`, when its spelling alone is at fault.
pub(super) fn amount(raw: &str) -> &'static str {
    let Some(text) = raw
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
    else {
        return "";
    };
    let number = text.trim();
    let number = number.strip_prefix(['+', '-']).unwrap_or(number);
    let digits = number.bytes().any(|c| c.is_ascii_digit());
    let spelt = number
        .bytes()
        .all(|c| c.is_ascii_digit() || matches!(c, b'.' | b','));
    match number.as_bytes() {
        _ if !digits || !spelt => "",
        [.., b'.'] | [b'.', ..] => "; a digit must stand on both sides of the point",
        _ if number.contains(',') => {
            "; write a point before the decimals, and nothing between thousands"
        }
        [b'0', b'0'..=b'9', ..] => "; leave out zeros at the front",
        _ if text.starts_with('+') || text.trim() != text => "; leave out plus signs and blanks",
        _ => "",
    }
}

/// The offset in `text` at which the parser stopped, and the byte there; none at its end.
fn position(text: &[u8], error: &serde_json::Error) -> (usize, Option<u8>) {
    if error.is_eof() {
        return (text.len(), None);
    }
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    // A column counts the byte itself; that of a line break is 0 on the next line.
    let mut offset = (before + error.column()).saturating_sub(1);
    if said(error).starts_with("control character") {
        // The parser names the byte before it.
        let ahead = text.iter().skip(offset).position(|byte| *byte < b' ');
        offset += ahead.unwrap_or(0);
    }
    (offset, text.get(offset).copied())
}

/// Why a byte is not valid where the parser found it.
fn hint(text: &[u8], offset: usize, byte: u8, error: &serde_json::Error) -> String {
    let (before, rest) = text.split_at_checked(offset).unwrap_or((text, &[]));
    let last = before.trim_ascii_end().last().copied();
    // Where the object is whole, only blanks may follow.
    let is_whole = error.to_string().starts_with("trailing characters");
    let why = match byte {
        0 if is_whole => "a zero byte follows the object, as behind strings of C; leave it out",
        b'{' | b'[' if is_whole => {
            "another value follows the object; send one record for each payment"
        }
        b',' if is_whole => "a comma follows the object; a payment is one JSON object alone",
        _ if is_whole => "something follows the object; a payment is one JSON object alone",
        0 => "a zero byte stands within the text",
        b'.' => "a number has a digit before its point: write 0.5, not .5",
        b'+' => "a number has no plus sign",
        b'\'' => "names and texts stand between \", not between '",
        b'/' | b'#' => "JSON has no comments",
        b'}' | b']' if last == Some(b',') => "no comma stands before a closing bracket",
        b'T' | b'F' if is_word(rest, &["True", "False"]) => "write true or false in small letters",
        b'N' | b'u' if is_word(rest, &["None", "undefined"]) => {
            "write null, or leave the field out"
        }
        0xc2 if rest.starts_with("\u{a0}".as_bytes()) => "a no-break space is not JSON whitespace",
        0xe2 if is_word(rest, &["“", "”", "„"]) => {
            "names and texts stand between \", not between “ ”"
        }
        0xef if rest.starts_with("\u{feff}".as_bytes()) => {
            "a byte-order mark may stand once, before the object"
        }
        1..=0x1f if before.is_empty() => "it looks like binary data; send plain JSON",
        _ => {
            return format!(
                "{}; a payment is one JSON object and nothing else",
                said(error)
            );
        }
    };
    why.to_owned()
}

/// The parser's own words without its line and column.
fn said(error: &serde_json::Error) -> String {
    let words = error.to_string();
    match words.rsplit_once(" at line ") {
        Some((words, _)) => words.to_owned(),
        None => words,
    }
}

fn is_word(rest: &[u8], words: &[&str]) -> bool {
    words.iter().any(|word| rest.starts_with(word.as_bytes()))
}

/// Whether the JSON text in `text` is JSON itself.
fn holds_json(text: &[u8]) -> bool {
    serde_json::from_slice::<String>(text).is_ok_and(|inner| inner.trim_start().starts_with('{'))
}

fn is_like_json(text: &[u8]) -> bool {
    text.trim_ascii_start().starts_with(b"{")
}
