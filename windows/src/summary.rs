//! The figures of some payments.

use ethnum::I256;

use crate::{Aggregate, Histogram};

/// The figures of some amounts, exact but for the percentiles, in any order and any parts.
///
/// Amounts are integers in whatever unit the caller counts in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Summary {
    /// How many amounts there are.
    pub count: u64,
    /// Their sum. 2^128 amounts fit.
    pub sum: I256,
    /// The least amount; `i128::MAX` if there is none. See [`Summary::min`].
    pub min: i128,
    /// The greatest amount; `i128::MIN` if there is none. See [`Summary::max`].
    pub max: i128,
    /// How many of the amounts were late.
    pub late_count: u64,
    /// The sum of those.
    pub late_sum: I256,
    /// How the amounts are distributed.
    pub histogram: Histogram,
}

impl Summary {
    /// The least amount, if there is any.
    #[must_use]
    pub fn min(&self) -> Option<i128> {
        (self.count > 0).then_some(self.min)
    }

    /// The greatest amount, if there is any.
    #[must_use]
    pub fn max(&self) -> Option<i128> {
        (self.count > 0).then_some(self.max)
    }

    /// The amount of rank ⌈q · count⌉ in ascending order, to within 1/256 of it, and never outside
    /// the least and the greatest; `None` if there are no amounts. `q` is held in 0 to 1.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<i128> {
        let (min, max) = (self.min()?, self.max()?);
        Some(self.histogram.quantile(q)?.max(min).min(max))
    }
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            count: 0,
            sum: I256::ZERO,
            min: i128::MAX,
            max: i128::MIN,
            late_count: 0,
            late_sum: I256::ZERO,
            histogram: Histogram::default(),
        }
    }
}

impl Aggregate for Summary {
    type Input = i128;

    #[inline]
    fn add(&mut self, amount: &i128, late: bool) {
        let amount = *amount;
        let wide = I256::from(amount);
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.wrapping_add(wide);
        self.min = self.min.min(amount);
        self.max = self.max.max(amount);
        if late {
            self.late_count = self.late_count.saturating_add(1);
            self.late_sum = self.late_sum.wrapping_add(wide);
        }
        self.histogram.add(amount);
    }

    fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.wrapping_add(other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.late_count = self.late_count.saturating_add(other.late_count);
        self.late_sum = self.late_sum.wrapping_add(other.late_sum);
        self.histogram.merge(&other.histogram);
    }

    fn count(&self) -> u64 {
        self.count
    }
}
