//! What the direct reader has to know, and what keeps it from reading.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use super::login::SaslLogin;
use super::tls;
use crate::domain::secret::Secret;
use crate::source::security::Security;

/// How to connect and fetch.
#[derive(Debug)]
pub(super) struct DirectSettings {
    pub(super) client_id: String,
    /// How to speak TLS, if so.
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) login: Option<SaslLogin>,
    /// A fetch waits for records at the broker for so many ms.
    pub(super) wait_ms: i32,
    pub(super) min_bytes: i32,
    /// A fetch brings at most about so much, and a batch if that is larger.
    pub(super) max_bytes: i32,
    /// The same of one partition.
    pub(super) partition_max_bytes: i32,
    /// How long to wait for an answer: longer than a fetch waits.
    pub(super) answer_max: Duration,
    /// How many bytes are read ahead.
    pub(super) read_ahead_bytes: usize,
}

/// Properties of librdkafka that are respected here.
const RESPECTED: [&str; 20] = [
    "client.id",
    "fetch.max.bytes",
    "fetch.message.max.bytes",
    "fetch.min.bytes",
    "fetch.wait.max.ms",
    "max.partition.fetch.bytes",
    "queued.max.messages.kbytes",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
    "ssl.key.pem",
    "enable.ssl.certificate.verification",
];

/// Properties, or what they begin with, that say nothing of how records are fetched, or only of the client that asks
/// brokers for all else.
const OF_NO_CONCERN: [&str; 18] = [
    "api.version.",
    "broker.version.fallback",
    "connections.max.idle.ms",
    "debug",
    "fetch.error.backoff.ms",
    "fetch.queue.backoff.ms",
    "log",
    "message.max.bytes",
    "metadata.max.age.ms",
    "queued.min.messages",
    "receive.message.max.bytes",
    "reconnect.backoff.",
    "retry.backoff.",
    "session.timeout.ms",
    "socket.",
    "statistics.interval.ms",
    "topic.metadata.",
    "heartbeat.interval.ms",
];

impl DirectSettings {
    /// What `properties`, with the defaults among them, say.
    ///
    /// # Errors
    /// Why the direct reader can't read by them: what an operator wrote that it does not know.
    pub(super) fn of(
        given: &BTreeMap<String, String>,
        all: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        for name in given.keys() {
            let is_known = RESPECTED.contains(&name.as_str())
                || OF_NO_CONCERN.iter().any(|known| name.starts_with(known));
            if !is_known {
                return Err(format!(
                    "the direct reader does not know the property {name}"
                ));
            }
        }
        let security = Security::of(given);
        let number = |name: &str, default: i32| {
            let value = all(name).and_then(|text| text.trim().parse().ok());
            value.unwrap_or(default)
        };
        let wait_ms = number("fetch.wait.max.ms", 50);
        let read_ahead = number("queued.max.messages.kbytes", 32_768);
        let partition_max_bytes = match given.get("max.partition.fetch.bytes") {
            Some(_) => number("max.partition.fetch.bytes", 2 << 20),
            None => number("fetch.message.max.bytes", 2 << 20),
        };
        Ok(Self {
            client_id: all("client.id").unwrap_or_default(),
            tls: match security.uses_tls {
                true => Some(tls::client(given, &security)?),
                false => None,
            },
            login: match security.logs_in {
                true => Some(login(given, &security.mechanism)?),
                false => None,
            },
            wait_ms,
            min_bytes: number("fetch.min.bytes", 1),
            max_bytes: number("fetch.max.bytes", 8 << 20).min(BYTES_MAX),
            partition_max_bytes: partition_max_bytes.min(BYTES_MAX),
            answer_max: ANSWER_MAX + Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0)),
            read_ahead_bytes: usize::try_from(read_ahead).unwrap_or(0) << 10,
        })
    }
}

/// An answer must not be longer than what is taken for one.
const BYTES_MAX: i32 = 50_000_000;
/// How long a broker may take for an answer, beside the time for which a fetch waits.
const ANSWER_MAX: Duration = Duration::from_secs(10);

fn login(given: &BTreeMap<String, String>, mechanism: &str) -> Result<SaslLogin, String> {
    let get = |name: &str| given.get(name).cloned().unwrap_or_default();
    let password = Secret::new(get("sasl.password"));
    SaslLogin::of(mechanism, get("sasl.username"), password)
        .ok_or_else(|| format!("the direct reader does not know the login {mechanism}"))
}
