//! How far the state has come, and who waits for it to come further. Waiting takes no place and no
//! work: one look at each new checkpoint serves all who wait.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidegauge_windows::{Definition, EventTime};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::{Instant, timeout_at};

use super::State;
use super::problem::Problem;
use crate::domain::timestamp::rfc3339;
use crate::host::blocking;
use crate::view::changelog::Changelog;
use crate::view::reading::{ReadError, Readings};

/// The place that the state must have reached.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Goal {
    /// The least next offset of partitions.
    pub(super) positions: BTreeMap<i32, i64>,
    /// The least combined watermark.
    pub(super) watermark: Option<EventTime>,
}

/// Why a place was not reached.
#[derive(Debug)]
pub(super) enum Missed {
    /// The time is over; what is missing, in words.
    TimedOut(String),
    /// Something else.
    Problem(Problem),
}

impl From<Problem> for Missed {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// How far the newest checkpoints have come.
pub(super) struct CheckpointProgress {
    readings: Arc<dyn Readings>,
    changelog: Arc<Changelog>,
    /// Rises with each checkpoint.
    written: watch::Sender<u64>,
    /// The result of the last look. The task that looks holds the lock, and the others use its result.
    newest: tokio::sync::Mutex<Option<Arc<Reached>>>,
    waiting: Mutex<Waiters>,
    seats: Semaphore,
    limit: usize,
}

/// How far one checkpoint has come, and what a question must fit before it waits for another one.
pub(super) struct Reached {
    /// The newest checkpoint when it was looked, or an older one.
    number: u64,
    /// The generation it is of.
    pub(super) generation: u32,
    /// The window definitions.
    pub(super) definitions: Vec<Definition>,
    /// The next offset of each partition.
    pub(super) positions: BTreeMap<i32, i64>,
    watermark: Option<EventTime>,
}

#[derive(Default)]
struct Waiters {
    goals: HashMap<u64, (Goal, oneshot::Sender<()>)>,
    /// The number of the next one who waits.
    next: u64,
    /// Whether a task looks at new checkpoints for them.
    is_followed: bool,
}

impl CheckpointProgress {
    /// Follows the checkpoints of `state`, for at most `limit` who wait.
    pub(super) fn follow(state: &State, limit: usize) -> Arc<Self> {
        let written = watch::Sender::new(0);
        let told = written.clone();
        state.changelog.watch(move |number| {
            told.send_replace(number);
        });
        Arc::new(Self {
            readings: Arc::clone(&state.readings),
            changelog: Arc::clone(&state.changelog),
            written,
            newest: tokio::sync::Mutex::default(),
            waiting: Mutex::default(),
            seats: Semaphore::new(limit),
            limit,
        })
    }

    /// Waits until the state has reached `goal`, at most until `deadline`. A goal that is reached
    /// already is never refused.
    pub(super) async fn reach(
        self: &Arc<Self>,
        goal: Goal,
        deadline: Instant,
    ) -> Result<(), Missed> {
        let reached = self.look().await?;
        if goal.missing(&reached).is_none() {
            return Ok(());
        }
        let _seat = self
            .seats
            .try_acquire()
            .map_err(|_| Missed::Problem(Problem::too_many_wait(self.limit)))?;
        let (tell, told) = oneshot::channel();
        let waiter = Waiter {
            progress: self,
            number: self.enter(goal.clone(), tell),
        };
        // What was written since it was looked may have been told already.
        if goal.missing(self.look().await?.as_ref()).is_none() {
            return Ok(());
        }
        match timeout_at(deadline, told).await {
            Ok(Ok(())) => return Ok(()),
            // Who followed could not read the state; the log says why.
            Ok(Err(_)) => return Err(Missed::Problem(Problem::internal())),
            Err(_) => {}
        }
        drop(waiter);
        let reached = self.look().await?;
        match goal.missing(&reached) {
            Some(missing) => Err(Missed::TimedOut(missing)),
            None => Ok(()),
        }
    }

    fn enter(self: &Arc<Self>, goal: Goal, tell: oneshot::Sender<()>) -> u64 {
        let mut waiting = self.waiting();
        let number = waiting.next;
        waiting.next += 1;
        waiting.goals.insert(number, (goal, tell));
        if !waiting.is_followed {
            waiting.is_followed = true;
            tokio::spawn(Arc::clone(self).serve());
        }
        number
    }

    /// Tells those whose goals are reached, as long as a request waits.
    async fn serve(self: Arc<Self>) {
        let mut written = self.written.subscribe();
        loop {
            written.mark_unchanged();
            let looked = self.look().await;
            {
                let mut waiting = self.waiting();
                match looked {
                    Ok(reached) => {
                        let told = waiting
                            .goals
                            .extract_if(|_, (goal, _)| goal.missing(&reached).is_none());
                        for (_, (_, tell)) in told {
                            // Who has left needs not be told.
                            let _ = tell.send(());
                        }
                    }
                    Err(_) => waiting.goals.clear(),
                }
                if waiting.goals.is_empty() {
                    waiting.is_followed = false;
                    return;
                }
            }
            // It ends with the sender, which this task holds.
            if written.changed().await.is_err() {
                return;
            }
        }
    }

    /// How far the newest checkpoint has come.
    pub(super) async fn look(&self) -> Result<Arc<Reached>, Missed> {
        let mut known = self.newest.lock().await;
        // Asked before it is looked: what is found is of this checkpoint or a newer one.
        let number = self.changelog.newest();
        if let Some(known) = &*known
            && known.number == number
        {
            return Ok(Arc::clone(known));
        }
        let readings = Arc::clone(&self.readings);
        let looked = blocking::run(move || {
            readings.query(|reading| {
                Ok(Reached {
                    number,
                    generation: reading.checkpoint().generation,
                    definitions: reading.frame().definitions().to_vec(),
                    positions: reading.checkpoint().positions.clone(),
                    watermark: reading.frame().watermark(),
                })
            })
        });
        let reached = match looked.await {
            Ok(Ok(reached)) => Arc::new(reached),
            Ok(Err(error)) => return Err(failed(&error)),
            Err(error) => return Err(failed(&ReadError(error.to_string()))),
        };
        *known = Some(Arc::clone(&reached));
        Ok(reached)
    }

    // What is in it is whole at any time.
    fn waiting(&self) -> MutexGuard<'_, Waiters> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(error: &ReadError) -> Missed {
    tracing::error!(%error, "a request can't be answered");
    Missed::Problem(Problem::internal())
}

/// A request that waits, or has left.
struct Waiter<'a> {
    progress: &'a CheckpointProgress,
    number: u64,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.progress.waiting().goals.remove(&self.number);
    }
}

impl Goal {
    /// What `reached` lacks of it, in words.
    fn missing(&self, reached: &Reached) -> Option<String> {
        for (partition, wanted) in &self.positions {
            match reached.positions.get(partition) {
                Some(position) if position >= wanted => {}
                Some(position) => {
                    return Some(format!(
                        "partition {partition} is at {position}, not yet at {wanted}"
                    ));
                }
                None => return Some(format!("partition {partition} is not read")),
            }
        }
        let wanted = self.watermark?;
        if reached
            .watermark
            .is_some_and(|watermark| watermark >= wanted)
        {
            return None;
        }
        let at = reached
            .watermark
            .map_or_else(|| "nowhere yet".into(), rfc3339);
        let wanted = rfc3339(wanted);
        Some(format!("the watermark is at {at}, not yet at {wanted}"))
    }
}
