//! Which reader reads, and that what it reads is the same.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tidegauge::source::{Config, LogBatch, ReaderChoice, Source, StartPosition};

use super::{
    PATIENCE, READER, Taken, Topic, WAIT, config, messages, offsets, read_some, read_to_end,
};
use crate::support::lab::{Kafka, Lock, Message, SecureKafka, eventually, unique};

/// How many partitions the direct reader reads, and how many librdkafka.
pub(super) fn readers(source: &Source) -> (usize, usize) {
    let readers = source.readers();
    (readers.direct, readers.librdkafka)
}

pub(super) fn all_by_the_chosen(partitions: usize) -> (usize, usize) {
    match READER {
        ReaderChoice::Librdkafka => (0, partitions),
        ReaderChoice::Auto | ReaderChoice::Direct => (partitions, 0),
    }
}

#[test]
fn the_reader_that_is_chosen_reads_and_goes_on_reading_after_an_outage() {
    let Some(mut topic) = Topic::on_own_broker("chosen", 3) else {
        return;
    };
    topic.send([(0, 0..1_000), (2, 0..10)]);
    let mut source = topic.started(StartPosition::Earliest);
    read_to_end(&mut source);
    assert_eq!(readers(&source), all_by_the_chosen(3));
    assert_eq!(
        source.readers().reason.is_some(),
        READER == ReaderChoice::Librdkafka
    );

    topic.kafka.kill();
    topic.kafka.start_again();
    topic.send((0..3).map(|partition| (partition, 1_000..1_010)));
    let taken = read_some(&mut source, 30);
    assert_eq!(taken.len(), 30);
    eventually("the chosen reader", || {
        source.poll(WAIT).unwrap();
        (readers(&source) == all_by_the_chosen(3)).then_some(())
    });
    topic.send([(1, 1_010..1_011)]);
    assert_eq!(read_some(&mut source, 1).len(), 1);
}

#[test]
fn compressed_records_are_the_records_that_were_sent() {
    let Some(topic) = Topic::new("compressed", 1) else {
        return;
    };
    let mut expected = Vec::new();
    for codec in ["gzip", "snappy", "lz4", "zstd", "none"] {
        let producer: BaseProducer = topic
            .kafka
            .client()
            .set("compression.type", codec)
            .set("linger.ms", "20")
            .create()
            .unwrap();
        for number in 0..3_000 {
            let payload = format!("{codec} {number} {}", "x".repeat(number % 90));
            let record = BaseRecord::<str, str>::to(&topic.name)
                .partition(0)
                .key(codec)
                .payload(&payload);
            producer.send(record).unwrap();
            expected.push(Some(payload.into_bytes()));
        }
        producer.flush(PATIENCE).unwrap();
    }
    let taken = topic.read();
    let payloads: Vec<_> = taken.iter().map(|taken| taken.payload.clone()).collect();
    assert!(
        payloads == expected,
        "{} of {}",
        payloads.len(),
        expected.len()
    );
    assert!(offsets(&taken, 0).into_iter().eq(0..15_000));
}

#[test]
fn a_record_larger_than_a_fetch_is_read() {
    let Some(topic) = Topic::new("large", 2) else {
        return;
    };
    let large = |partition| Message {
        partition,
        timestamp: 1_000,
        payload: Some(vec![b'x'; 900_000]),
        ..Message::default()
    };
    topic.send([(0, 0..3), (1, 0..3)]);
    topic
        .kafka
        .send(&topic.name, [large(0), large(1), large(0)]);
    topic.send([(0, 3..5), (1, 3..5)]);
    let mut config = config(
        topic.kafka.bootstrap(),
        &topic.name,
        StartPosition::Earliest,
    );
    let small = [("fetch.message.max.bytes", "2000")];
    config.properties = small
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let mut source = Source::connect(&config, PATIENCE).unwrap();
    source.assign(&BTreeMap::new()).unwrap();
    let taken = read_to_end(&mut source);
    assert!(offsets(&taken, 0).into_iter().eq(0..7));
    assert!(offsets(&taken, 1).into_iter().eq(0..6));
}

#[test]
fn the_time_at_which_a_broker_took_a_record_counts_where_the_topic_says_so() {
    let Some(kafka) = Kafka::shared() else {
        return;
    };
    let name = unique("append-time");
    kafka.create_topic_with(&name, 1, &[("message.timestamp.type", "LogAppendTime")]);
    let message = Message {
        partition: 0,
        timestamp: 1_000,
        payload: Some(b"x".to_vec()),
        ..Message::default()
    };
    kafka.send(&name, [message]);
    let by = |reader| {
        let config = Config {
            reader,
            ..config(kafka.bootstrap(), &name, StartPosition::Earliest)
        };
        let mut source = Source::connect(&config, PATIENCE).unwrap();
        source.assign(&BTreeMap::new()).unwrap();
        let taken = read_to_end(&mut source);
        taken[0].timestamp.unwrap()
    };
    let taken = by(READER);
    assert!(taken > 1_700_000_000_000, "{taken}");
    assert_eq!(taken, by(ReaderChoice::Librdkafka));
}

