//! Messages that are not payments: one for every reason for a reject.

use super::GeneratedCounts;
use super::write::PaymentFields;
use crate::decode::{PAYLOAD_MAX, Reason};

/// The fault of a bad message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BadMessage {
    /// The message is a tombstone.
    Tombstone,
    /// The message is rejected for this reason.
    Reject(Reason),
}

impl BadMessage {
    /// The kind of bad message number `n`, from 0. The first seven are one of each.
    pub(super) fn nth(n: u64) -> Self {
        match (n % 256, n % 6) {
            (6, _) => Self::Reject(Reason::TooLarge),
            (_, 0) => Self::Reject(Reason::NotJson),
            (_, 1) => Self::Reject(Reason::MissingField),
            (_, 2) => Self::Reject(Reason::BadField),
            (_, 3) => Self::Reject(Reason::BadTime),
            (_, 4) => Self::Reject(Reason::BadAmount),
            _ => Self::Tombstone,
        }
    }

    /// Where messages of this kind are counted.
    pub(super) fn count(self, made: &mut GeneratedCounts) -> &mut u64 {
        match self {
            Self::Tombstone => &mut made.tombstone,
            Self::Reject(Reason::NotJson) => &mut made.not_json,
            Self::Reject(Reason::MissingField) => &mut made.missing_field,
            Self::Reject(Reason::BadField) => &mut made.bad_field,
            Self::Reject(Reason::BadTime) => &mut made.bad_time,
            Self::Reject(Reason::BadAmount) => &mut made.bad_amount,
            Self::Reject(Reason::TooLarge) => &mut made.too_large,
        }
    }

    /// Appends a message of this kind, in one of several forms. No form holds a line break.
    pub(super) fn write(self, out: &mut Vec<u8>, create_time: &[u8], fields: &PaymentFields) {
        let at = out.len();
        fields.write(out, create_time);
        let payment = out.split_off(at);
        let form = fields.cents % 3;
        let Self::Reject(reason) = self else { return };
        match reason {
            Reason::NotJson => {
                let kept = payment.len() / 2 + usize::from(form == 1);
                out.extend_from_slice(payment.get(..kept).unwrap_or_default());
            }
            Reason::MissingField => {
                let field = [&b"payAmount"[..], b"createTime", b"branchId"][form as usize];
                out.extend(replaced(&payment, field, None));
            }
            Reason::BadField => {
                let (field, value) = [
                    (&b"branchId"[..], &b"\"seven\""[..]),
                    (b"branchId", b"-1"),
                    (b"payPlatform", b"\"web\""),
                ][form as usize];
                out.extend(replaced(&payment, field, Some(value)));
            }
            Reason::BadTime => {
                let value = [
                    &b"\"2026-02-30 12:00:00\""[..],
                    b"\"2026-11-01 24:00:00\"",
                    b"\"yesterday\"",
                ][form as usize];
                out.extend(replaced(&payment, b"createTime", Some(value)));
            }
            Reason::BadAmount => {
                let value = [&b"1e15"[..], b"\"NaN\"", b"\"12,50\""][form as usize];
                out.extend(replaced(&payment, b"payAmount", Some(value)));
            }
            Reason::TooLarge => {
                out.extend_from_slice(payment.strip_suffix(b"}").unwrap_or(&payment));
                out.extend_from_slice(b",\"note\":\"");
                out.resize(at + PAYLOAD_MAX + 1 - 2, b'x');
                out.extend_from_slice(b"\"}");
            }
        }
    }
}

/// The payment with another value for `field`, or without the field.
fn replaced(payment: &[u8], field: &[u8], value: Option<&[u8]>) -> Vec<u8> {
    // No value of a payment made here holds a comma or a brace.
    let inner = payment.strip_prefix(b"{").unwrap_or(payment);
    let inner = inner.strip_suffix(b"}").unwrap_or(inner);
    let name = [b"\"", field, b"\":"].concat();
    let members: Vec<Vec<u8>> = inner
        .split(|byte| *byte == b',')
        .filter_map(|member| match (member.starts_with(&name), value) {
            (false, _) => Some(member.to_vec()),
            (true, Some(value)) => Some([&name, value].concat()),
            (true, None) => None,
        })
        .collect();
    [b"{", members.join(&b","[..]).as_slice(), b"}"].concat()
}
