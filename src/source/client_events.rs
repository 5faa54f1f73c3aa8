//! The events of the client library: errors, logs, and changes of the topic's id.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use tracing::{debug, error, info, warn};

use super::Config;
use super::certificate;
use super::connection_failure::ConnectionFailure;
use super::connection_trouble::{ConnectionTrouble, TOLD_MAX};
use super::refusal::{Cause, ConnectionRefusal};
use super::security::Security;
use crate::domain::topic_id::TopicId;
use crate::host::clock::Instant;

/// Listens to the client library: logs what it says and remembers what is wrong.
pub(super) struct ClientEvents {
    topic: String,
    security: Security,
    served: AtomicU64,
    /// How many ids have been noted.
    ids: AtomicU64,
    /// The ids that were not taken yet.
    untaken: Mutex<Vec<Option<TopicId>>>,
    outages: AtomicU64,
    /// Whether a broker has ever answered.
    was_up: AtomicBool,
    trouble: Mutex<ConnectionTrouble>,
}

/// A text that the client logs before it reads by another id of the topic; it gives no other sign.
const CHANGED_ID: &str = " changed id from ";

/// The name under which the client logs that a connection failed.
const FAILED: &str = "FAIL";
/// What the client logs at each try to connect, before the broker refuses it.
const NO_ISSUER: &str = "No matching issuer found in server trusted certificate authorities";

impl ClientEvents {
    /// The events of a client with this configuration.
    pub(super) fn new(config: &Config) -> Self {
        Self::of(&config.topic, Security::of(&config.properties))
    }

