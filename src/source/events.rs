//! What the client library says besides records.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use tracing::{debug, error, info, warn};

/// Listens to the client library: logs what it says and remembers what is wrong.
#[derive(Default)]
pub(super) struct Events {
    served: AtomicU64,
    downs: AtomicU64,
    trouble: Mutex<Trouble>,
}

#[derive(Default)]
struct Trouble {
    /// No broker is connected.
    down: bool,
    /// What was said last about a connection.
    why: Option<String>,
    /// What was said about the login.
    login: Option<String>,
}

impl Events {
    /// How many events there have been.
    pub(super) fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    /// How often it was said that no broker answers.
    pub(super) fn downs(&self) -> u64 {
        self.downs.load(Ordering::Relaxed)
    }

    /// Why no broker answers, if none does.
    pub(super) fn down(&self) -> Option<String> {
        let trouble = self.trouble();
        let why = || trouble.why.clone().unwrap_or_default();
        trouble.down.then(why)
    }

    /// A broker has answered.
    pub(super) fn set_up(&self) {
        *self.trouble() = Trouble::default();
    }

    /// Why the login was refused, if it was.
    pub(super) fn login(&self) -> Option<String> {
        self.trouble().login.clone()
    }

    /// What was said last about a connection.
    pub(super) fn why(&self) -> Option<String> {
        self.trouble().why.clone()
    }

    /// What was said before about connections no longer explains anything.
    pub(super) fn forget_why(&self) {
        let mut trouble = self.trouble();
        trouble.why = None;
        trouble.login = None;
    }

    fn count(&self) {
        self.served.fetch_add(1, Ordering::Relaxed);
    }

    // Each field stands for itself, so a panic in between leaves nothing half done.
    fn trouble(&self) -> MutexGuard<'_, Trouble> {
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

impl ClientContext for Events {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.count();
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                error!(target: "librdkafka", "{facility}: {message}");
            }
            // The client goes on trying after each of its errors.
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
                warn!(target: "librdkafka", "{facility}: {message}");
            }
            RDKafkaLogLevel::Notice => info!(target: "librdkafka", "{facility}: {message}"),
            RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
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
                if !trouble.down {
                    let why = trouble.why.as_deref().unwrap_or(cause_of(reason));
                    warn!("no Kafka broker answers: {why}");
                }
                trouble.down = true;
                self.downs.fetch_add(1, Ordering::Relaxed);
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

impl ConsumerContext for Events {}

#[cfg(test)]
mod tests {
    use super::*;

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
