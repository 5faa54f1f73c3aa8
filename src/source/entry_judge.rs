//! Which entries of a batch are delivered.

use std::collections::BTreeMap;

use rdkafka::types::RDKafkaErrorCode;
use tracing::warn;

use super::confirmed_ends::ConfirmedEnds;
use super::cursor::{PartitionCursor, RecordVerdict};
use super::incident::{PartitionIncident, PassingProblem};
use super::log_client::{JudgeEntries, LogEntry};
use crate::host::clock::Instant;

/// Judges the entries of a batch by the cursors of their partitions.
pub(super) struct EntryJudge<'a> {
    /// By partition number, without gaps.
    pub(super) cursors: &'a mut [PartitionCursor],
    pub(super) failing: &'a mut BTreeMap<i32, PassingProblem>,
    pub(super) confirmed: &'a mut ConfirmedEnds,
    /// What came besides records that are delivered.
    pub(super) incidents: Vec<(i32, PartitionIncident)>,
}

impl EntryJudge<'_> {
    #[inline]
    fn cursor(&mut self, partition: i32) -> Option<&mut PartitionCursor> {
        let place = usize::try_from(partition).ok()?;
        self.cursors.get_mut(place)
    }
}

impl JudgeEntries for EntryJudge<'_> {
    fn keeps_all(&mut self, partition: i32, first: i64, last: i64) -> bool {
        self.cursor(partition)
            .is_some_and(|cursor| cursor.pass_all(first, last))
    }

    fn keeps(&mut self, entry: &impl LogEntry) -> bool {
        let (partition, error) = (entry.partition(), entry.error());
        let Some(cursor) = self.cursor(partition) else {
            self.incidents
                .push((partition, PartitionIncident::of(entry)));
            return false;
        };
        if error.is_none() && cursor.pass(entry.offset()) {
            return true;
        }
        let incident = match error {
            None => match cursor.judge(&entry.record()) {
                RecordVerdict::Deliver => return true,
                RecordVerdict::Skip => return false,
                RecordVerdict::Warn(note) => {
                    warn!(partition, "{note}");
                    return true;
                }
                RecordVerdict::Halt(reason) => PartitionIncident::Halt(reason),
            },
            Some(RDKafkaErrorCode::PartitionEOF) => {
                let note = cursor.end_reached(entry.offset());
                // A client that is told where the end is can read the partition again.
                self.failing.remove(&partition);
                self.confirmed.note(partition, Instant::now());
                if let Some(note) = note {
                    warn!(partition, "{note}");
                }
                return false;
            }
            Some(_) => PartitionIncident::of(entry),
        };
        if matches!(incident, PartitionIncident::Halt(_)) {
            // What follows in this very batch must not be delivered either. Nothing follows what is out of range.
            cursor.halt();
        }
        self.incidents.push((partition, incident));
        false
    }
}
