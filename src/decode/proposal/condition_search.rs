//! Looks for records that are not payments, such as failed ones, and for those that subtract.

use std::collections::BTreeMap;

use serde_json::Value;

use super::field_profile::FieldProfile;
use super::sample_profile::SampleProfile;
use super::search_scope::SearchScope;
use crate::decode::Decoded;
use crate::decode::mapping::{Path, PathStep, PaymentCondition, Place};
use crate::decode::quoted::excerpt;
use crate::domain::record::Record;

/// A field whose values say which records count, or how.
#[derive(Clone, Debug)]
pub(super) struct ConditionField<'p> {
    field: &'p FieldProfile,
    /// In the payment's object.
    pub place: Place,
    /// How often each value stands there.
    values: &'p BTreeMap<String, usize>,
    /// The values that the condition is about.
    chosen: Vec<&'p str>,
    /// Whether every record has a value there.
    is_everywhere: bool,
}

/// Words of fields that say how far a payment has come.
const STATUS: [&str; 5] = ["status", "state", "outcome", "result", "stage"];
/// Words of fields that say what a record is.
const KIND: [&str; 6] = [
    "type",
    "kind",
    "event",
    "operation",
    "category",
    "direction",
];
/// Values of a status that say that money has moved.
const MOVED: [&str; 20] = [
    "captured",
    "settled",
    "paid",
    "succeeded",
    "success",
    "successful",
    "completed",
    "complete",
    "approved",
    "confirmed",
    "ok",
    "done",
    "accepted",
    "finished",
    "processed",
    "paid_out",
    "fulfilled",
    "closed",
    "bezahlt",
    "erfolgreich",
];
/// Values of a status that say that it has not, or not for good.
const NOT_MOVED: [&str; 33] = [
    "failed",
    "failure",
    "fail",
    "declined",
    "rejected",
    "refused",
    "error",
    "cancelled",
    "canceled",
    "voided",
    "void",
    "expired",
    "abandoned",
    "pending",
    "processing",
    "created",
    "new",
    "open",
    "initiated",
    "started",
    "authorized",
    "authorised",
    "requires_action",
    "requires_capture",
    "requires_confirmation",
    "requires_payment_method",
    "incomplete",
    "unpaid",
    "blocked",
    "timeout",
    "timed_out",
    "in_progress",
    "refunded",
];
/// Parts of values that say that a record subtracts.
const SUBTRACTS: [&str; 7] = [
    "refund",
    "chargeback",
    "reversal",
    "reversed",
    "storno",
    "gutschrift",
    "credit_note",
];

/// The field that says which records are payments, if some values say that a record is not one.
pub(super) fn status<'p>(
    profile: &'p SampleProfile,
    scope: &SearchScope,
) -> Option<ConditionField<'p>> {
    search(profile, scope, &STATUS, |values| {
        let is = |value: &str, list: &[&str]| list.contains(&value.to_ascii_lowercase().as_str());
        let any = values.keys().any(|value| is(value, &NOT_MOVED));
        let moved = values.keys().map(String::as_str);
        any.then(|| moved.filter(|value| is(value, &MOVED)).collect())
    })
}

/// The field that says which records subtract.
pub(super) fn refunds<'p>(
    profile: &'p SampleProfile,
    scope: &SearchScope,
) -> Option<ConditionField<'p>> {
    search(profile, scope, &KIND, |values| {
        let subtracts = |value: &str| {
            let value = value.to_ascii_lowercase();
            SUBTRACTS.iter().any(|part| value.contains(part))
        };
        let chosen: Vec<&str> = values.keys().map(String::as_str).collect();
        let chosen: Vec<&str> = chosen
            .into_iter()
            .filter(|value| subtracts(value))
            .collect();
        (!chosen.is_empty()).then_some(chosen)
    })
}

fn search<'p>(
    profile: &'p SampleProfile,
    scope: &SearchScope,
    words: &[&str],
    choose: impl Fn(&'p BTreeMap<String, usize>) -> Option<Vec<&'p str>>,
) -> Option<ConditionField<'p>> {
    let found = profile.fields.iter().filter_map(|field| {
        let (place, level) = scope.place(field, profile)?;
        if !matches!(place, Place::Payment(_)) || !words.iter().any(|word| field.words.has(word)) {
            return None;
        }
        let values = field.values.as_ref().filter(|values| !values.is_empty())?;
        let condition = ConditionField {
            field,
            place,
            values,
            chosen: choose(values)?,
            is_everywhere: field.present == profile.records,
        };
        Some((level, condition))
    });
    // Of equal ones the first.
    let best = found.reduce(|best, other| if other.0 > best.0 { other } else { best })?;
    Some(best.1)
}

impl ConditionField<'_> {
    /// The condition that the value at `place` is one of those; `None` if there are none, or CEL has no
    /// name for the place.
    pub(super) fn condition(&self, place: &Place) -> Option<PaymentCondition> {
        let Place::Payment(path) = place else {
            return None;
        };
        let path = cel(path);
        let quoted = self.chosen.iter();
        let quoted: Vec<String> = quoted
            .map(|value| Value::from(*value).to_string())
            .collect();
        let is_one = match quoted.as_slice() {
            [] => return None,
            [one] => format!("{path} == {one}"),
            several => format!("{path} in [{}]", several.join(", ")),
        };
        let text = match self.is_everywhere {
            true => is_one,
            false => format!("has({path}) && {is_one}"),
        };
        PaymentCondition::compile(&text).ok()
    }

    /// How often each value stands there.
    pub(super) fn counts(&self) -> String {
        let mut counts: Vec<(&String, &usize)> = self.values.iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let counts = counts
            .into_iter()
            .map(|(value, count)| format!("{} ({count})", excerpt(value)));
        counts.collect::<Vec<_>>().join(", ")
    }

    /// Whether `record`, which is `decoded`, has one of the values and a positive amount.
    pub(super) fn is_positive(&self, record: &Record<'_>, decoded: &Decoded) -> bool {
        let (Decoded::Payment(payment), Place::Value(path)) = (decoded, &self.field.place) else {
            return false;
        };
        let value: Option<Value> = record
            .payload
            .and_then(|payload| serde_json::from_slice(payload).ok());
        let text = value.as_ref().and_then(|value| text_at(value, path));
        payment.amount.units() > 0 && text.is_some_and(|text| self.chosen.contains(&text))
    }
}

/// `path` as CEL has it.
fn cel(path: &Path) -> String {
    let mut cel = String::new();
    for (number, step) in path.steps().iter().enumerate() {
        match step {
            PathStep::Field(name) if is_identifier(name) && number == 0 => cel.push_str(name),
            PathStep::Field(name) if is_identifier(name) => cel.push_str(&format!(".{name}")),
            PathStep::Field(name) => {
                let this = if number == 0 { "this" } else { "" };
                cel.push_str(&format!("{this}[{}]", Value::from(name.as_str())));
            }
            PathStep::Index(index) => cel.push_str(&format!("[{index}]")),
        }
    }
    cel
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}

fn text_at<'v>(value: &'v Value, path: &Path) -> Option<&'v str> {
    let mut steps = path.steps().iter();
    let found = steps.try_fold(value, |value, step| match step {
        PathStep::Field(name) => value.get(name),
        PathStep::Index(index) => value.get(index),
    });
    found?.as_str()
}
