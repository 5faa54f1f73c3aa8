//! `tidegauge demo`: a broker in this process, a generator and the service.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use chrono_tz::Tz;
use crossterm::cursor::MoveUp;
use crossterm::terminal::{Clear, ClearType};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use tidegauge_windows::EventTime;
use tokio::task::spawn_blocking;

use super::arguments::{DemoArgs, GlobalArgs};
use super::failure::CommandFailure;
use super::output::OutputFormat;
use super::report;
use super::serve::{block_on, stop};
use super::signals::Signals;
use super::streams;
use super::table::{self, TableOptions};
use crate::config::{Config, Need, Sources};
use crate::domain::branch::Branches;
use crate::domain::count::counted_in_threes;
use crate::domain::timestamp::rfc3339;
use crate::generator::{self, Generator, Message};
use crate::host::wall_clock::now_ms;
use crate::service::app::{self, App, Plan, Until};
use crate::view::reading::{ReadError, Readings};

const TOPIC: &str = "payment_msg";
const PARTITIONS: i32 = 4;
/// A history has at most so many payments: it takes seconds to be read.
const HISTORY_MAX: u64 = 1_000_000;
/// At most so many payments are in the topic and not yet read. The broker in this process keeps 5 MiB
/// of each partition, about 160,000 payments in all, and drops the oldest.
const UNREAD_MAX: u64 = 80_000;
/// The broker in this process finds an offset by walking all batches that it keeps of the partition, so
/// batches must be few, and large.
const LINGER_MS: &str = "200";
/// How often the table is drawn again.
const FRAME: Duration = Duration::from_millis(500);

/// Runs the demo.
///
/// # Errors
/// When a part can't start, or fails while it runs.
pub fn run(demo: &DemoArgs, globals: &GlobalArgs) -> Result<(), CommandFailure> {
    let begun = Instant::now();
    let kafka = MockCluster::new(1).context("the broker in this process can't start")?;
    kafka
        .create_topic(TOPIC, PARTITIONS, 1)
        .context("the topic can't be created")?;
    let state = tempfile::Builder::new()
        .prefix("tidegauge-demo-")
        .tempdir()
        .context("no temporary directory for the state can be created: set TMPDIR to a directory that can be written")?;
    let config = config(
        demo.sources(globals),
        &kafka.bootstrap_servers(),
        &state.path().join("state"),
    )?;

    block_on(async {
        let mut signals = Signals::new()?;
        let plan = Plan {
            // They are a part of the show.
            logs_rejects: false,
            ..Plan::serving(&config, 1, Until::Stopped)
        };
        let app = App::start(&config, &plan).await?;
        announce(&app, &config, demo.output)?;
        let brokers = kafka.bootstrap_servers();
        let generating = GeneratorThread::start(demo, config.time_zone, &brokers, app.readings())?;
        let mut screen = Screen::new(demo, globals);
        loop {
            tokio::select! {
                () = signals.stop() => break,
                () = tokio::time::sleep(FRAME) => {}
            }
            if app.is_finished() || demo.duration.is_some_and(|most| begun.elapsed() >= most) {
                break;
            }
            screen.draw(&app, &app.branches())?;
        }
        screen.clear()?;
        spawn_blocking(move || generating.stop())
            .await
            .map_err(app::Error::from)?;
        let (readings, branches) = (app.readings(), app.branches());
        stop(app, false, &mut signals).await?;
        print_end(readings.as_ref(), &branches, demo.output)
    })
}

const OWN_BROKER: &str = "the demo has a broker and a topic of its own in this process: leave it out, or \
                          read another topic with `tidegauge serve`";
const OWN_STATE: &str = "the demo's state is deleted when it stops: leave it out, or keep a state \
                         with `tidegauge serve`";
const NO_INDEXES: &str = "the demo does not write to Elasticsearch or Kibana: leave it out, or \
                          use `tidegauge serve`";

fn config(
    sources: Sources,
    brokers: &str,
    state: &std::path::Path,
) -> Result<Config, CommandFailure> {
    let state = state.to_string_lossy().into_owned();
    let own = |value: &str| Some(value.to_owned());
    let sources = sources
        .decided("state_dir", Some(state), OWN_STATE)
        .decided("elasticsearch", None, NO_INDEXES)
        .decided("kibana", None, NO_INDEXES)
        .decided("kafka", None, OWN_BROKER)
        .decided("kafka.brokers", own(brokers), OWN_BROKER)
        .decided("kafka.topic", own(TOPIC), OWN_BROKER)
        .decided("kafka.start", own("earliest"), OWN_BROKER)
        // That broker gives topics no ids.
        .decided("kafka.reader", own("librdkafka"), OWN_BROKER);
    Ok(Config::load(&sources, Need::Brokers)?)
}

