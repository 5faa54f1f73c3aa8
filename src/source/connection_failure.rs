//! A connection to a broker that failed, in plain words.

use std::fmt;

/// A connection that failed: with which broker, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionFailure<'a> {
    /// `host:port`.
    pub(super) broker: &'a str,
    /// In the words of the client library.
    pub(super) words: &'a str,
    /// How long the connection was in which state, also in its words; may be empty.
    pub(super) state: &'a str,
}

impl<'a> ConnectionFailure<'a> {
    /// What the client library says with `SCHEME://HOST:PORT/ID: WORDS (after 5ms in state STATE, …)`.
    pub(super) fn of(said: &'a str) -> Option<Self> {
        // The name of a role stands before that of the broker who has it.
        let said = said.strip_prefix("GroupCoordinator: ").unwrap_or(said);
        let (name, rest) = said.split_once(": ")?;
        let broker = name.rsplit("://").next()?.split('/').next()?;
        let (words, state) = rest.rsplit_once(" (after ").unwrap_or((rest, ""));
        Some(Self {
            broker,
            words,
            state,
        })
    }

    /// The same of a line in the library's log, `[thrd:NAME]: NAME: WORDS`.
    pub(super) fn of_log(message: &'a str) -> Option<Self> {
        Self::of(message.split_once("]: ").map_or(message, |(_, said)| said))
    }

    /// Whether the other side closed it, and said nothing.
    pub(super) fn is_closed(&self) -> bool {
        self.words.contains("Disconnected") || self.words.contains("Broken pipe")
    }
}

/// A sentence that is the same as long as the cause is: without counters, times and names of states.
impl fmt::Display for ConnectionFailure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = if self.is_closed() {
            "the broker closed it"
        } else {
            // `Connect to ipv4#127.0.0.1:9092 failed: Connection refused`
            match self.words.split_once(" failed: ") {
                Some((what, why)) if what.starts_with("Connect to ") => why,
                _ => self.words,
            }
        };
        write!(
            f,
            "the connection to Kafka at {} failed: {why}",
            self.broker
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_failure_is_told_by_broker_and_cause_without_the_counters_of_the_client() {
        let refused = "the connection to Kafka at 127.0.0.1:9092 failed: Connection refused";
        let closed = "the connection to Kafka at 127.0.0.1:9092 failed: the broker closed it";
        for (said, told) in [
            (
                "127.0.0.1:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after \
                 0ms in state CONNECT, 1 identical error(s) suppressed)",
                refused,
            ),
            (
                "[thrd:GroupCoordinator]: GroupCoordinator: 127.0.0.1:9092: Connect to \
                 ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)",
                refused,
            ),
            (
                "[thrd:sasl_ssl://127.0.0.1:9092/1]: sasl_ssl://127.0.0.1:9092/1: SSL handshake failed: \
                 Disconnected: connection reset by peer: connecting to a PLAINTEXT broker listener? (after \
                 1ms in state SSL_HANDSHAKE)",
                closed,
            ),
            (
                "127.0.0.1:9092/1: Disconnected (after 500ms in state UP)",
                closed,
            ),
            ("ssl://127.0.0.1:9092/1: Broken pipe", closed),
            (
                "kafka:9092/1: Failed to resolve 'kafka:9092': Name or service not known (after 3ms in state \
                 CONNECT)",
                "the connection to Kafka at kafka:9092 failed: Failed to resolve 'kafka:9092': Name or \
                 service not known",
            ),
        ] {
            assert_eq!(ConnectionFailure::of_log(said).unwrap().to_string(), told);
        }
        assert_eq!(ConnectionFailure::of("no broker at all"), None);
    }
}
