//! Connecting to Kafka while the state is opened: each takes its time at a start.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::{JoinError, JoinHandle};

use super::worker_start::KAFKA_PATIENCE;
use crate::host::blocking;
use crate::source::{self, Source};

/// A connection to the topic that is being made. If this is dropped, it is given up within about a second.
pub(super) struct EarlyConnection {
    outcome: JoinHandle<Result<Result<Source, source::Error>, JoinError>>,
    is_wanted: Arc<AtomicBool>,
}

impl EarlyConnection {
    /// Begins to connect. `None` in a simulation, where nothing happens beside anything else.
    pub(super) fn begin(kafka: &source::Config) -> Option<Self> {
        #[cfg(feature = "simulation")]
        if source::simulated::connector().is_some() {
            return None;
        }
        let kafka = kafka.clone();
        let is_wanted = Arc::new(AtomicBool::new(true));
        let wanted = Arc::clone(&is_wanted);
        let connect = move || Source::connect_while(&kafka, KAFKA_PATIENCE, &wanted);
        Some(Self {
            outcome: tokio::spawn(blocking::run(connect)),
            is_wanted,
        })
    }

    /// What became of it. `None` if it has failed before this was called: Kafka may answer by now.
    pub(super) async fn finish(mut self) -> Option<Result<Source, source::Error>> {
        let was_over = self.outcome.is_finished();
        let outcome = (&mut self.outcome).await.ok()?.ok()?;
        (outcome.is_ok() || !was_over).then_some(outcome)
    }

    /// Gives it up, and waits until its threads have ended.
    pub(super) async fn give_up(mut self) {
        self.is_wanted.store(false, Ordering::Relaxed);
        // Whatever became of it is of no interest.
        let _ = (&mut self.outcome).await;
    }
}

impl Drop for EarlyConnection {
    fn drop(&mut self) {
        self.is_wanted.store(false, Ordering::Relaxed);
    }
}
