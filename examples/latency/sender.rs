//! The producer sends each payment when it is due, and measures when it is acknowledged.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext, Message as _};

use crate::schedule::Schedule;
use crate::times::Times;
use crate::{Arguments, BRANCHES, FIRST_BRANCH, PATIENCE};

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

pub(crate) fn produce(arguments: &Arguments, schedule: &Arc<Schedule>) -> anyhow::Result<Times> {
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