    fn of(topic: &str, security: Security) -> Self {
        Self {
            topic: topic.to_owned(),
            security,
            served: AtomicU64::new(0),
            ids: AtomicU64::new(0),
            untaken: Mutex::default(),
            outages: AtomicU64::new(0),
            was_up: AtomicBool::new(false),
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

    /// That no broker answers, and why, as one sentence, if it is so.
    pub(super) fn down(&self) -> Option<String> {
        let trouble = self.trouble();
        trouble.down.then(|| trouble.sentence())
    }

    /// A broker has answered.
    pub(super) fn set_up(&self) {
        self.was_up.store(true, Ordering::Relaxed);
        self.trouble().end();
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

    /// Why a broker and the client do not accept each other, if that is certain.
    pub(super) fn refusal(&self) -> Option<String> {
        self.trouble().certain().map(ConnectionRefusal::to_string)
    }

    /// Finds out why the certificate of a broker is not accepted, if that is so. May take seconds.
    pub(super) fn examine(&self) {
        let broker = {
            let trouble = self.trouble();
            let refusal = trouble.refusal.as_ref();
            match refusal.filter(|_| trouble.wants_examination()) {
                Some(refusal) => refusal.broker.clone(),
                None => return,
            }
        };
        let fault = certificate::examine(&broker, &self.security);
        let mut trouble = self.trouble();
        trouble.examined = Some(Instant::now());
        // Meanwhile another event may have come.
        if let Some(refusal) = &mut trouble.refusal
            && refusal.broker == broker
            && let Cause::Certificate(known) = &mut refusal.cause
        {
            *known = fault.or_else(|| known.take());
            trouble.why = trouble.refusal.as_ref().map(ConnectionRefusal::to_string);
            self.tell(&mut trouble);
        }
    }

    // Logs a refusal once. At a start, the error says it.
    fn tell(&self, trouble: &mut ConnectionTrouble) {
        let Some(sentence) = trouble.certain().map(ConnectionRefusal::to_string) else {
            return;
        };
        let is_new = trouble.told_refusals.len() < TOLD_MAX
            && trouble.told_refusals.insert(sentence.clone());
        if is_new && self.was_up.load(Ordering::Relaxed) {
            warn!("{sentence}");
        }
        trouble.told |= trouble.down;
    }

    /// The last error of a connection.
    pub(super) fn why(&self) -> Option<String> {
        self.trouble().why.clone()
    }

    /// Forgets what was said about connections: it no longer explains anything.
    pub(super) fn forget_why(&self) {
        let mut trouble = self.trouble();
        trouble.why = None;
        trouble.refusal = None;
    }

    /// The client library said this of a connection.
    pub(super) fn note_failure(&self, said: &str) {
        let failure = ConnectionFailure::of(said);
        let refusal = failure.and_then(|failure| self.refusal_of(&failure));
        let mut trouble = self.trouble();
        match refusal {
            Some(refusal) => {
                trouble.note(refusal);
                self.tell_unless_examined(&mut trouble);
            }
            None => {
                trouble.why =
                    Some(failure.map_or_else(|| said.to_owned(), |failure| failure.to_string()));
                trouble.refusal = None;
            }
        }
    }

    // What the client's log says of a connection that failed, in our own words and once for a while. What is a refusal is
    // told elsewhere.
    fn log_failure(&self, failure: &ConnectionFailure<'_>) {
        match self.refusal_of(failure) {
            // The client gives no other sign of some of these.
            Some(refusal) if !refusal.is_certain() => self.trouble().note(refusal),
            Some(_) => {}
            None => {
                let sentence = failure.to_string();
                if self.trouble().is_failure_untold(&sentence) {
                    warn!("{sentence}");
                }
            }
        }
    }

    fn refusal_of(&self, failure: &ConnectionFailure<'_>) -> Option<ConnectionRefusal> {
        let refusal = ConnectionRefusal::of(failure, &self.security)?;
        (!self.is_sudden(&refusal)).then_some(refusal)
    }

    // A broker that dies closes connections as one does that wants TLS or a login. Of one that has answered, that is not
    // believed before an outage lasts.
    fn is_sudden(&self, refusal: &ConnectionRefusal) -> bool {
        refusal.is_only_closed() && self.was_up.load(Ordering::Relaxed) && !self.trouble().down
    }

    // What is wrong with a certificate is told when it is known.
    fn tell_unless_examined(&self, trouble: &mut ConnectionTrouble) {
        if !trouble.wants_examination() {
            self.tell(trouble);
        }
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

impl ClientContext for ClientEvents {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.count();
        // Every few seconds for as long as a broker is silent, which is logged once in our own words.
        if facility == "REQTMOUT" {
            debug!(target: "librdkafka", "{facility}: {message}");
            return;
        }
        if facility == FAILED
            && let Some(failure) = ConnectionFailure::of_log(message)
        {
            debug!(target: "librdkafka", "{facility}: {message}");
            self.log_failure(&failure);
            return;
        }
        if message.contains(NO_ISSUER) {
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
        match code {
            Some(RDKafkaErrorCode::AllBrokersDown) => {
                let mut trouble = self.trouble();
                trouble.down = true;
                self.outages.fetch_add(1, Ordering::Relaxed);
                if trouble.certain().is_some() {
                    self.tell_unless_examined(&mut trouble);
                } else if !trouble.told {
                    warn!("{}", trouble.sentence());
                    trouble.told = true;
                }
            }
            // The client logs it, too.
            _ => {
                debug!("Kafka client: {error}: {reason}");
                self.note_failure(reason);
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
        let events = ClientEvents::of("pay", Security::default());
        assert_eq!(events.take_topic_ids(), []);
        for id in ["ASNFZ4mrze/+3LqYdlQyEA", "AAAAAAAAAAAAAAAAAAAAAA"] {
            events.note_id(&format!("Topic pay changed id from x to {id}"));
        }
        let id = TopicId::new(0x0123_4567_89ab_cdef_fedc_ba98_7654_3210);
        assert_eq!(events.take_topic_ids(), [id, None]);
        assert_eq!(events.take_topic_ids(), []);
    }

    #[test]
    fn a_broker_that_dies_is_not_taken_for_one_that_wants_a_login() {
        let closed = "127.0.0.1:9092/1: Disconnected (after 500ms in state UP)";
        let said = |events: &ClientEvents| {
            events.note_failure(closed);
            events.why().unwrap_or_default()
        };
        let events = ClientEvents::of("pay", Security::default());
        assert!(said(&events).contains("wants a login"));
        events.set_up();
        assert!(said(&events).ends_with("failed: the broker closed it"));
        // It says why.
        let unanswered = "127.0.0.1:9092/1: SASL authentication error: SaslAuthenticateRequest failed: Local: Timed out";
        events.note_failure(unanswered);
        assert!(
            events
                .why()
                .unwrap_or_default()
                .contains("did not answer the login")
        );
        // The broker may be there again, with other listeners.
        events.trouble().down = true;
        assert!(said(&events).contains("wants a login"));
    }
}
