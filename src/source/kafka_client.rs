//! The client of Kafka's brokers: each partition is read by the direct reader or by librdkafka, and all else is asked
//! through librdkafka.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::types::RDKafkaErrorCode;
use tracing::{info, warn};

use super::broker_questions::{BrokerAnswer, BrokerQuestion};
use super::direct::{DirectReader, FetchDelivery, FetchedBatch, FetchedPart};
use super::kafka_batch::KafkaBatch;
use super::librdkafka_client::LibrdkafkaClient;
use super::log_client::{LogBatch, LogClient, LogEntry};
use super::partition_readers::{FirstRecord, PartitionReader, PartitionReaders, Reader};
use super::start::OffsetRange;
use super::{Config, Error, ReaderChoice};
use crate::domain::topic_id::TopicId;
use crate::host::clock::Instant;
use crate::observe::reader_use::ReaderUse;

/// A client of Kafka's brokers. It assigns partitions itself and is a member of no group: group offsets
/// are written only so that lag tools have something to show.
pub struct KafkaClient {
    librdkafka: LibrdkafkaClient,
    direct: Option<DirectReader>,
    choice: ReaderChoice,
    partitions: PartitionReaders,
    /// When it is looked again which partitions can go back to the direct reader.
    next_return: Instant,
    /// Whether librdkafka was asked last, while both read.
    is_librdkafkas_turn: bool,
    /// Whether the direct reader has ended by itself.
    is_broken: bool,
    /// When librdkafka was told to stop partitions.
    stopped: BTreeMap<i32, Instant>,
    /// Partitions that librdkafka is given once it has stopped them.
    waiting: Vec<i32>,
    /// Partitions whose logs were cut off, which the source was not told yet.
    failed: Vec<FetchedPart>,
    /// The ids by which the direct reader has begun to read.
    ids: Vec<Option<TopicId>>,
    /// Why partitions are not read by the direct reader, the last reason.
    reason: Option<String>,
    told: BTreeSet<String>,
    /// What went wrong where it could not be said.
    failure: Option<Error>,
}

/// Partitions go back to the direct reader no more often than this.
const RETURN_EVERY: Duration = Duration::from_millis(100);
/// librdkafka stops a partition within so much time.
const STOPPED_WITHIN: Duration = Duration::from_millis(500);
/// While both readers read, each is waited for so long in turn.
const WAIT_IN_TURN: Duration = Duration::from_millis(1);
/// So many records are taken at once, or a few more.
const BATCH_RECORDS: usize = 4_096;

impl KafkaClient {
    /// Connects and finds the topic. Tries for as long as `patience`.
    pub(super) fn connect(config: &Config, patience: Duration) -> Result<Self, Error> {
        let librdkafka = LibrdkafkaClient::connect(config, patience)?;
        let direct = match config.reader {
            ReaderChoice::Librdkafka => Err("kafka.reader says so".to_owned()),
            ReaderChoice::Auto | ReaderChoice::Direct => {
                DirectReader::start(config, Arc::clone(librdkafka.consumer()))
            }
        };
        let (direct, reason) = match direct {
            Ok(direct) => (Some(direct), None),
            Err(reason) => (None, Some(reason)),
        };
        let mut client = Self {
            librdkafka,
            direct,
            choice: config.reader,
            partitions: PartitionReaders::default(),
            next_return: Instant::now(),
            is_librdkafkas_turn: false,
            is_broken: false,
            stopped: BTreeMap::new(),
            waiting: Vec::new(),
            failed: Vec::new(),
            ids: Vec::new(),
            reason: None,
            told: BTreeSet::new(),
            failure: None,
        };
        if let Some(reason) = reason {
            client.tell(reason);
        }
        Ok(client)
    }

    // Each reason is logged once.
    fn tell(&mut self, reason: String) {
        if self.told.insert(reason.clone()) {
            match self.choice {
                ReaderChoice::Librdkafka => {}
                ReaderChoice::Auto => {
                    info!("librdkafka reads instead of the direct reader: {reason}")
                }
                ReaderChoice::Direct => warn!(
                    "librdkafka reads instead of the direct reader, which kafka.reader asks for: {reason}"
                ),
            }
        }
        self.reason = Some(reason);
    }

    fn read_directly(&mut self, partition: i32) {
        if let Some(direct) = &self.direct
            && let Some(known) = self.partitions.begin(partition, Reader::Direct)
        {
            self.is_broken |=
                !direct.read(partition, known.turn, known.from, Arc::clone(&known.end));
        }
    }

