//! Where the ids are that are not in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{OrderChanges, OrderSegment, SeenOrder};

/// The segments that were written.
pub trait KeptOrders: Send + Sync {
    /// The payment at `place` of a segment, with its number among the ids of the partition. The segment was written and is
    /// not forgotten.
    ///
    /// # Errors
    /// When the segment is missing, has no such place, or can't be read.
    fn get(
        &self,
        partition: i32,
        number: u64,
        place: usize,
    ) -> Result<(u64, SeenOrder), KeptOrdersError>;

    /// Has the processor fetch the payment at `place` of a segment, if it is in memory.
    fn prefetch(&self, _partition: i32, _number: u64, _place: usize) {}

    /// Gives all segments, those of a partition in the order of their numbers.
    ///
    /// # Errors
    /// When one can't be read, or the error that `visit` gives.
    fn each(
        &self,
        visit: &mut dyn FnMut(OrderSegment) -> Result<(), KeptOrdersError>,
    ) -> Result<(), KeptOrdersError>;
}

/// Order ids that are remembered can't be read, so it is not known whether a payment is a duplicate.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the order ids that the state remembers can't be read: {0}")]
pub struct KeptOrdersError(pub String);

impl KeptOrdersError {
    /// A segment is missing or is not the one that follows the one before.
    #[must_use]
    pub fn missing(partition: i32, number: u64) -> Self {
        Self(format!(
            "segment {number} of partition {partition} is missing"
        ))
    }
}

/// Segments in memory, for figures that are not kept; over those of a state that is only looked at, if there
/// is one.
#[derive(Default)]
pub struct MemoryOrders {
    segments: Mutex<BTreeMap<(i32, u64), OrderSegment>>,
    below: Option<Arc<dyn KeptOrders>>,
}

impl MemoryOrders {
    /// None yet, over those of `below`, which stays as it is.
    #[must_use]
    pub fn over(below: Arc<dyn KeptOrders>) -> Self {
        Self {
            below: Some(below),
            ..Self::default()
        }
    }

    /// Takes in what changed.
    pub fn apply(&self, changes: OrderChanges) {
        let mut segments = self.segments();
        for segment in changes.segments {
            segments.insert((segment.partition, segment.number), segment);
        }
        for (partition, numbers) in changes.forgotten {
            for number in numbers {
                segments.remove(&(partition, number));
            }
        }
    }

    fn segment(&self, partition: i32, number: u64) -> Option<OrderSegment> {
        self.segments().get(&(partition, number)).cloned()
    }

    fn below(&self, partition: i32, number: u64) -> Result<&dyn KeptOrders, KeptOrdersError> {
        let below = self.below.as_deref();
        below.ok_or_else(|| KeptOrdersError::missing(partition, number))
    }

    // A panic while it is locked leaves each segment whole.
    pub(super) fn segments(&self) -> MutexGuard<'_, BTreeMap<(i32, u64), OrderSegment>> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeptOrders for MemoryOrders {
    fn get(
        &self,
        partition: i32,
        number: u64,
        place: usize,
    ) -> Result<(u64, SeenOrder), KeptOrdersError> {
        match self.segment(partition, number) {
            Some(segment) => segment.get(place),
            None => self.below(partition, number)?.get(partition, number, place),
        }
    }

    /// Those below first: to be called before anything is taken in over them.
    fn each(
        &self,
        visit: &mut dyn FnMut(OrderSegment) -> Result<(), KeptOrdersError>,
    ) -> Result<(), KeptOrdersError> {
        if let Some(below) = &self.below {
            below.each(visit)?;
        }
        let segments: Vec<OrderSegment> = self.segments().values().cloned().collect();
        segments.into_iter().try_for_each(visit)
    }
}

impl OrderSegment {
    /// See [`KeptOrders::get`].
    pub(super) fn get(&self, place: usize) -> Result<(u64, SeenOrder), KeptOrdersError> {
        let order = self.orders.get(place);
        let order = order.ok_or_else(|| KeptOrdersError::missing(self.partition, self.number))?;
        Ok((self.first + place as u64, *order))
    }
}
