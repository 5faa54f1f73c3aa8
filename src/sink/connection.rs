//! How the delivery is doing, in words.

use std::time::Duration;

use tidegauge_windows::EventTime;
use tracing::{info, warn};

use super::config::Pacing;
use super::retry::{Backoff, Verdict};
use super::trouble::Trouble;
use crate::domain::timestamp::rfc3339;
use crate::host::clock::Instant;
use crate::host::wall_clock::since_epoch;
use crate::observe::status::Condition;

/// The line to the server: whether it holds, since when, and when to try again.
#[derive(Debug)]
pub(super) struct Connection {
    state: ConnectionState,
    since: EventTime,
    waits: Backoff,
    denied: Duration,
    inspect: Duration,
    /// The address, without credentials.
    server: String,
}

#[derive(Debug)]
enum ConnectionState {
    /// Nothing was asked yet.
    New,
    Up,
    Down {
        trouble: Trouble,
        until: Instant,
    },
}

impl Connection {
    pub(super) fn new(pacing: &Pacing, server: &str) -> Self {
        Self {
            state: ConnectionState::New,
            since: now(),
            waits: Backoff::new(pacing.retry_first, pacing.retry_most, fastrand::f64),
            denied: pacing.denied,
            inspect: pacing.inspect,
            server: server.to_owned(),
        }
    }

    /// When a request makes sense again, if it does not now.
    pub(super) fn closed_until(&self, now: Instant) -> Option<Instant> {
        match self.state {
            ConnectionState::Down { until, .. } => Some(until).filter(|until| now < *until),
            ConnectionState::New | ConnectionState::Up => None,
        }
    }

    /// Why nothing may be written at all, if indexes are of another log.
    pub(super) fn foreign(&self) -> Option<&str> {
        match &self.state {
            ConnectionState::Down { trouble, .. } if trouble.verdict == Verdict::Foreign => {
                Some(&trouble.reason)
            }
            _ => None,
        }
    }

    /// A request was answered as it should be. Whether it was down, and is not any more.
    ///
    /// A server that denies access, or whose indexes are of another log, is left alone for its time: what else is answered
    /// or fails until then says nothing about that.
    pub(super) fn works(&mut self) -> bool {
        if self.is_shut() {
            return false;
        }
        self.waits.reset();
        let was_down = matches!(self.state, ConnectionState::Down { .. });
        if !matches!(self.state, ConnectionState::Up) {
            info!(server = self.server, "Elasticsearch is reachable");
            self.state = ConnectionState::Up;
            self.since = now();
        }
        was_down
    }

    // Whether the server is left alone for a time that is not over.
    fn is_shut(&self) -> bool {
        match &self.state {
            ConnectionState::Down { trouble, until } => {
                is_shutting(trouble) && Instant::now() < *until
            }
            ConnectionState::New | ConnectionState::Up => false,
        }
    }

    /// A request as a whole failed.
    pub(super) fn fails(&mut self, trouble: Trouble) {
        if self.is_shut() && !is_shutting(&trouble) {
            return;
        }
        let wait = match trouble.verdict {
            Verdict::Denied => self.denied,
            Verdict::Foreign => self.inspect,
            _ => self.waits.next().unwrap_or_default(),
        };
        let known = match &self.state {
            ConnectionState::Down { trouble: known, .. } => known.reason == trouble.reason,
            ConnectionState::New | ConnectionState::Up => {
                self.since = now();
                false
            }
        };
        if !known {
            let (server, reason) = (&self.server, &trouble.reason);
            warn!(server, reason, "nothing can be delivered now");
        }
        self.state = ConnectionState::Down {
            trouble,
            until: Instant::now() + wait,
        };
    }

    /// How the part is doing, for operators; the caller adds how much waits. `hindered` says what keeps some documents back.
    pub(super) fn report(&self, product: &str, hindered: Option<String>) -> (Condition, String) {
        let since = rfc3339(self.since);
        match &self.state {
            ConnectionState::New => (Condition::Starting, "connecting".to_owned()),
            ConnectionState::Down { trouble, .. } => match trouble.verdict {
                Verdict::Denied => (
                    Condition::Failed,
                    format!(
                        "{product} has denied access since {since}: {}; check the credentials and \
                         their privileges",
                        trouble.reason
                    ),
                ),
                Verdict::Foreign => (
                    Condition::Failed,
                    format!("nothing is written: {}", trouble.reason),
                ),
                Verdict::Park => (
                    Condition::Failed,
                    format!("{product} refuses what is needed: {}", trouble.reason),
                ),
                _ => (
                    Condition::Degraded,
                    format!(
                        "{product} has not been usable since {since}: {}",
                        trouble.reason
                    ),
                ),
            },
            ConnectionState::Up => match hindered {
                Some(reason) => (Condition::Degraded, reason),
                None => (
                    Condition::Ok,
                    format!("{product} has been reachable since {since}"),
                ),
            },
        }
    }
}

fn is_shutting(trouble: &Trouble) -> bool {
    matches!(trouble.verdict, Verdict::Denied | Verdict::Foreign)
}

/// Now, to the second.
fn now() -> EventTime {
    let millis = u128::from(since_epoch().as_secs()) * 1_000;
    EventTime::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}