    // The direct reader no longer reads it.
    fn read_by_librdkafka(&mut self, partition: i32) -> Result<(), Error> {
        if let Some(direct) = &self.direct {
            direct.stop(partition);
        }
        let known = self.partitions.begin(partition, Reader::Librdkafka);
        match known.map(|known| known.from) {
            Some(from) => self.librdkafka.restart(partition, from),
            None => Ok(()),
        }
    }

    // While librdkafka is still about to stop a partition, its records could go astray.
    fn give_to_librdkafka(&mut self, partitions: Vec<i32>) {
        let now = Instant::now();
        for partition in partitions {
            let stopped = self.stopped.get(&partition).copied();
            if stopped.is_some_and(|stopped| now < stopped + STOPPED_WITHIN) {
                self.waiting.push(partition);
            } else if let Err(error) = self.read_by_librdkafka(partition) {
                self.failure.get_or_insert(error);
            }
        }
    }

    // Partitions that librdkafka can read, and that have rested, go back to the direct reader.
    fn return_rested(&mut self) {
        if mem::take(&mut self.is_broken) {
            self.direct = None;
            self.tell("its thread has ended; a restart of the service starts it again".to_owned());
            self.give_to_librdkafka(self.partitions.direct());
        }
        if !self.waiting.is_empty() {
            let mut waiting = mem::take(&mut self.waiting);
            // It may have been halted, paused or restarted meanwhile.
            waiting.retain(|partition| self.partitions.is_read_directly(*partition));
            self.give_to_librdkafka(waiting);
        }
        let now = Instant::now();
        if self.partitions.by_librdkafka() == 0 || self.direct.is_none() || now < self.next_return {
            return;
        }
        self.next_return = now + RETURN_EVERY;
        for partition in self.partitions.rested(now) {
            self.librdkafka.unassign(partition);
            self.stopped.insert(partition, now);
            self.read_directly(partition);
        }
    }

