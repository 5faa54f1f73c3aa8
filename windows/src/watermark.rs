//! Watermarks: one for each partition, and the combined one that makes windows final.

use alloc::collections::BTreeMap;

use crate::{EventTime, MAX_JUMP, PartitionTime, Span, Standing};

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

    /// The watermark of the partition that is furthest behind, whether or not it is idle. One without
    /// a watermark says nothing.
    pub(crate) fn slowest(&self) -> Option<EventTime> {
        let all = self.partitions.values();
        all.filter_map(|partition| partition.watermark(self.out_of_orderness))
            .min()
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

    // The first payment of a partition, which no other has confirmed, counts if it is no further ahead
    // than this: the other partitions have come nearly as far.
    fn farthest(&self) -> Option<EventTime> {
        let believed = self.partitions.values().filter_map(|p| p.highest);
        believed.max().map(|highest| highest.plus(MAX_JUMP))
    }

    fn allowed(&self) -> Option<EventTime> {
        let farthest = self.farthest();
        let watermark = |partition: &PartitionTime| {
            let first = partition.first().filter(|first| Some(*first) <= farthest);
            let first = first.map(|first| first.minus(self.out_of_orderness));
            partition.watermark(self.out_of_orderness).or(first)
        };
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
