//! The worker's two threads as tasks of a simulation: the same steps, and waits of its clock.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use tokio::time::sleep;

use super::Error;
use super::applier::{Applier, ApplyStep};
use super::writer::{Job, Writer};
use crate::source::LogClient;

/// What a step takes.
const STEP: Duration = Duration::from_micros(100);
/// How often what is waited for is looked for: more rarely the longer it does not come.
const LOOK: Duration = Duration::from_millis(1);
const LOOK_MAX: Duration = Duration::from_millis(32);

/// Applies records as [`Applier::run`] does.
pub(super) async fn apply<C: LogClient + ?Sized>(
    mut applier: Applier<C>,
    stop: Arc<AtomicBool>,
) -> Result<(), Error> {
    applier.begin();
    let outcome = loop {
        let wait = match applier.step(&stop) {
            ApplyStep::Ended(outcome) => break outcome,
            ApplyStep::Applied(0) => applier.wait(),
            ApplyStep::Applied(_) => STEP,
        };
        sleep(wait).await;
    };
    if let Some(all) = applier.end(&outcome) {
        while all.try_recv() == Err(TryRecvError::Empty) {
            sleep(LOOK).await;
        }
    }
    applier.close();
    outcome
}

/// Writes as [`Writer::run`] does.
pub(super) async fn write(mut writer: Writer, queue: Receiver<Job>) -> Result<(), Error> {
    writer.begin();
    let mut look = LOOK;
    let outcome = loop {
        let wait = match writer.look() {
            Ok(wait) => wait,
            Err(error) => break Err(error),
        };
        let job = match queue.try_recv() {
            Ok(job) => Ok(job),
            Err(TryRecvError::Disconnected) => Err(RecvTimeoutError::Disconnected),
            Err(TryRecvError::Empty) => Err(RecvTimeoutError::Timeout),
        };
        // Nothing is due before the wait is over.
        if matches!(job, Err(RecvTimeoutError::Timeout)) && !wait.is_zero() {
            sleep(wait.min(look)).await;
            look = (look * 2).min(LOOK_MAX);
            continue;
        }
        look = LOOK;
        match writer.step(job) {
            Ok(true) => sleep(STEP).await,
            Ok(false) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    writer.end(outcome)
}
