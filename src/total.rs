//! A branch's running total.

use ethnum::I256;
use tidegauge_windows::EventTime;

use crate::payment::Payment;

/// All payments of a branch so far: on time, late, too late and future ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Total {
    /// How many payments.
    pub count: u64,
    /// Their exact sum, in units of 10^-18.
    pub amount: I256,
    /// The earliest event time among them.
    pub first_event_time: EventTime,
    /// The latest event time among them.
    pub last_event_time: EventTime,
}

impl Total {
    /// The total of one payment.
    #[must_use]
    pub fn of(payment: &Payment) -> Self {
        Self {
            count: 1,
            amount: I256::from(payment.amount.units()),
            first_event_time: payment.event_time,
            last_event_time: payment.event_time,
        }
    }

    /// Adds one payment.
    pub fn add(&mut self, payment: &Payment) {
        self.merge(&Self::of(payment));
    }

    /// Adds all that `other` holds.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.amount += other.amount;
        self.first_event_time = self.first_event_time.min(other.first_event_time);
        self.last_event_time = self.last_event_time.max(other.last_event_time);
    }
}
