//! Each partition is read by the direct reader or by librdkafka, and changes from one to the other without a record lost or
//! doubled.

mod taking;

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tracing::{info, warn};

use super::direct::{DirectReader, FetchedPart};
use super::librdkafka_client::LibrdkafkaClient;
use super::log_client::LogClient;
use super::partition_readers::{PartitionReaders, Reader};
use super::{Config, Error, ReaderChoice};
use crate::domain::topic_id::TopicId;
use crate::host::clock::Instant;
use crate::observe::reader_use::ReaderUse;

/// Both readers, and which of them reads a partition.
pub(super) struct ReaderSwitch {
    /// Also asked for all that is not reading.
    pub(super) librdkafka: LibrdkafkaClient,
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
/// So many reasons are logged: some have numbers in them.
const TOLD_MAX: usize = 100;
/// librdkafka stops a partition within so much time.
const STOPPED_WITHIN: Duration = Duration::from_millis(500);

impl ReaderSwitch {
    /// See [`KafkaClient::connect`](super::kafka_client::KafkaClient::connect).
    pub(super) fn connect(
        config: &Config,
        patience: Duration,
        is_wanted: &AtomicBool,
    ) -> Result<Self, Error> {
        let librdkafka = LibrdkafkaClient::connect(config, patience, is_wanted)?;
        let direct = match config.reader {
            ReaderChoice::Librdkafka => Err("kafka.reader is \"librdkafka\"".to_owned()),
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

    // Each reason is logged once, until the direct reader reads all partitions again.
    fn tell(&mut self, reason: String) {
        if self.told.len() < TOLD_MAX && self.told.insert(reason.clone()) {
            match self.choice {
                ReaderChoice::Librdkafka => {}
                ReaderChoice::Auto => {
                    info!("librdkafka reads instead of the direct reader: {reason}")
                }
                ReaderChoice::Direct => {
                    warn!("kafka.reader is \"direct\", but librdkafka reads: {reason}")
                }
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
        if self.partitions.by_librdkafka() == 0 && !self.told.is_empty() {
            info!("the direct reader reads all partitions again");
            // What happens again is news.
            self.told.clear();
        }
    }

    pub(super) fn serve_events(&mut self) -> Result<Vec<i32>, Error> {
        let mut stray = self.librdkafka.serve_events()?;
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        // What the direct reader reads has lost nothing by it.
        let partitions = &self.partitions;
        stray.retain(|partition| partitions.reader(*partition) != Some(Reader::Direct));
        Ok(stray)
    }

    pub(super) fn take_topic_ids(&mut self) -> Vec<Option<TopicId>> {
        let mut ids = self.librdkafka.take_topic_ids();
        ids.append(&mut self.ids);
        ids
    }

    pub(super) fn fetched_end(&self, partition: i32) -> Option<i64> {
        match self.partitions.reader(partition) {
            Some(Reader::Direct) => self.partitions.fetched_end(partition),
            _ => self.librdkafka.fetched_end(partition),
        }
    }

    pub(super) fn assign(&mut self, starts: &[(i32, i64)]) -> Result<(), Error> {
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

    pub(super) fn unassign(&mut self, partition: i32) {
        self.partitions.remove(partition);
        if let Some(direct) = &self.direct {
            direct.stop(partition);
        }
        self.librdkafka.unassign(partition);
    }

    pub(super) fn restart(&mut self, partition: i32, offset: i64) -> Result<(), Error> {
        if let Some(known) = self.partitions.get_mut(partition) {
            known.move_to(offset);
        }
        self.read_by_librdkafka(partition)
    }

    pub(super) fn pause(&mut self, partitions: &[i32]) -> Result<(), String> {
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

    pub(super) fn resume(&mut self, partitions: &[i32]) -> Result<(), String> {
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

    pub(super) fn seek(&mut self, partition: i32, offset: i64) -> Result<(), String> {
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

    pub(super) fn readers(&self) -> ReaderUse {
        let librdkafka = self.partitions.by_librdkafka();
        ReaderUse {
            direct: self.partitions.len() - librdkafka,
            librdkafka,
            reason: self.reason.clone().filter(|_| librdkafka > 0),
        }
    }

    pub(super) fn close(mut self, patience: Duration) {
        if let Some(direct) = mem::take(&mut self.direct) {
            direct.close();
        }
        Box::new(self.librdkafka).close(patience);
    }
}
