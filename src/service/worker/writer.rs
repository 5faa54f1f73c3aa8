//! The writing thread: it owns the store, and does one thing after the other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use tracing::error;

use super::Error;
use super::pace::CheckpointWritten;
use super::syncing::Syncing;
use super::timestamps::Timestamps;
use crate::core::effect::Effects;
use crate::core::feedback::Feedback;
use crate::core::feedback::Mark;
use crate::domain::document_key::DocumentKey;
use crate::observe::status::{Condition, Part, Status};
use crate::observe::wall_clock;
use crate::store::{self, Store};

/// At most so many acknowledgements are taken in at once, so that no checkpoint waits for all of
/// them.
const ACKNOWLEDGED_STEP: usize = 1_024;

/// How often to check that the state directory still exists.
const DIRECTORY_CHECK_EVERY: Duration = Duration::from_secs(1);

/// A job of the writing thread.
pub(super) enum Job {
    /// Write these, of records with these timestamps, as one checkpoint.
    Checkpoint(Box<Effects>, Timestamps),
    /// Keep in mind that these partitions can't be read on, and why.
    Halted(BTreeMap<i32, String>),
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
    written: SyncSender<CheckpointWritten>,
    /// Acknowledgements that are to be taken in.
    delivered: VecDeque<(DocumentKey, Mark)>,
}

impl Writer {
    pub(super) fn new(
        store: Store,
        status: Arc<Status>,
        written: SyncSender<CheckpointWritten>,
    ) -> Self {
        Self {
            store,
            status,
            written,
            delivered: VecDeque::new(),
        }
    }

    /// Does the jobs of `queue` until it gets [`Job::Stop`].
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
        let mut syncing = Syncing::start(self.store.syncer()).map_err(Error::Thread)?;
        let mut next_check = Instant::now();
        loop {
            let now = Instant::now();
            if now >= next_check {
                self.store.check_directory()?;
                next_check = now + DIRECTORY_CHECK_EVERY;
            }
            let is_at_work = self.is_at_work();
            let wait = next_check - now;
            let wait = syncing.wait(now).map_or(wait, |sync| sync.min(wait));
            match self.next_job(queue, wait) {
                Ok(Job::Checkpoint(effects, timestamps)) => {
                    let began = Instant::now();
                    self.store.commit(&effects, &[], wall_clock::now_ms())?;
                    let (at, took) = (Instant::now(), began.elapsed());
                    timestamps.visible(took, self.status.metrics());
                    // Full: it has been said. Disconnected: the receiver has ended.
                    let _ = self.written.try_send(CheckpointWritten { at, took });
                }
                Ok(Job::Halted(halted)) => self.store.halt(&halted)?,
                Ok(Job::Feedback(feedback)) => self.handle_feedback(feedback)?,
                Ok(Job::Flush(done)) => {
                    self.acknowledge_all()?;
                    // Disconnected: the receiver has ended.
                    let _ = done.try_send(());
                }
                Err(RecvTimeoutError::Timeout) if is_at_work => {}
                Err(RecvTimeoutError::Timeout) => {
                    self.sync(&mut syncing)?;
                    continue;
                }
                Ok(Job::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            // A step of each, so that checkpoints never wait for all of it.
            self.acknowledge_some()?;
            self.store.mark_more()?;
            syncing.note(Instant::now());
            self.sync(&mut syncing)?;
        }
        self.acknowledge_all()?;
        syncing.finish()?;
        self.store.sync()?;
        Ok(())
    }

    // The next job. Times out after `wait`, and at once when there is something to do besides.
    fn next_job(&self, queue: &Receiver<Job>, wait: Duration) -> Result<Job, RecvTimeoutError> {
        if self.is_at_work() {
            return queue.recv_timeout(Duration::ZERO);
        }
        queue.recv_timeout(wait)
    }

    fn handle_feedback(&mut self, feedback: Feedback) -> Result<(), store::Error> {
        match feedback {
            Feedback::Delivered(documents) => self.delivered.extend(documents),
            Feedback::Recreated(family) => {
                self.store.mark_again(family)?;
            }
            Feedback::Blocked(blocked) => self.store.block(blocked),
        }
        Ok(())
    }

    // Whether there is work without a job.
    fn is_at_work(&self) -> bool {
        self.store.is_marking() || !self.delivered.is_empty()
    }

    fn sync(&self, syncing: &mut Syncing) -> Result<(), Error> {
        if syncing.look(Instant::now())? {
            self.status.metrics().state_space(self.store.space());
        }
        Ok(())
    }

    fn acknowledge_all(&mut self) -> Result<(), store::Error> {
        while !self.delivered.is_empty() {
            self.acknowledge_some()?;
        }
        Ok(())
    }

    fn acknowledge_some(&mut self) -> Result<(), store::Error> {
        let count = self.delivered.len().min(ACKNOWLEDGED_STEP);
        if count > 0 {
            let some: Vec<_> = self.delivered.drain(..count).collect();
            self.store.acknowledge(&some)?;
        }
        Ok(())
    }
}
