//! Threads that apply the records of lanes beside each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::{io, thread};

use super::Error;
use crate::core::pipeline::Pipeline;
use crate::core::pipeline_lanes::PipelineLanes;
use crate::core::seen_orders::KeptOrdersError;
#[cfg(feature = "simulation")]
use crate::host::simulation;
use crate::source::LogBatch;

/// The lanes, and the threads that apply their records while many come. While few do, they are applied on the thread that
/// has this.
pub(super) struct LaneThreads<B> {
    lanes: PipelineLanes,
    /// By number of the lane; none with one lane.
    threads: Vec<LaneThread<B>>,
}

/// Applies the records of one lane while it has the lane's pipeline.
struct LaneThread<B> {
    jobs: SyncSender<LaneJob<B>>,
    returns: Receiver<LaneReturn>,
    load: Arc<LaneLoad>,
    is_busy: bool,
}

enum LaneJob<B> {
    /// Take this pipeline.
    Begin(Box<Pipeline>),
    Apply(B),
    /// Give the pipeline back.
    Return,
}

struct LaneReturn {
    pipeline: Box<Pipeline>,
    outcome: Result<(), KeptOrdersError>,
}

/// What the changes of a lane hold, as of its last batch.
#[derive(Default)]
struct LaneLoad {
    bytes: AtomicUsize,
    cells: AtomicUsize,
}

/// A batch of fewer records is applied here: handing it on would take longer.
const HANDED_ON_MIN: usize = 512;
/// So many batches wait for a thread at most. With 8 a replay was not faster.
const WAITING_MAX: usize = 2;

impl<B: LogBatch + Send + 'static> LaneThreads<B> {
    /// Starts a thread for each lane, if there are several.
    ///
    /// # Errors
    /// When a thread can't be started.
    pub(super) fn start(lanes: PipelineLanes) -> io::Result<Self> {
        #[cfg(feature = "simulation")]
        let is_simulated = simulation::is_on();
        #[cfg(not(feature = "simulation"))]
        let is_simulated = false;
        let count = match lanes.count().get() {
            1 => 0,
            _ if is_simulated => 0,
            count => count,
        };
        let threads: io::Result<Vec<_>> = (0..count).map(LaneThread::start).collect();
        Ok(Self {
            lanes,
            threads: threads?,
        })
    }

    /// Applies a batch, or has it applied. What went wrong may be told by a later call.
    ///
    /// # Errors
    /// When it can't be known whether a payment is a duplicate ([`Error::Orders`]), or a thread has ended.
    pub(super) fn apply(&mut self, batch: B) -> Result<(), Error> {
        let is_worth_it = batch.len() >= HANDED_ON_MIN && batch.is_handed_on_at_no_cost();
        let is_handed_on = self.is_busy() || is_worth_it;
        if self.threads.is_empty() || !is_handed_on {
            self.lanes.apply(batch.records())?;
            // All lanes are here: windows become final as soon as with one.
            self.lanes.advance();
            return Ok(());
        }
        let lanes = &self.lanes;
        let parts = batch.divide(self.threads.len(), |partition| lanes.lane_of(partition));
        for (number, part) in parts.into_iter().enumerate() {
            if let Some(part) = part {
                self.hand_on(number, part)?;
            }
        }
        Ok(())
    }

    /// All lanes, once their threads have applied what they were given.
    ///
    /// # Errors
    /// As [`LaneThreads::apply`]. All lanes are here nevertheless, unless a thread has ended.
    pub(super) fn meet(&mut self) -> Result<&mut PipelineLanes, Error> {
        for thread in &mut self.threads {
            if thread.is_busy {
                thread.send(LaneJob::Return)?;
            }
        }
        let mut outcome = Ok(());
        for thread in &mut self.threads {
            if thread.is_busy {
                let returned = thread.returns.recv().map_err(|_| ENDED)?;
                thread.is_busy = false;
                self.lanes.put_back(*returned.pipeline);
                outcome = outcome.and(returned.outcome);
            }
        }
        outcome?;
        Ok(&mut self.lanes)
    }

    /// Whether threads have lanes.
    pub(super) fn is_busy(&self) -> bool {
        self.threads.iter().any(|thread| thread.is_busy)
    }

    /// About how many bytes the changes since the last checkpoint hold, and how many cells.
    pub(super) fn pending(&self) -> (usize, usize) {
        let busy = self.threads.iter().filter(|thread| thread.is_busy);
        let here = (self.lanes.pending_bytes(), self.lanes.changed());
        busy.fold(here, |(bytes, cells), thread| {
            (
                bytes + thread.load.bytes.load(Ordering::Relaxed),
                cells + thread.load.cells.load(Ordering::Relaxed),
            )
        })
    }

    fn hand_on(&mut self, number: usize, part: B) -> Result<(), Error> {
        let thread = &mut self.threads[number];
        if !thread.is_busy {
            let Some(pipeline) = self.lanes.take(number) else {
                return Err(ENDED);
            };
            // What was applied here counts as well.
            let cells = pipeline.engine().changed();
            thread.load.note(pipeline.pending_bytes(), cells);
            thread.send(LaneJob::Begin(Box::new(pipeline)))?;
            thread.is_busy = true;
        }
        thread.send(LaneJob::Apply(part))
    }
}

/// A thread has ended and taken its lane with it: neither figures nor positions of that lane are in any later checkpoint.
const ENDED: Error = Error::Panicked("applying");

impl<B: LogBatch + Send + 'static> LaneThread<B> {
    fn start(number: usize) -> io::Result<Self> {
        let (jobs, given) = sync_channel(WAITING_MAX);
        let (returned, returns) = sync_channel(1);
        let load = Arc::new(LaneLoad::default());
        let noted = Arc::clone(&load);
        thread::Builder::new()
            .name(format!("apply-{number}"))
            .spawn(move || work(&given, &returned, &noted))?;
        Ok(Self {
            jobs,
            returns,
            load,
            is_busy: false,
        })
    }

    fn send(&self, job: LaneJob<B>) -> Result<(), Error> {
        self.jobs.send(job).map_err(|_| ENDED)
    }
}

// Until nothing is left to do.
fn work<B: LogBatch>(
    jobs: &Receiver<LaneJob<B>>,
    returned: &SyncSender<LaneReturn>,
    load: &LaneLoad,
) {
    let mut lane = None;
    while let Ok(job) = jobs.recv() {
        match (job, &mut lane) {
            (LaneJob::Begin(pipeline), _) => {
                lane = Some(LaneReturn {
                    pipeline,
                    outcome: Ok(()),
                });
            }
            (LaneJob::Apply(batch), Some(lane)) => {
                // After an error, nothing more is applied and the error stays.
                lane.outcome = lane.pipeline.apply(batch.records());
                let cells = lane.pipeline.engine().changed();
                load.note(lane.pipeline.pending_bytes(), cells);
            }
            (LaneJob::Return, _) => {
                if let Some(lane) = lane.take()
                    && returned.send(lane).is_err()
                {
                    return;
                }
            }
            (LaneJob::Apply(_), None) => {}
        }
    }
}

impl LaneLoad {
    fn note(&self, bytes: usize, cells: usize) {
        self.bytes.store(bytes, Ordering::Relaxed);
        self.cells.store(cells, Ordering::Relaxed);
    }
}

#[cfg(all(test, feature = "simulation"))]
mod tests;
