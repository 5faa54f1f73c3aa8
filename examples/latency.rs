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

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Parser;
use hdrhistogram::Histogram;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext, Message as _, Offset, TopicPartitionList};
use serde_json::Value;
use tidegauge::source::{Config, StartPosition};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

/// Payments go to these branches in turn, which nobody else uses.
const BRANCHES: u64 = 100;
/// The first of them.
const FIRST_BRANCH: u64 = 1_000;
/// At most so many payments a second are looked at one by one.
const SAMPLES: u64 = 97;
/// At most so many payments a second are looked for in Elasticsearch: looking costs it something.
const DOCUMENTS: u64 = 4;
/// How often a document is asked for until it holds the payment.
const LOOK: Duration = Duration::from_millis(20);
/// How long a burst lasts.
const BURST: Duration = Duration::from_millis(200);
/// The least pause between two bursts, and by how much at most it is longer.
const PAUSE: Duration = Duration::from_millis(800);
const LONGER: Duration = Duration::from_millis(400);
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

/// When payments are sent, and where each will stand.
struct Schedule {
    began: Instant,
    /// When each payment is to be sent, from the beginning on.
    due: Vec<Duration>,
    /// Where the first payment of each partition will stand.
    base: Vec<i64>,
    /// The payments that observers look at.
    samples: Vec<Sample>,
}

/// A payment that observers look at.
#[derive(Clone, Copy)]
struct Sample {
    number: u64,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One of the steady stream; whether it is looked for in Elasticsearch too.
    Steady { document: bool },
    /// The first after a pause.
    First,
    /// Sent while everything warms up.
    WarmUp,
}

