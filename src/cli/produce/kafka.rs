//! Sends messages to a topic, and creates the topic if it is missing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use tidegauge_windows::EventTime;
use tracing::{debug, info, warn};

use super::super::arguments::ProduceArgs;
use super::super::failure::CommandFailure;
use super::{MessageSink, PARTITIONS};
use crate::domain::count::counted;
use crate::domain::duration;
use crate::generator::Message;
use crate::host::wall_clock::now_ms;
use crate::source;

/// An idempotent producer keeps the order within a partition, whatever it has to send again. The
/// queue holds at most some tens of MB.
const SETTINGS: [(&str, &str); 8] = [
    ("client.id", "tidegauge-produce"),
    ("enable.idempotence", "true"),
    ("allow.auto.create.topics", "false"),
    ("linger.ms", "5"),
    ("queue.buffering.max.messages", "200000"),
    ("queue.buffering.max.kbytes", "65536"),
    ("message.timeout.ms", "60000"),
    ("delivery.report.only.error", "true"),
];

/// The timeout of one metadata request.
const ASK_MAX: Duration = Duration::from_secs(1);
/// Brokers refuse records that are further ahead of their clock, unless the topic says otherwise.
const AHEAD_MAX_MS: i64 = 3_600_000;

/// A topic to send to.
pub(super) struct TopicProducer {
    name: String,
    producer: ThreadedProducer<ProducerEvents>,
    partitions: i32,
    next: i32,
}

impl TopicProducer {
    /// Finds the topic, or creates it.
    pub(super) fn open(
        config: &source::Config,
        produce: &ProduceArgs,
        start: Option<EventTime>,
    ) -> Result<Self, CommandFailure> {
        let client = client(config);
        let producer: ThreadedProducer<ProducerEvents> = client
            .create_with_context(ProducerEvents::default())
            .map_err(|error| {
                CommandFailure::Config(anyhow!("the Kafka client can't start: {error}"))
            })?;
        let deadline = Instant::now() + produce.timeout;
        let mut topic = Self {
            name: config.topic.clone(),
            producer,
            partitions: 0,
            next: 0,
        };
        let found = topic.find(config, produce.timeout, deadline)?;
        topic.partitions = match found {
            Some(partitions) => partitions,
            None => {
                let wanted = produce.partitions.unwrap_or(PARTITIONS);
                create(&client, &topic.name, wanted, start, produce.timeout)?;
                topic.wait(produce.timeout)?
            }
        };
        if let Some(wanted) = produce
            .partitions
            .filter(|wanted| *wanted != topic.partitions)
        {
            let (name, partitions) = (&topic.name, topic.partitions);
            let partitions = counted(u64::from(partitions.unsigned_abs()), "partition");
            warn!("topic {name} exists and has {partitions}, not {wanted}");
        }
        Ok(topic)
    }

    pub(super) fn partitions(&self) -> i32 {
        self.partitions
    }

    /// Waits until the brokers have acknowledged every message.
    pub(super) fn finish(&self, stop: &AtomicBool) -> Result<(), CommandFailure> {
        let asked_to_stop = stop.load(Ordering::Relaxed);
        while self.producer.in_flight_count() > 0 {
            // The messages' own time limit ends this in any case.
            let _ = self.producer.flush(Duration::from_millis(100));
            self.refusal()?;
            if asked_to_stop {
                let waiting = self.producer.in_flight_count();
                debug!(waiting, "waiting for messages to be sent");
            }
        }
        self.refusal()
    }

