//! How soon a payment is visible: open-loop load, and who sees each payment when.
//!
//! Every payment has a moment at which it is to be sent, fixed before the first one is. All
//! durations begin there, also when the sender or the broker is late, so a stall counts for every
//! payment that it holds up. Observers of the same payments: the producer (acknowledged), a bare
//! consumer, `GET` with `min_position`, the event stream, and Elasticsearch by id.
//!
//! After the steady stream come bursts with pauses between them: the first payment of each tells
//! how long the first event takes when the figures have been quiet.
//!
//! Prints one line for each observer, fields between tabs: name; p50, p90, p99, p99.9 and maximum
//! in ms; count. `benches/latency` runs it.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    reason = "a measurement counts small things, and looks at the clock"
)]
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::expect_used)]

mod bare;
mod observers;
mod schedule;
mod sender;
mod times;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Parser;
use tidegauge::source::{Config, ReaderChoice, StartPosition};

use self::observers::observe;
use self::schedule::Schedule;
use self::sender::produce;

/// Payments go to these branches in turn, which nobody else uses.
const BRANCHES: u64 = 100;
/// The first of them.
const FIRST_BRANCH: u64 = 1_000;
/// How long is waited for what has been sent.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends payments at a steady rate and measures when each can be seen.
#[derive(Parser)]
struct Arguments {
    /// Brokers, host:port.
    #[arg(long)]
    brokers: String,
    /// Topic. Nobody else writes to it meanwhile.
    #[arg(long)]
    topic: String,
    /// Where the service answers, host:port on this machine.
    #[arg(long)]
    address: String,
    /// The totals in Elasticsearch: URL of the server and the index.
    #[arg(long)]
    totals: String,
    /// Payments a second.
    #[arg(long)]
    rate: u64,
    /// For how long payments are sent before it counts, in seconds.
    #[arg(long, default_value_t = 5)]
    warm_up: u64,
    /// For how long it counts, in seconds.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Bursts after that.
    #[arg(long, default_value_t = 15)]
    bursts: u64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let config = Config {
        brokers: arguments.brokers.clone(),
        topic: arguments.topic.clone(),
        group_id: "tidegauge-latency".to_owned(),
        start: StartPosition::Earliest,
        reader: ReaderChoice::Librdkafka,
        properties: BTreeMap::new(),
    };
    let (consumer, base) = bare::connect(&config)?;
    let schedule = Arc::new(Schedule::new(&arguments, base));
    let observers = thread::spawn({
        let schedule = Arc::clone(&schedule);
        let (address, totals) = (arguments.address.clone(), arguments.totals.clone());
        move || observe(&schedule, &address, &totals)
    });
    let consuming = thread::spawn({
        let schedule = Arc::clone(&schedule);
        move || bare::consume(&consumer, &schedule)
    });
    let acknowledged = produce(&arguments, &schedule)?;
    let bare = consuming.join().expect("it does not panic")?;
    let seen = observers.join().expect("it does not panic")?;
    acknowledged.print("acknowledged", "acknowledged-first");
    bare.print("bare", "bare-first");
    seen.get.print("get", "get-first");
    seen.events.print("events", "events-first");
    seen.documents.print("elasticsearch", "elasticsearch-first");
    Ok(())
}
