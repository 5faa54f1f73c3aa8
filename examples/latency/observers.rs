//! Those who look at the service: `GET`, the event stream, and Elasticsearch.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use crate::schedule::{Kind, Schedule};
use crate::times::Times;
use crate::{BRANCHES, FIRST_BRANCH, PATIENCE};

/// How often a document is asked for until it holds the payment.
const LOOK: Duration = Duration::from_millis(20);

#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) get: Times,
    pub(crate) events: Times,
    pub(crate) documents: Times,
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn observe(
    schedule: &Arc<Schedule>,
    address: &str,
    totals: &str,
) -> anyhow::Result<Seen> {
    let client = reqwest::Client::builder()
        .no_proxy()
        // The service closes a connection that is idle for longer.
        .pool_idle_timeout(Duration::from_secs(2))
        .timeout(PATIENCE)
        .build()?;
    let events = tokio::spawn(follow(Arc::clone(schedule), address.to_owned()));
    let refused = Arc::new(AtomicU64::new(0));
    let mut looks = JoinSet::new();
    for sample in schedule.samples.clone() {
        if sample.kind == Kind::WarmUp && !sample.number.is_multiple_of(5) {
            continue;
        }
        let (partition, offset) = (
            schedule.partition(sample.number),
            schedule.offset(sample.number),
        );
        let url = format!(
            "http://{address}/api/v1/totals/0?timeout=30s&min_position={partition}:{}",
            offset + 1
        );
        let moment = schedule.moment(sample.number);
        let (asking, refusals) = (client.clone(), Arc::clone(&refused));
        looks.spawn(async move {
            sleep_until(moment.into()).await;
            let seen = get(&asking, &url, partition, offset, &refusals).await?;
            anyhow::Ok((sample, Look::Answer, seen))
        });
        if sample.kind == (Kind::Steady { document: true }) {
            let branch = FIRST_BRANCH + sample.number % BRANCHES;
            let url = format!("{totals}/_doc/Branch_{branch}?_source_includes=pay_count");
            let (asking, count) = (client.clone(), sample.number / BRANCHES + 1);
            looks.spawn(async move {
                sleep_until(moment.into()).await;
                let seen = document(&asking, &url, count).await?;
                anyhow::Ok((sample, Look::Document, seen))
            });
        }
    }
    let mut seen = Seen::default();
    while let Some(look) = looks.join_next().await {
        let (sample, look, moment) = look??;
        match look {
            Look::Answer => seen.get.record(schedule, sample, moment),
            Look::Document => seen.documents.record(schedule, sample, moment),
        }
    }
    seen.events = timeout(PATIENCE, events)
        .await
        .context("events are missing")???;
    let refused = refused.load(Ordering::Relaxed);
    if refused > 0 {
        eprintln!("{refused} reads were refused and asked again");
    }
    Ok(seen)
}

enum Look {
    Answer,
    Document,
}

/// When an answer covers `offset`.
async fn get(
    client: &reqwest::Client,
    url: &str,
    partition: usize,
    offset: i64,
    refused: &AtomicU64,
) -> anyhow::Result<Instant> {
    loop {
        let answer = client.get(url).send().await?;
        if answer.status() == reqwest::StatusCode::SERVICE_UNAVAILABLE {
            refused.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(5)).await;
            continue;
        }
        let answer: Value = answer.error_for_status()?.json().await?;
        let now = Instant::now();
        let position = answer["reading"]["positions"][partition.to_string()].as_i64();
        ensure!(position > Some(offset), "the answer is of before: {answer}");
        return Ok(now);
    }
}

/// When the document at `url` holds `count` payments.
async fn document(client: &reqwest::Client, url: &str, count: u64) -> anyhow::Result<Instant> {
    let patience = Instant::now() + PATIENCE;
    while Instant::now() < patience {
        // 404: it is not there yet.
        let answer: Value = client.get(url).send().await?.json().await?;
        let now = Instant::now();
        if answer["_source"]["pay_count"].as_u64() >= Some(count) {
            return Ok(now);
        }
        sleep(LOOK).await;
    }
    bail!(
        "{url} does not hold {count} payments within {} s",
        PATIENCE.as_secs()
    )
}

/// Follows the events, and says when each sample was covered by one.
async fn follow(schedule: Arc<Schedule>, address: String) -> anyhow::Result<Times> {
    let mut socket = TcpStream::connect(&address).await?;
    socket
        .write_all(b"GET /api/v1/events?window=1m HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
        .await?;
    let mut lines = BufReader::with_capacity(256 << 10, socket);
    let mut samples: Vec<_> = schedule
        .by_partition()
        .into_iter()
        .map(Iterator::peekable)
        .collect();
    let mut times = Times::default();
    let mut line = Vec::new();
    while samples.iter_mut().any(|samples| samples.peek().is_some()) {
        line.clear();
        let read = lines.read_until(b'\n', &mut line).await?;
        ensure!(read > 0, "the event stream ended");
        let Some(data) = line.strip_prefix(b"data: {\"reading\":") else {
            continue;
        };
        let now = Instant::now();
        // The outer object's last brace is too much.
        let data = data.trim_ascii_end();
        let reading: Value = serde_json::from_slice(&data[..data.len() - 1])?;
        for (partition, samples) in samples.iter_mut().enumerate() {
            let position = reading["positions"][partition.to_string()]
                .as_i64()
                .unwrap_or(0);
            while let Some(sample) =
                samples.next_if(|sample| schedule.offset(sample.number) < position)
            {
                times.record(&schedule, sample, now);
            }
        }
    }
    Ok(times)
}