fn announce(app: &App, config: &Config, output: OutputFormat) -> Result<(), CommandFailure> {
    let address = app.address().unwrap_or(config.http.listen);
    let definitions = &config.event_time.settings.definitions;
    let window = definitions.first().map_or("", |first| first.name());
    let line = format!(
        "Tidegauge answers at http://{address}/  (figures: /api/v1/totals, /api/v1/windows/{window})"
    );
    // With another format, stdout is for programs, so the address goes to stderr.
    if output == OutputFormat::Table {
        streams::print(format!("{line}\n").as_bytes())?;
    } else {
        streams::note(format_args!("{line}"));
    }
    Ok(())
}

/// The generator on its own thread.
struct GeneratorThread {
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl GeneratorThread {
    /// Makes payments from `--history` before now on: first those of the history, as fast as the
    /// service reads them, then one whenever it is due.
    fn start(
        demo: &DemoArgs,
        time_zone: Tz,
        brokers: &str,
        readings: Arc<dyn Readings>,
    ) -> Result<Self, CommandFailure> {
        let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("linger.ms", LINGER_MS)
            .create()
            .context("the generator can't connect")?;
        let pace = DemoSchedule::new(demo.rate, demo.history);
        let options = generator::Options {
            seed: demo.seed,
            start: pace.time_of(0),
            time_zone,
            disorder: Duration::from_secs(2),
            late_fraction: 0.002,
            bad_fraction: 0.0005,
            ..generator::Options::default()
        };
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("generate".into())
            .spawn(move || {
                let generator = Generator::new(options);
                generate(&producer, generator, &pace, readings.as_ref(), &stopped);
            })?;
        Ok(Self { stop, thread })
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        // A generator that panicked has made its last payment as well.
        let _ = self.thread.join();
    }
}

/// When each payment is made: at one rate, from the beginning of the history on.
struct DemoSchedule {
    rate: u64,
    /// The time of the first, ms since the epoch.
    start: i64,
    begun: Instant,
    /// How many are due at `begun`.
    history: u64,
}

impl DemoSchedule {
    fn new(rate: u64, history: Duration) -> Self {
        let history = u128::from(rate) * history.as_millis() / 1_000;
        let history = u64::try_from(history).unwrap_or(u64::MAX).min(HISTORY_MAX);
        let mut pace = Self {
            rate,
            start: 0,
            begun: Instant::now(),
            history,
        };
        pace.start = now().millis() - pace.time_of(history).millis();
        pace
    }

    fn due(&self) -> u64 {
        let since = self.begun.elapsed().as_millis() * u128::from(self.rate) / 1_000;
        self.history
            .saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }

    fn time_of(&self, number: u64) -> EventTime {
        let since = u128::from(number) * 1_000 / u128::from(self.rate.max(1));
        let since = i64::try_from(since).unwrap_or(i64::MAX);
        EventTime::from_millis(self.start.saturating_add(since))
    }
}

/// Whether the producer accepted the message.
fn send(
    producer: &ThreadedProducer<DefaultProducerContext>,
    partition: i32,
    message: &Message<'_>,
) -> bool {
    let mut record = BaseRecord::<(), [u8]>::to(TOPIC)
        .partition(partition)
        .timestamp(message.timestamp.millis());
    if let Some(value) = message.value {
        record = record.payload(value);
    }
    producer.send(record).is_ok()
}

fn generate(
    producer: &ThreadedProducer<DefaultProducerContext>,
    mut generator: Generator,
    pace: &DemoSchedule,
    readings: &dyn Readings,
    stop: &AtomicBool,
) {
    let mut made: u64 = 0;
    let mut read: u64 = 0;
    while !stop.load(Ordering::Relaxed) {
        let due = pace.due();
        while made < due && !stop.load(Ordering::Relaxed) {
            if made - read >= UNREAD_MAX {
                // A state that can't be read has said so already, and ends the demo.
                let consumed = readings.query(|reading| Ok(reading.checkpoint().ledger.consumed));
                read = consumed.unwrap_or(read).min(made);
                if made - read >= UNREAD_MAX {
                    break;
                }
            }
            let message = generator.next_message_at(pace.time_of(made));
            let partition = i32::try_from(made % u64::from(PARTITIONS.unsigned_abs())).unwrap_or(0);
            // The queue of the producer may be full: it drains soon.
            while !send(producer, partition, &message) && !stop.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(1));
            }
            made += 1;
        }
        thread::sleep(Duration::from_millis(5));
    }
    // The broker ends with this process, so a payment that does not reach it now is lost without harm.
    let _ = producer.flush(Duration::from_secs(1));
}

