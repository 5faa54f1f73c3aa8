//! The single writer: one thread applies records, one writes checkpoints.
//!
//! The applying thread owns the source and the pipeline and never waits for a disk unless the
//! writer falls behind by more than `PENDING_BYTES_MAX`; the writing thread owns the store. One
//! checkpoint at most is under way, and the next one gathers all that came meanwhile.

mod clock;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tidegauge_windows::EventTime;
use tracing::{error, info, warn};

use self::clock::{Timestamps, wall_clock};
use crate::effect::Effects;
use crate::feedback::Feedback;
use crate::pipeline::Pipeline;
use crate::source::{self, Source};
use crate::status::{Condition, Part, PartitionStatus, Status};
use crate::store::{self, Store};

/// A checkpoint is written at least this often while records come.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(200);
/// A checkpoint is written this soon when no more records wait.
const CHECKPOINT_SOON: Duration = Duration::from_millis(20);
/// A checkpoint is written when its changes hold this many bytes.
const CHECKPOINT_BYTES: usize = 16 << 20;
/// No more records are applied while the changes that wait for the writer hold this many bytes.
const PENDING_BYTES_MAX: usize = 48 << 20;
/// What the operating system holds is forced to the disk this often.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// How long one wait for records may be.
const POLL_WAIT: Duration = Duration::from_millis(50);
/// How often new partitions are looked for.
const DISCOVER_EVERY: Duration = Duration::from_secs(30);
/// How often the lag is looked up and reported.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// Why the worker stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Kafka failed for good.
    #[error(transparent)]
    Source(#[from] source::Error),
    /// The state directory failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A partition can't be read on, so the end of the topic can't be reached.
    #[error("partition {partition} is stopped: {reason}")]
    Halted {
        /// The partition.
        partition: i32,
        /// Why, and what to do.
        reason: String,
    },
    /// A thread of the worker panicked.
    #[error("the {0} thread stopped unexpectedly; the state is whole, start again")]
    Panicked(&'static str),
}

/// When partitions count as idle and the stream as quiet, and when to stop.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// A partition is idle when its end has been its position for so long.
    pub idle_after: Duration,
    /// The stream is quiet when all partitions have been idle for so long.
    pub quiet_after: Duration,
    /// Stop at the end offsets given to the source, instead of going on for ever.
    pub until_end: bool,
}

/// A running worker.
pub struct Worker {
    apply: JoinHandle<Result<(), Error>>,
    write: JoinHandle<Result<(), Error>>,
    jobs: Sender<Job>,
    stop: Arc<AtomicBool>,
}

/// What the writing thread is asked to do.
enum Job {
    /// Write these, of records with these timestamps, as one checkpoint.
    Checkpoint(Box<Effects>, Timestamps),
    /// Take in what the sink says.
    Feedback(Feedback),
    /// Write what was asked for before this, make it durable, and end.
    Stop,
}

