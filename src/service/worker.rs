//! The single writer: one thread applies records, one writes checkpoints.
//!
//! The applying thread owns the source and the pipeline and never waits for a disk unless the
//! writer falls behind by more than `PENDING_BYTES_MAX`; the writing thread owns the store. One
//! checkpoint at most is under way, and the next one gathers all that came meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tidegauge_windows::EventTime;
use tracing::{debug, error, info, warn};

use crate::core::feedback::Feedback;
use crate::core::pipeline::Pipeline;
use crate::domain::timestamp::can_be_of_record;
use crate::observe::status::{Condition, Part, PartitionStatus, Status};
use crate::observe::wall_clock;
use crate::source::{self, Source};
use crate::store::{self, Store};

mod clock;
mod pace;
mod syncing;
mod writer;

use clock::Timestamps;
use pace::{Pace, Written};
use writer::{Job, Writer};

/// About what marking a document takes while a checkpoint is written, in bytes.
const MARK_BYTES: usize = 112;
/// No more records are applied while the changes that wait for the writer hold this many bytes.
const PENDING_BYTES_MAX: usize = 24 << 20;
/// How often it is looked which partitions are idle.
const IDLE_LOOK: Duration = Duration::from_millis(20);
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
    /// A thread can't be started.
    #[error("the system starts no further thread: {0}")]
    Thread(std::io::Error),
    /// A thread of the worker panicked.
    #[error("the {0} thread stopped unexpectedly; the state is whole, start again")]
    Panicked(&'static str),
}

/// When partitions count as idle and the stream as quiet, and when to stop.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// A partition is idle when it has been read to its end and had no payment on time for so long,
    /// as far as brokers have confirmed its end.
    pub idle_after: Duration,
    /// The stream is quiet when all partitions have been idle for so long.
    pub quiet_after: Duration,
    /// Stop at the end offsets given to the source, instead of going on for ever.
    pub until_end: bool,
    /// At most so many documents are marked for delivery for each slice that changed.
    pub documents_per_slice: usize,
}

/// A running worker.
pub struct Worker {
    apply: JoinHandle<Result<(), Error>>,
    write: JoinHandle<Result<(), Error>>,
    jobs: Sender<Job>,
    stop: Arc<AtomicBool>,
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
        let writer = Writer::new(store, Arc::clone(&status), written);
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
            pace: Pace::new(Instant::now()),
            halts_kept: 0,
            changed: true,
            next_idle_look: Instant::now(),
            timestamps: Timestamps::default(),
            awake: BTreeMap::new(),
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

    /// Waits until all records are applied and written. Documents are still marked, and feedback is
    /// still taken in, afterwards.
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
    /// Whether it has failed: [`Writing::finish`] says why.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.write.is_finished()
    }

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
    /// Says that a checkpoint was written.
    free: Receiver<Written>,
    pace: Pace,
    /// How many of the halts that last were handed to the writer.
    halts_kept: usize,
    changed: bool,
    next_idle_look: Instant,
    /// Those of the records since the last checkpoint.
    timestamps: Timestamps,
    /// When each partition last showed that time goes on there, and whether it counts as idle.
    awake: BTreeMap<i32, Awake>,
    quiet_since: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Awake {
    /// When the last payment on time was applied, or the partition was first looked at.
    last: Instant,
    is_idle: bool,
}

impl Applier {
    fn run(mut self, stop: &AtomicBool) -> Result<(), Error> {
        for partition in self.source.partitions() {
            // Silence with records still to read is not idleness, whatever it was before the start.
            if self.source.end(partition) > self.source.position(partition) {
                self.pipeline.resume(partition);
            }
        }
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
            if Instant::now() >= self.next_idle_look {
                self.next_idle_look = Instant::now() + IDLE_LOOK;
                self.note_idle();
            }
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
        let batch = self
            .source
            .poll(self.pace.wait(self.changed, Instant::now()))?;
        let read = batch.len();
        self.keep_halts();
        // Before the first record of one is applied: until then it holds the watermark back.
        let found = self.source.found();
        self.adopt(found);
        if read > 0 {
            self.pace.applied(read);
            for record in batch.records() {
                let timestamp = record.timestamp.filter(|time| can_be_of_record(*time));
                self.timestamps.note(timestamp);
            }
            self.pipeline.apply(batch.records());
            self.note_awake();
            self.changed = true;
        }
        Ok(read)
    }

