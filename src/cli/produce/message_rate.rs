//! The rate at which `tidegauge produce` sends.

use std::thread;
use std::time::{Duration, Instant};

/// The longest wait for the next message. Signals are checked after each wait.
const WAIT_MAX: Duration = Duration::from_millis(10);

/// How many messages are due, at a fixed rate.
pub(super) struct MessageRate {
    rate: Option<u64>,
    started: Instant,
}

impl MessageRate {
    /// `rate` messages a second from now on; without a rate, as many as possible.
    pub(super) fn new(rate: Option<u64>) -> Self {
        Self {
            rate,
            started: Instant::now(),
        }
    }

    /// How many messages should have been sent by now, the first one at once.
    pub(super) fn due(&self) -> u64 {
        match self.rate {
            Some(rate) => {
                let due = self.started.elapsed().as_nanos() * u128::from(rate) / 1_000_000_000;
                u64::try_from(due).unwrap_or(u64::MAX).saturating_add(1)
            }
            None => u64::MAX,
        }
    }

    /// Waits until there may be another one.
    pub(super) fn wait(&self) {
        let rate = self.rate.unwrap_or(u64::MAX).max(1);
        thread::sleep(
            Duration::from_nanos(1_000_000_000 / rate).clamp(Duration::from_millis(1), WAIT_MAX),
        );
    }
}
