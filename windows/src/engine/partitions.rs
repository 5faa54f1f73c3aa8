//! What takes part in the combined watermark.

use alloc::collections::BTreeMap;

use super::Engine;
use crate::{Aggregate, EventTime, Key, Participation, PartitionTime};

impl<K: Key, A: Aggregate> Engine<K, A> {
    /// Notes that `partition` is read from now on: until it has an input or is idle, it holds the
    /// combined watermark back.
    pub fn register(&mut self, partition: i32) {
        self.watermarks.partitions.part(partition);
    }

    /// Notes that `partition` is idle, all of it has been read, or that it no longer is.
    pub fn set_idle(&mut self, partition: i32, idle: bool) {
        let part = self.watermarks.partitions.part(partition);
        part.participation = match (idle, part.participation) {
            (true, _) => Participation::Idle,
            (false, Participation::Idle) => Participation::Returning,
            (false, participation) => participation,
        };
    }

    /// Notes that `partition`, which may have been idle when the snapshot was taken, has records to
    /// read: it holds the combined watermark back like any other.
    pub fn resume(&mut self, partition: i32) {
        let part = self.watermarks.partitions.part(partition);
        part.participation = Participation::Active;
    }

    /// Each partition's part in the watermark.
    #[must_use]
    pub fn partitions(&self) -> BTreeMap<i32, PartitionTime> {
        self.watermarks.partitions.to_map()
    }

    /// The highest event time of `partition` that is believed.
    #[must_use]
    pub fn partition_time(&self, partition: i32) -> Option<EventTime> {
        self.watermarks.partitions.get(partition)?.highest
    }

    /// The watermark of `partition`.
    #[must_use]
    pub fn partition_watermark(&self, partition: i32) -> Option<EventTime> {
        self.watermarks
            .partitions
            .get(partition)?
            .watermark(self.settings.out_of_orderness)
    }
}
