//! The thread that fetches from one broker: while it looks at one answer, the broker prepares the next.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::error::ParseResponseErrorCode;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{ApiKey, FetchRequest};
use rdkafka::types::RDKafkaErrorCode;

use super::broker_connection::{BrokerConnection, words};
use super::buffer_pool::BufferPool;
use super::fetch_answer::{AnsweredPartition, FetchAnswer};
use super::fetch_place::FetchPlace;
use super::fetched::FetchedPart;
use super::mailbox::{FetchOrder, Mailbox};
use super::read_ahead::{FetchDelivery, ReadAhead};
use super::record_batch::BatchHeader;
use super::settings::DirectSettings;
use super::unpacker::{PackedBatches, Unpacker};
use crate::domain::topic_id::TopicId;
use crate::host::clock::Instant;

/// Fetches partitions from one broker, their leader.
pub(super) struct Fetcher {
    broker: String,
    topic: TopicId,
    settings: Arc<DirectSettings>,
    mailbox: Arc<Mailbox>,
    output: Arc<ReadAhead>,
    buffers: Arc<BufferPool>,
    unpacker: Unpacker,
    partitions: BTreeMap<i32, FetchPlace>,
    /// The partition that the last request named first.
    first: i32,
    /// The broker wants to be left alone until then: it takes nothing before.
    asks_from: Instant,
}

/// A request that was sent.
struct SentFetch {
    number: i32,
    /// The turns and offsets that were asked for, by partition.
    asked: BTreeMap<i32, (u64, i64)>,
}

/// What was fetched of a partition.
struct Fetched {
    turn: u64,
    packed: PackedBatches,
    /// Where the partition ends, if it ends behind these batches.
    end: Option<i64>,
    /// Why it can't be read on behind them.
    fault: Option<String>,
}

/// Why a partition is given back whose thread has ended.
pub(super) const ENDED: &str = "the thread that fetched it has ended";
/// While a broker is left alone, orders are looked at this often.
const THROTTLE_STEP: Duration = Duration::from_millis(200);

// If it panics, the partitions that it fetched are not left without a reader.
impl Drop for Fetcher {
    fn drop(&mut self) {
        // Orders that it has not taken yet count too.
        self.obey(self.mailbox.close());
        self.give_back_all(ENDED);
    }
}

impl Fetcher {
    /// Fetches from `broker`, `host:port`, what `mailbox` asks for.
    pub(super) fn new(
        broker: String,
        topic: TopicId,
        settings: Arc<DirectSettings>,
        mailbox: Arc<Mailbox>,
        output: Arc<ReadAhead>,
    ) -> Self {
        let buffers = Arc::new(BufferPool::default());
        Self {
            broker,
            topic,
            settings,
            mailbox,
            output,
            unpacker: Unpacker::new(Arc::clone(&buffers)),
            buffers,
            partitions: BTreeMap::new(),
            first: 0,
            asks_from: Instant::now(),
        }
    }

    /// Fetches until the mailbox is closed.
    pub(super) fn run(mut self) {
        let mut connection = None;
        let mut sent = None;
        loop {
            if self.partitions.is_empty() {
                // What was asked for is not wanted any more.
                (connection, sent) = (None, None);
            }
            if !self.take_orders(self.partitions.is_empty()) {
                return;
            }
            let left_alone = self.asks_from.saturating_duration_since(Instant::now());
            if !left_alone.is_zero() {
                std::thread::sleep(left_alone.min(THROTTLE_STEP));
                continue;
            }
            if let Err(reason) = self.step(&mut connection, &mut sent) {
                (connection, sent) = (None, None);
                self.give_back_all(&reason);
            }
        }
    }

    fn give_back_all(&mut self, reason: &str) {
        for (partition, place) in mem::take(&mut self.partitions) {
            self.output
                .give_back(partition, place.turn, reason.to_owned());
        }
    }

    // `false` once the mailbox is closed.
    fn take_orders(&mut self, waits: bool) -> bool {
        let Some(orders) = self.mailbox.take(waits) else {
            return false;
        };
        self.obey(orders);
        true
    }

    fn obey(&mut self, orders: Vec<FetchOrder>) {
        for order in orders {
            match order {
                FetchOrder::Read(partition, place) => {
                    self.partitions.insert(partition, place);
                }
                FetchOrder::Stop(partition) => {
                    self.partitions.remove(&partition);
                }
            }
        }
    }

    // Takes one answer. The error says why nothing can be fetched from this broker.
    fn step(
        &mut self,
        connection: &mut Option<BrokerConnection>,
        sent: &mut Option<SentFetch>,
    ) -> Result<(), String> {
        if self.partitions.is_empty() {
            return Ok(());
        }
        let connection = match connection {
            Some(connection) => connection,
            None => {
                let buffers = Arc::clone(&self.buffers);
                let opened = BrokerConnection::open(&self.broker, &self.settings, buffers);
                connection.insert(opened.map_err(|error| error.to_string())?)
            }
        };
        let asked = match sent.take() {
            Some(asked) => asked,
            None => self.send(connection)?,
        };
        let answer = connection
            .receive(asked.number)
            .map_err(|error| self.failed(&error))?;
        let mut pinned = answer.len();
        let answer = FetchAnswer::decode(answer)
            .map_err(|why| format!("{} answered what is not valid: {why}", self.broker))?;
        if let Some(error) = answer.error.err() {
            return Err(format!("{} answered {error}", self.broker));
        }
        let mut fetched = Vec::new();
        for partition in answer.partitions {
            fetched.extend(self.take_in(partition, &asked));
        }
        // While batches are unpacked here, the broker looks for the next ones.
        let throttle = Duration::from_millis(u64::try_from(answer.throttle_ms).unwrap_or(0));
        self.asks_from = Instant::now() + throttle;
        let waits = !throttle.is_zero() || self.output.is_full();
        let mut next = None;
        if !waits && self.take_orders(false) && !self.partitions.is_empty() {
            next = Some(self.send(connection));
        }
        // Also if that failed: a fault of a partition is told here.
        for batches in fetched {
            self.deliver(batches, &mut pinned);
        }
        *sent = next.transpose()?;
        Ok(())
    }

