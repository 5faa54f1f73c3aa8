//! Kafka: where the records come from.
//!
//! One thread owns a [`Source`] and polls it. It assigns partitions itself and is a member of no
//! group: what has been applied is known to the caller alone, and group offsets are written only
//! so that lag tools have something to show. Nothing here decides a figure: a partition that can't
//! be read on without losing or doubling a record is halted, with the reason in words.

mod asker;
mod assign;
mod confirm;
mod cursor;
mod error;
mod events;
mod identity;
mod incident;
mod missing;
mod native;
mod reporter;
mod settings;
mod start;
mod topic;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use tracing::{error, warn};

use crate::domain::duration;
use crate::observe::status::{Condition, End};

use asker::Asker;
use confirm::Confirmed;
use cursor::{Cursor, Verdict};
pub use error::Error;
use events::Events;
use identity::Identity;
use incident::Incident;
use missing::Missing;
pub use native::Batch;
use native::Queue;
use reporter::Reporter;
pub use settings::{Config, Start};
use topic::Topic;

/// How long one question to the brokers may take while records wait.
const ASK_MAX: Duration = Duration::from_secs(2);

/// A partition that is read, or halted, from now on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Assigned {
    /// The partition.
    pub partition: i32,
    /// The next offset to apply.
    pub position: i64,
    /// The offset after its last record, when asked.
    pub end: i64,
    /// How many offsets the brokers held before the position at the start: records that are not read, or
    /// were before.
    pub before: i64,
}

/// The reader of one topic.
pub struct Source {
    queue: Queue,
    consumer: Arc<BaseConsumer<Events>>,
    topic: Topic,
    asker: Asker,
    start: Start,
    patience: Duration,
    /// Tells the group positions, if there is one.
    reporter: Option<Reporter>,
    /// By partition number, without gaps.
    cursors: Vec<Cursor>,
    halted: BTreeMap<i32, String>,
    /// Those of them that a restart changes nothing about.
    lasting: BTreeMap<i32, String>,
    /// Those that an earlier run knew.
    remembered: BTreeMap<i32, String>,
    /// What is wrong with partitions and expected to pass.
    ailing: BTreeMap<i32, String>,
    paused: BTreeSet<i32>,
    bounded: bool,
    /// Why the topic may not be looked at now, if brokers say so.
    forbidden: Option<String>,
    /// Whether the topic is not found now.
    missing: Option<Missing>,
    identity: Identity,
    next_probe: Instant,
    confirmed: Confirmed,
    /// What was found by the last questions, and not told yet.
    found: Vec<Assigned>,
    /// Why the last question had no answer, if that is not told yet.
    unanswered: Option<Error>,
}

impl Source {
    /// Connects and finds the topic. Tries for as long as `patience`; later questions to the
    /// brokers have the same patience where nothing can go on without the answer.
    ///
    /// # Errors
    /// When a setting is refused ([`Error::Setting`], [`Error::Client`]), nobody answers
    /// ([`Error::NoBroker`]), the login is refused, or the topic is missing, forbidden or without
    /// a leader.
    pub fn connect(config: &Config, patience: Duration) -> Result<Self, Error> {
        let consumer: BaseConsumer<Events> = config
            .client()?
            .create_with_context(Events::of(&config.topic))
            .map_err(settings::refused)?;
        let consumer = Arc::new(consumer);
        let topic = Topic::find(&consumer, config, patience)?;
        let queue = Queue::new(&consumer).ok_or_else(|| {
            Error::Client("it has no memory for a queue; give it more".to_owned())
        })?;
        let threadless = |error| Error::Client(format!("it can't have a thread: {error}"));
        let asker = Asker::start(Arc::clone(&consumer), topic.beside()).map_err(threadless)?;
        let reporter = if config.group_id.is_empty() {
            None
        } else {
            let reporter = Reporter::start(Arc::clone(&consumer), topic.name().to_owned());
            Some(reporter.map_err(threadless)?)
        };
        let mut source = Self {
            queue,
            consumer,
            topic,
            asker,
            start: config.start,
            patience,
            reporter,
            cursors: Vec::new(),
            halted: BTreeMap::new(),
            lasting: BTreeMap::new(),
            remembered: BTreeMap::new(),
            ailing: BTreeMap::new(),
            paused: BTreeSet::new(),
            bounded: false,
            forbidden: None,
            missing: None,
            identity: Identity::default(),
            next_probe: Instant::now(),
            confirmed: Confirmed::new(Instant::now()),
            found: Vec::new(),
            unanswered: None,
        };
        source.serve_events()?;
        source.take_ids();
        Ok(source)
    }