impl Worker {
    /// Starts the worker on `source`, whose partitions are assigned.
    ///
    /// # Errors
    /// When a thread can't be started.
    pub fn start(
        config: Config,
        source: Source,
        pipeline: Pipeline,
        store: Store,
        status: Arc<Status>,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = channel();
        let (written, free) = sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let writer = Writer {
            store,
            status: Arc::clone(&status),
            written,
        };
        let write = thread::Builder::new()
            .name("write".into())
            .spawn(move || writer.run(&queue))?;
        let applier = Applier {
            config,
            source,
            pipeline,
            status,
            jobs: jobs.clone(),
            free,
            writing: false,
            changed: true,
            timestamps: Timestamps::default(),
            last_checkpoint: Instant::now(),
            caught_up: BTreeMap::new(),
            quiet_since: None,
        };
        let stopping = Arc::clone(&stop);
        let apply = thread::Builder::new()
            .name("apply".into())
            .spawn(move || applier.run(&stopping))?;
        Ok(Self {
            apply,
            write,
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

    /// Waits until all records are applied and written. Feedback is still taken in afterwards.
    ///
    /// # Errors
    /// What stopped it.
    pub fn join(self) -> (Result<(), Error>, Writing) {
        let applied = self
            .apply
            .join()
            .unwrap_or(Err(Error::Panicked("applying")));
        let writing = Writing {
            write: self.write,
            jobs: self.jobs,
        };
        (applied, writing)
    }
}

/// The writing thread of a worker that applies no more records.
pub struct Writing {
    write: JoinHandle<Result<(), Error>>,
    jobs: Sender<Job>,
}

impl Writing {
    /// Writes what is asked for so far, makes all durable and closes the store.
    ///
    /// # Errors
    /// When the state directory failed.
    pub fn finish(self) -> Result<(), Error> {
        // A writer that is gone has left its error for `join`.
        let _ = self.jobs.send(Job::Stop);
        self.write.join().unwrap_or(Err(Error::Panicked("writing")))
    }
}

/// Hands the sink's feedback to the writing thread.
#[derive(Clone)]
pub struct FeedbackSender(Sender<Job>);

impl FeedbackSender {
    /// Hands one over; whether there is still somebody to take it.
    #[must_use]
    pub fn send(&self, feedback: Feedback) -> bool {
        self.0.send(Job::Feedback(feedback)).is_ok()
    }
}

/// The applying thread.
struct Applier {
    config: Config,
    source: Source,
    pipeline: Pipeline,
    status: Arc<Status>,
    jobs: Sender<Job>,
    /// Says that a checkpoint is written.
    free: Receiver<()>,
    writing: bool,
    changed: bool,
    /// Those of the records since the last checkpoint.
    timestamps: Timestamps,
    last_checkpoint: Instant,
    /// Since when each partition has been read to its end, and whether it counts as idle.
    caught_up: BTreeMap<i32, CaughtUp>,
    quiet_since: Option<Instant>,
}

#[derive(Clone, Copy)]
struct CaughtUp {
    since: Instant,
    idle: bool,
}

impl Applier {
    fn run(mut self, stop: &AtomicBool) -> Result<(), Error> {
        let mut next_report = Instant::now();
        let mut next_discovery = Instant::now() + DISCOVER_EVERY;
        let outcome = loop {
            if stop.load(Ordering::Relaxed) {
                break Ok(());
            }
            let read = match self.apply_batch() {
                Ok(read) => read,
                Err(error) => break Err(error),
            };
            self.note_idle();
            if self.config.until_end && self.source.finished() {
                self.end_partitions();
                break self.halted();
            }
            if !self.checkpoint_if_due(read) {
                break Ok(()); // The writer failed; its error is the one to report.
            }
            let now = Instant::now();
            if now >= next_report {
                next_report = now + REPORT_EVERY;
                self.report();
            }
            if now >= next_discovery {
                next_discovery = now + DISCOVER_EVERY;
                self.discover();
            }
        };
        if let Err(error) = &outcome {
            error!("{error}");
            self.status
                .set(Part::Source, Condition::Failed, error.to_string());
        }
        self.report();
        self.checkpoint_last();
        self.source.close(Duration::from_secs(5));
        outcome
    }

    // How many records were applied.
    fn apply_batch(&mut self) -> Result<usize, Error> {
        let batch = self.source.poll(POLL_WAIT)?;
        let read = batch.len();
        if read > 0 {
            self.wake(&batch);
            self.pipeline.apply(batch.records());
            self.changed = true;
        }
        Ok(read)
    }

    fn wake(&mut self, batch: &source::Batch) {
        let mut last = None;
        for record in batch.records() {
            self.timestamps.note(record.timestamp);
            if last == Some(record.partition) {
                continue;
            }
            last = Some(record.partition);
            if self
                .caught_up
                .remove(&record.partition)
                .is_some_and(|caught_up| caught_up.idle)
            {
                self.pipeline.set_idle(record.partition, false);
            }
        }
    }

    fn note_idle(&mut self) {
        let now = Instant::now();
        for partition in self.source.partitions() {
            if !self.source.at_end(partition) {
                // Records wait, or nobody says whether they do: neither is idleness.
                if !self.caught_up.get(&partition).is_some_and(|c| c.idle) {
                    self.caught_up.remove(&partition);
                }
                continue;
            }
            let caught_up = self.caught_up.entry(partition).or_insert(CaughtUp {
                since: now,
                idle: false,
            });
            if !caught_up.idle && now - caught_up.since >= self.config.idle_after {
                caught_up.idle = true;
                self.pipeline.set_idle(partition, true);
                self.changed = true;
            }
        }
        self.note_quiet(now);
    }

    fn note_quiet(&mut self, now: Instant) {
        let idle = |partition: &i32| self.caught_up.get(partition).is_some_and(|c| c.idle);
        if !self.source.partitions().iter().all(idle) {
            self.quiet_since = None;
            return;
        }
        let since = *self.quiet_since.get_or_insert(now);
        // Each minute may end another window.
        if now - since >= self.config.quiet_after {
            self.quiet_since = Some(now - self.config.quiet_after + REPORT_EVERY);
            let now = EventTime::from_millis(wall_clock());
            self.changed |= self.pipeline.quiet_close(now);
        }
    }

    // The end of the input closes nothing, but what has been read to its end holds nothing back.
    fn end_partitions(&mut self) {
        for partition in self.source.partitions() {
            if !self.source.halted().contains_key(&partition) {
                self.pipeline.set_idle(partition, true);
            }
        }
        self.changed = true;
    }

    fn halted(&self) -> Result<(), Error> {
        match self.source.halted().first_key_value() {
            Some((partition, reason)) => Err(Error::Halted {
                partition: *partition,
                reason: reason.clone(),
            }),
            None => Ok(()),
        }
    }

    // Whether the writer is still there.
    fn checkpoint_if_due(&mut self, read: usize) -> bool {
        if self.writing {
            let pending = self.pipeline.pending_bytes();
            match self.free.try_recv() {
                Ok(()) => self.writing = false,
                Err(_) if pending >= PENDING_BYTES_MAX => match self.free.recv() {
                    Ok(()) => self.writing = false,
                    Err(_) => return false,
                },
                Err(std::sync::mpsc::TryRecvError::Empty) => return true,
                Err(std::sync::mpsc::TryRecvError::Disconnected) => return false,
            }
        }
        let since = self.last_checkpoint.elapsed();
        let due = since >= CHECKPOINT_EVERY
            || (read == 0 && since >= CHECKPOINT_SOON)
            || self.pipeline.pending_bytes() >= CHECKPOINT_BYTES;
        if !self.changed || !due {
            return true;
        }
        self.checkpoint()
    }

    fn checkpoint(&mut self) -> bool {
        self.last_checkpoint = Instant::now();
        self.changed = false;
        self.writing = true;
        let effects = Box::new(self.pipeline.take_effects());
        let timestamps = std::mem::take(&mut self.timestamps);
        self.jobs.send(Job::Checkpoint(effects, timestamps)).is_ok()
    }

    fn checkpoint_last(&mut self) {
        if self.changed && self.checkpoint() {
            // One may be under way before it: each says when it is written.
            while self.free.recv_timeout(Duration::from_millis(1)).is_ok() {}
        }
    }

    fn report(&mut self) {
        for partition in self.source.partitions() {
            // Past the last payment there may be marks of transactions, which nobody delivers.
            if self.source.at_end(partition)
                && let Some(position) = self.source.position(partition)
                && self.pipeline.skip_to(partition, position)
            {
                self.changed = true;
            }
        }
        let positions: BTreeMap<i32, i64> = self
            .pipeline
            .progress()
            .iter()
            .map(|(partition, progress)| (*partition, progress.position))
            .collect();
        for partition in self.source.partitions() {
            self.status.set_partition(
                partition,
                PartitionStatus {
                    end: self.source.end(partition),
                    halted: self.source.halted().get(&partition).cloned(),
                },
            );
        }
        match self.source.halted().first_key_value() {
            Some((partition, reason)) => self.status.set(
                Part::Source,
                Condition::Failed,
                format!("partition {partition} is stopped: {reason}"),
            ),
            None => {
                let (condition, reason) = self.source.condition();
                self.status.set(Part::Source, condition, reason);
            }
        }
        self.source.report(&positions);
    }

    fn discover(&mut self) {
        match self.source.discover() {
            Ok(found) => {
                for assigned in found {
                    info!(partition = assigned.partition, "found a new partition");
                    self.pipeline.assign(assigned.partition, assigned.position);
                    self.changed = true;
                }
            }
            Err(error) => warn!("new partitions can't be looked for now: {error}"),
        }
    }
}

/// The writing thread.
struct Writer {
    store: Store,
    status: Arc<Status>,
    written: SyncSender<()>,
}

impl Writer {
    fn run(mut self, queue: &Receiver<Job>) -> Result<(), Error> {
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
        let mut last_sync = Instant::now();
        while let Ok(job) = queue.recv() {
            match job {
                Job::Checkpoint(effects, timestamps) => {
                    let began = Instant::now();
                    self.store.commit(&effects, &[], wall_clock())?;
                    timestamps.visible(began.elapsed(), self.status.metrics());
                    // Full: it has been said. Disconnected: there is nobody left to tell.
                    let _ = self.written.try_send(());
                }
                Job::Feedback(feedback) => self.take_in(&feedback)?,
                Job::Stop => break,
            }
            if last_sync.elapsed() >= SYNC_EVERY {
                self.store.sync()?;
                self.status.metrics().state_space(self.store.space());
                last_sync = Instant::now();
            }
        }
        self.store.sync()?;
        Ok(())
    }
}

impl Writer {
    fn take_in(&mut self, feedback: &Feedback) -> Result<(), store::Error> {
        match feedback {
            Feedback::Delivered(documents) => self.store.acknowledge(documents)?,
            Feedback::Recreated(family) => self.store.remark(*family)?,
            Feedback::Blocked(_) => self.store.checkpoint(),
        };
        Ok(())
    }
}
