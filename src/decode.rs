//! Decodes bytes into a payment, or into the reason for a reject. No input makes it panic.

mod absence;
mod appearance;
mod branch_cache;
mod byte_cursor;
mod condition;
mod create_time;
mod days;
mod digits;
mod facts;
mod fault;
mod found_fact;
mod integer;
mod json;
mod layout;
mod layouts;
mod lookup;
pub mod mapping;
mod path;
mod place_value;
pub mod proposal;
mod quoted;
mod rules;
mod scanner;

use std::fmt;
use std::sync::Arc;

use chrono_tz::Tz;

use crate::domain::amount::Amount;
use crate::domain::branch_texts::BranchTexts;
use crate::domain::payment::Payment;
use crate::domain::record::Record;
use branch_cache::BranchCache;
use days::Days;
pub use found_fact::FoundFact;
use layouts::Layouts;
use mapping::Mapping;
use rules::Rules;

/// The largest payload that is decoded, in bytes.
pub const PAYLOAD_MAX: usize = 256 * 1024;

/// Decodes records. Keeps what it has learned of the days and layouts it met, so use one for many.
#[derive(Debug)]
pub struct Decoder {
    rules: DecodeRules,
    /// [`Mapping::is_plain_original`].
    is_plain_original: bool,
    texts: Arc<BranchTexts>,
    branches: BranchCache,
    days: Days,
    layouts: Layouts,
}

/// What decides what a record says.
#[derive(Clone, Debug)]
pub struct DecodeRules {
    /// Where facts stand, and how they are written.
    pub mapping: Arc<Mapping>,
    /// The zone of times without an offset.
    pub zone: Tz,
    /// Whether order ids that are texts are to be told apart. If not, they are checked and left out.
    pub text_order_ids: bool,
}

/// The original message, with times in this zone.
impl From<Tz> for DecodeRules {
    fn from(zone: Tz) -> Self {
        Self {
            mapping: Arc::default(),
            zone,
            text_order_ids: false,
        }
    }
}

/// The outcome of decoding a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decoded {
    /// A payment.
    Payment(Payment),
    /// A payment that does not count, as the configuration says; with its amount, if it could be read.
    Filtered(Option<Amount>),
    /// A reject, with the reason.
    Reject(Reject),
    /// No payload, or an empty one.
    Tombstone,
}

/// Why a payload is not a payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reject {
    /// The rule it breaks.
    pub reason: Reason,
    /// One sentence: which field or byte, what is wrong, what would be right. Quotes at most a few
    /// characters of the payload.
    pub detail: String,
}

/// The rules that a payload can break.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    /// The payload is not exactly one JSON object in UTF-8.
    NotJson,
    /// Event time, amount or branch is missing or null (or the currency, if the mapping has one).
    MissingField,
    /// A field is given twice, what stands at the place of the branch, the order id, the currency or the
    /// envelope can't be one, or a condition can't be decided.
    BadField,
    /// The event time is not a valid time.
    BadTime,
    /// The amount is not a number, or its magnitude is 10^15 or more.
    BadAmount,
    /// The payload is longer than [`PAYLOAD_MAX`].
    TooLarge,
}

impl Decoder {
    /// A decoder by `rules` that adds texts that are branches to `texts`.
    #[must_use]
    pub fn new(rules: DecodeRules, texts: Arc<BranchTexts>) -> Self {
        Self {
            days: Days::new(rules.zone),
            layouts: Layouts::new(rules.mapping.tree.slots()),
            is_plain_original: rules.mapping.is_plain_original(),
            rules,
            texts,
            branches: BranchCache::default(),
        }
    }

    /// A decoder by the same rules that has not learned anything yet.
    #[must_use]
    pub fn renewed(&self) -> Self {
        Self::new(self.rules.clone(), Arc::clone(&self.texts))
    }

    /// A decoder of the original message.
    #[must_use]
    pub fn original(zone: Tz) -> Self {
        Self::new(zone.into(), Arc::default())
    }

    /// Decodes a record: a scan that knows the usual order of the original message, or a layout that
    /// was met before, and [`Decoder::decode_json`] for whatever they don't expect. All give the same.
    /// Allocates nothing for a payment in a form that is known.
    pub fn decode(&mut self, record: &Record<'_>) -> Decoded {
        match self.scan(record) {
            Some(payment) => Decoded::Payment(payment),
            None => self.decode_unscanned(record),
        }
    }

    /// The payment in a record that has the usual order of the original message. `None` says nothing about it.
    #[inline]
    pub(crate) fn scan(&mut self, record: &Record<'_>) -> Option<Payment> {
        // The scanner takes nothing anywhere near `PAYLOAD_MAX`.
        let payload = record.payload?;
        if !self.is_plain_original {
            return None;
        }
        scanner::scan(payload, &mut self.days)
    }

    /// Decodes a record as [`Decoder::decode`], without the scan.
    pub(crate) fn decode_unscanned(&mut self, record: &Record<'_>) -> Decoded {
        let Some(payload) = record.payload.filter(|payload| !payload.is_empty()) else {
            return Decoded::Tombstone;
        };
        let rules = Rules {
            branches: Some(&self.branches),
            ..Rules::new(&self.rules, &self.texts)
        };
        if payload.len() <= PAYLOAD_MAX
            && let Some(decoded) = self.layouts.read(payload, record, rules, &mut self.days)
        {
            return decoded;
        }
        let decoded = json::decode(payload, record, rules);
        if let Decoded::Payment(_) | Decoded::Filtered(_) = decoded {
            self.layouts.learn(payload, rules);
        }
        decoded
    }

    /// Decodes a record with a JSON parser alone: the definition of what every value means.
    ///
    /// Of several faults the first in this order is the reason: too large, not JSON, a field given
    /// twice, the condition of which payments count, required facts missing, then event time, currency, amount, branch, order id, and the
    /// platform of the original message.
    #[must_use]
    pub fn decode_json(&self, record: &Record<'_>) -> Decoded {
        let rules = Rules::new(&self.rules, &self.texts);
        match record.payload {
            None | Some([]) => Decoded::Tombstone,
            Some(payload) => json::decode(payload, record, rules),
        }
    }
}

impl Reason {
    /// All reasons, in the order of their declaration.
    pub const ALL: [Self; 6] = [
        Self::NotJson,
        Self::MissingField,
        Self::BadField,
        Self::BadTime,
        Self::BadAmount,
        Self::TooLarge,
    ];

    /// The name in answers, logs and documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::MissingField => "missing_field",
            Self::BadField => "bad_field",
            Self::BadTime => "bad_time",
            Self::BadAmount => "bad_amount",
            Self::TooLarge => "too_large",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests;
