//! The events of the client library: errors, logs, and changes of the topic's id.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use tracing::{debug, error, info, warn};

use crate::domain::topic_id::TopicId;

/// Listens to the client library: logs what it says and remembers what is wrong.
pub(super) struct ClientEvents {
    topic: String,
    served: AtomicU64,
    /// How many ids have been noted.
    ids: AtomicU64,
    /// The ids that were not taken yet.
    untaken: Mutex<Vec<Option<TopicId>>>,
    outages: AtomicU64,
    trouble: Mutex<ConnectionTrouble>,
}

/// A text that the client logs before it reads by another id of the topic; it gives no other sign.
const CHANGED_ID: &str = " changed id from ";

#[derive(Default)]
struct ConnectionTrouble {
    /// No broker is connected.
    down: bool,
    /// Whether it was logged that brokers don't answer.
    told: bool,
    /// The last error of a connection.
    why: Option<String>,
    /// The error of the login, if it was refused.
    login: Option<String>,
}

impl ClientEvents {
    /// The events of a client that reads `topic`.
    pub(super) fn of(topic: &str) -> Self {
        Self {
            topic: topic.to_owned(),
            served: AtomicU64::new(0),
            ids: AtomicU64::new(0),
            untaken: Mutex::default(),
            outages: AtomicU64::new(0),
            trouble: Mutex::default(),
        }
    }

    /// The ids by which the client has begun to read the topic since the last call, in order; `None`
    /// for a broker that gives topics no id.
    ///
    /// The client says so before it asks for the first record by the new id. So what was taken from
    /// a queue before all events were served, and then no other id was told, is of the topic with
    /// the last id told.
    pub(super) fn take_topic_ids(&self) -> Vec<Option<TopicId>> {
        // Asked for with every batch, and mostly there is none.
        if self.ids.swap(0, Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        std::mem::take(&mut self.untaken.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many events there have been.
    pub(super) fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    /// How often it was said that no broker answers.
    pub(super) fn outages(&self) -> u64 {
        self.outages.load(Ordering::Relaxed)
    }

    /// Why no broker answers, if none does.
    pub(super) fn down(&self) -> Option<String> {
        let trouble = self.trouble();
        let why = || trouble.why.clone().unwrap_or_default();
        trouble.down.then(why)
    }

    /// A broker has answered.
    pub(super) fn set_up(&self) {
        *self.trouble() = ConnectionTrouble::default();
    }

    /// Brokers don't answer: logged when that begins, and not again before one has answered.
    pub(super) fn log_silence(&self, reason: &str) {
        let mut trouble = self.trouble();
        if !trouble.told {
            warn!("{reason}");
            trouble.told = true;
        }
    }

    /// Whether it was logged that brokers don't answer, and not since that they do.
    pub(super) fn is_silence_logged(&self) -> bool {
        self.trouble().told
    }

    /// Brokers answer: logged if it was that they don't.
    pub(super) fn log_answer(&self) {
        if std::mem::take(&mut self.trouble().told) {
            info!("Kafka answers again");
        }
    }

    /// Why the login was refused, if it was.
    pub(super) fn login(&self) -> Option<String> {
        self.trouble().login.clone()
    }

    /// The last error of a connection.
    pub(super) fn why(&self) -> Option<String> {
        self.trouble().why.clone()
    }

    /// Forgets what was said about connections: it no longer explains anything.
    pub(super) fn forget_why(&self) {
        let mut trouble = self.trouble();
        trouble.why = None;
        trouble.login = None;
    }

    fn note_id(&self, message: &str) {
        if let Some(id) = changed_id(message, &self.topic) {
            let untaken = &mut *self.untaken.lock().unwrap_or_else(PoisonError::into_inner);
            untaken.push(id);
            self.ids.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn count(&self) {
        self.served.fetch_add(1, Ordering::Relaxed);
    }

    // Each field stands for itself, so a panic in between leaves nothing half done.
    fn trouble(&self) -> MutexGuard<'_, ConnectionTrouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an operator can use of `host:9092/1: Connect to … failed: … (after 0ms in state CONNECT, 1
/// identical error(s) suppressed)`: the rest changes every time and says nothing of the cause.
fn cause_of(reason: &str) -> &str {
    reason
        .split_once(" (after ")
        .map_or(reason, |(cause, _)| cause)
}

impl ClientContext for ClientEvents {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.count();
        // Every few seconds for as long as a broker is silent, which is logged once in our own words.
        if facility == "REQTMOUT" {
            debug!(target: "librdkafka", "{facility}: {message}");
            return;
        }
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                error!(target: "librdkafka", "{facility}: {message}");
            }
            // The client keeps trying after each of its errors.
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
                warn!(target: "librdkafka", "{facility}: {message}");
            }
            RDKafkaLogLevel::Notice => info!(target: "librdkafka", "{facility}: {message}"),
            RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                self.note_id(message);
                debug!(target: "librdkafka", "{facility}: {message}");
            }
        }
    }

    fn stats_raw(&self, _: &[u8]) {
        self.count();
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.count();
        let code = error.rdkafka_error_code();
        let mut trouble = self.trouble();
        match code {
            Some(RDKafkaErrorCode::AllBrokersDown) => {
                if !trouble.told {
                    let why = trouble.why.as_deref().unwrap_or(cause_of(reason));
                    warn!("no Kafka broker answers: {why}");
                }
                trouble.told = true;
                trouble.down = true;
                self.outages.fetch_add(1, Ordering::Relaxed);
            }
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
                trouble.login = Some(reason.to_owned());
                trouble.why = Some(reason.to_owned());
            }
            // The client logs it, too.
            _ => {
                debug!("Kafka client: {error}: {reason}");
                trouble.why = Some(cause_of(reason).to_owned());
            }
        }
    }
}

