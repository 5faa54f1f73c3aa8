//! The definition of what a value means that is JSON, in terms of a JSON parser.

use super::absence;
use super::facts::{self, QuickFacts, Values, reject};
use super::fault;
use super::lookup::FoundValues;
use super::mapping::Mapping;
use super::place_value::PlaceValue;
use super::quoted::excerpt;
use super::rules::Rules;
use super::{Decoded, PAYLOAD_MAX, Reason, Reject};
use crate::domain::record::Record;

/// What `record` is, whose value is `payload`.
pub(super) fn decode(payload: &[u8], record: &Record<'_>, rules: Rules<'_>) -> Decoded {
    match try_decode(payload, record, rules) {
        Ok(decoded) => decoded,
        Err(reject) => Decoded::Reject(reject),
    }
}

fn try_decode(payload: &[u8], record: &Record<'_>, rules: Rules<'_>) -> Result<Decoded, Reject> {
    if payload.len() > PAYLOAD_MAX {
        let detail = format!(
            "the value has {} bytes, more than the {PAYLOAD_MAX} allowed",
            payload.len()
        );
        return Err(reject(Reason::TooLarge, detail));
    }
    let text = payload.strip_prefix(BYTE_ORDER_MARK).unwrap_or(payload);
    let skipped = payload.len() - text.len();
    let not_json = |detail| Err(reject(Reason::NotJson, detail));
    let text = match str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => return not_json(fault::encoding(payload, skipped, error)),
    };
    match FoundValues::read(text, &rules.mapping.tree) {
        Ok(found) => from_found(text, &found, record, rules),
        Err(error) => with_bare_amount(text, record, rules)
            .unwrap_or_else(|| not_json(fault::syntax(payload, skipped, &error))),
    }
}

/// The byte-order mark, which may stand before the text in UTF-8. RFC 8259 lets a reader skip it.
pub(super) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

fn from_found(
    text: &str,
    found: &FoundValues<'_>,
    record: &Record<'_>,
    rules: Rules<'_>,
) -> Result<Decoded, Reject> {
    if let Some(name) = &found.repeated {
        let detail = format!(
            "the field \"{}\" is given twice; give it once",
            excerpt(name)
        );
        return Err(reject(Reason::BadField, detail));
    }
    let object = match rules.mapping.envelope.map(|slot| found.values[slot]) {
        None => text,
        Some(Some(raw)) if raw.starts_with('{') => raw,
        // As a change stream says that a row was deleted.
        Some(Some("null")) => return Ok(Decoded::Tombstone),
        Some(raw) => return Err(no_envelope(text, rules.mapping, raw)),
    };
    let values = FoundInObject { found, object };
    facts::decode(rules, record, &values, &QuickFacts::default()).map_err(|reject| {
        match reject.reason {
            Reason::MissingField => absence::explain(reject, text, rules.mapping, found),
            _ => reject,
        }
    })
}

/// What was found, and the text of the payment's object.
struct FoundInObject<'f> {
    found: &'f FoundValues<'f>,
    object: &'f str,
}

impl Values for FoundInObject<'_> {
    fn get(&self, slot: usize) -> Option<PlaceValue<'_>> {
        self.found.get(slot)
    }

    fn json(&self, slot: usize) -> Option<&str> {
        self.found.values.get(slot).copied().flatten()
    }

    fn object(&self) -> Option<&str> {
        Some(self.object)
    }
}

fn no_envelope(text: &str, mapping: &Mapping, raw: Option<&str>) -> Reject {
    let path = mapping.settings().envelope.clone().unwrap_or_default();
    match raw {
        Some(raw) => {
            let right = if raw.starts_with("\"{") || raw.starts_with("\"\\u007b") {
                ": it is a text that holds JSON, which was encoded twice"
            } else {
                ""
            };
            let detail = format!(
                "the envelope {path} is {}, not an object that holds a payment{right}",
                excerpt(raw)
            );
            reject(Reason::BadField, detail)
        }
        None => {
            let detail = format!(
                "the envelope {path} is missing{}",
                absence::of(text, path.steps())
            );
            reject(Reason::MissingField, detail)
        }
    }
}

/// What `text` says if all that keeps it from being JSON is a `NaN`, `Infinity` or `-Infinity` as
/// its amount.
///
/// JSON has no such words, but several encoders write them for amounts that are not numbers; then the
/// amount is at fault, not the whole message.
fn with_bare_amount(
    text: &str,
    record: &Record<'_>,
    rules: Rules<'_>,
) -> Option<Result<Decoded, Reject>> {
    let (quoted, at) = quote_non_finite(text)?;
    let found = FoundValues::read(&quoted, &rules.mapping.tree).ok()?;
    let amount = found.values[rules.mapping.amount.slot?]?;
    // The value is a part of `quoted`, so it begins no earlier.
    let amount_at = amount.as_ptr().addr() - quoted.as_ptr().addr();
    (amount_at == at).then(|| from_found(&quoted, &found, record, rules))
}

/// Puts quotes around the only such word outside a string, and says where.
fn quote_non_finite(text: &str) -> Option<(String, usize)> {
    const WORDS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];
    let bytes = text.as_bytes();
    let mut found = None;
    let mut in_string = false;
    let mut at = 0;
    while at < bytes.len() {
        let word = WORDS
            .into_iter()
            .find(|word| !in_string && bytes[at..].starts_with(word.as_bytes()));
        match (bytes[at], word) {
            (_, Some(word)) => {
                if found.replace((at, word)).is_some() {
                    return None;
                }
                at += word.len();
            }
            (b'\\', None) if in_string => at += 2,
            (c, None) => {
                in_string ^= c == b'"';
                at += 1;
            }
        }
    }
    let (at, word) = found?;
    // A word is ASCII, so both its ends are character boundaries.
    let (before, after) = (&text[..at], &text[at + word.len()..]);
    Some((format!("{before}\"{word}\"{after}"), at))
}
