//! A payment: the content of one message.

use std::fmt;
use std::str::FromStr;

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
    /// The order it belongs to; `None` if it names none, or one beyond 128 bits.
    pub order_id: Option<i128>,
    /// The platform it was paid with; `None` if it names none, or one beyond 64 bits.
    pub platform: Option<i64>,
    /// PaymentNotices from decoding.
    pub notices: PaymentNotices,
}

/// Properties of a payment that are not errors but worth counting.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PaymentNotices {
    /// The amount had more than 18 decimals and was rounded half-even.
    pub rounded: bool,
    /// How its time stood to the clock changes of the zone it was read in.
    pub local_time: LocalTime,
}

/// The number of a branch: 0 to 2^31 − 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BranchId(u32);

/// The text is not a branch id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a branch id is an integer from 0 to {}, in digits only", BranchId::MAX.0)]
pub struct BranchIdError;

impl BranchId {
    /// The largest id.
    pub const MAX: Self = Self(i32::MAX as u32);

    /// The branch with number `id`, if there may be one.
    #[must_use]
    pub const fn new(id: u32) -> Option<Self> {
        if id <= Self::MAX.0 {
            Some(Self(id))
        } else {
            None
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for BranchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Reads what `Display` writes, and nothing else: no sign, no leading zeros.
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
            prop_assert_eq!(branch.to_string().parse(), Ok(branch));
        }
    }
}
