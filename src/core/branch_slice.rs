//! The payments of one branch in one slice of event time.

use ethnum::AsI256;
use tidegauge_windows::planted::{Mistake, is_planted};
use tidegauge_windows::{Aggregate, EventTime, Summary};

use crate::domain::payment::Payment;
use crate::domain::total::Total;

/// What the payments of a branch in a slice add up to. What they add to the total of the branch follows from it, so the
/// total is not looked for with each payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BranchSlice {
    /// Their amounts.
    pub summary: Summary,
    /// The earliest event time among them; [`EventTime::MAX`] if there are none.
    first: EventTime,
    /// The latest event time among them; [`EventTime::MIN`] if there are none.
    last: EventTime,
}

impl BranchSlice {
    /// What is added to the total of the branch.
    #[must_use]
    pub(in crate::core) fn total(&self) -> Total {
        let sum = self.summary.sum;
        Total {
            count: self.summary.count,
            amount: match is_planted(Mistake::FloatSum) {
                true => sum.as_f64().as_i256(),
                false => sum,
            },
            first: self.first,
            last: self.last,
            known_since: self.first,
        }
    }
}

impl Default for BranchSlice {
    fn default() -> Self {
        Self {
            summary: Summary::default(),
            first: EventTime::MAX,
            last: EventTime::MIN,
        }
    }
}

/// That of amounts without times.
#[cfg(test)]
impl From<Summary> for BranchSlice {
    fn from(summary: Summary) -> Self {
        Self {
            summary,
            ..Self::default()
        }
    }
}

impl Aggregate for BranchSlice {
    type Input = Payment;

    #[inline]
    fn add(&mut self, payment: &Payment, late: bool) {
        self.summary.add(&payment.amount.units(), late);
        self.first = self.first.min(payment.event_time);
        self.last = self.last.max(payment.event_time);
    }

    fn merge(&mut self, other: &Self) {
        self.summary.merge(&other.summary);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }

    fn count(&self) -> u64 {
        self.summary.count
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::domain::amount::Amount;
    use crate::domain::payment::{BranchId, PaymentNotices};

    fn payment(millis: i64, units: i128) -> Payment {
        Payment {
            event_time: EventTime::from_millis(millis),
            amount: Amount::from_units(units),
            branch: BranchId::new(1).unwrap(),
            order_id: None,
            platform: None,
            notices: PaymentNotices::default(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_slice_adds_to_a_total_what_its_payments_do_in_any_parts(
            payments in prop::collection::vec((0..60_000_i64, any::<i64>(), any::<bool>()), 0..20),
            parts in 1..4_usize,
        ) {
            let mut one_by_one = Total::ZERO;
            let mut slices = vec![BranchSlice::default(); parts];
            for (number, (millis, units, late)) in payments.into_iter().enumerate() {
                let payment = payment(millis, units.into());
                one_by_one.add(&payment);
                slices[number % parts].add(&payment, late);
            }
            let mut all = BranchSlice::default();
            slices.iter().for_each(|slice| all.merge(slice));
            prop_assert_eq!(all.total(), one_by_one);
            prop_assert_eq!(all.count(), one_by_one.count);
        }
    }
}
