//! The thread that applies records.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, sync_channel};
use std::time::Duration;

use tracing::{debug, error, info, warn};

use super::idleness::Idleness;
use super::lane_threads::LaneThreads;
use super::pace::{CheckpointPace, CheckpointWritten};
use super::reject_log::RejectLog;
use super::writer::Job;
use super::{Config, Error};
use crate::core::pipeline_lanes::PipelineLanes;
use crate::host::clock::Instant;
use crate::observe::status::{Condition, Part, PartitionStatus, Status};
use crate::source::{AssignedPartition, LogBatch, LogClient, Source};

/// About what marking a document takes while a checkpoint is written, in bytes.
const MARK_BYTES: usize = 112;
/// No more records are applied while the changes that wait for the writer hold this many bytes.
const PENDING_BYTES_MAX: usize = 24 << 20;
/// How often partitions are checked for idleness.
const IDLE_CHECK_EVERY: Duration = Duration::from_millis(20);
/// How often new partitions are looked for.
const DISCOVER_EVERY: Duration = Duration::from_secs(30);
/// How often the lag is computed and reported.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// How long the client may take to disconnect.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// The applying thread.
pub(super) struct Applier<C: LogClient + ?Sized> {
    pub(super) config: Config,
    pub(super) source: Source<C>,
    pub(super) lanes: LaneThreads<C::Batch>,
    pub(super) status: Arc<Status>,
    pub(super) jobs: Sender<Job>,
    /// Says that a checkpoint was written.
    pub(super) free: Receiver<CheckpointWritten>,
    pub(super) pace: CheckpointPace,
    /// How many of the halts that last were handed to the writer.
    pub(super) halts_kept: usize,
    pub(super) changed: bool,
    pub(super) next_idle_check: Instant,
    pub(super) next_report: Instant,
    pub(super) next_discovery: Instant,
    pub(super) idleness: Idleness,
    pub(super) reject_log: RejectLog,
}

/// What became of one step.
pub(super) enum ApplyStep {
    /// It applied so many records.
    Applied(#[cfg_attr(not(feature = "simulation"), expect(dead_code))] usize),
    /// It was the last one.
    Ended(Result<(), Error>),
}

impl<C: LogClient + ?Sized> Applier<C> {
    /// An applier that begins now.
    ///
    /// # Errors
    /// When a thread can't be started.
    pub(super) fn new(
        config: Config,
        source: Source<C>,
        lanes: PipelineLanes,
        status: Arc<Status>,
        (jobs, free): (Sender<Job>, Receiver<CheckpointWritten>),
    ) -> std::io::Result<Self> {
        let now = Instant::now();
        Ok(Self {
            source,
            lanes: LaneThreads::start(lanes)?,
            status,
            jobs,
            free,
            pace: CheckpointPace::new(now),
            halts_kept: 0,
            changed: true,
            next_idle_check: now,
            next_report: now,
            next_discovery: now + DISCOVER_EVERY,
            idleness: Idleness::new(&config),
            reject_log: RejectLog::default(),
            config,
        })
    }

    /// Applies records until `stop`, the end of the input, or an error.
    pub(super) fn run(mut self, stop: &AtomicBool) -> Result<(), Error> {
        self.begin();
        let outcome = loop {
            if let ApplyStep::Ended(outcome) = self.step(stop) {
                break outcome;
            }
            if self.is_full() {
                // A writer that is gone has left its error for `join`.
                let Ok(written) = self.free.recv() else {
                    break Ok(());
                };
                self.pace.written(written);
                match self.checkpoint_if_due() {
                    Ok(true) => {}
                    Ok(false) => break Ok(()),
                    Err(error) => break Err(error),
                }
            }
        };
        if let Some(all) = self.end(&outcome) {
            // The writer has failed: its own error says why.
            let _ = all.recv();
        }
        self.close();
        outcome
    }

    /// To be called before the first step.
    pub(super) fn begin(&mut self) {
        // No thread has one yet.
        let Ok(lanes) = self.lanes.meet() else { return };
        for partition in self.source.partitions() {
            // Silence with records still to read is not idleness, whatever it was before the start.
            if self.source.end(partition) > self.source.position(partition) {
                lanes.resume(partition);
            }
        }
    }

    /// Applies one batch, which it waits for, and does all else that is due.
    pub(super) fn step(&mut self, stop: &AtomicBool) -> ApplyStep {
        if stop.load(Ordering::Relaxed) {
            return ApplyStep::Ended(Ok(()));
        }
        match self.apply_and_keep() {
            Ok(step) => step,
            Err(error) => ApplyStep::Ended(Err(error)),
        }
    }

    fn apply_and_keep(&mut self) -> Result<ApplyStep, Error> {
        let read = self.apply_batch()?;
        // While many records come, at checkpoints.
        if !self.lanes.is_busy() {
            self.look_for_idleness()?;
        }
        if self.config.until_end && self.source.finished() {
            self.end_partitions()?;
            return Ok(ApplyStep::Ended(self.halted()));
        }
        if !self.checkpoint_if_due()? {
            // The writer failed; its error is the one to report.
            return Ok(ApplyStep::Ended(Ok(())));
        }
        let now = Instant::now();
        if now >= self.next_report {
            self.next_report = now + REPORT_EVERY;
            self.report()?;
        }
        if now >= self.next_discovery {
            self.next_discovery = now + DISCOVER_EVERY;
            self.discover()?;
        }
        Ok(ApplyStep::Applied(read))
    }