/// What one observer measured, in µs.
#[derive(Default)]
struct Times {
    steady: Option<Histogram<u64>>,
    first: Option<Histogram<u64>>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let config = Config {
        brokers: arguments.brokers.clone(),
        topic: arguments.topic.clone(),
        group_id: "tidegauge-latency".to_owned(),
        start: StartPosition::Earliest,
        properties: BTreeMap::new(),
    };
    let (consumer, base) = bare(&config)?;
    let schedule = Arc::new(Schedule::new(&arguments, base));
    let observers = thread::spawn({
        let schedule = Arc::clone(&schedule);
        let (address, totals) = (arguments.address.clone(), arguments.totals.clone());
        move || observe(&schedule, &address, &totals)
    });
    let consuming = thread::spawn({
        let schedule = Arc::clone(&schedule);
        move || consume(&consumer, &schedule)
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

impl Schedule {
    fn new(arguments: &Arguments, base: Vec<i64>) -> Self {
        let rate = arguments.rate.max(1);
        let pace = |number: u64| Duration::from_nanos(number * 1_000_000_000 / rate);
        let warm_up = rate * arguments.warm_up;
        let steady = warm_up + rate * arguments.seconds;
        let mut due: Vec<Duration> = (0..steady).map(pace).collect();
        // Odd, so that the partitions take turns.
        let apart = |most: u64| (rate / most).max(1) | 1;
        let document = apart(DOCUMENTS).div_ceil(apart(SAMPLES)).max(1);
        let mut samples: Vec<Sample> = (0..steady)
            .step_by(usize::try_from(apart(SAMPLES)).unwrap_or(usize::MAX))
            .enumerate()
            .map(|(index, number)| Sample {
                number,
                kind: if number < warm_up {
                    Kind::WarmUp
                } else {
                    let document = (index as u64).is_multiple_of(document);
                    Kind::Steady { document }
                },
            })
            .collect();
        let mut random = fastrand::Rng::with_seed(8);
        let mut start = pace(steady) + Duration::from_secs(1);
        for _ in 0..arguments.bursts {
            samples.push(Sample {
                number: due.len() as u64,
                kind: Kind::First,
            });
            let payments = (rate * BURST.as_millis() as u64 / 1_000).max(1);
            due.extend((0..payments).map(|number| start + pace(number)));
            start += BURST + PAUSE + LONGER.mul_f64(random.f64());
        }
        Self {
            began: Instant::now() + Duration::from_secs(1),
            due,
            base,
            samples,
        }
    }

    fn moment(&self, number: u64) -> Instant {
        self.began + self.due[number as usize]
    }

    fn partition(&self, number: u64) -> usize {
        number as usize % self.base.len()
    }

    fn offset(&self, number: u64) -> i64 {
        let partitions = self.base.len() as u64;
        self.base[self.partition(number)] + (number / partitions) as i64
    }

    /// The samples of each partition, in their order.
    fn by_partition(&self) -> Vec<std::vec::IntoIter<Sample>> {
        (0..self.base.len())
            .map(|partition| {
                let of = |sample: &&Sample| self.partition(sample.number) == partition;
                let samples: Vec<Sample> = self.samples.iter().filter(of).copied().collect();
                samples.into_iter()
            })
            .collect()
    }
}

impl Times {
    fn record(&mut self, schedule: &Schedule, sample: Sample, seen: Instant) {
        let times = match sample.kind {
            Kind::Steady { .. } => &mut self.steady,
            Kind::First => &mut self.first,
            Kind::WarmUp => return,
        };
        let took = seen.saturating_duration_since(schedule.moment(sample.number));
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        times
            .get_or_insert_with(|| Histogram::new(3).expect("3 digits are allowed"))
            .record(micros.max(1))
            .expect("it grows as needed");
    }

    fn print(&self, steady: &str, first: &str) {
        for (name, times) in [(steady, &self.steady), (first, &self.first)] {
            let Some(times) = times else { continue };
            print!("{name}");
            for quantile in [0.5, 0.9, 0.99, 0.999, 1.0] {
                let micros = times.value_at_quantile(quantile);
                print!("\t{:.1}", micros as f64 / 1_000.0);
            }
            println!("\t{}", times.len());
        }
    }
}

// --- the sender ------------------------------------------------------------------------------------

struct Acknowledgements {
    schedule: Arc<Schedule>,
    times: Mutex<Times>,
    /// A payment that does not stand where it was expected, or was not taken.
    trouble: Mutex<Option<String>>,
}

impl ClientContext for Acknowledgements {}

impl ProducerContext for Acknowledgements {
    /// The index of the sample plus one; 0 for the others.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, index: usize) {
        let now = Instant::now();
        let trouble = match result {
            Err((error, _)) => format!("a payment was not taken: {error}"),
            Ok(message) => {
                let Some(sample) = index
                    .checked_sub(1)
                    .map(|index| self.schedule.samples[index])
                else {
                    return;
                };
                let expected = self.schedule.offset(sample.number);
                if message.offset() == expected {
                    let mut times = self.times.lock().expect("nobody panics with it");
                    times.record(&self.schedule, sample, now);
                    return;
                }
                let (partition, offset) = (message.partition(), message.offset());
                format!("a payment of partition {partition} is at {offset}, not at {expected}")
            }
        };
        *self.trouble.lock().expect("nobody panics with it") = Some(trouble);
    }
}

fn produce(arguments: &Arguments, schedule: &Arc<Schedule>) -> anyhow::Result<Times> {
    let context = Acknowledgements {
        schedule: Arc::clone(schedule),
        times: Mutex::default(),
        trouble: Mutex::default(),
    };
    // In order and without gaps, so that it is known beforehand where each payment will stand.
    let producer: ThreadedProducer<Acknowledgements> = ClientConfig::new()
        .set("bootstrap.servers", &arguments.brokers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "0")
        .set("message.timeout.ms", "30000")
        .create_with_context(context)?;
    // Connected before the first payment is due.
    producer
        .client()
        .fetch_metadata(Some(&arguments.topic), Duration::from_secs(10))?;
    let mut samples = schedule.samples.iter().enumerate().peekable();
    let mut random = fastrand::Rng::with_seed(7);
    for number in 0..schedule.due.len() as u64 {
        let early = schedule
            .moment(number)
            .saturating_duration_since(Instant::now());
        if !early.is_zero() {
            thread::sleep(early);
        }
        let index = match samples.next_if(|(_, sample)| sample.number == number) {
            Some((index, _)) => index + 1,
            None => 0,
        };
        let payment = payment(number, &mut random);
        let mut record = BaseRecord::with_opaque_to(&arguments.topic, index)
            .partition(schedule.partition(number) as i32)
            .key("")
            .payload(&payment);
        while let Err((error, back)) = producer.send(record) {
            let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
            ensure!(error == full, "a payment can't be sent: {error}");
            thread::sleep(Duration::from_millis(1));
            record = back;
        }
    }
    producer.flush(PATIENCE)?;
    let context = producer.context();
    if let Some(trouble) = context.trouble.lock().expect("nobody panics").take() {
        bail!(trouble);
    }
    Ok(std::mem::take(
        &mut *context.times.lock().expect("nobody panics"),
    ))
}

fn payment(number: u64, random: &mut fastrand::Rng) -> String {
    let now = chrono::Utc::now().format("%Y-%m-%d %H:%M:%S");
    let branch = FIRST_BRANCH + number % BRANCHES;
    let amount = random.u64(1..20_000_000);
    format!(
        r#"{{"createTime":"{now}","orderId":{number},"payAmount":{}.{:02},"payPlatform":0,"branchId":{branch}}}"#,
        amount / 100,
        amount % 100,
    )
}

// --- the yardstick ---------------------------------------------------------------------------------

/// A consumer that does nothing, at the end of the topic, and where that is.
fn bare(config: &Config) -> anyhow::Result<(BaseConsumer, Vec<i64>)> {
    let consumer: BaseConsumer = config.client()?.create()?;
    let patience = Duration::from_secs(10);
    let metadata = consumer.fetch_metadata(Some(&config.topic), patience)?;
    let partitions = metadata
        .topics()
        .first()
        .context("no such topic")?
        .partitions()
        .len();
    ensure!(
        partitions > 0 && BRANCHES.is_multiple_of(partitions as u64),
        "{BRANCHES} branches can't be spread over {partitions} partitions"
    );
    let mut list = TopicPartitionList::new();
    let mut base = Vec::new();
    for partition in 0..partitions as i32 {
        let (_, end) = consumer.fetch_watermarks(&config.topic, partition, patience)?;
        list.add_partition_offset(&config.topic, partition, Offset::Offset(end))?;
        base.push(end);
    }
    consumer.assign(&list)?;
    Ok((consumer, base))
}

fn consume(consumer: &BaseConsumer, schedule: &Schedule) -> anyhow::Result<Times> {
    let mut samples: Vec<_> = schedule
        .by_partition()
        .into_iter()
        .map(Iterator::peekable)
        .collect();
    let mut times = Times::default();
    let mut left = schedule.due.len();
    let mut heard = schedule.began;
    while left > 0 {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(record)) => {
                heard = Instant::now();
                left -= 1;
                let of = &mut samples[record.partition() as usize];
                let is_it = |sample: &Sample| schedule.offset(sample.number) == record.offset();
                if let Some(sample) = of.next_if(is_it) {
                    times.record(schedule, sample, heard);
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) | None => {
                let silent = Instant::now().saturating_duration_since(heard);
                ensure!(silent < PATIENCE, "the bare consumer lacks {left} payments");
            }
            Some(Err(error)) => return Err(error).context("the bare consumer"),
        }
    }
    Ok(times)
}

// --- those who look at the service -----------------------------------------------------------------

#[derive(Default)]
struct Seen {
    get: Times,
    events: Times,
    documents: Times,
}

#[tokio::main(flavor = "current_thread")]
async fn observe(schedule: &Arc<Schedule>, address: &str, totals: &str) -> anyhow::Result<Seen> {
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