    /// The end offsets of all partitions now: where `--until-end` stops.
    ///
    /// # Errors
    /// When the brokers don't answer in time.
    pub fn end_offsets(&self) -> Result<BTreeMap<i32, i64>, Error> {
        let deadline = Instant::now() + self.patience;
        let all: Vec<i32> = (0..self.topic.partitions()).collect();
        let standings = self.topic.standings_by(&self.consumer, &all, deadline)?;
        Ok(standings
            .into_iter()
            .map(|(partition, standing)| (partition, standing.high))
            .collect())
    }

    /// The next records, in the order of their partitions' logs. Waits for the first one for at
    /// most `wait` (a whole number of ms), and then takes what is there. May be empty.
    ///
    /// # Errors
    /// When the client is broken for good.
    pub fn poll(&mut self, wait: Duration) -> Result<Batch, Error> {
        let mut batch = self.queue.take(wait);
        // In this order: what the client says of the topic it has said before it read by that.
        self.serve_events()?;
        self.take_ids();
        self.take_answers()?;
        self.probe_if_down();
        self.confirm_ends();
        self.tell_silence();
        self.sort(&mut batch);
        Ok(batch)
    }

    /// The partitions: read, paused or halted.
    #[must_use]
    pub fn partitions(&self) -> Vec<i32> {
        (0..).take(self.cursors.len()).collect()
    }

    /// The next offset to deliver, if the partition is known. Unlike the offset after the last
    /// record it counts what is never delivered, such as the marks of transactions.
    #[must_use]
    pub fn position(&self, partition: i32) -> Option<i64> {
        self.cursor(partition).map(|cursor| cursor.position())
    }

    /// Whether all of the partition that brokers have was delivered. `false` while none answers,
    /// as nobody knows then.
    #[must_use]
    pub fn at_end(&self, partition: i32) -> bool {
        self.cursor(partition).is_some_and(Cursor::at_end)
            && !self.ailing.contains_key(&partition)
            && !self.is_end_old(partition)
    }

    /// The end offset as far as the client knows it without asking.
    #[must_use]
    pub fn end(&self, partition: i32) -> Option<i64> {
        let cursor = self.cursor(partition)?;
        let fetched = self.queue.end(self.topic.name(), partition).unwrap_or(0);
        Some(fetched.max(cursor.end()).max(cursor.position()))
    }

    /// Where the partition ends, as far as brokers say so now: what they said before they stopped
    /// says nothing of how much waits.
    #[must_use]
    pub fn known_end(&self, partition: i32) -> End {
        if !self.runs(partition) {
            return End::Unknown { age: None };
        }
        let is_answered = self.consumer.context().down().is_none()
            && self.missing.is_none()
            && !self.ailing.contains_key(&partition)
            && !self.is_end_old(partition);
        let age = self.end_age(partition);
        match (self.end(partition).filter(|_| is_answered), age) {
            (Some(offset), Some(age)) => End::Known { offset, age },
            (_, age) => End::Unknown { age },
        }
    }

    /// The partitions that are not read on, and why.
    #[must_use]
    pub fn halted(&self) -> &BTreeMap<i32, String> {
        &self.halted
    }

    /// The [halted](Self::halted) partitions that a restart changes nothing about: to be kept, and
    /// given to [`remember`](Self::remember).
    #[must_use]
    pub const fn lasting(&self) -> &BTreeMap<i32, String> {
        &self.lasting
    }

