//! `tidegauge produce`: generates payments like those of the original generator.

mod kafka;
mod message_rate;

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde::Serialize;
use tidegauge_windows::EventTime;

use self::kafka::TopicProducer;
use self::message_rate::MessageRate;
use super::arguments::{GlobalArgs, ProduceArgs};
use super::failure::CommandFailure;
use super::output::{self, OutputFormat};
use super::row::JsonRow;
use super::stop;
use super::streams::{self, Stdout};
use crate::config::{Config, Need};
use crate::domain::count::{counted_in_threes, grouped};
use crate::generator::{GeneratedCounts, Generator, Message, Options};
use crate::host::wall_clock::now_ms;

const LIVE_RATE: u64 = 1_000;
/// Signals and the clock are checked once in so many messages.
const BLOCK: u64 = 1_024;
const PARTITIONS: i32 = 4;

/// Makes payments and sends them to Kafka, or prints them.
///
/// # Errors
/// When an option or the configuration is wrong, no broker answers, or a message is refused.
pub fn run(produce: &ProduceArgs, globals: &GlobalArgs) -> Result<(), CommandFailure> {
    let need = if produce.stdout {
        Need::Nothing
    } else {
        Need::Brokers
    };
    let config = Config::load(&produce.sources(globals), need)?;
    let plan = ProducePlan::new(produce, &config)?;
    let stop = stop::requested()?;
    let progress = progress(globals, produce);
    if produce.stdout {
        let mut out = BufWriter::with_capacity(1 << 18, Stdout::lock());
        plan.run(&stop, &progress, &mut Lines(&mut out))?;
        out.flush()?;
        progress.finish_and_clear();
        return Ok(());
    }
    let mut topic = TopicProducer::open(&config.kafka, produce, plan.start)?;
    let started = Instant::now();
    let outcome = plan.run(&stop, &progress, &mut topic);
    let outcome = outcome.and_then(|made| Ok((made, topic.finish(&stop)?)));
    progress.finish_and_clear();
    let (made, ()) = outcome?;
    let seconds = started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate, for people")]
    let messages = made.messages as f64;
    ProduceSummary {
        topic: &config.kafka.topic,
        partitions: topic.partitions(),
        seconds,
        rate: (messages / seconds.max(1e-9)).round(),
        made,
    }
    .print(produce.output)?;
    Ok(())
}

/// Where generated messages go.
trait MessageSink {
    fn send(&mut self, message: &Message<'_>) -> Result<(), CommandFailure>;

    /// Sends what is still in a buffer.
    fn flush(&mut self) -> Result<(), CommandFailure>;
}

/// Writes one message a line.
struct Lines<W>(W);

impl<W: Write> MessageSink for Lines<W> {
    fn send(&mut self, message: &Message<'_>) -> Result<(), CommandFailure> {
        self.0.write_all(message.value.unwrap_or_default())?;
        self.0.write_all(b"\n")?;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), CommandFailure> {
        Ok(self.0.flush()?)
    }
}

/// What to generate, and how fast.
struct ProducePlan {
    options: Options,
    /// The event time of the first payment; `None` if payments are stamped with the current time.
    start: Option<EventTime>,
    count: Option<u64>,
    rate: Option<u64>,
}

impl ProducePlan {
    fn new(produce: &ProduceArgs, config: &Config) -> Result<Self, CommandFailure> {
        let time_zone = produce.time_zone.unwrap_or(config.time_zone);
        let start = produce.start.map(|start| start.within(time_zone));
        let options = Options {
            seed: produce.seed,
            start: start.unwrap_or_else(now),
            per_second: produce.per_second,
            time_zone,
            disorder: produce.disorder,
            late_fraction: produce.late_fraction,
            too_late_fraction: produce.too_late_fraction,
            future_fraction: produce.future_fraction,
            duplicate_fraction: produce.duplicate_fraction,
            bad_fraction: produce.bad_fraction,
        };
        let sum: f64 = options
            .fractions()
            .iter()
            .map(|(_, fraction)| fraction)
            .sum();
        if sum > 1.0 + 1e-9 {
            let message = anyhow!("the fractions make {sum} together: give at most 1");
            return Err(CommandFailure::Usage(message));
        }
        Ok(Self {
            options,
            start,
            count: produce.count,
            rate: produce.rate.or(start.is_none().then_some(LIVE_RATE)),
        })
    }

