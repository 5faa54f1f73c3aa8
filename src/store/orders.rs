//! The order ids that are remembered, in segments.
//!
//! A segment is in the batch of the payments in it, or in a later one once more as it grows.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::codec::ByteEncoder;
use super::commit::Draft;
use super::database::{Database, Shared, malformed};
use super::newest_orders::{NewestOrders, WrittenSegments};
use super::snapshot::{Read, StateSnapshot};
use super::values::{OrderRows, StoredOrders, StoredValue, write_orders};
use super::{ReadOnlyStore, Store, keys};
use crate::core::effect::Effects;
use crate::core::seen_orders::{KeptOrders, KeptOrdersError, OrderSegment, SeenOrder};
use crate::view::reading::ReadError;

/// The segments of a state.
#[derive(Debug)]
struct StateOrders {
    database: Shared,
    newest: Arc<NewestOrders>,
}

impl Store {
    /// The order ids that this state remembers, from any thread.
    #[must_use]
    pub fn kept_orders(&self) -> Arc<dyn KeptOrders> {
        Arc::new(StateOrders {
            database: Arc::clone(&self.database),
            newest: Arc::clone(&self.orders),
        })
    }
}

impl ReadOnlyStore {
    /// The order ids that this state remembers, from any thread.
    #[must_use]
    pub fn kept_orders(&self) -> Arc<dyn KeptOrders> {
        Arc::new(StateOrders {
            database: Arc::clone(&self.database),
            newest: Arc::default(),
        })
    }
}

/// Puts what changed of order ids into `draft`. Gives what that changes of segments.
pub(super) fn put(draft: &mut Draft<'_>, effects: &Effects) -> WrittenSegments {
    let mut encoder = ByteEncoder::with_capacity(4_096);
    let mut segments = WrittenSegments {
        forgotten: effects.orders.forgotten.clone(),
        ..WrittenSegments::default()
    };
    for segment in &effects.orders.segments {
        encoder.clear();
        write_orders(segment.first, segment.began, &segment.orders, &mut encoder);
        let key = keys::orders(segment.partition, segment.number);
        draft.batch_mut().put(key, encoder.as_bytes());
        let bytes = encoder.as_bytes().into();
        segments
            .written
            .push((segment.partition, segment.number, bytes));
    }
    for (partition, numbers) in &effects.orders.forgotten {
        for number in numbers.clone() {
            draft.batch_mut().delete(keys::orders(*partition, number));
        }
    }
    segments
}

impl KeptOrders for StateOrders {
    fn get(
        &self,
        partition: i32,
        number: u64,
        place: usize,
    ) -> Result<(u64, SeenOrder), KeptOrdersError> {
        let key = keys::orders(partition, number);
        let read = |bytes: &[u8]| {
            let order = OrderRows::read(bytes).and_then(|rows| rows.order(place));
            order.map_err(|_| KeptOrdersError(malformed(&key)))
        };
        if let Some(found) = self.newest.read(partition, number, read) {
            return found;
        }
        let bytes = self
            .database
            .get(&key)
            .map_err(|error| KeptOrdersError(error.to_string()))?;
        read(&bytes.ok_or_else(|| KeptOrdersError::missing(partition, number))?)
    }

    fn prefetch(&self, partition: i32, number: u64, place: usize) {
        self.newest.prefetch(partition, number, place);
    }

    fn each(
        &self,
        visit: &mut dyn FnMut(OrderSegment) -> Result<(), KeptOrdersError>,
    ) -> Result<(), KeptOrdersError> {
        let mut outcome = Ok(());
        let scanned = segments(&self.database, |segment, bytes| {
            self.newest.keep(segment.partition, segment.number, bytes);
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

/// Hands all segments to `visit`, with their bytes, in order.
fn segments(
    database: &Database,
    mut visit: impl FnMut(OrderSegment, &[u8]) -> ControlFlow<()>,
) -> Read<()> {
    StateSnapshot::take(database, &[]).scan_up(keys::all_orders(), |key, value| {
        let place = keys::segment_of(key);
        let stored = StoredOrders::decode(value).ok();
        let (place, stored) = place.zip(stored).ok_or_else(|| ReadError(malformed(key)))?;
        let segment = OrderSegment {
            partition: place.0,
            number: place.1,
            first: stored.first,
            began: stored.began,
            orders: Arc::new(stored.orders),
        };
        Ok(visit(segment, value))
    })
}

#[cfg(test)]
pub(in crate::store) mod tests;
