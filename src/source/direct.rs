//! The direct reader: fetches records from brokers by a protocol client of its own, for a fraction of what librdkafka
//! costs.
//!
//! It reads where all that it meets is known. Whatever is unexpected, it gives a partition back, with the reason, and
//! librdkafka reads on: leaders that move, brokers that fall silent, and all errors are left to that. Which brokers and
//! partitions there are, it asks through librdkafka as well.

mod broker_connection;
mod buffer_pool;
mod codec;
mod fetch_answer;
mod fetch_place;
mod fetched;
mod fetcher;
#[doc(hidden)]
pub mod fuzzing;
mod login;
mod mailbox;
mod read_ahead;
mod record_batch;
mod scram;
mod settings;
mod tls;
mod transport;
mod unpacker;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};

use self::fetch_place::FetchPlace;
use self::fetcher::Fetcher;
use self::mailbox::{FetchOrder, Mailbox};
use self::read_ahead::ReadAhead;
use self::settings::DirectSettings;
use super::client_events::ClientEvents;
use super::{ASK_MAX, Config, native};
use crate::domain::topic_id::TopicId;
use crate::host::clock::Instant;

pub(super) use self::fetched::FetchedPart;
pub use self::fetched::{FetchedBatch, FetchedEntry};
pub(super) use self::read_ahead::FetchDelivery;

/// Reads partitions from their leaders.
pub(super) struct DirectReader {
    orders: Sender<ReadOrder>,
    output: Arc<ReadAhead>,
}

enum ReadOrder {
    Read {
        partition: i32,
        turn: u64,
        from: i64,
        end: Arc<AtomicI64>,
    },
    Stop(i32),
    Close,
}

/// The thread that finds out which broker leads a partition, and starts those that fetch.
struct Dispatcher {
    consumer: Arc<BaseConsumer<ClientEvents>>,
    name: String,
    settings: Arc<DirectSettings>,
    output: Arc<ReadAhead>,
    /// Which topic is read: the one that had the name first.
    topic: Option<TopicId>,
    /// By address.
    fetchers: BTreeMap<String, Arc<Mailbox>>,
    /// Which of them fetches a partition, and since which turn.
    places: BTreeMap<i32, FetchedFrom>,
}

/// The broker from which a partition is fetched.
struct FetchedFrom {
    broker: String,
    turn: u64,
    mailbox: Arc<Mailbox>,
}

/// Brokers that follow answer as well, with an end that may be old, so leaders are looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(3);

impl DirectReader {
    /// Starts a reader of the topic of `config`.
    ///
    /// # Errors
    /// Why it can't read by this configuration.
    pub(super) fn start(
        config: &Config,
        consumer: Arc<BaseConsumer<ClientEvents>>,
    ) -> Result<Self, String> {
        let client = config.client().map_err(|error| error.to_string())?;
        let settings = DirectSettings::of(&config.properties, |name| {
            client.get(name).map(str::to_owned)
        })?;
        let output = Arc::new(ReadAhead::new(settings.read_ahead_bytes));
        let dispatcher = Dispatcher {
            consumer,
            name: config.topic.clone(),
            settings: Arc::new(settings),
            output: Arc::clone(&output),
            topic: None,
            fetchers: BTreeMap::new(),
            places: BTreeMap::new(),
        };
        let (orders, asked) = channel();
        thread::Builder::new()
            .name("kafka-direct".into())
            .spawn(move || dispatcher.run(&asked))
            .map_err(|error| format!("a thread can't be started: {error}"))?;
        Ok(Self { orders, output })
    }

    /// Reads `partition` from the offset `from` on; what is delivered says that it is of this `turn`. `end` is kept at the
    /// end offset that brokers send. `false` if the thread that would take care of it has ended.
    pub(super) fn read(&self, partition: i32, turn: u64, from: i64, end: Arc<AtomicI64>) -> bool {
        let order = ReadOrder::Read {
            partition,
            turn,
            from,
            end,
        };
        self.orders.send(order).is_ok()
    }

    /// Reads a partition no more. What was read ahead of it may still be delivered.
    pub(super) fn stop(&self, partition: i32) {
        // Nothing of it is wanted whether the thread is there or not.
        let _ = self.orders.send(ReadOrder::Stop(partition));
    }

    /// Waits for something for at most `wait`, and hands over what is there until `take` has enough.
    pub(super) fn take(&self, wait: Duration, take: impl FnMut(FetchDelivery) -> bool) {
        self.output.take(wait, take);
    }

    /// Ends the reader, without waiting for a broker's answer. The client is used until its threads have ended.
    pub(super) fn close(self) {
        self.output.close();
        let _ = self.orders.send(ReadOrder::Close);
    }
}

