//! Brokers that let a client read so many bytes a second: they answer at once that they are to be left alone, and take
//! nothing of it until then (KIP-219).

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use tidegauge::source::{Config, LogBatch, ReaderChoice, Source, StartPosition};

use super::readers::{all_by_the_chosen, readers};
use super::{PATIENCE, READER, Taken, WAIT, config, offsets};
use crate::support::lab::{Kafka, Message, unique};

/// A topic of two partitions, and a source that may read so many bytes of it a second.
struct Throttled<'a> {
    kafka: &'a Kafka,
    /// Of the topic, and of the client.
    name: String,
    source: Source,
    sent: BTreeMap<(i32, i64), Vec<u8>>,
    taken: Vec<Taken>,
}

impl<'a> Throttled<'a> {
    #[track_caller]
    fn on(kafka: &'a Kafka, bytes_per_second: u32) -> Self {
        let name = unique("throttled");
        // Long before it is read, as the broker learns of it a moment later.
        kafka.throttle(&name, bytes_per_second);
        kafka.create_topic(&name, 2);
        let properties = [
            ("client.id", name.as_str()),
            ("fetch.message.max.bytes", "40000"),
        ];
        let config = Config {
            properties: properties
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            ..config(kafka.bootstrap(), &name, StartPosition::Earliest)
        };
        let mut source = Source::connect(&config, PATIENCE).unwrap();
        source.assign(&BTreeMap::new()).unwrap();
        Self {
            kafka,
            name,
            source,
            sent: BTreeMap::new(),
            taken: Vec::new(),
        }
    }

    /// Sends records of 1 KB with these offsets to both partitions.
    #[track_caller]
    fn send(&mut self, offsets: Range<i64>) {
        let sender = self.kafka.sender();
        for offset in offsets {
            for partition in 0..2 {
                let payload = format!("{offset:>1000}").into_bytes();
                let message = Message {
                    partition,
                    timestamp: 1_000,
                    payload: Some(payload.clone()),
                    ..Message::default()
                };
                sender.send(&self.name, [message]);
                self.sent.insert((partition, offset), payload);
            }
            // A batch that is larger than what may be read in a window would never be read.
            if offset % 20 == 19 {
                sender.flush();
            }
        }
        sender.flush();
    }

    /// Reads all, by the chosen reader alone. Gives the longest time in which nothing came.
    #[track_caller]
    fn read(&mut self, mut meanwhile: impl FnMut(&mut Source)) -> Duration {
        let (mut last, mut silence) = (Instant::now(), Duration::ZERO);
        while self.taken.len() < self.sent.len() {
            let batch = self.source.poll(WAIT).unwrap();
            silence = silence.max(last.elapsed());
            assert!(silence < PATIENCE * 2, "only {} came", self.taken.len());
            if !batch.is_empty() {
                last = Instant::now();
            }
            self.taken.extend(batch.records().map(Taken::of));
            let reason = self.source.readers().reason;
            assert_eq!(readers(&self.source), all_by_the_chosen(2), "{reason:?}");
            meanwhile(&mut self.source);
        }
        silence
    }

    /// Each record was taken, once and in order.
    #[track_caller]
    fn assert_all(&self) {
        let taken: BTreeMap<_, _> = self
            .taken
            .iter()
            .map(|it| ((it.partition, it.offset), it.payload.clone().unwrap()))
            .collect();
        assert_eq!(self.taken.len(), self.sent.len());
        assert!(taken == self.sent);
        for partition in 0..2 {
            assert!(offsets(&self.taken, partition).is_sorted());
        }
    }
}

#[test]
fn a_client_that_may_read_little_reads_on_slowly_and_loses_nothing() {
    let Some(kafka) = Kafka::with_quota_window(1) else {
        return;
    };
    let mut throttled = Throttled::on(&kafka, 100_000);
    throttled.send(0..150);
    let begun = Instant::now();
    throttled.read(|_| {});
    throttled.assert_all();
    assert!(begun.elapsed() > Duration::from_secs(2), "no throttle");
}

#[test]
fn a_broker_that_wants_to_be_left_alone_for_long_is_not_taken_for_a_dead_one() {
    // librdkafka's own waiting is not ours to test.
    if READER == ReaderChoice::Librdkafka {
        return;
    }
    // The direct reader waits 10 s for an answer.
    let Some(kafka) = Kafka::with_quota_window(12) else {
        return;
    };
    let mut throttled = Throttled::on(&kafka, 10_000_000);
    throttled.send(0..250);
    throttled.read(|_| {});
    // That was as much as it may read from now on in 26 s.
    kafka.throttle(&throttled.name, 19_000);
    throttled.send(250..260);
    let mut changed = Instant::now();
    let silence = throttled.read(|source| {
        // New orders are no reason to ask before the time.
        if changed.elapsed() > Duration::from_secs(1) {
            changed = Instant::now();
            source.pause(&[1]);
            source.resume(&[1]);
        }
    });
    throttled.assert_all();
    assert!(silence > Duration::from_secs(11), "{silence:?}");
}
