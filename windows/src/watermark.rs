//! Watermarks: one for each partition, and the combined one that makes windows final.

use alloc::collections::BTreeMap;

use crate::{EventTime, PartitionTime, Span, Standing};

impl PartitionTime {
    /// Every payment earlier than this is expected to be here; none if there was no payment yet.
    #[must_use]
    pub fn watermark(self, out_of_orderness: Span) -> Option<EventTime> {
        self.highest.map(|highest| highest.minus(out_of_orderness))
    }
}

/// The watermarks of all partitions, after Flink's `CombinedWatermarkStatus` and its valve: the
/// minimum of those that are not idle, never going back.
#[derive(Clone, Debug)]
pub(crate) struct Watermarks {
    pub(crate) partitions: BTreeMap<i32, PartitionTime>,
    pub(crate) combined: Option<EventTime>,
    out_of_orderness: Span,
}

impl Watermarks {
    pub(crate) fn new(
        partitions: BTreeMap<i32, PartitionTime>,
        combined: Option<EventTime>,
        out_of_orderness: Span,
    ) -> Self {
        Self {
            partitions,
            combined,
            out_of_orderness,
        }
    }

    /// Moves the combined watermark as far as the partitions allow; gives where it was and where
    /// it is, if it moved.
    pub(crate) fn advance(&mut self) -> Option<(Option<EventTime>, EventTime)> {
        self.welcome_back();
        let next = self.allowed()?;
        if self.combined.is_some_and(|combined| next <= combined) {
            return None;
        }
        Some((self.combined.replace(next), next))
    }

    /// Whether every partition is idle.
    pub(crate) fn all_idle(&self) -> bool {
        self.partitions
            .values()
            .all(|partition| partition.standing == Standing::Idle)
    }

    // A partition that comes back behind the others stays out until it has caught up, so that it
    // can't hold back what it does not decide: the combined watermark is past it already.
    fn welcome_back(&mut self) {
        for partition in self.partitions.values_mut() {
            if partition.standing == Standing::Returning
                && let Some(watermark) = partition.watermark(self.out_of_orderness)
                && self.combined.is_none_or(|combined| watermark >= combined)
            {
                partition.standing = Standing::Active;
            }
        }
    }

    fn allowed(&self) -> Option<EventTime> {
        let watermark = |partition: &PartitionTime| partition.watermark(self.out_of_orderness);
        let mut active = self
            .partitions
            .values()
            .filter(|partition| partition.standing == Standing::Active)
            .peekable();
        if active.peek().is_some() {
            // `None < Some`: a partition without a payment holds the others back.
            return active.map(watermark).min()?;
        }
        if self.all_idle() {
            return self.partitions.values().filter_map(watermark).max();
        }
        None
    }
}
