//! `tidegauge serve`: runs the service until it is told to stop or has read to the end.

mod summary;

use std::path::Path;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use self::summary::ServeSummary;
use super::arguments::{GlobalArgs, ServeArgs};
use super::failure::CommandFailure;
use super::progress::ProgressDisplay;
use super::signals::Signals;
use crate::api::remarks_of;
use crate::config::{Config, Need};
use crate::observe::status::{Condition, Part};
use crate::service::app::{self, App, Plan, Until};
use crate::service::generation::{self, Generations, Live, Lock, Successor, SwapFollower};
use crate::store;

/// How often the main loop checks for progress, a swap or the end of the run.
const POLL_EVERY: Duration = Duration::from_millis(20);

/// How long a stop may take at most. Docker and systemd kill after 30 s as
/// this repository sets them up.
const STOP_WITHIN: Duration = Duration::from_secs(25);
/// Why a stop was cut short.
pub(super) const SECOND_SIGNAL: &str = "stopped at once by a second signal";
/// How long tasks that nothing waits for may take to end by themselves.
const LEFTOVER_PATIENCE: Duration = Duration::from_millis(200);
/// After how long a wait for the lock is told: most are shorter.
const LOCK_TOLD_AFTER: Duration = Duration::from_secs(1);
/// How long another service may take to release the lock as it ends.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait for a swap that is under way: Elasticsearch may be slow with aliases.
const SWAP_PATIENCE: Duration = Duration::from_secs(120);
/// How often to check that the lock still keeps others out.
const LOCK_CHECK_EVERY: Duration = Duration::from_secs(1);

/// Runs the service. When another generation becomes live, it runs that one.
///
/// # Errors
/// When it can't start, or fails while it runs.
pub fn run(serve: &ServeArgs, globals: &GlobalArgs) -> Result<(), CommandFailure> {
    let sources = serve.sources(globals);
    let mut config = Config::load(&sources, Need::Brokers)?;
    if let Some(file) = sources.shown_file() {
        info!(file, "configuration read");
    }
    let generations = Generations::of(&config.state_dir);
    block_on(async {
        let mut signals = Signals::new()?;
        let begun = Instant::now();
        let lock = tokio::select! {
            lock = lock(&generations, &config.state_dir) => lock?,
            () = signals.stop() => {
                info!("stopping before the start was over");
                return Ok(());
            }
        };
        generations.clear_announcement()?;
        let mut live = generations.live()?;
        generations.enter(&mut config, live)?;
        let until = if serve.until_end {
            Until::End
        } else {
            Until::Stopped
        };
        let mut plan = Plan::serving(&config, live.generation, until);
        let mut progress = ProgressDisplay::new(!globals.quiet, false);
        let (app, ended) = loop {
            let app = tokio::select! {
                app = App::start(&config, &plan) => {
                    app.map_err(|error| unfit(error, &generations, live, &config))?
                }
                () = signals.stop() => {
                    info!("stopping before the start was over");
                    return Ok(());
                }
            };
            // A run to the end stays with one generation.
            let mut follower = (plan.until == Until::Stopped).then(|| {
                let status = app.status();
                SwapFollower::new(&generations, &config, plan.generation, &sources, status)
            });
            generations.announce_serving(plan.generation)?;
            match watch(&app, &lock, &mut signals, &mut progress, follower.as_mut()).await? {
                RunEnd::Moved(next) => {
                    let address = app.address();
                    if leave(app, &mut signals).await? {
                        return Ok(());
                    }
                    // After its last checkpoint: readers must not see figures from before that.
                    let mut next = next;
                    generations.enter(&mut next.config, next.live)?;
                    if next.config.http.listen == config.http.listen {
                        plan.listen = address;
                    } else {
                        plan.listen = Some(next.config.http.listen);
                    }
                    live = next.live;
                    plan.generation = live.generation;
                    config = next.config;
                    progress.next_run();
                }
                ended => break (app, ended),
            }
        };
        progress.finish();
        let readings = app.readings();
        let before = app.before().clone();
        let skipped = app.status().board().skipped;
        let deliver = serve.until_end && matches!(ended, RunEnd::Finished);
        stop(app, deliver, &mut signals).await?;
        if let RunEnd::Unlocked(error) = ended {
            return Err(error.into());
        }
        if deliver {
            let (ledger, remarks) = readings
                .query(|reading| Ok((reading.checkpoint().ledger.clone(), remarks_of(reading))))
                .map_err(app::Error::from)?;
            for remark in remarks {
                warn!("{remark}");
            }
            ServeSummary::new(&before, &ledger, skipped, begun.elapsed()).print(serve.output)?;
        }
        Ok(())
    })
}

// Correcting the configuration is one way out. After a swap that an earlier service refused, the
// configuration may be right for the generation that was served.
fn unfit(
    error: app::Error,
    generations: &Generations,
    live: Live,
    config: &Config,
) -> CommandFailure {
    let app::Error::Store(cause @ (store::Error::Rules { .. } | store::Error::Topic { .. })) =
        &error
    else {
        return error.into();
    };
    match generations.fits_before(live, config) {
        Some(previous) => generation::Error::Swapped {
            generation: live.generation,
            previous,
            reason: cause.fact(),
        }
        .into(),
        None => error.into(),
    }
}

