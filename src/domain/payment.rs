//! A payment: the content of one message.

use std::str::FromStr;

use ring::digest::{SHA256, digest};
use tidegauge_windows::{EventTime, LocalTime};

use crate::domain::amount::Amount;

/// One decoded message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Payment {
    /// When the payment happened.
    pub event_time: EventTime,
    /// The amount paid; negative for a refund.
    pub amount: Amount,
    /// Where it was paid.
    pub branch: BranchId,
    /// The order it belongs to; `None` if it names none, or an integer beyond 128 bits.
    pub order_id: Option<OrderId>,
    /// The platform it was paid with; `None` if it names none, or one beyond 64 bits.
    pub platform: Option<i64>,
    /// PaymentNotices from decoding.
    pub notices: PaymentNotices,
}

/// What tells one order from others.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OrderId {
    /// An integer.
    Number(i128),
    /// The first 128 bits of SHA-256 of a text. A text with the bits of another can't be made on purpose, unlike with a
    /// hash that is not cryptographic: a payment would be taken for a duplicate of another sender's.
    Text(u128),
}

impl OrderId {
    /// The id that `text` is. `"7"` is not the integer 7.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let hash = digest(&SHA256, text.as_bytes());
        let mut bits = [0; 16];
        bits.copy_from_slice(&hash.as_ref()[..16]);
        Self::Text(u128::from_be_bytes(bits))
    }

    /// The integer; `None` for a text.
    #[must_use]
    pub const fn number(self) -> Option<i128> {
        match self {
            Self::Number(number) => Some(number),
            Self::Text(_) => None,
        }
    }
}

/// Properties of a payment that are not errors but worth counting.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PaymentNotices {
    /// The amount had more than 18 decimals and was rounded half-even.
    pub rounded: bool,
    /// How its time stood to the clock changes of the zone it was read in.
    pub local_time: LocalTime,
}

/// A branch in one state: an integer from 0 to 2^31 − 1, or the number of a text that the state's
/// [`BranchTexts`](super::branch_texts::BranchTexts) has.
///
/// Integers sort first, and then texts in the order in which they were first seen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BranchId(u32);

/// The bit that tells the numbers of texts from integers.
const TEXT: u32 = 1 << 31;

/// The text is not a branch id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a branch id is an integer from 0 to {}, in digits only", BranchId::MAX.0)]
pub struct BranchIdError;

impl BranchId {
    /// The largest integer.
    pub const MAX: Self = Self(i32::MAX as u32);
    /// The last branch in order.
    pub const LAST: Self = Self(u32::MAX);
    /// So many texts can have a number.
    pub const TEXTS_MAX: usize = 1 << 31;

    /// The branch that is the integer `id`, if there may be one.
    #[must_use]
    pub const fn new(id: u32) -> Option<Self> {
        if id <= Self::MAX.0 {
            Some(Self(id))
        } else {
            None
        }
    }

    /// The branch that is text number `number`, if there may be one.
    #[must_use]
    pub const fn of_text(number: u32) -> Option<Self> {
        if number < TEXT {
            Some(Self(number | TEXT))
        } else {
            None
        }
    }

    /// The branch that [`BranchId::get`] gave `bits` of.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// What it is kept as: the integer, or 2^31 more than the number of the text.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Whether it is a text.
    #[must_use]
    pub const fn is_text(self) -> bool {
        self.0 & TEXT != 0
    }

    /// The number of the text; `None` for an integer.
    #[must_use]
    pub const fn text_number(self) -> Option<u32> {
        if self.is_text() {
            Some(self.0 & !TEXT)
        } else {
            None
        }
    }

    /// The branch after it in order, if there is one.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(next) => Some(Self(next)),
            None => None,
        }
    }
}

/// Reads an integer in canonical decimal form, and nothing else: no sign, no leading zeros. A text is read by the
/// texts of its state.
impl FromStr for BranchId {
    type Err = BranchIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits_only = text.bytes().all(|c| c.is_ascii_digit());
        if !digits_only || (text.len() > 1 && text.starts_with('0')) {
            return Err(BranchIdError);
        }
        let id = text.parse().map_err(|_| BranchIdError)?;
        Self::new(id).ok_or(BranchIdError)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn branch_ids_end_at_the_largest_signed_32_bit_integer() {
        assert_eq!(BranchId::new(0).map(BranchId::get), Some(0));
        assert_eq!(BranchId::new(2_147_483_647), Some(BranchId::MAX));
        assert_eq!(BranchId::new(2_147_483_648), None);
        assert_eq!(BranchId::new(u32::MAX), None);
    }

    #[test]
    fn numbers_of_texts_follow_all_integers() {
        let texts = [0, 1, 2_147_483_647].map(|number| BranchId::of_text(number).unwrap());
        assert_eq!(texts.map(BranchId::get), [1 << 31, (1 << 31) + 1, u32::MAX]);
        assert_eq!(
            texts.map(BranchId::text_number),
            [Some(0), Some(1), Some(2_147_483_647)]
        );
        assert_eq!(BranchId::of_text(1 << 31), None);
        assert!(texts[0] > BranchId::MAX && !BranchId::MAX.is_text());
        assert_eq!(BranchId::MAX.text_number(), None);
        assert_eq!(texts[2], BranchId::LAST);
        assert_eq!(BranchId::from_bits(texts[1].get()), texts[1]);
        assert_eq!(BranchId::MAX.next(), Some(texts[0]));
        assert_eq!(BranchId::LAST.next(), None);
    }

    #[test]
    fn only_canonical_digits_are_a_branch_id() {
        assert_eq!("0".parse(), Ok(BranchId(0)));
        assert_eq!("2147483647".parse(), Ok(BranchId::MAX));
        for text in [
            "",
            "-1",
            "+1",
            "007",
            "00",
            "2147483648",
            "99999999999",
            "1.0",
            " 1",
            "1 ",
            "٣",
        ] {
            assert_eq!(text.parse::<BranchId>(), Err(BranchIdError), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_branch_id_is_read_back_as_it_was_written(id in 0..=BranchId::MAX.get()) {
            let branch = BranchId::new(id).unwrap();
            prop_assert_eq!(id.to_string().parse(), Ok(branch));
        }
    }
}
