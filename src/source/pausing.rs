//! Partitions that deliver nothing for now, or nothing past a given offset.

use std::collections::BTreeMap;

use tracing::warn;

use super::cursor::PartitionCursor;
use super::{LogClient, Source};

impl<C: LogClient + ?Sized> Source<C> {
    /// Delivers no record at or past these offsets. A partition that is not listed delivers
    /// nothing more, and no partition is added any more.
    pub fn stop_at(&mut self, ends: &BTreeMap<i32, i64>) {
        self.bounded = true;
        for (partition, cursor) in (0..).zip(&mut self.cursors) {
            cursor.stop_at(ends.get(&partition).copied().unwrap_or(0));
        }
        self.pause_finished();
    }

    /// Whether every partition that is not halted has reached its stop offset.
    #[must_use]
    pub fn finished(&self) -> bool {
        self.bounded && self.cursors.iter().all(PartitionCursor::finished)
    }

    /// Delivers nothing from these partitions until they are resumed. Their records that the client has
    /// read ahead are dropped and read again later.
    pub fn pause(&mut self, partitions: &[i32]) {
        let newly: Vec<i32> = partitions
            .iter()
            .copied()
            .filter(|partition| self.runs(*partition) && !self.paused.contains(partition))
            .collect();
        match self.client.pause(&newly) {
            Ok(()) => self.paused.extend(newly),
            Err(error) => warn!("can't pause partitions {}: {error}", listed(&newly)),
        }
    }

    /// Reads on where [`pause`](Self::pause) stopped.
    pub fn resume(&mut self, partitions: &[i32]) {
        // Resuming what is not paused makes the client start at a wrong place.
        let paused: Vec<i32> = partitions
            .iter()
            .copied()
            .filter(|partition| self.runs(*partition) && self.paused.contains(partition))
            .collect();
        match self.client.resume(&paused) {
            Ok(()) => self.paused.retain(|partition| !paused.contains(partition)),
            Err(error) => warn!("can't resume partitions {}: {error}", listed(&paused)),
        }
    }

    /// Pauses the partitions that have reached their stop offset: records past it need not be fetched.
    pub(super) fn pause_finished(&mut self) {
        let finished: Vec<i32> = (0..)
            .zip(&self.cursors)
            .filter(|(_, cursor)| cursor.finished())
            .map(|(partition, _)| partition)
            .filter(|partition| !self.paused.contains(partition) && self.runs(*partition))
            .collect();
        if !finished.is_empty() {
            self.pause(&finished);
        }
    }
}

/// The numbers of partitions, for a log line.
fn listed(partitions: &[i32]) -> String {
    let numbers: Vec<String> = partitions.iter().map(i32::to_string).collect();
    numbers.join(", ")
}
