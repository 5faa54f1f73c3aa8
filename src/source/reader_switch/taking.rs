//! Taking records from both readers.

use std::time::Duration;

use rdkafka::types::RDKafkaErrorCode;

use super::ReaderSwitch;
use crate::host::clock::Instant;
use crate::source::direct::{FetchDelivery, FetchedBatch, FetchedPart};
use crate::source::kafka_batch::KafkaBatch;
use crate::source::log_client::{LogBatch, LogClient, LogEntry};
use crate::source::partition_readers::{FirstRecord, PartitionReader, Reader};

/// While both readers read, each is waited for so long in turn.
const WAIT_IN_TURN: Duration = Duration::from_millis(1);
/// So many records are taken at once, or a few more.
const BATCH_RECORDS: usize = 4_096;

impl ReaderSwitch {
    /// See [`LogClient::take`].
    pub(in crate::source) fn take(&mut self, wait: Duration) -> KafkaBatch {
        if self.direct.is_none() && self.waiting.is_empty() {
            return self.take_by_librdkafka(wait);
        }
        // The records before the failure were handed over by an earlier call.
        if !self.failed.is_empty() {
            let mut failed = FetchedBatch::default();
            for part in self.failed.drain(..) {
                failed.push(part);
            }
            return KafkaBatch::Fetched(failed);
        }
        self.return_rested();
        self.take_next(wait)
    }

    // What librdkafka has of partitions that it reads.
    fn take_by_librdkafka(&mut self, wait: Duration) -> KafkaBatch {
        let mut batch = self.librdkafka.take(wait);
        if self.direct.is_some() {
            let partitions = &mut self.partitions;
            let (mut cut_off, mut missing) = (Vec::new(), Vec::new());
            batch.retain(|message| {
                let partition = message.partition();
                let known = partitions.get_mut(partition);
                let is_librdkafkas =
                    |known: &&mut PartitionReader| known.reader == Reader::Librdkafka;
                let Some(known) = known.filter(is_librdkafkas) else {
                    return false;
                };
                if known.is_cut_off {
                    return false;
                }
                match message.error() {
                    None => {
                        let record = message.record();
                        match known.verify(&record) {
                            FirstRecord::New => known.pass(&record),
                            FirstRecord::Known => return false,
                            FirstRecord::Other => {
                                cut_off.push((partition, record.offset));
                                known.is_cut_off = true;
                                return false;
                            }
                        }
                        true
                    }
                    Some(RDKafkaErrorCode::PartitionEOF) => {
                        known.pass_end(message.offset());
                        true
                    }
                    Some(
                        RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
                    ) if known.verifies() => {
                        missing.push(partition);
                        false
                    }
                    Some(_) => {
                        known.is_healthy = false;
                        true
                    }
                }
            });
            if !missing.is_empty() {
                cut_off.extend(self.last_are_missing(missing));
            }
            if !cut_off.is_empty() {
                self.stop_cut_off(cut_off);
            }
        }
        KafkaBatch::Polled(batch)
    }

    // Brokers don't have the records that are to be verified. Gives the places before which logs were cut off.
    fn last_are_missing(&mut self, partitions: Vec<i32>) -> Vec<(i32, i64)> {
        let ranges = self.librdkafka.known_ranges(&partitions);
        let (mut cut_off, mut read_on) = (Vec::new(), Vec::new());
        for partition in partitions {
            let Some(known) = self.partitions.get_mut(partition) else {
                continue;
            };
            match (ranges.get(&partition), known.last_offset()) {
                // Retention takes records from the beginning of a log, and no one takes any from its end.
                (Some(range), Some(offset)) if range.low <= offset => {
                    known.is_cut_off = true;
                    cut_off.push((partition, offset));
                    continue;
                }
                (Some(_), _) => known.forget_last(),
                // It is looked for again.
                (None, _) => {}
            }
            read_on.push(partition);
        }
        self.give_to_librdkafka(read_on);
        cut_off
    }

    fn take_directly(&mut self, wait: Duration) -> KafkaBatch {
        let mut batch = FetchedBatch::default();
        let (mut cut_off, mut given_back) = (Vec::new(), Vec::new());
        let Self {
            direct,
            partitions,
            ids,
            ..
        } = self;
        if let Some(direct) = direct {
            direct.take(wait, |delivery| {
                match delivery {
                    FetchDelivery::Topic(id) => ids.push(Some(id)),
                    FetchDelivery::Part { turn, mut part } => {
                        let partition = part.partition();
                        let Some(known) = partitions.at(partition, turn) else {
                            return false;
                        };
                        match &mut part {
                            FetchedPart::Records(chunk) => {
                                while known.verifies()
                                    && let Some(first) = chunk.first()
                                {
                                    match known.verify(&first) {
                                        FirstRecord::New => {}
                                        FirstRecord::Known => chunk.remove_first(),
                                        FirstRecord::Other => {
                                            cut_off.push((partition, first.offset));
                                            known.is_cut_off = true;
                                            return false;
                                        }
                                    }
                                }
                                if let Some(last) = chunk.last() {
                                    known.pass(&last);
                                }
                            }
                            FetchedPart::End { offset, .. } => known.pass_end(*offset),
                            FetchedPart::Failed { .. } => {}
                        }
                        batch.push(part);
                    }
                    FetchDelivery::GivenBack {
                        partition,
                        turn,
                        reason,
                    } => {
                        if partitions.at(partition, turn).is_some() {
                            given_back.push((partition, reason));
                        }
                    }
                }
                batch.len() >= BATCH_RECORDS
            });
        }
        if !cut_off.is_empty() {
            self.stop_cut_off(cut_off);
        }
        for (partition, reason) in given_back {
            self.tell(reason);
            self.give_to_librdkafka(vec![partition]);
        }
        KafkaBatch::Fetched(batch)
    }

    // The source is told, and decides.
    fn stop_cut_off(&mut self, cut_off: Vec<(i32, i64)>) {
        for (partition, offset) in cut_off {
            if let Some(direct) = &self.direct {
                direct.stop(partition);
            }
            self.librdkafka.unassign(partition);
            self.failed.push(FetchedPart::Failed {
                partition,
                offset,
                code: RDKafkaErrorCode::LogTruncation,
                reason: format!(
                    "the record at offset {offset} that was read before is gone, or another one is there: the log was cut \
                     off, as by an unclean election"
                ),
            });
        }
    }

    fn take_next(&mut self, wait: Duration) -> KafkaBatch {
        if self.partitions.by_librdkafka() == 0 && self.direct.is_some() {
            return self.take_directly(wait);
        }
        // The one after the other, so that none waits for the end of the other's backlog.
        let until = Instant::now() + wait;
        loop {
            self.is_librdkafkas_turn = !self.is_librdkafkas_turn;
            let step = WAIT_IN_TURN.min(until.saturating_duration_since(Instant::now()));
            let batch = match self.is_librdkafkas_turn {
                true => self.take_by_librdkafka(step),
                false => self.take_directly(step),
            };
            if !batch.is_empty() || Instant::now() >= until {
                return batch;
            }
        }
    }
}
