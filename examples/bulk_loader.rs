//! The yardstick for delivery: the same documents, sent to the same Elasticsearch by a program that does nothing else.
//!
//! `gate` lets a server come up when a backlog is there, `watch` follows a service while it delivers that, `dump` writes the
//! documents that it delivered to a file, and `load` sends that file to new indexes with the same mappings, in bulks of the
//! same size. `benches/delivery` runs them.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    reason = "a measurement counts small things, and looks at the clock"
)]
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Parser};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Measures how fast documents get into Elasticsearch.
#[derive(Parser)]
enum Command {
    /// Follows a service until it has nothing left to deliver.
    Watch {
        /// Its address, host:port.
        #[arg(long)]
        service: String,
        /// How many documents wait at first.
        #[arg(long)]
        backlog: u64,
    },
    /// Passes connections on, so that a server seems to come up when this begins.
    Gate {
        /// Where it listens, host:port.
        #[arg(long)]
        listen: String,
        /// Where the server is, host:port.
        #[arg(long)]
        to: String,
    },
    /// Writes the documents behind a prefix to a file, as bulk requests for another prefix.
    Dump(Documents),
    /// Makes the indexes of the other prefix and sends the file there.
    Load {
        #[command(flatten)]
        documents: Documents,
        /// Documents in one request at most.
        #[arg(long, default_value_t = 5_000)]
        max_actions: usize,
        /// Bytes in one request at most.
        #[arg(long, default_value_t = 5 << 20)]
        max_bytes: usize,
        /// Requests under way at most.
        #[arg(long, default_value_t = 2)]
        max_in_flight: usize,
    },
}

#[derive(Args)]
struct Documents {
    /// Elasticsearch.
    #[arg(long)]
    url: String,
    /// The prefix of the indexes that hold the documents.
    #[arg(long)]
    from: String,
    /// The prefix of the indexes that they are sent to.
    #[arg(long)]
    to: String,
    /// The file.
    #[arg(long)]
    file: PathBuf,
}

/// When each tenth of so many documents was done.
struct Tenths {
    all: u64,
    began: Instant,
    at: Vec<f64>,
}

impl Tenths {
    fn new(all: u64) -> Self {
        Self {
            all,
            began: Instant::now(),
            at: Vec::new(),
        }
    }

    fn note(&mut self, done: u64) {
        while self.at.len() < 10 && done >= (self.all * (self.at.len() as u64 + 1)).div_ceil(10) {
            self.at.push(self.began.elapsed().as_secs_f64());
        }
    }

    /// Documents a second: over all, and in each tenth.
    #[expect(clippy::cast_precision_loss, reason = "a rate is for people")]
    fn report(&self) -> (f64, Vec<f64>) {
        let all = self.all as f64;
        let mut last = 0.0;
        let tenths = self.at.iter().map(|at| {
            let took = at - std::mem::replace(&mut last, *at);
            (all / 10.0 / took.max(1e-3)).round()
        });
        let tenths = tenths.collect();
        let took = self.at.last().copied().unwrap_or(f64::INFINITY);
        ((all / took).round(), tenths)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Watch { service, backlog } => watch(&service, backlog).await,
        Command::Gate { listen, to } => gate(&listen, &to),
        Command::Dump(documents) => dump(&documents).await,
        Command::Load {
            documents,
            max_actions,
            max_bytes,
            max_in_flight,
        } => load(&documents, max_actions, max_bytes, max_in_flight).await,
    }
}

fn gate(listen: &str, to: &str) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen)?;
    loop {
        let (client, _) = listener.accept()?;
        // Who finds nobody there is cut off, as without the gate.
        let Ok(server) = TcpStream::connect(to) else {
            continue;
        };
        let pairs = [(client.try_clone()?, server.try_clone()?), (server, client)];
        for (mut from, mut to) in pairs {
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
        }
    }
}

