//! librdkafka, and threads that ask brokers and report to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use tracing::warn;

use super::asker::{Asker, ask_apart};
use super::broker_questions::{BrokerAnswer, BrokerQuestion};
use super::client_events::ClientEvents;
use super::log_client::LogClient;
use super::native::{self, PolledBatch, Queue};
use super::reporter::Reporter;
use super::start::OffsetRange;
use super::topic::Topic;
use super::{ASK_MAX, Config, Error, property_files, settings};
use crate::domain::duration;
use crate::domain::topic_id::TopicId;
use crate::host::clock::Instant;

/// How often to look whether the consumer has ended.
const ENDED_LOOK: Duration = Duration::from_millis(2);

/// A client of Kafka's brokers by librdkafka. It assigns partitions itself and is a member of no group: group offsets
/// are written only so that lag tools have something to show.
pub struct LibrdkafkaClient {
    queue: Queue,
    consumer: Arc<BaseConsumer<ClientEvents>>,
    topic: Topic,
    asker: Asker,
    /// Reports positions to the group, if there is one.
    reporter: Option<Reporter>,
    /// The partitions that it reads: it warns when another one is taken from it.
    assigned: BTreeSet<i32>,
    /// Partitions that were restarted, and until when the client may still be about to stop them.
    restarted: BTreeMap<i32, Instant>,
}

/// The client stops a partition within milliseconds, and waits for nothing outside.
const STOPPED_WITHIN: Duration = Duration::from_secs(10);

impl LibrdkafkaClient {
    /// Connects and finds the topic. Tries for as long as `patience`, and while it is wanted.
    pub(super) fn connect(
        config: &Config,
        patience: Duration,
        is_wanted: &AtomicBool,
    ) -> Result<Self, Error> {
        let consumer: BaseConsumer<ClientEvents> = config
            .client()?
            .create_with_context(ClientEvents::new(config))
            .map_err(|error| {
                property_files::explain(settings::refused(error), &config.properties)
            })?;
        let consumer = Arc::new(consumer);
        let topic = Topic::find(&consumer, config, patience, is_wanted)?;
        let queue = Queue::new(&consumer).ok_or_else(|| {
            Error::Client("there is not enough memory for a queue; give it more".to_owned())
        })?;
        let threadless = |error| Error::Client(format!("a thread can't be started: {error}"));
        let asker = Asker::start(Arc::clone(&consumer), topic.beside()).map_err(threadless)?;
        let reporter = if config.group_id.is_empty() {
            None
        } else {
            let reporter = Reporter::start(Arc::clone(&consumer), topic.name().to_owned());
            Some(reporter.map_err(threadless)?)
        };
        Ok(Self {
            queue,
            consumer,
            topic,
            asker,
            reporter,
            assigned: BTreeSet::new(),
            restarted: BTreeMap::new(),
        })
    }

    /// The client library's own client, to ask brokers by.
    pub(super) fn consumer(&self) -> &Arc<BaseConsumer<ClientEvents>> {
        &self.consumer
    }

    /// The offsets that brokers hold of `partitions`, without those of which they say nothing. Asks for all together.
    pub(super) fn known_ranges(&self, partitions: &[i32]) -> BTreeMap<i32, OffsetRange> {
        ask_apart(partitions, Instant::now() + ASK_MAX, |some| {
            self.topic.offset_ranges(&self.consumer, some, ASK_MAX)
        })
    }

    // The client stops a partition in a thread of its own, and forgets then where its records go: be it after the
    // partition was assigned again.
    fn collect_restarted(&mut self) {
        let now = Instant::now();
        self.restarted.retain(|partition, until| {
            self.queue.collect(self.topic.name(), *partition);
            now < *until
        });
    }

    fn list(&self, partitions: &[i32]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition(self.topic.name(), *partition);
        }
        list
    }
}

impl LogClient for LibrdkafkaClient {
    type Batch = PolledBatch;

    fn take(&mut self, wait: Duration) -> PolledBatch {
        if !self.restarted.is_empty() {
            self.collect_restarted();
        }
        self.queue.take(wait)
    }

    fn serve_events(&mut self) -> Result<Vec<i32>, Error> {
        // All of them: a batch that was taken before is judged by what they say.
        let mut stray = Vec::new();
        loop {
            let served = self.consumer.context().served();
            match self.consumer.poll(Duration::ZERO) {
                None if self.consumer.context().served() == served => return Ok(stray),
                // It would be lost here, in between others of its partition.
                Some(Ok(record)) => stray.push(rdkafka::Message::partition(&record)),
                Some(Err(KafkaError::MessageConsumptionFatal(code))) => {
                    return Err(Error::Fatal(code.to_string()));
                }
                // The context has taken note of it.
                None | Some(Err(_)) => {}
            }
        }
    }

    fn take_topic_ids(&mut self) -> Vec<Option<TopicId>> {
        self.consumer.context().take_topic_ids()
    }

