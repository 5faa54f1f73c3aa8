//! Reads a topic from its beginning to its end and does nothing with it.
//!
//! It is the yardstick for `tidegauge serve --until-end`: the same client library, settings and
//! call for batches, but nothing is decoded, counted or kept. `--client poll` reads with the safe
//! interface of the library instead, one record at a time, as most programs do.
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
use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Message as _, Offset, TopicPartitionList};
use tidegauge::source::{Config, LogBatch, ReaderChoice, Source, StartPosition};

/// Reads a topic from its beginning to its end and does nothing with it.
#[derive(Parser)]
struct Arguments {
    /// Brokers, host:port.
    #[arg(long, default_value = "127.0.0.1:19092")]
    brokers: String,
    /// Topic.
    #[arg(long, default_value = "payment_msg")]
    topic: String,
    /// How to read.
    #[arg(long, value_enum, default_value_t = Client::Batch)]
    client: Client,
    /// Property of librdkafka, as often as needed.
    #[arg(long = "property", value_name = "NAME=VALUE", value_parser = property)]
    properties: Vec<(String, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Client {
    /// As Tidegauge does.
    Batch,
    /// One record at a time.
    Poll,
}

#[derive(Default)]
struct Read {
    records: u64,
    bytes: u64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let config = Config {
        brokers: arguments.brokers,
        topic: arguments.topic,
        group_id: "tidegauge-noop".to_owned(),
        start: StartPosition::Earliest,
        reader: ReaderChoice::Librdkafka,
        properties: arguments.properties.into_iter().collect(),
    };
    let mut source = Source::connect(&config, Duration::from_secs(10))?;
    let ends = source.end_offsets()?;
    let began = Instant::now();
    let read = match arguments.client {
        Client::Batch => {
            source.assign(&BTreeMap::new())?;
            source.stop_at(&ends);
            by_batch(&mut source)?
        }
        Client::Poll => by_poll(&config, &ends)?,
    };
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{} records, {} bytes, {seconds:.3} s, {:.0} records/s, {:.2} s of processor time",
        read.records,
        read.bytes,
        read.records as f64 / seconds,
        processor_seconds()
    );
    source.close(Duration::from_secs(5));
    Ok(())
}

fn by_batch(source: &mut Source) -> anyhow::Result<Read> {
    let mut read = Read::default();
    while !source.finished() {
        for record in source.poll(Duration::from_millis(50))?.records() {
            read.add(record.payload);
        }
        if let Some((partition, reason)) = source.halted().first_key_value() {
            anyhow::bail!("partition {partition} is stopped: {reason}");
        }
    }
    Ok(read)
}

fn by_poll(config: &Config, ends: &BTreeMap<i32, i64>) -> anyhow::Result<Read> {
    let consumer: BaseConsumer = config.client()?.create()?;
    let mut list = TopicPartitionList::new();
    for partition in ends.keys() {
        list.add_partition_offset(&config.topic, *partition, Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    let mut left = ends.clone();
    left.retain(|_, end| *end > 0);
    let mut read = Read::default();
    while !left.is_empty() {
        match consumer.poll(Duration::from_millis(50)) {
            Some(Ok(record)) => {
                read.add(record.payload());
                if left
                    .get(&record.partition())
                    .is_some_and(|end| record.offset() + 1 >= *end)
                {
                    left.remove(&record.partition());
                }
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                left.remove(&partition);
            }
            Some(Err(error)) => return Err(error).context("reading"),
            None => {}
        }
    }
    Ok(read)
}

impl Read {
    fn add(&mut self, payload: Option<&[u8]>) {
        self.records += 1;
        self.bytes += black_box(payload).map_or(0, <[u8]>::len) as u64;
    }
}

fn property(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("\"{text}\" is not NAME=VALUE"))
}

// Of the whole process, user and system; the client library works in threads of its own.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    // The kernel counts in hundredths of a second for programs, whatever it does inside.
    ticks / 100.0
}
