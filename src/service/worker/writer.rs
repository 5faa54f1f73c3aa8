//! The writing thread: it owns the store, and does one thing after the other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use tracing::error;

use super::Error;
use super::pace::CheckpointWritten;
use super::syncing::Syncing;
use crate::core::effect::Effects;
use crate::core::effect::timestamps::TimestampRange;
use crate::core::feedback::Feedback;
use crate::core::feedback::Mark;
use crate::domain::document_key::DocumentKey;
use crate::host::clock::Instant;
use crate::host::wall_clock::{self, since_epoch};
use crate::observe::status::{Condition, Part, Status};
use crate::store::{self, Store};

/// At most so many acknowledgements are taken in at once, so that no checkpoint waits for all of
/// them.
const ACKNOWLEDGED_STEP: usize = 1_024;

/// How often to check that the state directory still exists.
const DIRECTORY_CHECK_EVERY: Duration = Duration::from_secs(1);

/// A job of the writing thread.
pub(super) enum Job {
    /// Write these as one checkpoint.
    Checkpoint(Box<Effects>),
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
    syncing: Syncing,
    next_check: Instant,
}

impl Writer {
    /// # Errors
    /// When the syncing thread can't be started.
    pub(super) fn new(
        store: Store,
        status: Arc<Status>,
        written: SyncSender<CheckpointWritten>,
    ) -> std::io::Result<Self> {
        Ok(Self {
            syncing: Syncing::start(store.syncer())?,
            store,
            status,
            written,
            delivered: VecDeque::new(),
            next_check: Instant::now(),
        })
    }

    /// Does the jobs of `queue` until it gets [`Job::Stop`].
    pub(super) fn run(mut self, queue: &Receiver<Job>) -> Result<(), Error> {
        self.begin();
        let outcome = self.write(queue);
        self.end(outcome)
    }

    fn write(&mut self, queue: &Receiver<Job>) -> Result<(), Error> {
        loop {
            let wait = self.look()?;
            if !self.step(queue.recv_timeout(wait))? {
                return Ok(());
            }
        }
    }

    /// To be called before the first step.
    pub(super) fn begin(&self) {
        self.status.set(Part::Store, Condition::Ok, "");
        self.status.metrics().state_space(self.store.space());
    }

    /// Checks the directory if that is due, and says how long to wait for the next job: no time if there
    /// is something to do besides.
    pub(super) fn look(&mut self) -> Result<Duration, Error> {
        let now = Instant::now();
        if now >= self.next_check {
            self.store.check_directory()?;
            self.next_check = now + DIRECTORY_CHECK_EVERY;
        }
        if self.is_at_work() {
            return Ok(Duration::ZERO);
        }
        let wait = self.next_check - now;
        let sync = self.syncing.wait(now);
        Ok(sync.map_or(wait, |sync| sync.min(wait)))
    }

    /// Does a job if there is one, and a step of all else. Whether more is to come.
    pub(super) fn step(&mut self, job: Result<Job, RecvTimeoutError>) -> Result<bool, Error> {
        match job {
            Ok(Job::Checkpoint(effects)) => {
                let began = Instant::now();
                self.store.commit(&effects, &[], wall_clock::now_ms())?;
                let (at, took) = (Instant::now(), began.elapsed());
                self.measure(took, effects.timestamps);
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
            Err(RecvTimeoutError::Timeout) if self.is_at_work() => {}
            Err(RecvTimeoutError::Timeout) => {
                self.sync()?;
                return Ok(true);
            }
            Ok(Job::Stop) | Err(RecvTimeoutError::Disconnected) => return Ok(false),
        }
        // A step of each, so that checkpoints never wait for all of it.
        self.acknowledge_some()?;
        self.store.mark_more()?;
        self.syncing.note(Instant::now());
        self.sync()?;
        Ok(true)
    }

    // The checkpoint can be read now; writing it took so long.
    fn measure(&self, took: Duration, timestamps: TimestampRange) {
        let (metrics, now) = (self.status.metrics(), since_epoch());
        metrics.checkpoint(took, now);
        if let Some((oldest, newest)) = timestamps.ends() {
            metrics.visible(oldest, now);
            metrics.visible(newest, now);
        }
    }

    /// Makes all durable and closes the store, if nothing has failed.
    pub(super) fn end(mut self, outcome: Result<(), Error>) -> Result<(), Error> {
        let outcome = outcome.and_then(|()| self.finish());
        if let Err(error) = &outcome {
            error!("{error}");
            self.status
                .set(Part::Store, Condition::Failed, error.to_string());
        }
        outcome
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.acknowledge_all()?;
        self.syncing.finish()?;
        self.store.sync()?;
        Ok(())
    }

    fn handle_feedback(&mut self, feedback: Feedback) -> Result<(), store::Error> {
        match feedback {
            Feedback::Delivered(documents) => self.delivered.extend(documents),
            Feedback::Indexes(indexes) => self.store.note_indexes(&indexes)?,
            Feedback::Recreated(families, on_durable) => {
                for family in families {
                    self.store.mark_again(family)?;
                }
                self.syncing.tell(on_durable);
            }
            Feedback::Blocked(blocked) => self.store.block(blocked),
        }
        Ok(())
    }

    // Whether there is work without a job.
    fn is_at_work(&self) -> bool {
        self.store.is_marking() || !self.delivered.is_empty()
    }

    fn sync(&mut self) -> Result<(), Error> {
        if self.syncing.look(Instant::now())? {
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