    // How many partitions the topic has, if there is one.
    fn find(
        &self,
        config: &source::Config,
        patience: Duration,
        deadline: Instant,
    ) -> Result<Option<i32>, CommandFailure> {
        loop {
            // A request that names the topic could create it.
            match self.producer.client().fetch_metadata(None, ASK_MAX) {
                Ok(metadata) => {
                    let topic = metadata.topics().iter().find(|t| t.name() == self.name);
                    return Ok(topic.map(|topic| count(topic.partitions().len())));
                }
                Err(error) if Instant::now() >= deadline => {
                    let events = self.producer.client().context();
                    let why = events.said().unwrap_or_else(|| error.to_string());
                    return Err(source::failed_connection(config, patience, &why).into());
                }
                Err(error) => debug!("asking again: {error}"),
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    // A topic that was just created takes a moment to get its leaders.
    fn wait(&self, patience: Duration) -> Result<i32, CommandFailure> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Ok(metadata) = self
                .producer
                .client()
                .fetch_metadata(Some(&self.name), ASK_MAX)
                && let Some(topic) = metadata.topics().first()
                && topic.error().is_none()
                && !topic.partitions().is_empty()
                && topic.partitions().iter().all(|p| p.leader() >= 0)
            {
                return Ok(count(topic.partitions().len()));
            }
            thread::sleep(Duration::from_millis(20));
        }
        let name = &self.name;
        Err(CommandFailure::Unavailable(anyhow!(
            "topic {name} was created, but has had no leader for {}",
            duration::text(patience)
        )))
    }

    fn refusal(&self) -> Result<(), CommandFailure> {
        let events = self.producer.client().context();
        let Some((code, why)) = events.refusal() else {
            return Ok(());
        };
        let refused = events.refused.load(Ordering::Relaxed);
        let name = &self.name;
        // The error of the client may come before the messages come back.
        let messages = match refused {
            0 => "messages".to_owned(),
            refused => counted(refused, "message"),
        };
        let message = anyhow!("{messages} could not be written to topic {name}: {why}");
        Err(match code {
            Some(RDKafkaErrorCode::MessageTimedOut | RDKafkaErrorCode::OperationTimedOut) => {
                CommandFailure::Unavailable(message)
            }
            Some(RDKafkaErrorCode::InvalidTimestamp) => CommandFailure::Running(message.context(
                "the broker refuses records that are this far from its clock: set \
                 message.timestamp.after.max.ms of the topic, or choose another --start",
            )),
            _ => CommandFailure::Running(message),
        })
    }
}

impl MessageSink for TopicProducer {
    fn send(&mut self, message: &Message<'_>) -> Result<(), CommandFailure> {
        let mut record = BaseRecord::<[u8], [u8]>::to(&self.name)
            .partition(self.next)
            // A timestamp of 0 would mean now.
            .timestamp(message.timestamp.millis().max(1));
        if let Some(value) = message.value {
            record = record.payload(value);
        }
        self.next = (self.next + 1) % self.partitions.max(1);
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    self.refusal()?;
                    record = back;
                    thread::sleep(Duration::from_millis(1));
                }
                Err((error, _)) => {
                    if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
                        // Why, the client has said, or is about to say.
                        let events = self.producer.client().context();
                        events.refused.fetch_add(1, Ordering::Relaxed);
                        self.refusal()?;
                    }
                    let name = &self.name;
                    return Err(CommandFailure::Running(anyhow!(
                        "a message could not be written to topic {name}: {error}"
                    )));
                }
            }
        }
    }

    fn flush(&mut self) -> Result<(), CommandFailure> {
        self.refusal()
    }
}

fn count(partitions: usize) -> i32 {
    i32::try_from(partitions).unwrap_or(i32::MAX)
}

fn client(config: &source::Config) -> ClientConfig {
    let mut client = ClientConfig::new();
    for (property, value) in SETTINGS {
        client.set(property, value);
    }
    for (property, value) in &config.properties {
        client.set(property, value);
    }
    client.set("bootstrap.servers", &config.brokers);
    // Properties of a consumer are allowed here: without this, each would be logged.
    client.set_log_level(RDKafkaLogLevel::Warning);
    client
}