// Stops one generation so that another can follow. Returns whether a signal asked to stop the service
// meanwhile.
async fn leave(app: App, signals: &mut Signals) -> Result<bool, CommandFailure> {
    let mut leaving = std::pin::pin!(app.stop(false));
    let is_stopping = tokio::select! {
        outcome = leaving.as_mut() => return Ok(outcome.map(|()| false)?),
        () = tokio::time::sleep(STOP_WITHIN) => return Err(too_slow()),
        () = signals.stop() => true,
    };
    tokio::select! {
        outcome = leaving.as_mut() => Ok(outcome.map(|()| is_stopping)?),
        () = tokio::time::sleep(STOP_WITHIN) => Err(too_slow()),
        () = signals.stop() => Err(second_signal()),
    }
}

/// Stops all parts within [`STOP_WITHIN`], or without a limit if it is to `deliver` everything first.
/// A second signal ends the stop at once.
///
/// # Errors
/// The first error; also if the stop took too long or a second signal came.
pub(super) async fn stop(
    app: App,
    deliver: bool,
    signals: &mut Signals,
) -> Result<(), CommandFailure> {
    tokio::select! {
        outcome = app.stop(deliver) => Ok(outcome?),
        () = tokio::time::sleep(STOP_WITHIN), if !deliver => Err(too_slow()),
        () = signals.stop() => Err(second_signal()),
    }
}

fn second_signal() -> CommandFailure {
    CommandFailure::Running(anyhow::anyhow!("{SECOND_SIGNAL}; the state is complete"))
}

fn too_slow() -> CommandFailure {
    CommandFailure::Running(anyhow::anyhow!(
        "not all parts stopped within {} s; they were abandoned, and the state is complete",
        STOP_WITHIN.as_secs()
    ))
}

/// Runs `work` to its end and abandons tasks that it started but did not wait for: a request to a broker
/// that does not answer would delay the end of the process.
///
/// # Errors
/// What `work` says, or when threads can't be started.
pub(super) fn block_on<T>(
    work: impl Future<Output = Result<T, CommandFailure>>,
) -> Result<T, CommandFailure> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(LEFTOVER_PATIENCE);
    outcome
}

// Waits for a swap that is under way: a service must not change what readers see meanwhile. Any other
// holder of the lock is another service.
async fn lock(generations: &Generations, state_dir: &Path) -> Result<Lock, CommandFailure> {
    let begun = Instant::now();
    let mut is_told = false;
    loop {
        if let Some(lock) = generations.lock_service()? {
            return Ok(lock);
        }
        if !is_told && begun.elapsed() >= LOCK_TOLD_AFTER {
            is_told = true;
            let (holder, patience) = match generations.are_services_held_off() {
                true => ("a swap, a restore or a `rejects replay`", SWAP_PATIENCE),
                false => ("another service", LOCK_PATIENCE),
            };
            warn!(
                "{holder} holds the lock of {}: waiting until it ends, for at most {} s",
                state_dir.display(),
                patience.as_secs()
            );
        }
        if begun.elapsed() >= LOCK_PATIENCE && !generations.are_services_held_off() {
            let path = state_dir.to_owned();
            return Err(generation::Error::Store(store::Error::InUse { path }).into());
        }
        if begun.elapsed() >= SWAP_PATIENCE {
            return Err(CommandFailure::Running(anyhow::anyhow!(
                "a swap, a restore or a `rejects replay` has been using this state for {} s: wait until it \
                 ends, then start the service again",
                SWAP_PATIENCE.as_secs()
            )));
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}

/// Why a run is over.
enum RunEnd {
    /// A signal asked it to stop.
    Stopped,
    /// It reached the end, or failed.
    Finished,
    /// The lock on the state no longer keeps others out.
    Unlocked(generation::Error),
    /// Another generation is live.
    Moved(Box<Successor>),
}

/// The runtime for I/O: HTTP, Elasticsearch, signals. Records are not processed here.
///
/// # Errors
/// When threads can't be started.
fn runtime() -> Result<tokio::runtime::Runtime, CommandFailure> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("edge")
        .enable_all()
        .build()?)
}

async fn watch(
    app: &App,
    lock: &Lock,
    signals: &mut Signals,
    progress: &mut ProgressDisplay,
    mut follower: Option<&mut SwapFollower<'_>>,
) -> Result<RunEnd, CommandFailure> {
    let mut next_lock_check = Instant::now();
    loop {
        tokio::select! {
            () = signals.stop() => {
                info!("stopping");
                return Ok(RunEnd::Stopped);
            }
            () = app.finished() => return Ok(RunEnd::Finished),
            () = tokio::time::sleep(POLL_EVERY) => {}
        }
        if Instant::now() >= next_lock_check {
            next_lock_check = Instant::now() + LOCK_CHECK_EVERY;
            if let Err(error) = lock.check() {
                error!("{error}");
                let status = app.status();
                status.set(Part::Store, Condition::Failed, error.to_string());
                return Ok(RunEnd::Unlocked(error));
            }
        }
        if let Some(next) = follower.as_mut().and_then(|follower| follower.poll()) {
            info!(
                generation = next.live.generation,
                "another generation is live"
            );
            return Ok(RunEnd::Moved(Box::new(next)));
        }
        progress.show(app)?;
    }
}
