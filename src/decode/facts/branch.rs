//! The branch of a payment.

use std::borrow::Cow;
use std::fmt;

use super::{FactReader, Values, bad, reject, unquoted};
use crate::decode::integer::Integer;
use crate::decode::mapping::{BranchFacts, BranchPart, BranchType, CurrencyCode, Fact};
use crate::decode::place_value::PlaceValue;
use crate::decode::quoted::excerpt;
use crate::decode::{Reason, Reject};
use crate::domain::branch_key::BranchTextError;
use crate::domain::payment::BranchId;

/// A branch as a record has it. A text gets its number only once nothing else is wrong with the record,
/// as the state keeps each for good.
pub(super) enum BranchRead<'v> {
    Known(BranchId),
    Text(Cow<'v, str>),
}

impl<V: Values> FactReader<'_, V> {
    pub(super) fn branch(&self, currency: Option<CurrencyCode>) -> Result<BranchRead<'_>, Reject> {
        let settings = self.rules.mapping.settings();
        match &self.rules.mapping.branch {
            BranchFacts::One(fact) => {
                let value = self.required(fact)?;
                if settings.branch_type == BranchType::Integer {
                    return integer_branch(fact, &value).map(BranchRead::Known);
                }
                let Some(key) = value.key() else {
                    let error = "is not an integer or a text";
                    return Err(bad(Reason::BadField, fact, &value, error));
                };
                match BranchTextError::check(&key) {
                    Ok(()) => Ok(BranchRead::Text(key)),
                    Err(error) => {
                        let error = format!("can't be a branch: {error}");
                        Err(bad(Reason::BadField, fact, &value, error))
                    }
                }
            }
            BranchFacts::Several(parts) => {
                let key = self.joined(parts, currency)?;
                match BranchTextError::check(&key) {
                    Ok(()) => Ok(BranchRead::Text(Cow::Owned(key))),
                    Err(error) => Err(no_branch(&key, error)),
                }
            }
        }
    }

    /// The number of the branch.
    pub(super) fn intern(&self, branch: BranchRead<'_>) -> Result<BranchId, Reject> {
        match branch {
            BranchRead::Known(id) => Ok(id),
            BranchRead::Text(text) => {
                let id = self.rules.intern(&text);
                id.map_err(|error| no_branch(&text, error))
            }
        }
    }

    /// The values of `parts`, one behind the other.
    fn joined(
        &self,
        parts: &[BranchPart],
        currency: Option<CurrencyCode>,
    ) -> Result<String, Reject> {
        let mut key = String::new();
        for (number, part) in parts.iter().enumerate() {
            let rest = &parts[number + 1..];
            match part {
                BranchPart::Text(text) => key.push_str(text),
                BranchPart::Currency => {
                    let code = currency.as_ref().map_or("", CurrencyCode::as_str);
                    if let Some(next) = meets(code, rest) {
                        let detail = format!("the currency \"{code}\" {}", meeting(next));
                        return Err(reject(Reason::BadField, detail));
                    }
                    key.push_str(code);
                }
                BranchPart::Fact(fact) => {
                    let value = self.required(fact)?;
                    let failed =
                        |error: &dyn fmt::Display| bad(Reason::BadField, fact, &value, error);
                    let text = value
                        .key()
                        .ok_or_else(|| failed(&"is not an integer or a text"))?;
                    if text.is_empty() {
                        return Err(failed(&"is empty, which a part of a branch can't be"));
                    }
                    if let Some(next) = meets(&text, rest) {
                        return Err(failed(&meeting(next)));
                    }
                    key.push_str(&text);
                }
            }
        }
        Ok(key)
    }
}

/// The text behind `value`, if other values could give the same branch: if it is found earlier than
/// where the value ends.
///
/// A value ends where that text is found first, so the parts can be told from the front. Before a
/// currency at the end there is no need: its letters and digits are told from the back.
fn meets<'p>(value: &str, rest: &'p [BranchPart]) -> Option<&'p str> {
    let [BranchPart::Text(next), rest @ ..] = rest else {
        return None;
    };
    let is_before_currency = matches!(rest, [BranchPart::Currency])
        && !next.ends_with(|c: char| c.is_ascii_alphanumeric());
    if is_before_currency {
        return None;
    }
    let found = format!("{value}{next}").find(next.as_str());
    (found != Some(value.len())).then_some(next)
}

fn meeting(next: &str) -> String {
    format!(
        "and the \"{next}\" behind it in the branch can't be told from each other: other values would \
         give the same branch"
    )
}

fn no_branch(text: &str, error: BranchTextError) -> Reject {
    let detail = format!("the branch \"{}\": {error}", excerpt(text));
    reject(Reason::BadField, detail)
}

fn integer_branch(fact: &Fact, value: &PlaceValue<'_>) -> Result<BranchId, Reject> {
    let id = match value {
        PlaceValue::Json(raw) => Integer::read(raw).and_then(Integer::fit::<u32>),
        PlaceValue::Text(text) => text.parse().ok().map(BranchId::get),
        PlaceValue::Integer(number) => u32::try_from(*number).ok(),
    };
    id.and_then(BranchId::new).ok_or_else(|| {
        let quoted = match value {
            PlaceValue::Json(raw) => unquoted(raw),
            PlaceValue::Text(_) | PlaceValue::Integer(_) => None,
        };
        let right = quoted.map_or_else(String::new, |digits| {
            format!("; write it without quotes: {digits}")
        });
        let error = format!("is not an integer from 0 to {}{right}", BranchId::MAX.get());
        bad(Reason::BadField, fact, value, error)
    })
}