impl Dispatcher {
    fn run(mut self, orders: &Receiver<ReadOrder>) {
        let mut next_look = Instant::now() + LOOK_EVERY;
        loop {
            let now = Instant::now();
            if now >= next_look {
                next_look = now + LOOK_EVERY;
                self.follow_leaders();
            }
            let first = match orders.recv_timeout(next_look.saturating_duration_since(now)) {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return self.close(),
            };
            let mut wanted = Vec::new();
            for order in std::iter::once(first).chain(orders.try_iter()) {
                match order {
                    ReadOrder::Read {
                        partition,
                        turn,
                        from,
                        end,
                    } => wanted.push((partition, FetchPlace::new(turn, from, end))),
                    ReadOrder::Stop(partition) => {
                        wanted.retain(|(other, _)| *other != partition);
                        self.stop(partition);
                    }
                    ReadOrder::Close => return self.close(),
                }
            }
            if !wanted.is_empty() {
                self.begin(wanted);
            }
        }
    }

    // Gives back partitions that have another leader by now. What brokers don't say changes nothing.
    fn follow_leaders(&mut self) {
        if self.places.is_empty() {
            return;
        }
        let Ok(leaders) = self.leaders() else { return };
        let moved = self.places.iter().filter_map(|(partition, from)| {
            let leader = leaders
                .get(partition)
                .filter(|leader| **leader != from.broker)?;
            Some((*partition, from.turn, format!("its leader is {leader} now")))
        });
        for (partition, turn, reason) in moved.collect::<Vec<_>>() {
            self.stop(partition);
            self.output.give_back(partition, turn, reason);
        }
    }

    // From here on each partition is read, or given back.
    fn begin(&mut self, wanted: Vec<(i32, FetchPlace)>) {
        let found = self
            .identify()
            .and_then(|topic| Ok((topic, self.leaders()?)));
        for (partition, place) in wanted {
            // It may have been read at another broker.
            self.stop(partition);
            let turn = place.turn;
            let begun = match &found {
                Ok((topic, leaders)) => match leaders.get(&partition) {
                    Some(leader) => self.fetch(*topic, leader, partition, place),
                    None => Err("it has no leader".to_owned()),
                },
                Err(reason) => Err(reason.clone()),
            };
            if let Err(reason) = begun {
                self.output.give_back(partition, turn, reason);
            }
        }
    }

    fn fetch(
        &mut self,
        topic: TopicId,
        leader: &str,
        partition: i32,
        place: FetchPlace,
    ) -> Result<(), String> {
        let running = self.fetchers.get(leader);
        let mailbox = match running.filter(|mailbox| !mailbox.is_closed()) {
            Some(mailbox) => Arc::clone(mailbox),
            None => {
                let mailbox = self.start_fetcher(topic, leader);
                let mailbox = mailbox.map_err(|e| format!("a thread can't be started: {e}"))?;
                self.fetchers
                    .insert(leader.to_owned(), Arc::clone(&mailbox));
                mailbox
            }
        };
        let turn = place.turn;
        if !mailbox.put(FetchOrder::Read(partition, place)) {
            return Err(fetcher::ENDED.to_owned());
        }
        let from = FetchedFrom {
            broker: leader.to_owned(),
            turn,
            mailbox,
        };
        self.places.insert(partition, from);
        Ok(())
    }

    fn start_fetcher(&self, topic: TopicId, leader: &str) -> io::Result<Arc<Mailbox>> {
        let mailbox = Arc::new(Mailbox::default());
        let fetcher = Fetcher::new(
            leader.to_owned(),
            topic,
            Arc::clone(&self.settings),
            Arc::clone(&mailbox),
            Arc::clone(&self.output),
        );
        thread::Builder::new()
            .name("kafka-fetch".into())
            .spawn(move || fetcher.run())?;
        Ok(mailbox)
    }

    // The topic is told before its first record is fetched.
    fn identify(&mut self) -> Result<TopicId, String> {
        if let Some(topic) = self.topic {
            return Ok(topic);
        }
        let topic = native::topic_id(&self.consumer, &self.name, ASK_MAX);
        let topic = topic.ok_or("brokers do not say which topic has the name by an id")?;
        self.topic = Some(topic);
        self.output.push(FetchDelivery::Topic(topic), 0);
        Ok(topic)
    }

    /// The addresses of brokers by the partitions that they lead.
    fn leaders(&self) -> Result<BTreeMap<i32, String>, String> {
        let metadata = self
            .consumer
            .fetch_metadata(Some(&self.name), ASK_MAX)
            .map_err(|error| format!("brokers do not say which of them leads it: {error}"))?;
        let address = |id: i32| {
            let mut brokers = metadata.brokers().iter();
            let broker = brokers.find(|broker| broker.id() == id)?;
            Some(match broker.host() {
                host if host.contains(':') => format!("[{host}]:{}", broker.port()),
                host => format!("{host}:{}", broker.port()),
            })
        };
        let topic = metadata.topics().iter().find(|t| t.name() == self.name);
        let partitions = topic.map_or(&[][..], |topic| topic.partitions());
        Ok(partitions
            .iter()
            .filter_map(|partition| Some((partition.id(), address(partition.leader())?)))
            .collect())
    }

    fn stop(&mut self, partition: i32) {
        if let Some(from) = self.places.remove(&partition) {
            from.mailbox.put(FetchOrder::Stop(partition));
        }
    }

    fn close(self) {
        for mailbox in self.fetchers.values() {
            // Nothing is read any more, so nothing that waits is given back.
            let _ = mailbox.close();
        }
    }
}
