//! Sums a topic of payments by branch and minute as one would write it by hand in an afternoon: an asynchronous consumer,
//! a parser of JSON, a library for times, a hash map, floating point.
//!
//! It is what `benches/throughput` compares the service with. It knows no late payments, no restarts, no bad records and
//! no exact money.
#![allow(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a measurement looks at the clock"
)]
#![allow(clippy::print_stdout)]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrono::NaiveDateTime;
use rdkafka::consumer::{BaseConsumer, Consumer as _, DefaultConsumerContext, StreamConsumer};
use rdkafka::util::AsyncRuntime;
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payment<'a> {
    create_time: &'a str,
    pay_amount: f64,
    branch_id: u32,
}

/// The runtime, as the client library wants it.
struct Tokio;

impl AsyncRuntime for Tokio {
    type Delay = tokio::time::Sleep;

    fn spawn<T: Future<Output = ()> + Send + 'static>(task: T) {
        tokio::spawn(task);
    }

    fn delay_for(duration: Duration) -> Self::Delay {
        tokio::time::sleep(duration)
    }
}

/// `hand_written BROKERS TOPIC` reads the topic from its beginning to where it ends now.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let brokers = arguments
        .next()
        .context("usage: hand_written BROKERS TOPIC")?;
    let topic = arguments
        .next()
        .context("usage: hand_written BROKERS TOPIC")?;
    let began = Instant::now();
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &brokers)
        .set("group.id", "hand-written")
        .set("enable.auto.commit", "false")
        .set("fetch.queue.backoff.ms", "1")
        .set("fetch.message.max.bytes", "4194304")
        .set("queued.min.messages", "1000000");
    let ends: BaseConsumer = config.create()?;
    let wait = Duration::from_secs(10);
    let metadata = ends.fetch_metadata(Some(&topic), wait)?;
    let partitions = metadata.topics().first().context("no topic")?.partitions();
    let mut assignment = TopicPartitionList::new();
    let mut left = 0;
    for partition in partitions {
        let (low, high) = ends.fetch_watermarks(&topic, partition.id(), wait)?;
        left += high - low;
        assignment.add_partition_offset(&topic, partition.id(), Offset::Offset(low))?;
    }
    let consumer: StreamConsumer<DefaultConsumerContext, Tokio> = config.create()?;
    consumer.assign(&assignment)?;
    let mut windows: HashMap<(u32, i64), (u64, f64)> = HashMap::new();
    let mut records = 0_u64;
    while left > 0 {
        let message = consumer.recv().await?;
        let payment: Payment<'_> = serde_json::from_slice(message.payload().unwrap_or_default())?;
        let time = NaiveDateTime::parse_from_str(payment.create_time, "%Y-%m-%d %H:%M:%S")?;
        let minute = time.and_utc().timestamp() / 60;
        let window = windows.entry((payment.branch_id, minute)).or_default();
        window.0 += 1;
        window.1 += payment.pay_amount;
        records += 1;
        left -= 1;
    }
    let sum: f64 = windows.values().map(|window| window.1).sum();
    println!(
        "{records} records, {} windows, {sum:.2} in {:.2} s",
        windows.len(),
        began.elapsed().as_secs_f64()
    );
    Ok(())
}