    /// How it goes apart from [halted](Self::halted) partitions, and why.
    #[must_use]
    pub fn condition(&self) -> (Condition, String) {
        if let Some(why) = self.consumer.context().down() {
            let reason = format!("no Kafka broker answers: {why}");
            return (Condition::Degraded, reason);
        }
        if let Some(missing) = self.missing {
            return self.lost(missing);
        }
        if let Some(why) = &self.forbidden {
            return (Condition::Degraded, why.clone());
        }
        if let Some((partition, why)) = self.ailing.first_key_value() {
            let reason = format!("partition {partition} is not read now: {why}");
            return (Condition::Degraded, reason);
        }
        match self.silence() {
            Some(reason) => (Condition::Degraded, reason),
            None => (Condition::Ok, String::new()),
        }
    }

    /// Delivers no record at or past these offsets. A partition that is not listed delivers
    /// nothing more, and none is added any more.
    pub fn stop_at(&mut self, ends: &BTreeMap<i32, i64>) {
        self.bounded = true;
        for (partition, cursor) in (0..).zip(&mut self.cursors) {
            cursor.stop_at(ends.get(&partition).copied().unwrap_or(0));
        }
        self.pause_finished();
    }

    /// Whether every partition that is not halted has come to where it is to stop.
    #[must_use]
    pub fn finished(&self) -> bool {
        self.bounded && self.cursors.iter().all(Cursor::finished)
    }

