//! `tidegauge serve`: the service, until it is told to stop or has read to the end.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;

use super::arguments::{Globals, Serve};
use super::failure::Failure;
use super::output::{self, Format};
use super::report;
use crate::answer::LedgerAnswer;
use crate::app::{self, App};
use crate::config::{Config, Need};
use crate::ledger::{Entry, Ledger};
use crate::status::Board;

/// How often it is looked at whether there is something to tell or to do.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long a stop may take, whatever state its parts are in. Docker and systemd kill after 30 s as
/// this repository sets them up.
const STOP_WITHIN: Duration = Duration::from_secs(25);
/// How long what is left over may take to end by itself.
const LEFTOVERS: Duration = Duration::from_millis(200);

/// Runs the service.
///
/// # Errors
/// When it can't start, or fails while it runs.
pub fn run(serve: &Serve, globals: &Globals) -> Result<(), Failure> {
    let config = Config::load(&serve.sources(globals), Need::Brokers)?;
    block_on(async {
        let mut signals = Signals::new()?;
        let begun = Instant::now();
        let app = tokio::select! {
            app = App::start(&config, serve.until_end) => app?,
            () = signals.stop() => {
                info!("stopping before the start was over");
                return Ok(());
            }
        };
        let progress = Progress::new(!globals.quiet);
        let stopped = watch(&app, &mut signals, &progress).await?;
        progress.finish();
        let readings = app.readings();
        let before = app.before().clone();
        let deliver = serve.until_end && !stopped;
        tokio::select! {
            outcome = app.stop(deliver) => outcome?,
            () = tokio::time::sleep(STOP_WITHIN), if !deliver => {
                return Err(Failure::Running(anyhow::anyhow!(
                    "not all parts stopped within {} s; they are left to themselves, and the state \
                     is whole",
                    STOP_WITHIN.as_secs()
                )));
            }
            () = signals.stop() => {
                return Err(Failure::Running(anyhow::anyhow!(
                    "stopped at once by a second signal; the state is whole"
                )));
            }
        }
        if deliver {
            let ledger = readings
                .query(|reading| Ok(reading.checkpoint().ledger.clone()))
                .map_err(app::Error::from)?;
            Summary::new(&before, &ledger, begun.elapsed()).print(serve.output)?;
        }
        Ok(())
    })
}

/// Runs `work` to its end, and leaves to themselves what it has begun and not waited for: a question
/// to a broker that does not answer would hold up the end of the process.
///
/// # Errors
/// What `work` says, or when threads can't be started.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(LEFTOVERS);
    outcome
}

/// The runtime of everything that waits: HTTP, Elasticsearch, signals. Records don't wait here.
///
/// # Errors
/// When threads can't be started.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("edge")
        .enable_all()
        .build()?)
}

// Whether it was asked to stop, rather than having come to the end.
async fn watch(app: &App, signals: &mut Signals, progress: &Progress) -> Result<bool, Failure> {
    loop {
        tokio::select! {
            () = signals.stop() => {
                info!("stopping");
                return Ok(true);
            }
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if app.is_finished() {
            return Ok(false);
        }
        progress.show(app)?;
    }
}

/// The signals that ask for a stop.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn new() -> Result<Self, Failure> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    pub(super) async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// What a run up to the end did.
#[derive(Serialize)]
struct Summary {
    /// Payments applied in this run.
    payments: u64,
    /// Records read in this run, whatever they were.
    records: u64,
    /// From the start of the process's work to the last document delivered.
    seconds: f64,
    /// Records per second.
    rate: f64,
    /// All that was ever consumed.
    ledger: LedgerAnswer,
}

/// The summary without what has parts of its own.
#[derive(Serialize)]
struct SummaryLine {
    payments: u64,
    records: u64,
    seconds: f64,
    rate: f64,
    balanced: bool,
}

impl Summary {
    fn new(before: &Ledger, after: &Ledger, elapsed: Duration) -> Self {
        let seconds = elapsed.as_secs_f64();
        let records = after.consumed - before.consumed;
        Self {
            payments: payments(after) - payments(before),
            records,
            seconds,
            #[expect(clippy::cast_precision_loss, reason = "a rate is for people")]
            rate: records as f64 / seconds.max(f64::MIN_POSITIVE),
            ledger: LedgerAnswer::new(after),
        }
    }

    fn print(&self, format: Format) -> Result<(), Failure> {
        let row = report::row(&SummaryLine {
            payments: self.payments,
            records: self.records,
            seconds: self.seconds,
            rate: self.rate,
            balanced: self.ledger.balanced,
        })?;
        output::print(format, &[row], &report::text(self)?)?;
        Ok(())
    }
}

fn payments(ledger: &Ledger) -> u64 {
    Entry::ALL
        .into_iter()
        .filter(|entry| entry.has_amount())
        .map(|entry| ledger.entry(entry).count)
        .sum()
}

/// A line that moves, on a terminal.
struct Progress(Option<ProgressBar>);

impl Progress {
    fn new(wanted: bool) -> Self {
        let shown = wanted && std::io::stderr().is_terminal();
        Self(shown.then(|| {
            let bar = ProgressBar::new(0);
            let style =
                "{spinner} {human_pos} records of {human_len}  {per_sec}  {msg}  {eta} left";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        }))
    }

    fn show(&self, app: &App) -> Result<(), Failure> {
        let Some(bar) = &self.0 else { return Ok(()) };
        let board = app.status().board();
        let (consumed, lag, dirty) = app
            .readings()
            .query(|reading| {
                let checkpoint = reading.checkpoint();
                let consumed = checkpoint.ledger.consumed - app.before().consumed;
                Ok((
                    consumed,
                    lag(&board, &checkpoint.positions),
                    checkpoint.dirty,
                ))
            })
            .map_err(app::Error::from)?;
        bar.set_length(consumed + lag);
        bar.set_position(consumed);
        bar.set_message(format!("{dirty} documents wait"));
        Ok(())
    }

    fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn lag(board: &Board, positions: &std::collections::BTreeMap<i32, i64>) -> u64 {
    board
        .partitions
        .iter()
        .filter_map(|(partition, status)| Some(status.end? - positions.get(partition)?))
        .filter_map(|lag| u64::try_from(lag).ok())
        .sum()
}

impl From<app::Error> for Failure {
    fn from(error: app::Error) -> Self {
        if error.is_unavailable() {
            Self::Unavailable(error.into())
        } else if error.is_config() {
            Self::Config(error.into())
        } else {
            Self::Running(error.into())
        }
    }
}
