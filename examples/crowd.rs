//! A crowd of clients: some follow the event stream, others ask for figures at a steady rate.
//!
//! Prints one JSON object: how many answers and events came, how long answers took, and how far
//! behind the followers were at worst: from the moment a checkpoint was written to the moment its
//! `reading` event was read, on the same clock.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    reason = "a measurement counts small things, and looks at the clock"
)]
#![allow(clippy::print_stdout)]

mod http;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use clap::Parser;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};

use self::http::Connection;

/// Follows the event stream and asks for figures, many at once.
#[derive(Parser)]
struct Arguments {
    /// Where the service answers, host:port on this machine.
    #[arg(long, default_value = "127.0.0.1:8080")]
    address: String,
    /// Followers of the event stream.
    #[arg(long, default_value_t = 100)]
    followers: usize,
    /// Reads a second, over all readers.
    #[arg(long, default_value_t = 1_000)]
    reads: u64,
    /// Connections that reads go over.
    #[arg(long, default_value_t = 20)]
    readers: u64,
    /// For how long, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

/// What is counted over all clients.
#[derive(Default)]
struct Tally {
    answers: AtomicU64,
    failures: AtomicU64,
    slowest_us: AtomicU64,
    batches: AtomicU64,
    resets: AtomicU64,
    event_bytes: AtomicU64,
    behind_ms: AtomicU64,
    followers_ended: AtomicU64,
}

const ROUTES: [&str; 4] = [
    "/api/v1/totals",
    "/api/v1/totals/3",
    "/api/v1/windows/1m?limit=50",
    "/api/v1/ledger",
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let tally = Arc::new(Tally::default());
    let span = Duration::from_secs(arguments.seconds);
    let mut tasks = Vec::new();
    for _ in 0..arguments.followers {
        let (address, tally) = (arguments.address.clone(), Arc::clone(&tally));
        tasks.push(tokio::spawn(async move {
            // The end of the time is the only good end.
            if let Ok(ended) = timeout(span, follow(&address, &tally)).await {
                tally.followers_ended.fetch_add(1, Ordering::Relaxed);
                ended?;
            }
            Ok(())
        }));
    }
    let each = arguments.readers.max(1);
    for number in 0..each {
        let (address, tally) = (arguments.address.clone(), Arc::clone(&tally));
        let pause = Duration::from_secs_f64(each as f64 / arguments.reads.max(1) as f64);
        tasks.push(tokio::spawn(async move {
            match timeout(span, read(&address, number as usize, pause, &tally)).await {
                Ok(ended) => ended,
                Err(_) => Ok(()),
            }
        }));
    }
    for task in tasks {
        task.await?
            .unwrap_or_else(|error: anyhow::Error| println!("{{\"error\":\"{error:#}\"}}"));
    }
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "{}",
        serde_json::json!({
            "seconds": arguments.seconds,
            "followers": arguments.followers,
            "followers_ended": count(&tally.followers_ended),
            "batches": count(&tally.batches),
            "resets": count(&tally.resets),
            "event_bytes": count(&tally.event_bytes),
            "behind_ms": count(&tally.behind_ms),
            "answers": count(&tally.answers),
            "answers_per_second": count(&tally.answers) / arguments.seconds.max(1),
            "failures": count(&tally.failures),
            "slowest_answer_ms": count(&tally.slowest_us) / 1_000,
        })
    );
    Ok(())
}

async fn follow(address: &str, tally: &Tally) -> anyhow::Result<()> {
    let mut socket = TcpStream::connect(address).await?;
    socket
        .write_all(b"GET /api/v1/events HTTP/1.0\r\nHost: localhost\r\n\r\n")
        .await?;
    let mut lines = BufReader::with_capacity(256 << 10, socket);
    let mut line = Vec::new();
    let mut first = true;
    loop {
        line.clear();
        let read = lines.read_until(b'\n', &mut line).await?;
        anyhow::ensure!(read > 0, "the stream ended");
        tally.event_bytes.fetch_add(read as u64, Ordering::Relaxed);
        if line == b"event: reset\n" {
            tally.resets.fetch_add(1, Ordering::Relaxed);
        }
        if line.starts_with(b"data: {\"reading\"") {
            tally.batches.fetch_add(1, Ordering::Relaxed);
            // The first is of whatever checkpoint was the newest.
            if !first {
                let behind = behind_ms(&line).context("no as_of")?;
                tally.behind_ms.fetch_max(behind, Ordering::Relaxed);
            }
            first = false;
        }
    }
}

/// How long ago the checkpoint of this line was written.
fn behind_ms(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?;
    let (_, rest) = text.split_once("\"as_of\":\"")?;
    let (as_of, _) = rest.split_once('"')?;
    let as_of = chrono::DateTime::parse_from_rfc3339(as_of).ok()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let now = i64::try_from(now.as_millis()).ok()?;
    u64::try_from(now - as_of.timestamp_millis()).ok()
}

async fn read(address: &str, number: usize, pause: Duration, tally: &Tally) -> anyhow::Result<()> {
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut connection = Connection::open(address).await?;
    for route in ROUTES.iter().cycle().skip(number) {
        ticks.tick().await;
        let began = Instant::now();
        if !connection.get(route).await? {
            tally.failures.fetch_add(1, Ordering::Relaxed);
        }
        tally.answers.fetch_add(1, Ordering::Relaxed);
        let took = u64::try_from(began.elapsed().as_micros())?;
        tally.slowest_us.fetch_max(took, Ordering::Relaxed);
    }
    Ok(())
}
