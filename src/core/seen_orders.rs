//! Order ids that were seen: which payments repeat one that counted before.
//!
//! Each partition is judged by its own log alone, so a resend is found in the partition of the payment that it repeats,
//! and nowhere else.

use std::ops::Range;
use std::sync::Arc;

use tidegauge_windows::planted::{Mistake, is_planted};
use tidegauge_windows::{EventTime, Span};

use self::partition::SeenPartition;
use crate::domain::payment::{OrderId, Payment};

mod index;
pub mod kept;
mod order;
mod partition;

pub use index::IdHash;
pub use kept::{KeptOrders, KeptOrdersError, MemoryOrders};
pub use order::SeenOrder;

/// When a payment repeats another with the same order id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DuplicateRule {
    /// The horizon: how far event times may be apart, and how far the partition's time may have advanced since the
    /// payment that counted.
    pub within: Span,
    /// At most so many ids of a partition are remembered, the newest; from 1 to [`DuplicateRule::IDS_MAX`].
    pub max_ids: u64,
}

impl DuplicateRule {
    /// The most ids that a partition may remember.
    pub const IDS_MAX: u64 = 1_000_000_000;
}

/// Some ids of a partition, in the order in which they were seen: what is written and forgotten as a whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderSegment {
    /// The partition.
    pub partition: i32,
    /// Its number in the partition: the next one has the next.
    pub number: u64,
    /// How many ids of the partition were remembered before its first.
    pub first: u64,
    /// The first event time of the partition that was believed, as far as that matters; `None` if none was yet.
    pub began: Option<EventTime>,
    /// At most [`OrderSegment::LEN_MAX`] of them.
    pub orders: Arc<Vec<SeenOrder>>,
}

impl OrderSegment {
    /// The most ids of a segment.
    pub const LEN_MAX: usize = 128;
}

/// What changed of the ids that are remembered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OrderChanges {
    /// Segments that are new or have grown, whole.
    pub segments: Vec<OrderSegment>,
    /// Segments that are forgotten, by partition and number. Some may never have been written.
    pub forgotten: Vec<(i32, Range<u64>)>,
}

impl OrderChanges {
    /// Takes those of other partitions in.
    pub(in crate::core) fn append(&mut self, mut other: Self) {
        self.segments.append(&mut other.segments);
        self.forgotten.append(&mut other.forgotten);
    }
}

/// Whether a payment repeats another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderVerdict {
    /// It does not: it counts.
    New,
    /// It repeats this one, of the same amount and branch.
    Duplicate(SeenOrder),
    /// It has the id of this one, but another amount or branch.
    Conflict(SeenOrder),
}

/// How many ids are remembered, and what that takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OrderStats {
    /// Ids that are remembered.
    pub ids: u64,
    /// Bytes of memory of the tables that find them.
    pub bytes: u64,
    /// Partitions that remember as many as [`DuplicateRule::max_ids`] allows.
    pub full_partitions: u64,
}

impl OrderStats {
    /// Those of these partitions and of others.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self {
            ids: self.ids + others.ids,
            bytes: self.bytes + others.bytes,
            full_partitions: self.full_partitions + others.full_partitions,
        }
    }
}

/// The ids of all partitions that a pipeline applies.
pub struct SeenOrders {
    rule: DuplicateRule,
    /// Keys the hash of ids, so that senders can't choose ids which the tables are slow with. Decides no verdict.
    seed: u64,
    kept: Arc<dyn KeptOrders>,
    /// In the order of their numbers.
    partitions: Vec<SeenPartition>,
    /// The place of the one that was asked for last.
    current: usize,
}

