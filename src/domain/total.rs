//! A branch's running total.

use ethnum::{AsI256, I256};
use tidegauge_windows::EventTime;
use tidegauge_windows::planted::{Mistake, is_planted};

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
        self.first = self.first.min(payment.event_time);
        self.last = self.last.max(payment.event_time);
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
