//! Payments that come all the time, one by one and in transactions that commit or abort.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use tidegauge::generator::{Generator, Options};
use tidegauge_windows::EventTime;

use super::timeline::Timeline;
use crate::support::topic::START;

/// How long one step of a transaction may take: a broker is away for longer at times.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many records come at a time, and how often.
const TOGETHER: u32 = 12;
const EVERY: Duration = Duration::from_millis(20);

/// It serves its own events: a transaction can't end before they are.
type Client = ThreadedProducer<DefaultProducerContext>;

/// Sends payments from a thread of its own until it is dropped.
pub struct Producer {
    control: Arc<Control>,
    partitions: Arc<AtomicI32>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Control {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_wanted: bool,
    /// Nothing is under way: no record that awaits its acknowledgement, no open transaction.
    is_settled: bool,
    is_over: bool,
}

impl Control {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn wait_until(&self, is_so: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let waited = self.changed.wait_while(self.lock(), |state| !is_so(state));
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    fn goes_on(&self) -> bool {
        let state = self.lock();
        state.is_wanted && !state.is_over
    }
}

impl Producer {
    /// Waits for [`Producer::resume`].
    pub fn new(
        client: ClientConfig,
        topic: &str,
        partitions: i32,
        seed: u64,
        timeline: Arc<Timeline>,
    ) -> Self {
        let control = Arc::new(Control::default());
        control.lock().is_settled = true;
        let partitions = Arc::new(AtomicI32::new(partitions));
        let mut line = Line {
            control: Arc::clone(&control),
            partitions: Arc::clone(&partitions),
            timeline,
            client,
            topic: topic.to_owned(),
            random: fastrand::Rng::with_seed(seed),
            payments: Generator::new(options(seed)),
        };
        let thread = thread::spawn(move || line.run());
        Self {
            control,
            partitions,
            thread: Some(thread),
        }
    }

    pub fn resume(&self) {
        self.control.change(|state| {
            state.is_wanted = true;
            state.is_settled = false;
        });
    }

    /// Waits until everything that was sent is in the topic, or never will be.
    pub fn pause(&self) {
        self.control.change(|state| state.is_wanted = false);
        drop(self.control.wait_until(|state| state.is_settled));
    }

    /// From now on records go to so many partitions.
    pub fn spread(&self, partitions: i32) {
        self.partitions.store(partitions, Ordering::Relaxed);
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.control.change(|state| state.is_over = true);
        if let Some(thread) = self.thread.take() {
            // What it has to say it has said.
            let _ = thread.join();
        }
    }
}

/// Something of every kind that there is.
fn options(seed: u64) -> Options {
    Options {
        seed,
        start: EventTime::from_millis(START),
        per_second: 8,
        disorder: Duration::from_secs(4),
        late_fraction: 0.01,
        too_late_fraction: 0.002,
        future_fraction: 0.002,
        duplicate_fraction: 0.005,
        bad_fraction: 0.004,
        ..Options::default()
    }
}

/// What the thread has.
struct Line {
    control: Arc<Control>,
    partitions: Arc<AtomicI32>,
    timeline: Arc<Timeline>,
    client: ClientConfig,
    topic: String,
    random: fastrand::Rng,
    payments: Generator,
}

impl Line {
    fn run(&mut self) {
        loop {
            {
                let state = self
                    .control
                    .wait_until(|state| state.is_wanted || state.is_over);
                if state.is_over {
                    return;
                }
            }
            // Clients of the brokers are made anew when one of them is in doubt about what it has sent. The next one asks
            // the broker to end the transaction that was open.
            let outcome = self.send_while_wanted();
            if let Err(error) = &outcome {
                self.timeline
                    .note(format!("the producer begins anew: {error}"));
            }
            while let Err(error) = self.transactional() {
                self.timeline.note(format!("no producer: {error}"));
                if self.control.lock().is_over {
                    return;
                }
            }
            self.control
                .change(|state| state.is_settled = !state.is_wanted);
        }
    }

    fn transactional(&self) -> Result<Client, KafkaError> {
        let producer: Client = self
            .client
            .clone()
            .set("transactional.id", &self.topic)
            .set("linger.ms", "2")
            .create()?;
        producer.init_transactions(PATIENCE)?;
        Ok(producer)
    }

    fn send_while_wanted(&mut self) -> Result<(), KafkaError> {
        let together = self.transactional()?;
        let alone: Client = self
            .client
            .clone()
            .set("enable.idempotence", "true")
            .set("linger.ms", "2")
            .create()?;
        while self.control.goes_on() {
            if self.random.u8(..3) > 0 {
                for _ in 0..self.random.u32(1..50) {
                    self.send(&alone);
                    if !self.control.goes_on() {
                        break;
                    }
                }
                continue;
            }
            together.begin_transaction()?;
            for _ in 0..self.random.u32(1..20) {
                self.send(&together);
            }
            if self.random.u8(..4) > 0 {
                together.commit_transaction(PATIENCE)?;
            } else {
                together.abort_transaction(PATIENCE)?;
            }
        }
        alone.flush(Duration::from_secs(60))
    }

    fn send(&mut self, producer: &Client) {
        for _ in 0..TOGETHER {
            let partition = self.random.i32(0..self.partitions.load(Ordering::Relaxed));
            let message = self.payments.next_message();
            let mut record = BaseRecord::<(), [u8]>::to(&self.topic)
                .partition(partition)
                .timestamp(message.timestamp.millis());
            if let Some(value) = message.value {
                record = record.payload(value);
            }
            // Whether it was sent is decided by what is in the topic.
            let _ = producer.send(record);
        }
        thread::sleep(EVERY);
    }
}
