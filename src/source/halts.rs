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
            PartitionIncident::OutOfRange(why) => {
                let refusal = match (self.cursor(partition), self.client.offset_range(partition)) {
                    (Some(cursor), Ok(offset_range)) => {
                        start::refusal(cursor.position(), offset_range)
                    }
                    _ => None,
                };
                match refusal {
                    Some(reason) => self.halt(partition, reason),
                    // As far as brokers say, it can be read on.
                    None => self.halt_for_now(partition, why),
                }
            }
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
