//! The definition of what a payload means, in terms of a JSON parser.

use std::fmt;

use chrono_tz::Tz;
use serde_json::value::RawValue;

use super::create_time;
use super::fault;
use super::fields::{Fields, unquote};
use super::integer::Integer;
use super::{PAYLOAD_MAX, Reason, Reject};
use crate::domain::amount::{Amount, AmountError};
use crate::domain::branch_texts::BranchTexts;
use crate::domain::payment::{BranchId, Payment, PaymentNotices};

/// The payment that `payload` holds.
pub(super) fn payment(
    payload: &[u8],
    zone: Tz,
    texts: Option<&BranchTexts>,
) -> Result<Payment, Reject> {
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
    match Fields::read(text) {
        Ok(fields) => from_fields(&fields, zone, texts),
        Err(error) => with_bare_amount(text, zone, texts)
            .unwrap_or_else(|| not_json(fault::syntax(payload, skipped, &error))),
    }
}

/// The byte-order mark, which may stand before the text in UTF-8. RFC 8259 lets a reader skip it.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

fn from_fields(
    fields: &Fields<'_>,
    zone: Tz,
    texts: Option<&BranchTexts>,
) -> Result<Payment, Reject> {
    if let Some(name) = &fields.repeated {
        let detail = format!(
            "the field \"{}\" is given twice; give it once",
            excerpt(name)
        );
        return Err(reject(Reason::BadField, detail));
    }
    let (Some(create_time), Some(pay_amount), Some(branch_id)) =
        (fields.create_time, fields.pay_amount, fields.branch_id)
    else {
        return Err(reject(Reason::MissingField, missing(fields)));
    };
    let (event_time, local_time) = create_time::read(create_time.get(), zone)
        .map_err(|error| bad(Reason::BadTime, "createTime", create_time, error))?;
    let (amount, rounded) = read_amount(pay_amount.get()).map_err(|error| {
        let right = fault::amount(pay_amount.get());
        bad(
            Reason::BadAmount,
            "payAmount",
            pay_amount,
            format!("{error}{right}"),
        )
    })?;
    let branch = read_branch(branch_id, texts)?;
    let order_id = read_optional("orderId", fields.order_id)?;
    let platform = read_optional("payPlatform", fields.pay_platform)?;
    Ok(Payment {
        event_time,
        amount,
        branch,
        order_id: order_id.and_then(Integer::fit),
        platform: platform.and_then(Integer::fit),
        notices: PaymentNotices {
            rounded,
            local_time,
        },
    })
}

fn read_amount(raw: &str) -> Result<(Amount, bool), AmountError> {
    if raw.starts_with('"') {
        let text = unquote(raw).ok_or(AmountError::NotANumber)?;
        return Amount::parse(text.as_bytes());
    }
    Amount::parse(raw.as_bytes())
}

fn read_branch(raw: &RawValue, texts: Option<&BranchTexts>) -> Result<BranchId, Reject> {
    if let Some(texts) = texts
        && let Some(text) = unquote(raw.get())
    {
        return texts.intern(&text).map_err(|error| {
            bad(
                Reason::BadField,
                "branchId",
                raw,
                format!("can't be: {error}"),
            )
        });
    }
    let id = Integer::read(raw.get()).and_then(Integer::fit::<u32>);
    match id.and_then(BranchId::new) {
        Some(branch) => Ok(branch),
        None => {
            let detail = format!(
                "branchId {} is not an integer from 0 to {}{}",
                excerpt(raw.get()),
                BranchId::MAX.get(),
                unquoted(raw.get()).map_or_else(String::new, |digits| format!(
                    "; write it without quotes: {digits}"
                )),
            );
            Err(reject(Reason::BadField, detail))
        }
    }
}

fn read_optional(name: &str, raw: Option<&RawValue>) -> Result<Option<Integer>, Reject> {
    let Some(text) = raw.map(RawValue::get) else {
        return Ok(None);
    };
    if let Some(integer) = Integer::read(text) {
        return Ok(Some(integer));
    }
    let right = match unquoted(text) {
        Some(digits) => format!("write it without quotes ({digits}), or leave the field out"),
        None if text.starts_with('"') => {
            "send the text in a field of another name, and leave this one out".to_owned()
        }
        None => "leave it out or give one".to_owned(),
    };
    let detail = format!("{name} {} is not an integer; {right}", excerpt(text));
    Err(reject(Reason::BadField, detail))
}

/// The integer of a few digits that `raw` is but for its quotes.
fn unquoted(raw: &str) -> Option<&str> {
    let text = raw.strip_prefix('"')?.strip_suffix('"')?;
    (text.len() <= 19
        && Integer::read(text).is_some()
        && serde_json::from_str::<&RawValue>(text).is_ok())
    .then_some(text)
}

/// What `text` says if all that keeps it from being JSON is a `NaN`, `Infinity` or `-Infinity` as
/// its `payAmount`.
///
/// JSON has no such words, but several encoders write them for amounts that are not numbers; then the
/// amount is at fault, not the whole message.
fn with_bare_amount(
    text: &str,
    zone: Tz,
    texts: Option<&BranchTexts>,
) -> Option<Result<Payment, Reject>> {
    let (quoted, at) = quote_non_finite(text)?;
    let fields = Fields::read(&quoted).ok()?;
    // The field is a part of `quoted`, so it begins no earlier.
    let amount_at = fields.pay_amount?.get().as_ptr().addr() - quoted.as_ptr().addr();
    (amount_at == at).then(|| from_fields(&fields, zone, texts))
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

fn missing(fields: &Fields<'_>) -> String {
    let absent: Vec<&str> = [
        ("createTime", fields.create_time),
        ("payAmount", fields.pay_amount),
        ("branchId", fields.branch_id),
    ]
    .into_iter()
    .filter_map(|(name, raw)| raw.is_none().then_some(name))
    .collect();
    let (names, are) = (
        absent.join(" and "),
        if absent.len() == 1 { "is" } else { "are" },
    );
    format!("{names} {are} missing or null; createTime, payAmount and branchId are required")
}

fn bad(reason: Reason, name: &str, raw: &RawValue, error: impl fmt::Display) -> Reject {
    reject(reason, format!("{name} {} {error}", excerpt(raw.get())))
}

fn reject(reason: Reason, detail: String) -> Reject {
    Reject { reason, detail }
}

/// The first characters of a text, for showing on one line.
fn excerpt(text: &str) -> String {
    const LENGTH: usize = 40;
    let mut characters = text.chars();
    let mut shown: String = characters
        .by_ref()
        .take(LENGTH)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}
