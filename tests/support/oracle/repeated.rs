//! Which payments repeat others, by a list of those that counted.

use std::collections::BTreeMap;

use super::payment::Payment;

/// When a payment repeats another: the horizon in ms, and how many ids of a partition are remembered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Horizon {
    pub within: i64,
    pub max_ids: u64,
}

/// The payments with an order id that counted.
#[derive(Default)]
pub(super) struct Counted {
    by_order: BTreeMap<(i32, i128), Vec<First>>,
    /// How many there are in each partition.
    ids: BTreeMap<i32, u64>,
    /// The first time of each partition that was believed.
    began: BTreeMap<i32, i64>,
}

struct First {
    payment: Payment,
    /// What was believed right after it.
    believed: Option<i64>,
    number: u64,
}

impl Counted {
    /// The entry of a payment that repeats another; `believed` is the time of its partition.
    pub(super) fn entry(
        &self,
        horizon: Option<Horizon>,
        partition: i32,
        payment: &Payment,
        believed: Option<i64>,
    ) -> Option<&'static str> {
        let horizon = horizon?;
        let same_order = self.by_order.get(&(partition, payment.order?))?;
        let ids = self.ids.get(&partition).copied().unwrap_or_default();
        let is_within = |first: &&First| {
            let then = first.believed.or(self.began.get(&partition).copied());
            let advanced = believed.zip(then).map_or(0, |(now, then)| now - then);
            (first.payment.time - payment.time).abs() <= horizon.within
                && advanced <= horizon.within
                && ids - first.number <= horizon.max_ids
        };
        let within: Vec<&First> = same_order.iter().rev().take(4).filter(is_within).collect();
        let is_same = |first: &&First| {
            (first.payment.amount, first.payment.branch) == (payment.amount, payment.branch)
        };
        match (within.is_empty(), within.iter().any(is_same)) {
            (true, _) => None,
            (_, true) => Some("duplicate"),
            (_, false) => Some("conflict"),
        }
    }

    /// A payment counted, and `believed` is the time of its partition now.
    pub(super) fn add(&mut self, partition: i32, payment: Payment, believed: Option<i64>) {
        if let Some(believed) = believed {
            self.began.entry(partition).or_insert(believed);
        }
        let Some(order) = payment.order else { return };
        let ids = self.ids.entry(partition).or_default();
        let first = First {
            payment,
            believed,
            number: *ids,
        };
        *ids += 1;
        self.by_order
            .entry((partition, order))
            .or_default()
            .push(first);
    }
}