    /// Delivers nothing of these partitions until they are resumed. What the client has read ahead
    /// of them is dropped and read again later.
    pub fn pause(&mut self, partitions: &[i32]) {
        let newly: Vec<i32> = partitions
            .iter()
            .copied()
            .filter(|partition| self.runs(*partition) && !self.paused.contains(partition))
            .collect();
        match self.consumer.pause(&self.list(&newly)) {
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
        match self.consumer.resume(&self.list(&paused)) {
            Ok(()) => self.paused.retain(|partition| !paused.contains(partition)),
            Err(error) => warn!("can't resume partitions {}: {error}", listed(&paused)),
        }
    }

    /// Has the group told how far has been applied, so that lag tools can show it. Nothing reads it
    /// back, nothing waits for it but [`close`](Self::close), and a failure is only logged.
    pub fn report(&self, positions: &BTreeMap<i32, i64>) {
        // While no broker answers, it would only keep a stop waiting.
        if let Some(reporter) = &self.reporter
            && self.consumer.context().down().is_none()
        {
            reporter.report(positions);
        }
    }

    /// Leaves the brokers, once the group was told the last positions reported. Returns after
    /// `patience` at the latest, whatever they do.
    pub fn close(self, patience: Duration) {
        let Self {
            queue,
            consumer,
            asker,
            reporter,
            ..
        } = self;
        let (done, closed) = channel();
        // Closing has hung in several versions of the client.
        let closing = thread::Builder::new()
            .name("kafka-close".into())
            .spawn(move || {
                if let Some(reporter) = reporter {
                    reporter.close();
                }
                asker.close();
                drop(queue);
                drop(consumer);
                let _ = done.send(());
            });
        if closing.is_err() || closed.recv_timeout(patience).is_err() {
            let patience = duration::text(patience);
            warn!("the Kafka client did not close within {patience}; it is left to itself");
        }
    }

    fn serve_events(&mut self) -> Result<(), Error> {
        // All of them: a batch that was taken before is judged by what they say.
        loop {
            let served = self.consumer.context().served();
            let stray = match self.consumer.poll(Duration::ZERO) {
                None if self.consumer.context().served() == served => return Ok(()),
                Some(Ok(record)) => rdkafka::Message::partition(&record),
                Some(Err(KafkaError::MessageConsumptionFatal(code))) => {
                    return Err(Error::Fatal(code.to_string()));
                }
                // The context has taken note of it.
                None | Some(Err(_)) => continue,
            };
            // It would be lost here, in between others of its partition.
            self.halt_for_now(stray, start::STRAYED.to_owned());
        }
    }

    fn sort(&mut self, batch: &mut Batch) {
        let cursors = &mut self.cursors;
        let ailing = &mut self.ailing;
        let confirmed = &mut self.confirmed;
        let mut incidents = Vec::new();
        batch.retain(|message| {
            let partition = message.partition();
            let cursor = usize::try_from(partition)
                .ok()
                .and_then(|partition| cursors.get_mut(partition));
            let (Some(cursor), error) = (cursor, message.error()) else {
                incidents.push((partition, Incident::of(message)));
                return false;
            };
            if error.is_none() && cursor.pass(message.offset()) {
                return true;
            }
            let incident = match error {
                None => match cursor.judge(&message.record()) {
                    Verdict::Deliver => return true,
                    Verdict::Skip => return false,
                    Verdict::Warn(note) => {
                        warn!(partition, "{note}");
                        return true;
                    }
                    Verdict::Halt(reason) => Incident::Halt(reason),
                },
                Some(RDKafkaErrorCode::PartitionEOF) => {
                    // Whoever is told where the end is can read the partition again.
                    ailing.remove(&partition);
                    confirmed.note(partition, Instant::now());
                    if let Some(note) = cursor.end_reached(message.offset()) {
                        warn!(partition, "{note}");
                    }
                    return false;
                }
                Some(_) => Incident::of(message),
            };
            if !matches!(incident, Incident::Passing(_)) {
                // What follows in this very batch must not be delivered either.
                cursor.halt();
            }
            incidents.push((partition, incident));
            false
        });
        let now = Instant::now();
        if !batch.is_empty() && (!self.ailing.is_empty() || self.confirmed.takes_note(now)) {
            for partition in batch.partitions() {
                self.ailing.remove(&partition);
                self.confirmed.note(partition, now);
            }
        }
        for (partition, incident) in incidents {
            self.handle(partition, incident);
        }
        if self.bounded {
            self.pause_finished();
        }
    }

    fn handle(&mut self, partition: i32, incident: Incident) {
        match incident {
            Incident::Halt(reason) => self.halt(partition, reason),
            Incident::Passing(why) => {
                warn!(partition, "partition can't be read now: {why}");
                self.ailing.insert(partition, why);
            }
            Incident::OutOfRange(why) => {
                let refusal = match (
                    self.cursor(partition),
                    self.topic.standing(&self.consumer, partition, ASK_MAX),
                ) {
                    (Some(cursor), Ok(standing)) => start::refusal(cursor.position(), standing),
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

    // For a reason that lasts: after a restart, too, until an operator acts.
    fn halt(&mut self, partition: i32, reason: String) {
        if self.cursor(partition).is_some() && !self.halted.contains_key(&partition) {
            self.lasting.insert(partition, reason.clone());
        }
        self.halt_for_now(partition, reason);
    }

    // Until a restart.
    fn halt_for_now(&mut self, partition: i32, reason: String) {
        let cursor = usize::try_from(partition)
            .ok()
            .and_then(|partition| self.cursors.get_mut(partition));
        let Some(cursor) = cursor.filter(|_| !self.halted.contains_key(&partition)) else {
            return;
        };
        cursor.halt();
        error!(partition, "partition is stopped: {reason}");
        self.halted.insert(partition, reason);
        self.ailing.remove(&partition);
        // Refused only if it was never assigned.
        let _ = self.consumer.incremental_unassign(&self.list(&[partition]));
    }

    // What lies past the end is of no use, so it need not be fetched.
    fn pause_finished(&mut self) {
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

    fn cursor(&self, partition: i32) -> Option<&Cursor> {
        self.cursors.get(usize::try_from(partition).ok()?)
    }

    fn cursor_mut(&mut self, partition: i32) -> Option<&mut Cursor> {
        self.cursors.get_mut(usize::try_from(partition).ok()?)
    }

    fn runs(&self, partition: i32) -> bool {
        self.cursor(partition)
            .is_some_and(|cursor| !cursor.is_halted())
    }

    fn list(&self, partitions: &[i32]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition(self.topic.name(), *partition);
        }
        list
    }
}

/// The numbers of partitions, as a message names them.
fn listed(partitions: &[i32]) -> String {
    let numbers: Vec<String> = partitions.iter().map(i32::to_string).collect();
    numbers.join(", ")
}