async fn watch(service: &str, backlog: u64) -> anyhow::Result<()> {
    let client = reqwest::Client::new();
    let began = Instant::now();
    let mut ready = None;
    let mut tenths = Tenths::new(backlog);
    let mut before = None;
    loop {
        if ready.is_none() {
            let answer = client.get(format!("http://{service}/readyz")).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                ready = Some(began.elapsed().as_secs_f64());
            }
        }
        let metrics = client.get(format!("http://{service}/metrics")).send();
        let metrics = metrics.await?.text().await?;
        let figure = |name: &str| -> anyhow::Result<u64> {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name));
            let figure = line.with_context(|| format!("no {name} in the metrics"))?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a count"
            )]
            Ok(figure.trim().parse::<f64>()? as u64)
        };
        let dirty = figure("tidegauge_dirty_documents")?;
        let sent = figure("tidegauge_bulk_items_total{outcome=\"done\"}")?;
        // The time until the first answer is that of the start.
        if before.is_none_or(|before| before == 0) && sent > 0 && before.is_some() {
            tenths.began = Instant::now();
        }
        before = Some(sent);
        tenths.note(backlog.saturating_sub(dirty));
        if dirty == 0 {
            let (rate, each) = tenths.report();
            println!(
                "{}",
                json!({"documents": backlog, "sent": sent, "rate": rate, "tenths": each, "ready": ready})
            );
            return Ok(());
        }
        ensure!(
            began.elapsed() < Duration::from_secs(1_800),
            "{dirty} documents still wait after half an hour"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// An index, as it is to be made again.
#[derive(Deserialize)]
struct Index {
    mappings: Value,
    settings: Value,
}

async fn indexes(
    client: &reqwest::Client,
    documents: &Documents,
) -> anyhow::Result<BTreeMap<String, Index>> {
    let url = format!("{}/{}-*", documents.url, documents.from);
    let answer = client.get(url).send().await?.error_for_status()?;
    Ok(answer.json().await?)
}

async fn dump(documents: &Documents) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Page<'a> {
        #[serde(rename = "_scroll_id")]
        scroll: String,
        #[serde(borrow)]
        hits: Hits<'a>,
    }
    #[derive(Deserialize)]
    struct Hits<'a> {
        #[serde(borrow)]
        hits: Vec<Hit<'a>>,
    }
    #[derive(Deserialize)]
    struct Hit<'a> {
        #[serde(rename = "_id")]
        id: String,
        #[serde(rename = "_version")]
        version: i64,
        #[serde(rename = "_source", borrow)]
        source: &'a RawValue,
    }
    let client = reqwest::Client::new();
    let mut file = BufWriter::new(std::fs::File::create(&documents.file)?);
    let mut count = 0_u64;
    for index in indexes(&client, documents).await?.keys() {
        let alias = format!(
            "{}-write",
            index.replacen(&documents.from, &documents.to, 1)
        );
        let refresh = client.post(format!("{}/{index}/_refresh", documents.url));
        refresh.send().await?.error_for_status()?;
        let search = json!({"size": 5_000, "sort": ["_doc"], "version": true});
        let mut url = format!("{}/{index}/_search?scroll=5m", documents.url);
        let mut body = search;
        loop {
            let answer = client.post(&url).json(&body).send().await?;
            let text = answer.error_for_status()?.text().await?;
            let page: Page<'_> = serde_json::from_str(&text)?;
            if page.hits.hits.is_empty() {
                break;
            }
            for hit in page.hits.hits {
                let action = json!({"index": {
                    "_index": alias, "_id": hit.id,
                    "version": hit.version, "version_type": "external_gte",
                }});
                writeln!(file, "{action}\n{}", hit.source.get())?;
                count += 1;
            }
            url = format!("{}/_search/scroll", documents.url);
            body = json!({"scroll": "5m", "scroll_id": page.scroll});
        }
    }
    file.flush()?;
    println!("{}", json!({ "documents": count }));
    Ok(())
}

async fn load(
    documents: &Documents,
    max_actions: usize,
    max_bytes: usize,
    max_in_flight: usize,
) -> anyhow::Result<()> {
    let client = reqwest::Client::new();
    for (name, index) in indexes(&client, documents).await? {
        make_alike(&client, documents, &name, index).await?;
    }
    let count = BufReader::new(std::fs::File::open(&documents.file)?)
        .lines()
        .count()
        / 2;
    let mut lines = BufReader::with_capacity(1 << 20, std::fs::File::open(&documents.file)?);
    let mut tenths = Tenths::new(count as u64);
    let mut done = 0;
    let mut in_flight = JoinSet::new();
    loop {
        let mut body = Vec::with_capacity(max_bytes + 4_096);
        let mut actions = 0;
        while actions < max_actions && body.len() + 1_024 < max_bytes {
            if lines.read_until(b'\n', &mut body)? == 0 {
                break;
            }
            lines.read_until(b'\n', &mut body)?;
            actions += 1;
        }
        while in_flight.len() >= max_in_flight || (actions == 0 && !in_flight.is_empty()) {
            let sent: Option<Result<anyhow::Result<usize>, _>> = in_flight.join_next().await;
            done += sent.context("nothing is under way")???;
            tenths.note(done as u64);
        }
        if actions == 0 {
            break;
        }
        let url = format!("{}/_bulk", documents.url);
        let request = client
            .post(url)
            .query(&[
                ("require_alias", "true"),
                ("filter_path", "error,errors,items.*.status,items.*.error.type,items.*.error.reason,items.*._id,items.*._index"),
            ])
            .header("content-type", "application/x-ndjson")
            .body(body);
        in_flight.spawn(async move {
            let answer = request.send().await?.error_for_status()?.bytes().await?;
            // As an answer that is not looked at closely is read fastest.
            if !answer.starts_with(b"{\"errors\":false") {
                bail!(
                    "refused: {}",
                    String::from_utf8_lossy(&answer[..answer.len().min(500)])
                );
            }
            Ok(actions)
        });
    }
    let (rate, each) = tenths.report();
    println!(
        "{}",
        json!({"documents": count, "rate": rate, "tenths": each})
    );
    Ok(())
}

async fn make_alike(
    client: &reqwest::Client,
    documents: &Documents,
    name: &str,
    index: Index,
) -> anyhow::Result<()> {
    let new = name.replacen(&documents.from, &documents.to, 1);
    let url = format!("{}/{new}", documents.url);
    client.delete(&url).send().await?;
    let mut settings = index.settings["index"].clone();
    if let Some(settings) = settings.as_object_mut() {
        for own in [
            "uuid",
            "creation_date",
            "provided_name",
            "version",
            "routing",
        ] {
            settings.remove(own);
        }
    }
    let body = json!({
        "settings": settings, "mappings": index.mappings,
        "aliases": {format!("{new}-write"): {}},
    });
    let answer = client.put(&url).json(&body).send().await?;
    let status = answer.status();
    ensure!(
        status.is_success(),
        "{new} can't be made: {}",
        answer.text().await?
    );
    Ok(())
}
