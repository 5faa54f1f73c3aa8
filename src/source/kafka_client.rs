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
use super::partition_readers::{PartitionReaders, Reader};
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
    next_look: Instant,
    /// The ids by which the direct reader has begun to read.
    ids: Vec<Option<TopicId>>,
    /// Why partitions are not read by the direct reader, the last reason.
    reason: Option<String>,
    told: BTreeSet<String>,
    /// What went wrong where it could not be said.
    failure: Option<Error>,
}

/// It is looked no more often which partitions can go back to the direct reader.
const LOOK_EVERY: Duration = Duration::from_millis(100);
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
            next_look: Instant::now(),
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

    fn read_directly(&mut self, partition: i32, from: i64) {
        if let Some(direct) = &self.direct
            && let Some(known) = self.partitions.begin(partition, Reader::Direct, from)
        {
            direct.read(partition, known.turn, from, Arc::clone(&known.end));
        }
    }

    // The direct reader no longer reads it.
    fn read_by_librdkafka(&mut self, partition: i32, from: i64) -> Result<(), Error> {
        if let Some(direct) = &self.direct {
            direct.stop(partition);
        }
        self.partitions.begin(partition, Reader::Librdkafka, from);
        self.librdkafka.restart(partition, from)
    }

    // Partitions that librdkafka can read, and that have rested, go back to the direct reader.
    fn look(&mut self) {
        let now = Instant::now();
        if self.partitions.by_librdkafka() == 0 || self.direct.is_none() || now < self.next_look {
            return;
        }
        self.next_look = now + LOOK_EVERY;
        for (partition, next) in self.partitions.rested(now) {
            self.librdkafka.unassign(partition);
            self.read_directly(partition, next);
        }
    }

    // What librdkafka has of partitions that it reads.
    fn take_by_librdkafka(&mut self, wait: Duration) -> KafkaBatch {
        let mut batch = self.librdkafka.take(wait);
        if self.direct.is_some() {
            let partitions = &mut self.partitions;
            batch.retain(|message| {
                let known = partitions.get_mut(message.partition());
                let Some(known) = known.filter(|known| known.reader == Reader::Librdkafka) else {
                    return false;
                };
                match message.error() {
                    None => known.pass(message.offset() + 1),
                    Some(RDKafkaErrorCode::PartitionEOF) => known.is_healthy = true,
                    Some(_) => known.is_healthy = false,
                }
                true
            });
        }
        KafkaBatch::Polled(batch)
    }

    fn take_directly(&mut self, wait: Duration) -> KafkaBatch {
        let mut batch = FetchedBatch::default();
        let mut given_back = Vec::new();
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
                    FetchDelivery::Part { turn, part } => {
                        if let Some(known) = partitions.at(part.partition(), turn) {
                            if let FetchedPart::Records(chunk) = &part {
                                known.pass(chunk.next_offset().unwrap_or(0));
                            }
                            batch.push(part);
                        }
                    }
                    FetchDelivery::GivenBack {
                        partition,
                        turn,
                        reason,
                    } => {
                        if let Some(known) = partitions.at(partition, turn) {
                            given_back.push((partition, known.next, reason));
                        }
                    }
                }
                batch.len() >= BATCH_RECORDS
            });
        }
        for (partition, next, reason) in given_back {
            self.tell(reason);
            if let Err(error) = self.read_by_librdkafka(partition, next) {
                self.failure.get_or_insert(error);
            }
        }
        KafkaBatch::Fetched(batch)
    }
}

impl LogClient for KafkaClient {
    type Batch = KafkaBatch;

    fn take(&mut self, wait: Duration) -> KafkaBatch {
        if self.direct.is_none() {
            return self.take_by_librdkafka(wait);
        }
        self.look();
        let by_librdkafka = self.take_by_librdkafka(Duration::ZERO);
        if !by_librdkafka.is_empty() {
            return by_librdkafka;
        }
        if self.partitions.by_librdkafka() == 0 {
            return self.take_directly(wait);
        }
        let until = Instant::now() + wait;
        loop {
            let directly = self.take_directly(WAIT_IN_TURN.min(wait));
            if !directly.is_empty() {
                return directly;
            }
            let by_librdkafka = self.take_by_librdkafka(WAIT_IN_TURN.min(wait));
            if !by_librdkafka.is_empty() || Instant::now() >= until {
                return by_librdkafka;
            }
        }
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
        for (partition, from) in starts {
            self.read_directly(*partition, *from);
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
        self.read_by_librdkafka(partition, offset)
    }

    fn pause(&mut self, partitions: &[i32]) -> Result<(), String> {
        let mut of_librdkafka = Vec::new();
        for partition in partitions {
            let Some(known) = self.partitions.get_mut(*partition) else {
                continue;
            };
            known.is_paused = true;
            match (known.reader, &self.direct) {
                (Reader::Direct, Some(direct)) => direct.stop(*partition),
                _ => of_librdkafka.push(*partition),
            }
        }
        match of_librdkafka.is_empty() {
            true => Ok(()),
            false => self.librdkafka.pause(&of_librdkafka),
        }
    }

    fn resume(&mut self, partitions: &[i32]) -> Result<(), String> {
        let mut of_librdkafka = Vec::new();
        for partition in partitions {
            let Some(known) = self.partitions.get_mut(*partition) else {
                continue;
            };
            known.is_paused = false;
            match known.reader {
                Reader::Direct => {
                    let next = known.next;
                    self.read_directly(*partition, next);
                }
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
            Some(known) if known.reader == Reader::Direct => self
                .read_by_librdkafka(partition, offset)
                .map_err(|error| error.to_string()),
            Some(known) => {
                known.next = offset;
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
