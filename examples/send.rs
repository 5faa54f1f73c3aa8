//! Sends lines to a Kafka topic as records, in the form that `tidegauge compute` reads:
//! `{"partition":1,"timestamp":1793491200000,"payment":{…}}`, one a line on the standard input.
//!
//! `send BROKERS TOPIC PARTITIONS` creates the topic if there is none, and ends when all records are
//! acknowledged.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    reason = "a measurement counts small things, and looks at the clock"
)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::env;
use std::io::{BufRead, stdin};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Line<'a> {
    partition: i32,
    timestamp: i64,
    #[serde(borrow)]
    payment: &'a RawValue,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() {
    let [brokers, topic, partitions] = &env::args().skip(1).collect::<Vec<_>>()[..] else {
        eprintln!("usage: send BROKERS TOPIC PARTITIONS <LINES");
        std::process::exit(2);
    };
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
    let replication = TopicReplication::Fixed(1);
    // Event time is years apart from now, and retention looks at record timestamps.
    let new = NewTopic::new(topic, partitions.parse().unwrap(), replication)
        .set("retention.ms", "-1")
        .set("message.timestamp.before.max.ms", "9223372036854775807")
        .set("message.timestamp.after.max.ms", "9223372036854775807");
    for created in admin
        .create_topics([&new], &AdminOptions::new())
        .await
        .unwrap()
    {
        match created {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, error)) => panic!("the topic can't be created: {error}"),
        }
    }
    let producer: ThreadedProducer<_> = config
        // A batch that is sent again must not come behind later ones.
        .set("enable.idempotence", "true")
        .set("linger.ms", "20")
        .set("batch.num.messages", "100000")
        .set("queue.buffering.max.messages", "1000000")
        .create()
        .unwrap();
    for line in stdin().lock().lines() {
        let line = line.unwrap();
        let line: Line<'_> = serde_json::from_str(&line).unwrap();
        let mut record = BaseRecord::<(), str>::to(topic)
            .partition(line.partition)
            .timestamp(line.timestamp)
            .payload(line.payment.get());
        while let Err((error, again)) = producer.send(record) {
            let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
            assert_eq!(error, full, "a record can't be sent");
            std::thread::sleep(Duration::from_millis(5));
            record = again;
        }
    }
    producer.flush(Duration::from_secs(60)).unwrap();
    assert_eq!(
        producer.in_flight_count(),
        0,
        "records are not acknowledged"
    );
}
