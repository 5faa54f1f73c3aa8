//! Starting to read partitions.

use std::collections::BTreeMap;

use tracing::{info, warn};

use crate::core::effect::Progress;
use crate::host::clock::Instant;

use super::cursor::PartitionCursor;
use super::start::PartitionStart;
use super::{Error, LogClient, Source, StartPosition};

/// A partition that is read, or halted, from now on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AssignedPartition {
    /// The partition.
    pub partition: i32,
    /// The next offset to apply.
    pub position: i64,
    /// The offset after its last record, when asked.
    pub end: i64,
    /// How many offsets the brokers held before the position at the start: records that are not read, or
    /// were before.
    pub before: i64,
}

impl<C: LogClient + ?Sized> Source<C> {
    /// Starts reading all partitions of the topic. To be called once.
    ///
    /// `applied` decides where reading continues; the last record applied is read again and must be
    /// the same. A partition that is not in `applied` starts where the configuration says, or at
    /// its beginning if `applied` knows others of the topic: then it was added later, and is halted if its first records
    /// are gone. So what is returned has to be remembered even for partitions in which nothing comes.
    ///
    /// Returns every partition, also one that is [halted](Self::halted) at once.
    ///
    /// # Errors
    /// When the brokers don't answer in time, or nothing is applied yet and the topic is not the one
    /// that is to be read.
    pub fn assign(
        &mut self,
        applied: &BTreeMap<i32, Progress>,
    ) -> Result<Vec<AssignedPartition>, Error> {
        let known = applied.keys().next_back().map_or(0, |last| last + 1);
        if let Some(reason) = &self.identity.replaced {
            if applied.is_empty() {
                return Err(Error::Replaced(reason.clone()));
            }
            // What brokers hold is of another topic.
            let starts =
                (0..known).map(|partition| PartitionStart::vanished(applied.get(&partition)));
            return self.begin(starts.collect());
        }
        let count = self.partition_count.max(known);
        let deadline = Instant::now() + self.patience;
        let all: Vec<i32> = (0..self.partition_count).collect();
        let offset_ranges = self.client.offset_ranges_by(&all, deadline)?;
        let times = match self.start {
            StartPosition::At(time) if applied.is_empty() => {
                self.client.offsets_at(&all, time.millis(), deadline)?
            }
            _ => BTreeMap::new(),
        };
        let mut starts = Vec::new();
        for partition in 0..count {
            starts.push(
                match (
                    offset_ranges.get(&partition).copied(),
                    applied.get(&partition),
                ) {
                    (None, applied) => PartitionStart::vanished(applied),
                    (Some(offset_range), Some(applied)) => {
                        PartitionStart::again(applied, offset_range)
                    }
                    (Some(offset_range), None) if !applied.is_empty() => {
                        PartitionStart::added(offset_range)
                    }
                    (Some(offset_range), None) => match self.start {
                        StartPosition::Latest => {
                            PartitionStart::fresh(offset_range.high, offset_range)
                        }
                        StartPosition::Earliest => {
                            PartitionStart::fresh(offset_range.low, offset_range)
                        }
                        StartPosition::At(_) => PartitionStart::fresh(
                            times.get(&partition).copied().unwrap_or(offset_range.high),
                            offset_range,
                        ),
                    },
                },
            );
        }
        let mut assigned = self.begin(starts)?;
        for assigned in &mut assigned {
            let low = offset_ranges
                .get(&assigned.partition)
                .map(|offset_range| offset_range.low);
            assigned.before = low.map_or(0, |low| (assigned.position - low).max(0));
        }
        Ok(assigned)
    }

    /// Starts the partitions that follow those which are known.
    pub(super) fn begin(
        &mut self,
        starts: Vec<PartitionStart>,
    ) -> Result<Vec<AssignedPartition>, Error> {
        let first = i32::try_from(self.cursors.len()).unwrap_or(i32::MAX);
        let starts: Vec<PartitionStart> = (first..)
            .zip(starts)
            .map(|(partition, starting)| self.judged(partition, starting))
            .collect();
        let read = (first..).zip(&starts);
        let read = read.filter(|(_, starting)| starting.refusal.is_none());
        let read: Vec<(i32, i64)> = read
            .map(|(partition, starting)| (partition, starting.from))
            .collect();
        self.client.assign(&read)?;
        let mut assigned = Vec::with_capacity(starts.len());
        for (partition, starting) in (first..).zip(starts) {
            assigned.push(AssignedPartition {
                partition,
                position: starting.position,
                end: starting.end,
                before: 0,
            });
            info!(
                partition,
                position = starting.position,
                end = starting.end,
                "partition assigned"
            );
            if let Some(note) = starting.note {
                warn!(partition, "{note}");
            }
            self.confirmed.note(partition, Instant::now());
            self.cursors.push(PartitionCursor::new(
                starting.position,
                starting.from,
                starting.end,
                starting.verify,
            ));
            match starting.refusal {
                // No topic loses partitions: a broker that says so of the same one lags behind.
                Some(reason) if self.identity.is_same() && partition >= self.partition_count => {
                    self.halt_for_now(partition, reason);
                }
                Some(reason) => self.halt(partition, reason),
                None => {}
            }
        }
        Ok(assigned)
    }

    // A partition that was halted before is refused for the same reason.
    fn judged(&mut self, partition: i32, starting: PartitionStart) -> PartitionStart {
        let remembered = self.remembered.remove(&partition);
        PartitionStart {
            refusal: remembered
                .or_else(|| self.identity.replaced.clone())
                .or(starting.refusal),
            ..starting
        }
    }
}