    // A partition that can't be read on is not read on after a restart either.
    fn keep_halts(&mut self) {
        let lasting = self.source.lasting();
        if lasting.len() > self.halts_kept {
            self.halts_kept = lasting.len();
            // A writer that is gone has left its error for `join`.
            let _ = self.jobs.send(Job::Halted(lasting.clone()));
        }
    }

    // Rejects, tombstones and payments that are not on time say nothing of what time it is.
    fn note_awake(&mut self) {
        let now = Instant::now();
        for partition in self.pipeline.take_on_time() {
            let awake = Awake {
                last: now,
                is_idle: false,
            };
            self.awake.insert(partition, awake);
        }
    }

    fn note_idle(&mut self) {
        let now = Instant::now();
        for partition in self.source.partitions() {
            let awake = self.awake.entry(partition).or_insert(Awake {
                last: now,
                is_idle: false,
            });
            if awake.is_idle {
                continue;
            }
            // While records wait, or nobody says whether they do, it is not idle: what brokers said
            // before they fell silent says nothing of what has come since.
            let Some(due) = awake.last.checked_add(self.config.idle_after) else {
                continue;
            };
            let until = self.source.at_end_until(partition);
            if until.is_some_and(|until| until >= due) {
                awake.is_idle = true;
                self.pipeline.set_idle(partition, true);
                self.changed = true;
            } else if until.is_some() && now >= due {
                self.source.want_end(partition);
            }
        }
        self.note_quiet(now);
    }

    fn note_quiet(&mut self, now: Instant) {
        let partitions = self.source.partitions();
        let idle = |partition: &i32| self.awake.get(partition).is_some_and(|awake| awake.is_idle);
        if !partitions.iter().all(idle) {
            self.quiet_since = None;
            return;
        }
        let since = *self.quiet_since.get_or_insert(now);
        let Some(due) = since.checked_add(self.config.quiet_after) else {
            return;
        };
        if now < due {
            return;
        }
        // As with idleness, up to when brokers have confirmed it. Nobody waits for one that is stopped.
        let mut until = now;
        for partition in partitions {
            if self.source.halted().contains_key(&partition) {
                continue;
            }
            match self.source.at_end_until(partition) {
                Some(confirmed) if confirmed >= due => until = until.min(confirmed),
                _ => return,
            }
        }
        // Each minute may end another window.
        self.quiet_since = Some(since + (until - due) + REPORT_EVERY);
        let behind = i64::try_from((now - until).as_millis()).unwrap_or(i64::MAX);
        let wall = wall_clock::now_ms().saturating_sub(behind);
        self.changed |= self.pipeline.quiet_close(EventTime::from_millis(wall));
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
        let pending = self.pending_bytes();
        if self.pace.is_writing() {
            let free = if pending >= PENDING_BYTES_MAX {
                self.free.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                self.free.try_recv()
            };
            match free {
                Ok(written) => self.pace.written(written),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        if !self.changed || !self.pace.is_due(read, pending, Instant::now()) {
            return true;
        }
        self.checkpoint()
    }

    // What the next checkpoint will hold, marks included.
    fn pending_bytes(&self) -> usize {
        let marks = self.pipeline.engine().changed() * self.config.documents_per_slice;
        self.pipeline.pending_bytes() + marks * MARK_BYTES
    }

    fn checkpoint(&mut self) -> bool {
        self.pace.began(Instant::now());
        self.changed = false;
        let effects = Box::new(self.pipeline.take_effects());
        let timestamps = std::mem::take(&mut self.timestamps);
        self.jobs.send(Job::Checkpoint(effects, timestamps)).is_ok()
    }

    // Returns when the last checkpoint is written, or the writer has failed: then its own error says
    // why.
    fn checkpoint_last(&mut self) {
        if self.changed && !self.checkpoint() {
            return;
        }
        let (flushed, all) = sync_channel(1);
        if self.jobs.send(Job::Flush(flushed)).is_ok() {
            let _ = all.recv();
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
                    end: self.source.known_end(partition),
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
            Ok(found) => self.adopt(found),
            // That brokers are silent is told once.
            Err(error) if self.source.is_silence_told() => {
                debug!("new partitions can't be looked for now: {error}");
            }
            Err(error) => warn!("new partitions can't be looked for now: {error}"),
        }
    }

    fn adopt(&mut self, found: Vec<source::Assigned>) {
        for assigned in found {
            info!(partition = assigned.partition, "found a new partition");
            self.pipeline.assign(assigned.partition, assigned.position);
            self.changed = true;
        }
    }
}