    fn run(
        &self,
        stop: &AtomicBool,
        progress: &ProgressBar,
        outlet: &mut impl MessageSink,
    ) -> Result<GeneratedCounts, CommandFailure> {
        let mut generator = Generator::new(self.options.clone());
        let pace = MessageRate::new(self.rate);
        let total = self.count.unwrap_or(u64::MAX);
        let mut sent = 0;
        while sent < total && !stop.load(Ordering::Relaxed) {
            let due = pace.due().min(sent.saturating_add(BLOCK)).min(total);
            for _ in sent..due {
                let message = match self.start {
                    Some(_) => generator.next_message(),
                    None => generator.next_message_at(now()),
                };
                outlet.send(&message)?;
            }
            let nothing = due == sent;
            sent = due;
            progress.set_position(sent);
            if nothing {
                outlet.flush()?;
                pace.wait();
            }
        }
        outlet.flush()?;
        Ok(*generator.made())
    }
}

fn now() -> EventTime {
    EventTime::from_millis(now_ms())
}

/// A progress bar: only on a terminal, and not where the payments themselves are shown.
fn progress(globals: &GlobalArgs, produce: &ProduceArgs) -> ProgressBar {
    let is_seen = produce.stdout && io::stdout().is_terminal();
    if globals.quiet || is_seen || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = match produce.count {
        Some(_) => "{wide_bar} {human_pos} of {human_len}, {rate}/s, {eta} left",
        None => "{spinner} {human_pos} sent, {rate}/s, {elapsed}",
    };
    let style = ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            // A progress bar that can't be drawn does not stop the command.
            let _ = write!(out, "{}", rate(state.per_sec()));
        });
    let target = ProgressDrawTarget::stderr_with_hz(10);
    let progress = ProgressBar::with_draw_target(produce.count, target).with_style(style);
    progress.enable_steady_tick(Duration::from_millis(200));
    progress
}

/// A rate without decimals.
fn rate(per_second: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the conversion saturates, and no rate is negative"
    )]
    let whole = per_second as u64;
    grouped(whole)
}

/// What the command sent.
#[derive(Serialize)]
struct ProduceSummary<'a> {
    topic: &'a str,
    partitions: i32,
    seconds: f64,
    rate: f64,
    #[serde(flatten)]
    made: GeneratedCounts,
}

impl ProduceSummary<'_> {
    fn print(&self, format: OutputFormat) -> anyhow::Result<()> {
        if format == OutputFormat::Table {
            let (made, seconds) = (&self.made, self.seconds);
            let line = format!(
                "{} in {seconds:.1} s, {} a second, to {} in {}: {} ({} late, {} too late, {} future, {} \
                 sent again), {}, {}",
                counted_in_threes(made.messages, "message"),
                rate(self.rate),
                self.topic,
                counted_in_threes(u64::from(self.partitions.unsigned_abs()), "partition"),
                counted_in_threes(made.payments(), "payment"),
                grouped(made.late),
                grouped(made.too_late),
                grouped(made.future),
                grouped(made.duplicate),
                counted_in_threes(made.rejects(), "reject"),
                counted_in_threes(made.tombstone, "tombstone"),
            );
            return streams::print(format!("{line}\n").as_bytes());
        }
        let row = JsonRow::of(self).context("the summary can't be written")?;
        let whole = serde_json::to_string(self)?;
        output::print(format, &[row], &whole)
    }
}
