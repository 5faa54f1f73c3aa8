//! The single writer: one thread applies records, one writes checkpoints.
//!
//! The applying thread owns the source and the pipeline and never waits for a disk unless the
//! writer falls behind by more than `PENDING_BYTES_MAX`; the writing thread owns the store. One
//! checkpoint at most is under way, and the next one gathers all that came meanwhile.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel, sync_channel};
use std::time::Duration;

use crate::core::feedback::Feedback;
use crate::core::pipeline_lanes::PipelineLanes;
use crate::core::seen_orders::KeptOrdersError;
#[cfg(feature = "simulation")]
use crate::host::simulation;
use crate::observe::status::Status;
use crate::source::{self, LogClient, Source};
use crate::store::{self, Store};

mod applier;
mod idleness;
mod lane_threads;
mod pace;
mod reject_log;
#[cfg(feature = "simulation")]
mod simulated;
mod syncing;
mod worker_thread;
mod writer;

use applier::Applier;
use worker_thread::WorkerThread;
use writer::{Job, Writer};

/// Why the worker stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Kafka failed for good.
    #[error(transparent)]
    Source(#[from] source::Error),
    /// The state directory failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The order ids that the state remembers can't be read.
    #[error(transparent)]
    Orders(#[from] KeptOrdersError),
    /// A partition can't be read on, so the end of the topic can't be reached.
    #[error("partition {partition} is stopped: {reason}")]
    Halted {
        /// The partition.
        partition: i32,
        /// Why, and what to do.
        reason: String,
    },
    /// A thread can't be started.
    #[error("a thread can't be started: {0}")]
    Thread(std::io::Error),
    /// A thread of the worker panicked.
    #[error("the {0} thread stopped unexpectedly; the state is intact: start the service again")]
    Panicked(&'static str),
}

/// When partitions count as idle and the stream as quiet, and when to stop.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// In how many lanes partitions are applied.
    pub appliers: NonZeroUsize,
    /// A partition is idle when it has been read to its end and had no payment on time for so long,
    /// as far as brokers have confirmed its end.
    pub idle_after: Duration,
    /// The stream is quiet when all partitions have been idle for so long.
    pub quiet_after: Duration,
    /// Stop at the end offsets given to the source, instead of reading until it is stopped.
    pub until_end: bool,
    /// Whether the log names records that are rejected.
    pub logs_rejects: bool,
    /// At most so many documents are marked for delivery for each slice that changed.
    pub documents_per_slice: usize,
}

/// A running worker.
pub struct Worker {
    apply: WorkerThread,
    write: WorkerThread,
    jobs: Sender<Job>,
    stop: Arc<AtomicBool>,
}

impl Worker {
    /// Starts the worker on `source`, whose partitions are assigned.
    ///
    /// # Errors
    /// When a thread can't be started.
    pub fn start<C: LogClient + ?Sized>(
        config: Config,
        source: Source<C>,
        lanes: PipelineLanes,
        store: Store,
        status: Arc<Status>,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = channel();
        let (written, free) = sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let writer = Writer::new(store, Arc::clone(&status), written)?;
        let applier = Applier::new(config, source, lanes, status, (jobs.clone(), free))?;
        let stopping = Arc::clone(&stop);
        #[cfg(feature = "simulation")]
        if simulation::is_on() {
            return Ok(Self {
                write: WorkerThread::task(simulated::write(writer, queue)),
                apply: WorkerThread::task(simulated::apply(applier, stopping)),
                jobs,
                stop,
            });
        }
        Ok(Self {
            write: WorkerThread::thread("write", move || writer.run(&queue))?,
            apply: WorkerThread::thread("apply", move || applier.run(&stopping))?,
            jobs,
            stop,
        })
    }

    /// Where the sink says what became of documents.
    #[must_use]
    pub fn feedback(&self) -> FeedbackSender {
        FeedbackSender(self.jobs.clone())
    }

    /// Asks it to stop after a last checkpoint.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether it has stopped applying records: it was asked to, has reached the end, or failed.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.apply.is_finished() || self.write.is_finished()
    }

    /// Waits until it [is finished](Self::is_finished).
    pub async fn finished(&self) {
        tokio::select! {
            () = self.apply.finished() => {}
            () = self.write.finished() => {}
        }
    }

    /// Waits until all records are applied and written. Documents are still marked, and feedback is
    /// still taken in, afterwards.
    ///
    /// # Errors
    /// The error that stopped the worker.
    pub async fn join(self) -> (Result<(), Error>, Writing) {
        let applied = self.apply.join("applying").await;
        let writing = Writing {
            write: self.write,
            jobs: self.jobs,
        };
        (applied, writing)
    }
}

/// The writing thread of a worker that applies no more records.
pub struct Writing {
    write: WorkerThread,
    jobs: Sender<Job>,
}

impl Writing {
    /// Whether it has failed: [`Writing::finish`] says why.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.write.is_finished()
    }

    /// Writes what is asked for so far, makes all durable and closes the store.
    ///
    /// # Errors
    /// When the state directory failed.
    pub async fn finish(self) -> Result<(), Error> {
        // A writer that is gone has left its error for `join`.
        let _ = self.jobs.send(Job::Stop);
        self.write.join("writing").await
    }
}

/// Hands the sink's feedback to the writing thread.
#[derive(Clone)]
pub struct FeedbackSender(Sender<Job>);

impl FeedbackSender {
    /// Hands one over; `false` if the writing thread has ended.
    #[must_use]
    pub fn send(&self, feedback: Feedback) -> bool {
        self.0.send(Job::Feedback(feedback)).is_ok()
    }
}
