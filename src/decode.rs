//! Decodes bytes into a payment, or into the reason for a reject. No input makes it panic.

mod appearance;
mod create_time;
mod days;
mod digits;
mod fault;
mod fields;
mod integer;
mod json;
mod scanner;

use std::fmt;
use std::sync::Arc;

use chrono_tz::Tz;

use crate::domain::branch_texts::BranchTexts;
use crate::domain::payment::Payment;
use scanner::Scanner;

/// The largest payload that is decoded, in bytes.
pub const PAYLOAD_MAX: usize = 256 * 1024;

/// Decodes payloads. Keeps what it has learned of the days it met, so use one for many.
#[derive(Debug)]
pub struct Decoder {
    zone: Tz,
    scanner: Scanner,
    texts: Option<Arc<BranchTexts>>,
}

/// The outcome of decoding a payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decoded {
    /// A payment.
    Payment(Payment),
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
    /// `createTime`, `payAmount` or `branchId` is missing or null.
    MissingField,
    /// A field is given twice, `branchId` is not an integer from 0 to 2^31 − 1, or `orderId` or
    /// `payPlatform` is not an integer.
    BadField,
    /// `createTime` is not a valid time.
    BadTime,
    /// `payAmount` is not a number, or its magnitude is 10^15 or more.
    BadAmount,
    /// The payload is longer than [`PAYLOAD_MAX`].
    TooLarge,
}

impl Decoder {
    /// A decoder that reads times without an offset in `zone`.
    #[must_use]
    pub fn new(zone: Tz) -> Self {
        Self {
            zone,
            scanner: Scanner::new(zone),
            texts: None,
        }
    }

    /// The same, where a branch may be a text, which becomes one of `texts`.
    #[must_use]
    pub fn with_texts(self, texts: Arc<BranchTexts>) -> Self {
        Self {
            texts: Some(texts),
            ..self
        }
    }

    /// Decodes a payload: a scan that knows the usual order of fields, and
    /// [`Decoder::decode_json`] for whatever it does not expect. Both give the same. Allocates
    /// nothing for a payment in the usual form.
    pub fn decode(&mut self, payload: Option<&[u8]>) -> Decoded {
        // The scanner takes nothing anywhere near `PAYLOAD_MAX`.
        match payload.and_then(|bytes| self.scanner.scan(bytes)) {
            Some(payment) => Decoded::Payment(payment),
            None => self.decode_json(payload),
        }
    }

    /// Decodes a payload with a JSON parser alone: the definition of what every payload means.
    ///
    /// Of several faults the first in this order is the reason: too large, not JSON, a field given
    /// twice, required fields missing, then `createTime`, `payAmount`, `branchId`, `orderId`,
    /// `payPlatform`.
    #[must_use]
    pub fn decode_json(&self, payload: Option<&[u8]>) -> Decoded {
        match payload {
            None | Some([]) => Decoded::Tombstone,
            Some(bytes) => match json::payment(bytes, self.zone, self.texts.as_deref()) {
                Ok(payment) => Decoded::Payment(payment),
                Err(reject) => Decoded::Reject(reject),
            },
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