impl ConsumerContext for ClientEvents {}

/// The id by which `topic` is read from now on, if this is said of it: `[thrd:main]: Topic NAME changed
/// id from ID to ID`.
fn changed_id(message: &str, topic: &str) -> Option<Option<TopicId>> {
    let (before, ids) = message.split_once(CHANGED_ID)?;
    if before.rsplit(' ').next()? != topic {
        return None;
    }
    let (_, id) = ids.split_once(" to ")?;
    // An id of zeros stands for "none".
    Some(id.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_told_by_the_clients_words() {
        let told = "[thrd:main]: Topic pay-1 changed id from AAAAAAAAAAAAAAAAAAAAAA to \
                    ASNFZ4mrze/+3LqYdlQyEA";
        let id = TopicId::new(0x0123_4567_89ab_cdef_fedc_ba98_7654_3210);
        assert_eq!(changed_id(told, "pay-1"), Some(id));
        assert_eq!(changed_id(told, "pay"), None);
        let none = "Topic pay changed id from ASNFZ4mrze/+3LqYdlQyEA to AAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(changed_id(none, "pay"), Some(None));
        assert_eq!(changed_id("Topic pay [0] Leader 1 Epoch 0", "pay"), None);
    }

    #[test]
    fn ids_are_taken_once_and_in_order() {
        let events = ClientEvents::of("pay");
        assert_eq!(events.take_topic_ids(), []);
        for id in ["ASNFZ4mrze/+3LqYdlQyEA", "AAAAAAAAAAAAAAAAAAAAAA"] {
            events.note_id(&format!("Topic pay changed id from x to {id}"));
        }
        let id = TopicId::new(0x0123_4567_89ab_cdef_fedc_ba98_7654_3210);
        assert_eq!(events.take_topic_ids(), [id, None]);
        assert_eq!(events.take_topic_ids(), []);
    }

    #[test]
    fn a_reason_is_the_cause_without_the_counters_of_the_client() {
        let said = "127.0.0.1:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection refused \
                    (after 0ms in state CONNECT, 1 identical error(s) suppressed)";
        let cause =
            "127.0.0.1:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection refused";
        assert_eq!(cause_of(said), cause);
        assert_eq!(cause_of(cause), cause);
    }
}
