//! Heavy readers and a light one: many clients that ask for as much as they may, and one that asks
//! for a single total at a steady rate.
//!
//! Prints one JSON object: how long the light client's answers took, counted from the moment each
//! was due, and what became of the heavy clients' questions.
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
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Parser;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use self::http::Connection;

/// Asks for very much from many clients, and for very little from one.
#[derive(Parser)]
struct Arguments {
    /// Where the service answers, host:port on this machine.
    #[arg(long, default_value = "127.0.0.1:8080")]
    address: String,
    /// Heavy clients: half of them ask for JSON, half for CSV.
    #[arg(long, default_value_t = 64)]
    heavy: usize,
    /// What they ask for.
    #[arg(long, default_value = "/api/v1/windows/10m-by-1m")]
    route: String,
    /// What the light client asks for.
    #[arg(long, default_value = "/api/v1/totals/0")]
    light: String,
    /// How often it asks in a second.
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// For how long, in seconds.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

/// What became of the heavy questions.
#[derive(Default)]
struct Tally {
    whole: AtomicU64,
    busy: AtomicU64,
    /// Cut off, or refused with another status.
    failed: AtomicU64,
    bytes: AtomicU64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let span = Duration::from_secs(arguments.seconds);
    let tally = Arc::new(Tally::default());
    let mut heavy = Vec::new();
    for number in 0..arguments.heavy {
        let (address, tally) = (arguments.address.clone(), Arc::clone(&tally));
        let form = ["limit=10000", "format=csv"][number % 2];
        let request = format!(
            "GET {}?{form} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            arguments.route
        );
        heavy.push(tokio::spawn(async move {
            // The end of the time is the only end.
            let _ = timeout(span, ask_again(&address, &request, &tally)).await;
        }));
    }
    let mut took = Vec::new();
    let failures = timeout(span, ask_little(&arguments, &mut took)).await;
    anyhow::ensure!(failures.is_err(), "the light client ended: {failures:?}");
    for task in heavy {
        task.await?;
    }
    let light_failures = took.iter().filter(|took| took.is_none()).count();
    let mut took: Vec<_> = took.into_iter().flatten().collect();
    took.sort_unstable();
    anyhow::ensure!(!took.is_empty(), "the light client had no answer");
    let at = |share: f64| took[((took.len() - 1) as f64 * share).ceil() as usize];
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let ms = |took: Duration| (took.as_secs_f64() * 1e4).round() / 10.0;
    println!(
        "{}",
        serde_json::json!({
            "seconds": arguments.seconds,
            "heavy_clients": arguments.heavy,
            "heavy_200": count(&tally.whole),
            "heavy_503": count(&tally.busy),
            "heavy_failed": count(&tally.failed),
            "heavy_mb": count(&tally.bytes) >> 20,
            "light_200": took.len(),
            "light_failed": light_failures,
            "light_p50_ms": ms(at(0.5)),
            "light_p99_ms": ms(at(0.99)),
            "light_max_ms": ms(at(1.0)),
        })
    );
    Ok(())
}

/// Asks one question after the other; after a 503, as late as it says.
async fn ask_again(address: &str, request: &str, tally: &Tally) {
    loop {
        let pause = match ask_much(address, request, tally).await {
            Ok(pause) => pause,
            Err(_) => {
                tally.failed.fetch_add(1, Ordering::Relaxed);
                1
            }
        };
        sleep(Duration::from_secs(pause)).await;
    }
}

/// Asks once, and gives for how many seconds to wait before the next time.
async fn ask_much(address: &str, request: &str, tally: &Tally) -> anyhow::Result<u64> {
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    let mut end = Vec::new();
    let mut some = vec![0; 64 << 10];
    loop {
        let count = socket.read(&mut some).await?;
        if count == 0 {
            break;
        }
        tally.bytes.fetch_add(count as u64, Ordering::Relaxed);
        let room = (4_usize << 10).saturating_sub(head.len());
        head.extend_from_slice(&some[..count.min(room)]);
        end.extend_from_slice(&some[count.saturating_sub(5)..count]);
        end.drain(..end.len().saturating_sub(5));
    }
    let head = String::from_utf8_lossy(&head);
    let status = head.split(' ').nth(1).context("no status")?;
    match status {
        // Long answers are chunked, and one that was cut off has no last chunk.
        "200" if end == b"0\r\n\r\n" || head.contains("content-length: ") => {
            tally.whole.fetch_add(1, Ordering::Relaxed);
            Ok(0)
        }
        "503" => {
            tally.busy.fetch_add(1, Ordering::Relaxed);
            let (_, rest) = head.split_once("retry-after: ").context("no Retry-After")?;
            let (after, _) = rest.split_once("\r\n").context("no Retry-After")?;
            Ok(after.parse()?)
        }
        _ => anyhow::bail!("status {status}, or cut off"),
    }
}

/// Asks for little at a steady rate; notes how long each answer took from when it was due, and
/// nothing for one that is no 200.
async fn ask_little(arguments: &Arguments, took: &mut Vec<Option<Duration>>) -> anyhow::Result<()> {
    let pause = Duration::from_secs(1) / arguments.rate.max(1);
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut connection = Connection::open(&arguments.address).await?;
    loop {
        let due: Instant = ticks.tick().await.into();
        let is_good = connection.get(&arguments.light).await?;
        took.push(is_good.then(|| due.elapsed()));
    }
}