#[test]
fn many_partitions_are_read_in_turn_although_a_fetch_holds_few_of_them() {
    let Some(topic) = Topic::new("turns", 64) else {
        return;
    };
    topic.send((0..64).map(|partition| (partition, 0..200)));
    let mut config = config(
        topic.kafka.bootstrap(),
        &topic.name,
        StartPosition::Earliest,
    );
    let small = [
        ("fetch.max.bytes", "4000"),
        ("message.max.bytes", "1000"),
        ("fetch.message.max.bytes", "2000"),
    ];
    config.properties = small
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let mut source = Source::connect(&config, PATIENCE).unwrap();
    source.assign(&BTreeMap::new()).unwrap();
    let taken: Vec<Taken> = read_to_end(&mut source);
    for partition in 0..64 {
        assert!(
            offsets(&taken, partition).into_iter().eq(0..200),
            "partition {partition}"
        );
    }
    assert_eq!(source.poll(WAIT).unwrap().len(), 0);
}

#[test]
fn connections_that_are_cut_at_any_moment_lose_and_double_nothing() {
    let Some((kafka, proxy)) = Kafka::behind_proxy() else {
        return;
    };
    let name = unique("cut");
    kafka.create_topic(&name, 3);
    const RECORDS: i64 = 30_000;
    kafka.send(
        &name,
        (0..3).flat_map(|partition| messages(partition, 0..RECORDS)),
    );
    let mut config = config(
        format!("127.0.0.1:{}", proxy.port()),
        &name,
        StartPosition::Earliest,
    );
    let small = [
        ("fetch.max.bytes", "20000"),
        ("fetch.message.max.bytes", "9000"),
        ("message.max.bytes", "1000"),
    ];
    config.properties = small
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let mut source = Source::connect(&config, PATIENCE).unwrap();
    source.assign(&BTreeMap::new()).unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    let (mut taken, mut used) = (Vec::new(), std::collections::BTreeSet::new());
    let mut next_cut = 0;
    let all = 3 * usize::try_from(RECORDS).unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    while taken.len() < all {
        assert!(Instant::now() < deadline, "{} of {all}", taken.len());
        if taken.len() >= next_cut {
            proxy.reset();
            next_cut = taken.len() + random.usize(1..all / 20);
        }
        taken.extend(source.poll(WAIT).unwrap().records().map(Taken::of));
        used.insert(readers(&source));
    }
    for partition in 0..3 {
        assert!(offsets(&taken, partition).into_iter().eq(0..RECORDS));
    }
    assert_eq!(taken.len(), all);
    assert!(source.halted().is_empty(), "{:?}", source.halted());
    let was_switched = used.len() > 1;
    assert_eq!(was_switched, READER != ReaderChoice::Librdkafka, "{used:?}");
}

#[test]
fn by_each_lock_the_chosen_reader_reads() {
    let Some(kafka) = SecureKafka::shared() else {
        return;
    };
    let name = unique("locked");
    kafka.kafka().create_topic(&name, 2);
    kafka.kafka().send(
        &name,
        (0..2).flat_map(|partition| messages(partition, 0..2_000)),
    );
    let file = |name: &str| kafka.file(name).to_str().unwrap().to_owned();
    let certificate = [
        ("security.protocol", "SSL".to_owned()),
        ("ssl.ca.location", file("ca.pem")),
        ("ssl.certificate.location", file("client.pem")),
        ("ssl.key.location", file("client.key")),
    ];
    for (lock, properties) in [
        (Lock::Password, kafka.password_properties().to_vec()),
        (Lock::ClientCertificate, certificate.to_vec()),
    ] {
        let properties = properties.into_iter();
        let config = Config {
            properties: properties
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            ..config(kafka.bootstrap(lock), &name, StartPosition::Earliest)
        };
        let mut source = Source::connect(&config, PATIENCE).unwrap();
        source.assign(&BTreeMap::new()).unwrap();
        let taken = read_to_end(&mut source);
        for partition in 0..2 {
            assert!(offsets(&taken, partition).into_iter().eq(0..2_000));
        }
        let reason = source.readers().reason;
        assert_eq!(readers(&source), all_by_the_chosen(2), "{reason:?}");
    }
}

#[test]
fn a_property_that_only_librdkafka_knows_leaves_all_to_it_and_the_reason_is_told() {
    let Some(topic) = Topic::new("unknown-property", 1) else {
        return;
    };
    topic.send([(0, 0..3)]);
    let mut config = config(
        topic.kafka.bootstrap(),
        &topic.name,
        StartPosition::Earliest,
    );
    let rack = ("client.rack".to_owned(), "a".to_owned());
    config.properties.extend([rack]);
    let mut source = Source::connect(&config, PATIENCE).unwrap();
    source.assign(&BTreeMap::new()).unwrap();
    assert_eq!(read_to_end(&mut source).len(), 3);
    assert_eq!(readers(&source), (0, 1));
    let reason = source.readers().reason.unwrap();
    let expected = match READER {
        ReaderChoice::Librdkafka => "kafka.reader is \"librdkafka\"",
        ReaderChoice::Auto | ReaderChoice::Direct => {
            "the direct reader does not know the property client.rack"
        }
    };
    assert_eq!(reason, expected);
}