    fn topic_id(&self) -> Option<TopicId> {
        native::topic_id(&self.consumer, self.topic.name(), ASK_MAX)
    }

    fn partitions(&self) -> i32 {
        self.topic.partitions()
    }

    fn down(&self) -> Option<String> {
        self.consumer.context().down()
    }

    fn outages(&self) -> u64 {
        self.consumer.context().outages()
    }

    fn set_up(&self) {
        self.consumer.context().set_up();
    }

    fn log_silence(&self, reason: &str) {
        self.consumer.context().log_silence(reason);
    }

    fn log_answer(&self) {
        self.consumer.context().log_answer();
    }

    fn is_silence_logged(&self) -> bool {
        self.consumer.context().is_silence_logged()
    }

    fn fetched_end(&self, partition: i32) -> Option<i64> {
        self.queue.end(self.topic.name(), partition)
    }

    fn offset_range(&self, partition: i32) -> Result<OffsetRange, Error> {
        self.topic.offset_range(&self.consumer, partition, ASK_MAX)
    }

    fn offset_ranges_by(
        &self,
        partitions: &[i32],
        deadline: Instant,
    ) -> Result<BTreeMap<i32, OffsetRange>, Error> {
        self.topic
            .offset_ranges_by(&self.consumer, partitions, deadline)
    }

    fn offsets_at(
        &self,
        partitions: &[i32],
        millis: i64,
        deadline: Instant,
    ) -> Result<BTreeMap<i32, i64>, Error> {
        self.topic
            .offsets_at(&self.consumer, partitions, millis, deadline)
    }

    fn ask(&mut self, question: BrokerQuestion) -> bool {
        self.asker.ask(question)
    }

    fn answer(&mut self) -> Option<BrokerAnswer> {
        self.asker.answer()
    }

    fn assign(&mut self, starts: &[(i32, i64)]) -> Result<(), Error> {
        let mut list = TopicPartitionList::with_capacity(starts.len());
        for (partition, from) in starts {
            // Before the assignment: it would send the partition's records elsewhere otherwise.
            if !self.queue.collect(self.topic.name(), *partition) {
                return Err(Error::Client(format!(
                    "the client does not know partition {partition}"
                )));
            }
            list.add_partition_offset(self.topic.name(), *partition, Offset::Offset(*from))
                .map_err(|error| Error::Client(error.to_string()))?;
        }
        if list.count() > 0 {
            self.consumer
                .incremental_assign(&list)
                .map_err(|error| Error::Client(error.to_string()))?;
        }
        self.assigned
            .extend(starts.iter().map(|(partition, _)| *partition));
        Ok(())
    }

    fn unassign(&mut self, partition: i32) {
        if self.assigned.remove(&partition) {
            // Refused only if it was never assigned.
            let _ = self.consumer.incremental_unassign(&self.list(&[partition]));
        }
    }

    fn restart(&mut self, partition: i32, offset: i64) -> Result<(), Error> {
        self.unassign(partition);
        let until = Instant::now() + STOPPED_WITHIN;
        self.restarted.insert(partition, until);
        self.assign(&[(partition, offset)])
    }

    fn pause(&mut self, partitions: &[i32]) -> Result<(), String> {
        let paused = self.consumer.pause(&self.list(partitions));
        paused.map_err(|error| error.to_string())
    }

    fn resume(&mut self, partitions: &[i32]) -> Result<(), String> {
        let resumed = self.consumer.resume(&self.list(partitions));
        resumed.map_err(|error| error.to_string())
    }

    fn seek(&mut self, partition: i32, offset: i64) -> Result<(), String> {
        let offset = Offset::Offset(offset);
        let sought = self
            .consumer
            .seek(self.topic.name(), partition, offset, Duration::ZERO);
        sought.map_err(|error| error.to_string())
    }

    fn report(&self, positions: &BTreeMap<i32, i64>) {
        // While no broker answers, it would only keep a stop waiting.
        if let Some(reporter) = &self.reporter
            && self.down().is_none()
        {
            reporter.report(positions);
        }
    }

    fn close(self: Box<Self>, patience: Duration) {
        let Self {
            queue,
            consumer,
            asker,
            reporter,
            ..
        } = *self;
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
                end(&consumer);
                drop(consumer);
                let _ = done.send(());
            });
        if closing.is_err() || closed.recv_timeout(patience).is_err() {
            let patience = duration::text(patience);
            warn!("the Kafka client did not close within {patience}; it is abandoned");
        }
    }
}

// When it is dropped, the client library looks every 100 ms whether a consumer has ended: with each stop that much is waited
// for nothing. Then it finds that this one has, and logs an error; telemetry leaves that out.
fn end(consumer: &BaseConsumer<ClientEvents>) {
    if consumer.close_queue().is_ok() {
        while !consumer.closed() {
            // What it may give has no reader any more.
            let _ = consumer.poll(ENDED_LOOK);
        }
    }
}
