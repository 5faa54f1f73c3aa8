//! The writing thread: it owns the store, and does one thing after the other.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use tracing::error;

use super::Error;
use super::clock::{Timestamps, wall_clock};
use crate::effect::Effects;
use crate::feedback::Feedback;
use crate::status::{Condition, Part, Status};
use crate::store::{self, Store};

/// What the operating system holds is forced to the disk this often.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// What the writing thread is asked to do.
pub(super) enum Job {
    /// Write these, of records with these timestamps, as one checkpoint.
    Checkpoint(Box<Effects>, Timestamps),
    /// Take in what the sink says.
    Feedback(Feedback),
    /// Say when all that was asked for before this is written.
    Flush(SyncSender<()>),
    /// Write what was asked for before this, make it durable, and end.
    Stop,
}

/// The writing thread.
pub(super) struct Writer {
    store: Store,
    status: Arc<Status>,
    written: SyncSender<Instant>,
}

impl Writer {
    pub(super) fn new(store: Store, status: Arc<Status>, written: SyncSender<Instant>) -> Self {
        Self {
            store,
            status,
            written,
        }
    }

    /// Does what `queue` asks for until it is told to stop.
    pub(super) fn run(mut self, queue: &Receiver<Job>) -> Result<(), Error> {
        let outcome = self.write(queue);
        if let Err(error) = &outcome {
            error!("{error}");
            self.status
                .set(Part::Store, Condition::Failed, error.to_string());
        }
        outcome
    }

    fn write(&mut self, queue: &Receiver<Job>) -> Result<(), Error> {
        self.status.set(Part::Store, Condition::Ok, "");
        self.status.metrics().state_space(self.store.space());
        let mut unsynced: Option<Instant> = None;
        loop {
            let job = match self.next_job(queue, unsynced) {
                Ok(job) => Some(job),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            match job {
                Some(Job::Checkpoint(effects, timestamps)) => {
                    let began = Instant::now();
                    self.store.commit(&effects, &[], wall_clock())?;
                    timestamps.visible(began.elapsed(), self.status.metrics());
                    // Full: it has been said. Disconnected: there is nobody left to tell.
                    let _ = self.written.try_send(Instant::now());
                }
                Some(Job::Feedback(feedback)) => self.take_in(feedback)?,
                Some(Job::Flush(done)) => {
                    // Disconnected: there is nobody left to tell.
                    let _ = done.try_send(());
                }
                Some(Job::Stop) => break,
                None => {}
            }
            // One step at a time, so that checkpoints and acknowledgements never wait for all of it.
            self.store.mark_more()?;
            let since = *unsynced.get_or_insert_with(Instant::now);
            if since.elapsed() >= SYNC_EVERY {
                self.store.sync()?;
                self.status.metrics().state_space(self.store.space());
                unsynced = None;
            }
        }
        self.store.sync()?;
        Ok(())
    }

    // The next job. Times out when there is something to do besides: documents to be marked, or
    // batches to be forced to the disk.
    fn next_job(
        &self,
        queue: &Receiver<Job>,
        unsynced: Option<Instant>,
    ) -> Result<Job, RecvTimeoutError> {
        if self.store.is_marking() {
            return queue.recv_timeout(Duration::ZERO);
        }
        match unsynced {
            Some(since) => queue.recv_timeout(SYNC_EVERY.saturating_sub(since.elapsed())),
            None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn take_in(&mut self, feedback: Feedback) -> Result<(), store::Error> {
        match feedback {
            Feedback::Delivered(documents) => {
                self.store.acknowledge(&documents)?;
            }
            Feedback::Recreated(family) => {
                self.store.remark(family)?;
            }
            Feedback::Blocked(blocked) => self.store.block(blocked),
        }
        Ok(())
    }
}