fn create(
    client: &ClientConfig,
    name: &str,
    partitions: i32,
    start: Option<EventTime>,
    patience: Duration,
) -> Result<(), CommandFailure> {
    // A broker deletes by the timestamps of records, and those of a history are old.
    let settings = [
        ("retention.ms", "-1"),
        ("message.timestamp.after.max.ms", "9223372036854775807"),
    ];
    let ahead = start.is_some_and(|start| start.millis() > now_ms().saturating_sub(AHEAD_MAX_MS));
    // Brokers before 3.6 don't know the second one, and let any timestamp in.
    let tries = if ahead { &[2, 1][..] } else { &[1] };
    let mut outcome = Ok(());
    for known in tries {
        outcome = ask_to_create(client, name, partitions, settings.get(..*known), patience);
        if outcome.is_ok() {
            let partitions = counted(u64::from(partitions.unsigned_abs()), "partition");
            info!("created topic {name} with {partitions}");
            return Ok(());
        }
    }
    outcome.map_err(|why| CommandFailure::Running(anyhow!("topic {name} can't be created: {why}")))
}

fn ask_to_create(
    client: &ClientConfig,
    name: &str,
    partitions: i32,
    settings: Option<&[(&str, &str)]>,
    patience: Duration,
) -> Result<(), String> {
    let admin: AdminClient<DefaultClientContext> = client
        .create()
        .map_err(|error: KafkaError| error.to_string())?;
    // −1 leaves the number of copies to the brokers.
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(-1));
    let topic = settings
        .unwrap_or_default()
        .iter()
        .fold(topic, |topic, (key, value)| topic.set(key, value));
    let options = AdminOptions::new()
        .request_timeout(Some(patience))
        .operation_timeout(Some(patience));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| error.to_string())?;
    let answers = runtime
        .block_on(admin.create_topics([&topic], &options))
        .map_err(|error| error.to_string())?;
    match answers.into_iter().next() {
        Some(Ok(_)) | Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
        Some(Err((_, code))) => Err(code.to_string()),
        None => Err("the broker did not say why".into()),
    }
}

/// How long the client may take to say why it threw messages away.
const CAUSE_MAX: Duration = Duration::from_secs(1);

/// What the client library reports: refused messages and errors.
#[derive(Default)]
struct ProducerEvents {
    refused: AtomicU64,
    first: Mutex<Option<(Option<RDKafkaErrorCode>, String)>>,
    said: Arc<Mutex<Option<String>>>,
}

impl ProducerEvents {
    /// Why messages are not written, if that is so. The client may throw them away before it says why,
    /// which it is given a moment for.
    fn refusal(&self) -> Option<(Option<RDKafkaErrorCode>, String)> {
        let deadline = Instant::now() + CAUSE_MAX;
        loop {
            let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
            let is_thrown_away = self.refused.load(Ordering::Relaxed) > 0;
            if first.is_some() || !is_thrown_away {
                return first.clone();
            }
            drop(first);
            if Instant::now() >= deadline {
                let why = self.said();
                let why = why.unwrap_or_else(|| "the client gave them up without a reason".into());
                return Some((Some(RDKafkaErrorCode::PurgeQueue), why));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn said(&self) -> Option<String> {
        self.said
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, code: Option<RDKafkaErrorCode>, why: String) {
        let why = match code {
            // A producer that keeps the order asks for an id first, which takes the right to write to some
            // topic.
            Some(
                RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed,
            ) => {
                "Kafka denies writing to it: grant the user WRITE on the topic (brokers before 2.8 \
                  need IDEMPOTENT_WRITE on the cluster too)"
                    .to_owned()
            }
            // The client threw them away because of an error, which says more.
            Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight) => return,
            _ => why,
        };
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert((code, why));
    }
}

impl ClientContext for ProducerEvents {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(target: "librdkafka", "{facility}: {message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        debug!("Kafka client: {error}: {reason}");
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AllBrokersDown) => {}
            Some(
                code @ (RDKafkaErrorCode::Fatal
                | RDKafkaErrorCode::SaslAuthenticationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed),
            ) => self.note(Some(code), reason.to_owned()),
            _ => {
                let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
                *said = Some(reason.to_owned());
            }
        }
    }
}

impl ProducerContext for ProducerEvents {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.refused.fetch_add(1, Ordering::Relaxed);
            self.note(error.rdkafka_error_code(), error.to_string());
        }
    }
}
