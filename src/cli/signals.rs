//! The signals that ask for a stop.

use std::io;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT and SIGTERM.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// When the last signal that counted came.
    last: Option<Instant>,
}

/// A signal that follows so soon is the same signal: `timeout` sends it to the process and then to its group.
const SAME_SIGNAL: Duration = Duration::from_millis(100);

impl Signals {
    /// Starts to listen for signals. Must be called within a runtime.
    ///
    /// # Errors
    /// When signals can't be listened for.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            last: None,
        })
    }

    /// Waits for the next signal that counts.
    pub(super) async fn stop(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => {}
            }
            if self.last.is_none_or(|last| last.elapsed() > SAME_SIGNAL) {
                self.last = Some(Instant::now());
                return;
            }
        }
    }
}
