//! A branch's running total.

use ethnum::{AsI256, I256};
use tidegauge_windows::EventTime;
use tidegauge_windows::planted::{Mistake, is_planted};

use crate::domain::amount::Amount;
use crate::domain::payment::Payment;

/// All payments of a branch so far: whether or not they are in windows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Total {
    /// How many payments.
    pub count: u64,
    /// Their exact sum, in units of 10^-18.
    pub amount: I256,
    /// The earliest event time among them, [`EventTime::MAX`] if all are future ones. See
    /// [`Total::first_event_time`].
    pub first: EventTime,
    /// The latest event time among them, [`EventTime::MIN`] if all are future ones. See
    /// [`Total::last_event_time`].
    pub last: EventTime,
    /// The earliest event time among them, future ones included: since then the branch is known.
    /// [`EventTime::MAX`] if there are none.
    pub known_since: EventTime,
}

impl Total {
    /// The total of no payment.
    pub const ZERO: Self = Self {
        count: 0,
        amount: I256::ZERO,
        first: EventTime::MAX,
        last: EventTime::MIN,
        known_since: EventTime::MAX,
    };

    /// Adds one payment.
    pub fn add(&mut self, payment: &Payment) {
        self.add_future(payment);
        self.reach(payment.event_time);
    }

    /// Adds one payment whose event time is not believed.
    pub fn add_future(&mut self, payment: &Payment) {
        self.count += 1;
        self.known_since = self.known_since.min(payment.event_time);
        self.amount += I256::from(payment.amount.units());
        if is_planted(Mistake::FloatSum) {
            self.amount = self.amount.as_f64().as_i256();
        }
    }

    /// Takes back one payment of `amount` that was added, and stands in the total already.
    pub fn take_back(&mut self, amount: Amount) {
        self.count -= 1;
        self.amount -= I256::from(amount.units());
    }

    /// Takes note of when a payment happened that is counted already, although its event time was not
    /// believed, or read otherwise.
    pub fn reach(&mut self, event_time: EventTime) {
        self.first = self.first.min(event_time);
        self.last = self.last.max(event_time);
        self.known_since = self.known_since.min(event_time);
    }

    /// Adds all that `other` holds.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.amount += other.amount;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.known_since = self.known_since.min(other.known_since);
    }

    /// The earliest event time of its payments but future ones, if there are any.
    #[must_use]
    pub fn first_event_time(&self) -> Option<EventTime> {
        Some(self.first).filter(|first| *first != EventTime::MAX)
    }

    /// Since when its branch is known, which has windows without payments from then on; `None` without
    /// payments.
    #[must_use]
    pub fn branch_known_since(&self) -> Option<EventTime> {
        if is_planted(Mistake::BranchOfTheFutureUnknown) {
            return self.first_event_time();
        }
        Some(self.known_since).filter(|since| *since != EventTime::MAX)
    }

    /// The latest event time of its payments but future ones, if there are any.
    #[must_use]
    pub fn last_event_time(&self) -> Option<EventTime> {
        Some(self.last).filter(|last| *last != EventTime::MIN)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::domain::payment::{BranchId, PaymentNotices};

    fn at(millis: i64) -> EventTime {
        EventTime::from_millis(millis)
    }

    fn payment(millis: i64, units: i128) -> Payment {
        Payment {
            event_time: at(millis),
            amount: Amount::from_units(units),
            branch: BranchId::new(1).unwrap(),
            order_id: None,
            platform: None,
            notices: PaymentNotices::default(),
        }
    }

    //  500     1000          2000                 9000
    //   |--------|=============|--------------------|
    // future   first          last               future
    #[test]
    fn payments_of_the_future_count_and_move_neither_end() {
        let mut total = Total::ZERO;
        total.add(&payment(2_000, 5));
        total.add(&payment(1_000, -7));
        total.add_future(&payment(9_000, 40));
        total.add_future(&payment(500, 100));
        let expected = Total {
            count: 4,
            amount: I256::from(138),
            first: at(1_000),
            last: at(2_000),
            known_since: at(500),
        };
        assert_eq!(total, expected);
    }

    #[test]
    fn a_payment_whose_time_is_believed_later_counts_once() {
        let mut total = Total::ZERO;
        total.add_future(&payment(9_000, 40));
        let mut believed = Total::ZERO;
        believed.reach(at(9_000));
        total.merge(&believed);
        let mut expected = Total::ZERO;
        expected.add(&payment(9_000, 40));
        assert_eq!(total, expected);
    }

    #[test]
    fn times_are_told_only_of_payments_that_there_are() {
        let told = |total: &Total| {
            let ends = (total.first_event_time(), total.last_event_time());
            (ends, total.branch_known_since())
        };
        let mut total = Total::ZERO;
        assert_eq!(told(&total), ((None, None), None));
        total.add_future(&payment(9_000, 1));
        assert_eq!(told(&total), ((None, None), Some(at(9_000))));
        total.add(&payment(2_000, 1));
        total.add(&payment(1_000, 1));
        let ends = (Some(at(1_000)), Some(at(2_000)));
        assert_eq!(told(&total), (ends, Some(at(1_000))));
    }

    #[test]
    fn totals_of_two_stretches_add_up_in_either_order() {
        let mut early = Total::ZERO;
        early.add(&payment(1_000, 5));
        let mut late = Total::ZERO;
        late.add(&payment(3_000, -7));
        late.add_future(&payment(500, 40));
        let expected = Total {
            count: 3,
            amount: I256::from(38),
            first: at(1_000),
            last: at(3_000),
            known_since: at(500),
        };
        for (mut total, other) in [(early, late), (late, early)] {
            total.merge(&other);
            assert_eq!(total, expected);
            total.merge(&Total::ZERO);
            assert_eq!(total, expected);
        }
    }
}
