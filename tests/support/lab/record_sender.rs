//! Sends records to a topic.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientContext, Message as _};

const PATIENCE: Duration = Duration::from_secs(60);

/// One record to send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Where it goes.
    pub partition: i32,
    /// Record timestamp, milliseconds since the epoch.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Names and values of its headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its bytes; `None` is a tombstone.
    pub payload: Option<Vec<u8>>,
}

/// A producer whose records are taken once and in order within each partition, by all replicas that are in sync.
pub struct RecordSender {
    producer: ThreadedProducer<Deliveries>,
    failures: Arc<Failures>,
}

impl RecordSender {
    /// One that finds its brokers by `client`.
    pub(super) fn new(mut client: ClientConfig) -> Self {
        let failures = Arc::new(Failures::default());
        let producer = client
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .set("message.max.bytes", "16000000")
            .set("queue.buffering.max.messages", "200000")
            .create_with_context(Deliveries(Arc::clone(&failures)))
            .expect("a producer");
        Self { producer, failures }
    }

    /// Has records sent, in order within each partition. [`Self::flush`] waits for them.
    #[track_caller]
    pub fn send(&self, topic: &str, messages: impl IntoIterator<Item = Message>) {
        for message in messages {
            let mut record = BaseRecord::<[u8], [u8]>::to(topic)
                .partition(message.partition)
                .timestamp(message.timestamp);
            if let Some(key) = &message.key {
                record = record.key(key);
            }
            if !message.headers.is_empty() {
                let headers = message.headers.iter();
                record = record.headers(headers.fold(OwnedHeaders::new(), |all, (key, value)| {
                    all.insert(Header {
                        key,
                        value: Some(value),
                    })
                }));
            }
            if let Some(payload) = &message.payload {
                record = record.payload(payload);
            }
            loop {
                match self.producer.send(record) {
                    Ok(()) => break,
                    Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                        record = back;
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    Err((error, _)) => panic!("cannot send to {topic}: {error}"),
                }
            }
        }
    }

    /// Waits until brokers have all records.
    #[track_caller]
    pub fn flush(&self) {
        self.producer
            .flush(PATIENCE)
            .expect("brokers take all records within a minute");
        let failed = self.failures.count.load(Ordering::Acquire);
        assert!(
            failed == 0,
            "{failed} records were not taken: {:?}",
            self.failures.last.lock()
        );
    }
}

#[derive(Default)]
struct Failures {
    count: AtomicU64,
    last: Mutex<Option<String>>,
}

struct Deliveries(Arc<Failures>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = result {
            self.0.count.fetch_add(1, Ordering::AcqRel);
            *self.0.last.lock().unwrap() =
                Some(format!("{error} (partition {})", message.partition()));
        }
    }
}