    // What librdkafka has of partitions that it reads.
    fn take_by_librdkafka(&mut self, wait: Duration) -> KafkaBatch {
        let mut batch = self.librdkafka.take(wait);
        if self.direct.is_some() {
            let partitions = &mut self.partitions;
            let (mut cut_off, mut gone) = (Vec::new(), Vec::new());
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
                    ) if known.forget_last() => {
                        gone.push(partition);
                        false
                    }
                    Some(_) => {
                        known.is_healthy = false;
                        true
                    }
                }
            });
            // Retention has removed the record that was to be verified.
            self.give_to_librdkafka(gone);
            if !cut_off.is_empty() {
                self.stop_cut_off(cut_off);
            }
        }
        KafkaBatch::Polled(batch)
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
                    "the record at offset {offset} is not the one that was read before: the log was cut off and written \
                     again, as by an unclean election"
                ),
            });
        }
    }

    fn take_next(&mut self, wait: Duration) -> KafkaBatch {
        if self.partitions.by_librdkafka() == 0 {
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

impl LogClient for KafkaClient {
    type Batch = KafkaBatch;

    fn take(&mut self, wait: Duration) -> KafkaBatch {
        if self.direct.is_none() {
            return self.take_by_librdkafka(wait);
        }
        self.return_rested();
        let batch = self.take_next(wait);
        if self.failed.is_empty() || !batch.is_empty() {
            return batch;
        }
        let mut failed = FetchedBatch::default();
        for part in self.failed.drain(..) {
            failed.push(part);
        }
        KafkaBatch::Fetched(failed)
    }

    fn serve_events(&mut self) -> Result<Vec<i32>, Error> {
        let mut stray = self.librdkafka.serve_events()?;
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        // What the direct reader reads has lost nothing by it.
        let partitions = &self.partitions;
        stray.retain(|partition| partitions.reader(*partition) != Some(Reader::Direct));
        Ok(stray)
    }

    fn take_topic_ids(&mut self) -> Vec<Option<TopicId>> {
        let mut ids = self.librdkafka.take_topic_ids();
        ids.append(&mut self.ids);
        ids
    }

    fn topic_id(&self) -> Option<TopicId> {
        self.librdkafka.topic_id()
    }

    fn partitions(&self) -> i32 {
        self.librdkafka.partitions()
    }

    fn down(&self) -> Option<String> {
        self.librdkafka.down()
    }

    fn outages(&self) -> u64 {
        self.librdkafka.outages()
    }

    fn set_up(&self) {
        self.librdkafka.set_up();
    }

    fn log_silence(&self, reason: &str) {
        self.librdkafka.log_silence(reason);
    }

    fn log_answer(&self) {
        self.librdkafka.log_answer();
    }

    fn is_silence_logged(&self) -> bool {
        self.librdkafka.is_silence_logged()
    }

    fn fetched_end(&self, partition: i32) -> Option<i64> {
        match self.partitions.reader(partition) {
            Some(Reader::Direct) => self.partitions.fetched_end(partition),
            _ => self.librdkafka.fetched_end(partition),
        }
    }

    fn offset_range(&self, partition: i32) -> Result<OffsetRange, Error> {
        self.librdkafka.offset_range(partition)
    }

    fn offset_ranges_by(
        &self,
        partitions: &[i32],
        deadline: Instant,
    ) -> Result<BTreeMap<i32, OffsetRange>, Error> {
        self.librdkafka.offset_ranges_by(partitions, deadline)
    }

    fn offsets_at(
        &self,
        partitions: &[i32],
        millis: i64,
        deadline: Instant,
    ) -> Result<BTreeMap<i32, i64>, Error> {
        self.librdkafka.offsets_at(partitions, millis, deadline)
    }

    fn ask(&mut self, question: BrokerQuestion) -> bool {
        self.librdkafka.ask(question)
    }

    fn answer(&mut self) -> Option<BrokerAnswer> {
        self.librdkafka.answer()
    }

    fn assign(&mut self, starts: &[(i32, i64)]) -> Result<(), Error> {
        for (partition, from) in starts {
            self.partitions.add(*partition, *from);
        }
        if self.direct.is_none() {
            return self.librdkafka.assign(starts);
        }
        for (partition, _) in starts {
            self.read_directly(*partition);
        }
        Ok(())
    }

    fn unassign(&mut self, partition: i32) {
        self.partitions.remove(partition);
        if let Some(direct) = &self.direct {
            direct.stop(partition);
        }
        self.librdkafka.unassign(partition);
    }

    fn restart(&mut self, partition: i32, offset: i64) -> Result<(), Error> {
        if let Some(known) = self.partitions.get_mut(partition) {
            known.move_to(offset);
        }
        self.read_by_librdkafka(partition)
    }

    fn pause(&mut self, partitions: &[i32]) -> Result<(), String> {
        let is_direct =
            |partition: &i32| self.partitions.reader(*partition) == Some(Reader::Direct);
        let (directly, by_librdkafka): (Vec<i32>, Vec<i32>) =
            partitions.iter().copied().partition(is_direct);
        if !by_librdkafka.is_empty() {
            self.librdkafka.pause(&by_librdkafka)?;
        }
        for partition in partitions {
            if let Some(known) = self.partitions.get_mut(*partition) {
                known.is_paused = true;
            }
        }
        if let Some(direct) = &self.direct {
            directly
                .into_iter()
                .for_each(|partition| direct.stop(partition));
        }
        Ok(())
    }

    fn resume(&mut self, partitions: &[i32]) -> Result<(), String> {
        let mut of_librdkafka = Vec::new();
        for partition in partitions {
            let Some(known) = self.partitions.get_mut(*partition) else {
                continue;
            };
            known.is_paused = false;
            match known.reader {
                Reader::Direct => self.read_directly(*partition),
                Reader::Librdkafka => of_librdkafka.push(*partition),
            }
        }
        match of_librdkafka.is_empty() {
            true => Ok(()),
            false => self.librdkafka.resume(&of_librdkafka),
        }
    }

    fn seek(&mut self, partition: i32, offset: i64) -> Result<(), String> {
        match self.partitions.get_mut(partition) {
            // Something is wrong, and librdkafka finds out more easily what it is.
            Some(known) if known.reader == Reader::Direct => {
                if known.next != offset {
                    known.move_to(offset);
                }
                self.read_by_librdkafka(partition)
                    .map_err(|error| error.to_string())
            }
            Some(known) => {
                known.move_to(offset);
                self.librdkafka.seek(partition, offset)
            }
            None => self.librdkafka.seek(partition, offset),
        }
    }

    fn readers(&self) -> ReaderUse {
        let librdkafka = self.partitions.by_librdkafka();
        ReaderUse {
            direct: self.partitions.len() - librdkafka,
            librdkafka,
            reason: self.reason.clone().filter(|_| librdkafka > 0),
        }
    }

    fn report(&self, positions: &BTreeMap<i32, i64>) {
        self.librdkafka.report(positions);
    }

    fn close(mut self: Box<Self>, patience: Duration) {
        if let Some(direct) = mem::take(&mut self.direct) {
            direct.close();
        }
        Box::new(self.librdkafka).close(patience);
    }
}
