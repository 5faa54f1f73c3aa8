//! Payments are compared with those of the same order id, if that is asked for.

use std::mem;

use super::Pipeline;
use super::progress::AppliedRecord;
use crate::core::effect::NoWindowReason;
use crate::core::seen_orders::{IdHash, KeptOrdersError, OrderChanges, OrderVerdict, SeenOrders};
use crate::decode::Decoded;
use crate::domain::ledger::Entry;
use crate::domain::payment::Payment;
use crate::domain::record::Record;

/// So many records are decoded while as many that were decoded before are applied.
const AHEAD: usize = 32;

/// A record that is applied later.
struct RecordAhead<'a> {
    record: Record<'a>,
    decoded: Decoded,
    /// That of its order id.
    hash: Option<IdHash>,
}

impl Pipeline {
    /// Applies `records`, some at a time: what is needed to judge them is fetched while others are decoded and applied.
    pub(super) fn apply_comparing<'a>(
        &mut self,
        last: &mut Option<AppliedRecord<'a>>,
        records: impl IntoIterator<Item = Record<'a>>,
    ) -> Result<(), KeptOrdersError> {
        let mut records = records.into_iter();
        let (mut current, mut next) = (Vec::with_capacity(AHEAD), Vec::with_capacity(AHEAD));
        loop {
            let some = records.by_ref().take(AHEAD);
            next.extend(some.map(|record| self.look_ahead(record)));
            for RecordAhead {
                record,
                decoded,
                hash,
            } in &current
            {
                self.apply_compared(record, decoded, *hash)?;
                self.pass(last, record);
            }
            if next.is_empty() {
                return Ok(());
            }
            if let Some(orders) = &mut self.orders {
                for RecordAhead { record, hash, .. } in &next {
                    if let Some(hash) = *hash {
                        orders.prefetch_found(record.partition, hash);
                    }
                }
            }
            current.clear();
            mem::swap(&mut current, &mut next);
        }
    }

    #[inline]
    fn look_ahead<'a>(&mut self, record: Record<'a>) -> RecordAhead<'a> {
        let decoded = self.decoder.decode(&record);
        let hash = match &decoded {
            Decoded::Payment(payment) => self.order_hash(payment),
            _ => None,
        };
        if let (Some(orders), Some(hash)) = (&mut self.orders, hash) {
            orders.prefetch(record.partition, hash);
        }
        RecordAhead {
            record,
            decoded,
            hash,
        }
    }

    /// The hash of a payment's order id, if payments are compared and it has one.
    pub(super) fn order_hash(&self, payment: &Payment) -> Option<IdHash> {
        Some(self.orders.as_ref()?.hash(payment.order_id?))
    }

    /// The same, with payments compared with those of the same order id in `orders`.
    #[must_use]
    pub fn comparing(self, orders: SeenOrders) -> Self {
        Self {
            orders: Some(orders),
            ..self
        }
    }

    /// The order ids that are remembered, if payments are compared.
    #[must_use]
    pub fn orders(&self) -> Option<&SeenOrders> {
        self.orders.as_ref()
    }

    /// What changed of the order ids since the last call.
    pub(super) fn take_order_changes(&mut self) -> OrderChanges {
        let engine = &self.engine;
        let clock = |partition| engine.partition_time(partition);
        let orders = self.orders.as_mut();
        let changes = orders.map(|orders| orders.take_changes(clock));
        changes.unwrap_or_default()
    }

    // Applies a record as what it was decoded to. A payment that repeats one that counted is in no window and no total, and
    // moves no watermark. `hash` is `Pipeline::order_hash`.
    fn apply_compared(
        &mut self,
        record: &Record<'_>,
        decoded: &Decoded,
        hash: Option<IdHash>,
    ) -> Result<(), KeptOrdersError> {
        let (Decoded::Payment(payment), Some(orders)) = (decoded, &mut self.orders) else {
            self.apply_decoded(record, decoded);
            return Ok(());
        };
        let partition = record.partition;
        let clock = self.engine.partition_time(partition);
        let verdict = orders.judge(partition, clock, payment, hash)?;
        if self.settle_repeated(record, payment, verdict).is_none() {
            self.apply_payment(record, payment);
            let clock = self.engine.partition_time(partition);
            if let Some(orders) = &mut self.orders {
                orders.note(partition, record.offset, clock, payment, hash);
            }
        }
        self.ledger.consumed += 1;
        Ok(())
    }

    /// Books and lists a payment that repeats another one, and gives the entry; `None` if it repeats none.
    pub(super) fn settle_repeated(
        &mut self,
        record: &Record<'_>,
        payment: &Payment,
        verdict: OrderVerdict,
    ) -> Option<Entry> {
        let (entry, first) = match verdict {
            OrderVerdict::New => return None,
            OrderVerdict::Duplicate(first) => (Entry::Duplicate, first),
            OrderVerdict::Conflict(first) => (Entry::Conflict, first),
        };
        self.keep_repeated(record, payment, &first);
        if entry == Entry::Conflict {
            self.keep_in_no_window(record, payment, NoWindowReason::Conflict);
        }
        self.ledger.book(entry, Some(payment.amount));
        Some(entry)
    }
}