fn now() -> EventTime {
    EventTime::from_millis(now_ms())
}

/// The table of totals, drawn again in its own place, on a terminal.
struct Screen {
    shown: bool,
    lines: usize,
}

impl Screen {
    fn new(demo: &DemoArgs, globals: &GlobalArgs) -> Self {
        let shown = demo.output == OutputFormat::Table && !globals.quiet;
        Self {
            shown: shown && std::io::stdout().is_terminal(),
            lines: 0,
        }
    }

    fn draw(&mut self, app: &App, branches: &Branches) -> Result<(), CommandFailure> {
        if !self.shown {
            return Ok(());
        }
        let table = table(app.readings().as_ref(), branches)?;
        self.clear()?;
        self.lines = table.lines().count();
        Ok(streams::print(format!("{table}\n").as_bytes())?)
    }

    fn clear(&mut self) -> Result<(), CommandFailure> {
        if self.lines > 0 {
            let up = MoveUp(u16::try_from(self.lines).unwrap_or(u16::MAX));
            let clear = Clear(ClearType::FromCursorDown);
            streams::print(format!("{up}{clear}").as_bytes())?;
            self.lines = 0;
        }
        Ok(())
    }
}

fn table(readings: &dyn Readings, branches: &Branches) -> Result<String, CommandFailure> {
    readings
        .query(|reading| {
            let checkpoint = reading.checkpoint();
            let totals = report::totals(&reading.all_totals()?, branches)
                .map_err(|failure| ReadError(failure.to_string()))?;
            let table = table::table(&totals.rows, TableOptions::of_stdout());
            let watermark = reading
                .frame()
                .watermark()
                .map_or("none yet".into(), rfc3339);
            Ok(format!(
                "{table}\n{}, watermark {watermark}, ledger {}",
                counted_in_threes(checkpoint.ledger.consumed, "record"),
                if checkpoint.ledger.balanced() {
                    "balanced"
                } else {
                    "NOT BALANCED"
                },
            ))
        })
        .map_err(|error| app::Error::from(error).into())
}

fn print_end(
    readings: &dyn Readings,
    branches: &Branches,
    format: OutputFormat,
) -> Result<(), CommandFailure> {
    let (totals, ledger) = readings
        .query(|reading| Ok((reading.all_totals()?, reading.checkpoint().ledger.clone())))
        .map_err(app::Error::from)?;
    let mut totals = report::totals(&totals, branches)?;
    let ledger = report::ledger(&ledger)?;
    // The one JSON value holds both.
    let whole = totals.whole.trim_end_matches('}');
    totals.whole = format!("{whole},\"ledger\":{}}}", ledger.whole);
    totals.print(format)?;
    if format != OutputFormat::Json {
        ledger.print(format)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn the_history_has_the_rate_of_what_follows_and_ends_where_that_begins() {
        let pace = DemoSchedule::new(100, HOUR);
        assert_eq!(pace.history, 360_000);
        let times = |numbers: [u64; 3]| numbers.map(|number| pace.time_of(number).millis());
        let [first, tenth, second] = times([0, 10, 100]);
        assert_eq!((tenth - first, second - first), (100, 1_000));
        let [last, live, later] = times([359_900, 360_000, 360_100]);
        assert_eq!((live - last, later - live), (1_000, 1_000));
        assert_eq!(live - first, 3_600_000);
        assert!(live <= now().millis());
        assert!(pace.due() >= 360_000);
    }

    #[test]
    fn a_history_of_too_many_payments_is_shorter_and_not_thinner() {
        let pace = DemoSchedule::new(1_000_000, HOUR);
        assert_eq!(pace.history, HISTORY_MAX);
        let [first, live] = [0, HISTORY_MAX].map(|number| pace.time_of(number).millis());
        assert_eq!(live - first, 1_000);
        assert_eq!(DemoSchedule::new(1, Duration::ZERO).history, 0);
    }
}
