//! The order ids that are remembered, in segments, and the payments that repeat others.
//!
//! A segment is in the batch of the payments in it, or in a later one once more as it grows.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::codec::ByteEncoder;
use super::commit::Draft;
use super::database::{Database, Shared, malformed};
use super::snapshot::{Read, StateSnapshot};
use super::values::{OrderColumns, StoredOrders, StoredValue, write_orders};
use super::{ReadOnlyStore, Store, keys};
use crate::core::effect::{Effects, RepeatedPayment};
use crate::core::seen_orders::{KeptOrders, KeptOrdersError, OrderSegment, SeenOrder};
use crate::domain::payment::OrderId;
use crate::view::reading::ReadError;

/// Keep so many payments that repeat others: the newest.
const REPEATED_KEEP: u64 = 100_000;
/// At most so many are deleted at once, beside as many as come.
const REPEATED_STEP: u64 = 1_024;

/// The segments of a state.
#[derive(Debug)]
struct StateOrders(Shared);

impl Store {
    /// The order ids that this state remembers, from any thread.
    #[must_use]
    pub fn kept_orders(&self) -> Arc<dyn KeptOrders> {
        Arc::new(StateOrders(Arc::clone(&self.database)))
    }
}

impl ReadOnlyStore {
    /// The order ids that this state remembers, from any thread.
    #[must_use]
    pub fn kept_orders(&self) -> Arc<dyn KeptOrders> {
        Arc::new(StateOrders(Arc::clone(&self.database)))
    }
}

/// Puts what changed of order ids into `draft`, and the payments that repeat others.
pub(super) fn put(draft: &mut Draft<'_>, effects: &Effects) {
    let mut encoder = ByteEncoder::with_capacity(4_096);
    for segment in &effects.orders.segments {
        encoder.clear();
        write_orders(segment.first, segment.began, &segment.orders, &mut encoder);
        let key = keys::orders(segment.partition, segment.number);
        draft.batch_mut().put(key, encoder.as_bytes());
    }
    for (partition, numbers) in &effects.orders.forgotten {
        for number in numbers.clone() {
            draft.batch_mut().delete(keys::orders(*partition, number));
        }
    }
    // Those that would go at once are not written.
    let gone = effects.repeated.len() as u64;
    let gone = usize::try_from(gone.saturating_sub(REPEATED_KEEP)).unwrap_or(usize::MAX);
    draft.head_mut().repeated.next += gone as u64;
    for repeated in effects.repeated.iter().skip(gone) {
        let number = draft.head_mut().repeated.take();
        draft.put(&keys::repeated(number), repeated);
    }
    trim(draft, effects.repeated.len() as u64);
}

fn trim(draft: &mut Draft<'_>, added: u64) {
    let range = draft.head_mut().repeated;
    let first = range.next.saturating_sub(REPEATED_KEEP).max(range.first);
    let first = first.min(range.first + added + REPEATED_STEP);
    for number in range.first..first {
        draft.batch_mut().delete(keys::repeated(number));
    }
    draft.head_mut().repeated.first = first;
}

impl StateSnapshot<'_> {
    /// The payments that repeat others before number `before`, the newest first, at most `limit`.
    pub(super) fn repeated(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Read<Vec<(u64, RepeatedPayment)>> {
        let mut entries = Vec::new();
        self.scan_down(keys::repeated_before(before), |key, value| {
            if entries.len() >= limit {
                return Ok(ControlFlow::Break(()));
            }
            let number = keys::number_of_repeated(key);
            let entry = RepeatedPayment::decode(value).ok();
            entries.push(number.zip(entry).ok_or_else(|| ReadError(malformed(key)))?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(entries)
    }
}

impl StateOrders {
    fn with_columns<T>(
        &self,
        partition: i32,
        number: u64,
        read: impl FnOnce(&OrderColumns<'_>) -> Option<T>,
    ) -> Result<T, KeptOrdersError> {
        let key = keys::orders(partition, number);
        let bytes = self
            .0
            .get(&key)
            .map_err(|error| KeptOrdersError(error.to_string()))?;
        let bytes = bytes.ok_or_else(|| KeptOrdersError::missing(partition, number))?;
        let columns = OrderColumns::read(&bytes).ok();
        columns
            .and_then(|columns| read(&columns))
            .ok_or_else(|| KeptOrdersError(malformed(&key)))
    }
}

impl KeptOrders for StateOrders {
    fn find(
        &self,
        partition: i32,
        number: u64,
        id: OrderId,
        found: &mut dyn FnMut(u64, SeenOrder),
    ) -> Result<(), KeptOrdersError> {
        self.with_columns(partition, number, |columns| columns.find(id, found).ok())
    }

    fn ids(
        &self,
        partition: i32,
        number: u64,
        each: &mut dyn FnMut(OrderId),
    ) -> Result<(), KeptOrdersError> {
        self.with_columns(partition, number, |columns| columns.ids(each).ok())
    }

    fn each(
        &self,
        visit: &mut dyn FnMut(OrderSegment) -> Result<(), KeptOrdersError>,
    ) -> Result<(), KeptOrdersError> {
        let mut outcome = Ok(());
        let scanned = segments(&self.0, |segment| {
            outcome = visit(segment);
            match outcome {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        scanned.map_err(|error| KeptOrdersError(error.to_string()))?;
        outcome
    }
}

/// Hands all segments to `visit`, in order.
fn segments(
    database: &Database,
    mut visit: impl FnMut(OrderSegment) -> ControlFlow<()>,
) -> Read<()> {
    StateSnapshot::take(database, &[]).scan_up(keys::all_orders(), |key, value| {
        let place = keys::segment_of(key);
        let stored = StoredOrders::decode(value).ok();
        let (place, stored) = place.zip(stored).ok_or_else(|| ReadError(malformed(key)))?;
        Ok(visit(OrderSegment {
            partition: place.0,
            number: place.1,
            first: stored.first,
            began: stored.began,
            orders: Arc::new(stored.orders),
        }))
    })
}

#[cfg(test)]
mod tests;