    /// Whether no more records may be applied before the writer is done.
    pub(super) fn is_full(&self) -> bool {
        self.pace.is_writing() && self.pending_bytes() >= PENDING_BYTES_MAX
    }

    /// How long the next step waits for records.
    pub(super) fn wait(&self) -> Duration {
        self.pace.wait(self.changed, Instant::now())
    }

    /// Has the rest written. What it returns says when that is done; `None` if the writer has failed.
    pub(super) fn end(&mut self, outcome: &Result<(), Error>) -> Option<Receiver<()>> {
        let met = self.meet().err();
        let failure = outcome.as_ref().err().or(met.as_ref());
        if let Some(error) = failure {
            error!("{error}");
            self.status
                .set(Part::Source, Condition::Failed, error.to_string());
        }
        if self.report().is_err() || (self.changed && !self.checkpoint().unwrap_or(false)) {
            return None;
        }
        let (flushed, all) = sync_channel(1);
        self.jobs.send(Job::Flush(flushed)).ok().map(|()| all)
    }

    /// Disconnects from the brokers.
    pub(super) fn close(self) {
        self.source.close(CLOSE_PATIENCE);
    }

    // How many records were applied.
    fn apply_batch(&mut self) -> Result<usize, Error> {
        let batch = self.source.poll(self.wait())?;
        let read = batch.len();
        self.keep_halts();
        // Before the first record of one is applied: until then it holds the watermark back.
        let found = self.source.found();
        self.adopt(found)?;
        if read > 0 {
            self.pace.applied(read, Instant::now());
            self.changed = true;
            self.lanes.apply(batch)?;
            if !self.lanes.is_busy() {
                self.meet()?;
            }
        }
        Ok(read)
    }

    // All lanes, with what they have noted of partitions taken note of.
    fn meet(&mut self) -> Result<&mut PipelineLanes, Error> {
        let lanes = self.lanes.meet()?;
        self.idleness.note_activity(lanes.take_on_time());
        Ok(lanes)
    }

    fn look_for_idleness(&mut self) -> Result<(), Error> {
        if Instant::now() >= self.next_idle_check {
            self.next_idle_check = Instant::now() + IDLE_CHECK_EVERY;
            self.meet()?;
            let lanes = self.lanes.meet()?;
            self.changed |= self.idleness.update(&mut self.source, lanes);
        }
        Ok(())
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

    // The end of the input closes nothing, but what has been read to its end holds nothing back.
    fn end_partitions(&mut self) -> Result<(), Error> {
        let lanes = self.lanes.meet()?;
        for partition in self.source.partitions() {
            if !self.source.halted().contains_key(&partition) {
                lanes.set_idle(partition, true);
            }
        }
        self.changed = true;
        Ok(())
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
    fn checkpoint_if_due(&mut self) -> Result<bool, Error> {
        if self.pace.is_writing() {
            match self.free.try_recv() {
                Ok(written) => self.pace.written(written),
                Err(TryRecvError::Empty) => return Ok(true),
                Err(TryRecvError::Disconnected) => return Ok(false),
            }
        }
        let pending = self.pending_bytes();
        if !self.changed || !self.pace.is_due(pending, Instant::now()) {
            return Ok(true);
        }
        self.checkpoint()
    }

    // What the next checkpoint will hold, marks included.
    fn pending_bytes(&self) -> usize {
        let (bytes, cells) = self.lanes.pending();
        bytes + cells * self.config.documents_per_slice * MARK_BYTES
    }

    fn checkpoint(&mut self) -> Result<bool, Error> {
        self.look_for_idleness()?;
        let effects = Box::new(self.meet()?.take_effects());
        self.pace.began(Instant::now());
        self.changed = false;
        if self.config.logs_rejects {
            self.reject_log.note(&effects.rejects);
        }
        Ok(self.jobs.send(Job::Checkpoint(effects)).is_ok())
    }

    fn report(&mut self) -> Result<(), Error> {
        let lanes = self.lanes.meet()?;
        for partition in self.source.partitions() {
            // Past the last payment there may be marks of transactions, which are never delivered.
            if self.source.at_end(partition)
                && let Some(position) = self.source.position(partition)
                && lanes.skip_to(partition, position)
            {
                self.changed = true;
            }
        }
        let order_stats = lanes.order_stats();
        let positions: BTreeMap<i32, i64> = lanes
            .progress()
            .map(|(partition, progress)| (partition, progress.position))
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
        self.status.set_readers(self.source.readers());
        if let Some(stats) = order_stats {
            self.status.set_order_ids(stats);
        }
        self.source.report(&positions);
        Ok(())
    }

    fn discover(&mut self) -> Result<(), Error> {
        match self.source.discover() {
            Ok(found) => return self.adopt(found),
            // It is logged once that brokers don't answer.
            Err(error) if self.source.is_silence_logged() => {
                debug!("new partitions can't be looked for now: {error}");
            }
            Err(error) => warn!("new partitions can't be looked for now: {error}"),
        }
        Ok(())
    }

    fn adopt(&mut self, found: Vec<AssignedPartition>) -> Result<(), Error> {
        for assigned in found {
            info!(partition = assigned.partition, "found a new partition");
            let lanes = self.lanes.meet()?;
            lanes.assign(assigned.partition, assigned.position);
            self.changed = true;
        }
        Ok(())
    }
}