impl SeenOrders {
    /// The ids that `kept` has, from which it reads from now on.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn restore(
        rule: DuplicateRule,
        seed: u64,
        kept: Arc<dyn KeptOrders>,
    ) -> Result<Self, KeptOrdersError> {
        let mut orders = Self {
            rule,
            seed,
            kept: Arc::clone(&kept),
            partitions: Vec::new(),
            current: 0,
        };
        kept.each(
            &mut |segment| match is_planted(Mistake::DuplicatesForgotten) {
                true => Ok(()),
                false => orders
                    .partition(segment.partition)
                    .restore(segment, kept.as_ref()),
            },
        )?;
        Ok(orders)
    }

    /// Takes the partitions out that `is_its` names, for a pipeline of their own.
    pub(in crate::core) fn split_off(&mut self, is_its: impl Fn(i32) -> bool) -> Self {
        self.current = 0;
        let theirs = |seen: &mut SeenPartition| is_its(seen.number());
        Self {
            rule: self.rule,
            seed: self.seed,
            kept: Arc::clone(&self.kept),
            partitions: self.partitions.extract_if(.., theirs).collect(),
            current: 0,
        }
    }

    /// The hash by which an id is looked for.
    #[must_use]
    pub fn hash(&self, id: OrderId) -> IdHash {
        IdHash::of(id, self.seed)
    }

    /// Has the processor fetch where an id with this hash, of a payment of `partition`, is looked for. The tables
    /// are larger than its caches; meanwhile it does other work.
    #[inline]
    pub fn prefetch(&mut self, partition: i32, hash: IdHash) {
        if let Some(place) = self.place(partition) {
            self.partitions[place].prefetch(hash);
        }
    }

    /// Has the processor fetch a payment that was seen with an id of this hash, if there is one and it is in memory. To be
    /// called some time after [`SeenOrders::prefetch`].
    #[inline]
    pub fn prefetch_found(&mut self, partition: i32, hash: IdHash) {
        if let Some(place) = self.place(partition) {
            self.partitions[place].prefetch_found(hash, self.kept.as_ref());
        }
    }

    /// Whether a payment read from `partition`, whose highest believed event time is `clock`, repeats one that
    /// counted. `hash` is that of its order id, if it has one.
    ///
    /// # Errors
    /// When what is remembered can't be read. Nothing has changed then.
    pub fn judge(
        &mut self,
        partition: i32,
        clock: Option<EventTime>,
        payment: &Payment,
        hash: Option<IdHash>,
    ) -> Result<OrderVerdict, KeptOrdersError> {
        let id = payment.order_id.zip(hash);
        match id.zip(self.place(partition)) {
            Some((id, place)) => {
                let seen = &mut self.partitions[place];
                seen.judge(self.rule, clock, id, payment, self.kept.as_ref())
            }
            None => Ok(OrderVerdict::New),
        }
    }

    /// Whether ids are forgotten of payments that counted when `payment`, read from `partition`, happened, so that it can't be
    /// known whether it repeats one of them: if the partition's highest believed event time, `clock`, is more than the
    /// horizon later, or if there were more ids since than are remembered.
    #[must_use]
    pub fn has_forgotten(
        &mut self,
        partition: i32,
        clock: Option<EventTime>,
        payment: &Payment,
    ) -> bool {
        let Some(clock) = clock.filter(|clock| *clock > payment.event_time) else {
            return false;
        };
        payment.order_id.is_some()
            && (clock.since(payment.event_time) > self.rule.within
                || self.place(partition).is_some_and(|place| {
                    self.partitions[place].has_forgotten(self.rule, payment.event_time)
                }))
    }

    /// Takes note of a payment that counted: the record at `offset` of `partition`, whose highest believed event time is
    /// `clock` now. It was the last to be judged. `hash` is that of its order id, if it has one.
    pub fn note(
        &mut self,
        partition: i32,
        offset: i64,
        clock: Option<EventTime>,
        payment: &Payment,
        hash: Option<IdHash>,
    ) {
        let Some((id, hash)) = payment.order_id.zip(hash) else {
            if let Some(place) = self.place(partition) {
                self.partitions[place].note_clock(clock);
            }
            return;
        };
        let seen = self.partition(partition);
        seen.note_clock(clock);
        let order = SeenOrder::of(payment, id, offset, clock);
        seen.remember(order, hash);
    }

    /// What changed since the last call, given the highest believed event time of each partition. What the call before gave
    /// is kept by now.
    pub fn take_changes(&mut self, clock: impl Fn(i32) -> Option<EventTime>) -> OrderChanges {
        let mut changes = OrderChanges::default();
        for seen in &mut self.partitions {
            seen.take_changes(self.rule, clock(seen.number()), &mut changes);
        }
        changes
    }

    /// About how many bytes the changes since the last [`SeenOrders::take_changes`] hold.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.partitions
            .iter()
            .map(SeenPartition::pending_bytes)
            .sum()
    }

    /// How many ids are remembered, and what that takes.
    #[must_use]
    pub fn stats(&self) -> OrderStats {
        let mut stats = OrderStats::default();
        for seen in &self.partitions {
            stats.ids += seen.len();
            stats.bytes += seen.table_bytes();
            stats.full_partitions += u64::from(seen.len() >= self.rule.max_ids);
        }
        stats
    }

    // Where a partition is, if any of its ids were remembered. Records that follow each other are mostly of the same one.
    fn place(&mut self, partition: i32) -> Option<usize> {
        let current = self.partitions.get(self.current);
        if current.is_none_or(|current| current.number() != partition) {
            self.current = self.search(partition).ok()?;
        }
        Some(self.current)
    }

    fn partition(&mut self, number: i32) -> &mut SeenPartition {
        let place = self.place(number).unwrap_or_else(|| {
            let place = self.search(number).unwrap_or_else(|place| place);
            let seen = SeenPartition::new(number, self.seed);
            self.partitions.insert(place, seen);
            place
        });
        &mut self.partitions[place]
    }

    fn search(&self, partition: i32) -> Result<usize, usize> {
        self.partitions
            .binary_search_by_key(&partition, SeenPartition::number)
    }
}

impl std::fmt::Debug for SeenOrders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeenOrders")
            .field("rule", &self.rule)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
