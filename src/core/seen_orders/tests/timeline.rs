//! What happens to the order ids of some partitions, step by step.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;

/// Order ids as a pipeline uses them: a clock for each partition, which payments that count move.
pub(super) struct Timeline {
    pub(super) rule: DuplicateRule,
    pub(super) seen: SeenOrders,
    pub(super) kept: Arc<MemoryOrders>,
    pub(super) clocks: BTreeMap<i32, EventTime>,
    pub(super) offset: i64,
}

impl Timeline {
    pub(super) fn new(rule: DuplicateRule) -> Self {
        let kept = Arc::new(MemoryOrders::default());
        Self {
            seen: SeenOrders::restore(rule, 3, kept.clone()).unwrap(),
            rule,
            kept,
            clocks: BTreeMap::new(),
            offset: 0,
        }
    }

    pub(super) fn clock(&self, partition: i32) -> Option<EventTime> {
        self.clocks.get(&partition).copied()
    }

    pub(super) fn hash(&self, payment: &Payment) -> Option<IdHash> {
        payment.order_id.map(|id| self.seen.hash(id))
    }

    pub(super) fn judge(
        &mut self,
        partition: i32,
        clock: Option<EventTime>,
        payment: &Payment,
    ) -> Result<OrderVerdict, KeptOrdersError> {
        let hash = self.hash(payment);
        self.seen.judge(partition, clock, payment, hash)
    }

    /// Judges and, if it counts, remembers. `clock` is that of the partition afterwards, if it is then believed.
    pub(super) fn pay(
        &mut self,
        partition: i32,
        payment: &Payment,
        clock: Option<i64>,
    ) -> OrderVerdict {
        let now = self.clock(partition);
        let verdict = self.judge(partition, now, payment).unwrap();
        if verdict == OrderVerdict::New {
            if let Some(clock) = clock.map(at) {
                let clock = now.map_or(clock, |now| now.max(clock));
                self.clocks.insert(partition, clock);
            }
            let now = self.clock(partition);
            let hash = self.hash(payment);
            self.seen.note(partition, self.offset, now, payment, hash);
        }
        self.offset += 1;
        verdict
    }

    /// The same with the clock of a partition in order.
    pub(super) fn is_new(&mut self, payment: &Payment) -> bool {
        let minutes = payment.event_time.millis() / MINUTE;
        self.pay(0, payment, Some(minutes)) == OrderVerdict::New
    }

    pub(super) fn checkpoint(&mut self) -> OrderChanges {
        let clocks = self.clocks.clone();
        let changes = self
            .seen
            .take_changes(|partition| clocks.get(&partition).copied());
        self.kept.apply(changes.clone());
        changes
    }

    pub(super) fn restart(&mut self) {
        self.checkpoint();
        self.seen = SeenOrders::restore(self.rule, 5, self.kept.clone()).unwrap();
    }
}
