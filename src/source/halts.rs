//! Partitions that can't be read on without losing or doubling a record.

use std::collections::BTreeMap;

use tracing::{error, warn};

use super::incident::{PartitionIncident, PassingProblem};
use super::{LogClient, Source, start};

impl<C: LogClient + ?Sized> Source<C> {
    /// The partitions that are no longer read, each with the reason.
    #[must_use]
    pub fn halted(&self) -> &BTreeMap<i32, String> {
        &self.halted
    }

    /// The [halted](Self::halted) partitions that stay halted after a restart: to be stored, and
    /// given to [`remember`](Self::remember).
    #[must_use]
    pub const fn lasting(&self) -> &BTreeMap<i32, String> {
        &self.lasting
    }

    pub(super) fn handle(&mut self, partition: i32, incident: PartitionIncident) {
        match incident {
            PartitionIncident::Halt(reason) => self.halt(partition, reason),
            PartitionIncident::Passing(why) => {
                let problem = PassingProblem::Refused(why);
                // Each seek repeats it.
                if self.failing.get(&partition) != Some(&problem) {
                    warn!(partition, "partition can't be read now: {problem}");
                    self.failing.insert(partition, problem);
                }
            }
            PartitionIncident::OutOfRange(why) => self.out_of_range(partition, why),
        }
    }

    // Brokers don't have the offset that was asked for, and the client reads nothing more of the partition.
    fn out_of_range(&mut self, partition: i32, why: String) {
        let offset_range = self.client.offset_range(partition);
        let (Some(cursor), Ok(offset_range)) = (self.cursor_mut(partition), offset_range) else {
            return self.halt_for_now(partition, why);
        };
        let position = cursor.position();
        if let Some(reason) = start::refusal(position, offset_range) {
            return self.halt(partition, reason);
        }
        // As far as brokers say, it can be read on. No figure depends on the record that is verified.
        let Some(offset) = cursor.begins_at(offset_range.low) else {
            return self.halt_for_now(partition, why);
        };
        warn!(partition, "{}", start::removed(offset, position));
        self.paused.remove(&partition);
        if let Err(error) = self.client.restart(partition, position) {
            self.halt_for_now(partition, error.to_string());
        }
    }

    /// Stops reading a partition for a reason that lasts: after a restart, too, until an operator acts.
    pub(super) fn halt(&mut self, partition: i32, reason: String) {
        if self.cursor(partition).is_some() && !self.halted.contains_key(&partition) {
            self.lasting.insert(partition, reason.clone());
        }
        self.halt_for_now(partition, reason);
    }

    /// Stops reading a partition until a restart.
    pub(super) fn halt_for_now(&mut self, partition: i32, reason: String) {
        let cursor = usize::try_from(partition)
            .ok()
            .and_then(|partition| self.cursors.get_mut(partition));
        let Some(cursor) = cursor.filter(|_| !self.halted.contains_key(&partition)) else {
            return;
        };
        cursor.halt();
        error!(partition, "partition is stopped: {reason}");
        self.halted.insert(partition, reason);
        self.failing.remove(&partition);
        self.client.unassign(partition);
    }
}