    fn send(&mut self, connection: &mut BrokerConnection) -> Result<SentFetch, String> {
        // Another one is first each time, as an answer may be full before all have their turn.
        let next = self.partitions.range(self.first + 1..).next();
        self.first = next
            .or(self.partitions.first_key_value())
            .map_or(0, |(first, _)| *first);
        let in_turn = self
            .partitions
            .range(self.first..)
            .chain(self.partitions.range(..self.first));
        let mut asked = BTreeMap::new();
        let mut wanted = Vec::with_capacity(self.partitions.len());
        for (partition, place) in in_turn {
            asked.insert(*partition, (place.turn, place.next));
            wanted.push(
                FetchPartition::default()
                    .with_partition(*partition)
                    .with_fetch_offset(place.next)
                    .with_last_fetched_epoch(place.leader_epoch)
                    .with_partition_max_bytes(self.settings.partition_max_bytes),
            );
        }
        let topic = FetchTopic::default()
            .with_topic_id(uuid::Uuid::from_u128(self.topic.bits()))
            .with_partitions(wanted);
        let request = FetchRequest::default()
            .with_max_wait_ms(self.settings.wait_ms)
            .with_min_bytes(self.settings.min_bytes)
            .with_max_bytes(self.settings.max_bytes)
            .with_isolation_level(READ_COMMITTED)
            .with_topics(vec![topic]);
        let version = connection.fetch_version;
        let number = connection
            .send(ApiKey::Fetch, version, &request)
            .map_err(|error| self.failed(&error))?;
        Ok(SentFetch { number, asked })
    }

    // Moves the place of a partition behind what came.
    fn take_in(&mut self, answer: AnsweredPartition, sent: &SentFetch) -> Option<Fetched> {
        let partition = answer.partition;
        let (turn, from) = *sent.asked.get(&partition)?;
        let place = self.partitions.get_mut(&partition)?;
        if place.turn != turn {
            return None;
        }
        let mut fetched = Fetched {
            turn,
            packed: PackedBatches {
                partition,
                from,
                bytes: Bytes::new(),
                aborted: answer.aborted,
            },
            end: None,
            fault: None,
        };
        fetched.fault = match answer.error.err() {
            Some(error) => Some(format!("{} answered {error}", self.broker)),
            None if answer.preferred_replica >= 0 => Some(format!(
                "{} wants it to be read from another broker",
                self.broker
            )),
            None => None,
        };
        if fetched.fault.is_some() {
            self.partitions.remove(&partition);
            return Some(fetched);
        }
        if answer.is_cut_off {
            self.partitions.remove(&partition);
            let failed = FetchedPart::Failed {
                partition,
                offset: from,
                code: RDKafkaErrorCode::LogTruncation,
                reason: format!(
                    "the log was cut off before offset {from}, and may have been written again"
                ),
            };
            self.output
                .push(FetchDelivery::Part { turn, part: failed }, 0);
            return None;
        }
        place.end.store(answer.high_watermark, Ordering::Relaxed);
        let mut size = 0;
        loop {
            match BatchHeader::read(&answer.records[size..]) {
                Ok(Some(header)) => {
                    size += header.size;
                    place.next = place.next.max(header.next_offset());
                    place.leader_epoch = header.leader_epoch;
                }
                Ok(None) => break,
                Err(fault) => {
                    fetched.fault = Some(fault.to_string());
                    break;
                }
            }
        }
        if size == 0 && !answer.records.is_empty() && fetched.fault.is_none() {
            fetched.fault = Some("a record batch came in part".to_owned());
        }
        // A broker may have looked for the end before it looked for records.
        let is_end =
            place.next == answer.stable_end || (size == 0 && place.next >= answer.stable_end);
        if fetched.fault.is_none() && is_end && place.told_end != place.next {
            place.told_end = place.next;
            fetched.end = Some(place.next);
        }
        if fetched.fault.is_some() {
            self.partitions.remove(&partition);
        } else if size == 0 && fetched.end.is_none() {
            return None;
        }
        fetched.packed.bytes = answer.records.slice(..size);
        Some(fetched)
    }

    // The first chunk of an answer counts for `pinned` bytes more: all of the answer is kept while it is.
    fn deliver(&mut self, fetched: Fetched, pinned: &mut usize) {
        let (partition, turn) = (fetched.packed.partition, fetched.turn);
        let output = &self.output;
        let unpacked = self.unpacker.unpack(&fetched.packed, |chunk, bytes| {
            let part = FetchedPart::Records(chunk);
            output.push(
                FetchDelivery::Part { turn, part },
                bytes + mem::take(pinned),
            );
        });
        let fault = unpacked.err().map(|fault| fault.to_string());
        if let Some(reason) = fault.or(fetched.fault) {
            let asked_again = self.partitions.get(&partition);
            if asked_again.is_some_and(|place| place.turn == turn) {
                self.partitions.remove(&partition);
            }
            self.output.give_back(partition, turn, reason);
        } else if let Some(offset) = fetched.end {
            let part = FetchedPart::End { partition, offset };
            self.output.push(FetchDelivery::Part { turn, part }, 0);
        }
    }

    fn failed(&self, error: &std::io::Error) -> String {
        format!("the connection to {} failed: {}", self.broker, words(error))
    }
}

/// Kafka's number for reading nothing of transactions that are not committed.
const READ_COMMITTED: i8 = 1;
