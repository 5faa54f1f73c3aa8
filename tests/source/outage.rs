//! Brokers, leaders and topics that go away and come back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::types::RDKafkaRespErr;
use tidegauge::observe::status::{Condition, End};
use tidegauge::source::{Config, LogBatch, Source, StartPosition};

use super::{
    PATIENCE, READER, Taken, Topic, WAIT, config, offsets, poll_often, read, read_some, read_to_end,
};
use crate::support::lab::eventually;

#[test]
fn a_broker_that_comes_back_is_read_on_without_loss_or_doubling() {
    let Some(mut topic) = Topic::on_own_broker("restart", 2) else {
        return;
    };
    topic.send([(0, 0..100)]);
    let mut source = topic.started(StartPosition::Earliest);
    let mut taken = read_to_end(&mut source);
    assert_eq!(source.condition().0, Condition::Ok);

    topic.kafka.kill();
    taken.extend(read(&mut source, |source, _| {
        source.condition().0 == Condition::Degraded
    }));
    // Now it is unknown whether there is more.
    source.poll(WAIT).unwrap();
    assert!(!source.at_end(0) && !source.at_end(1));
    eventually("a question without an answer", || source.discover().err());

    topic.kafka.start_again();
    topic.send([(0, 100..200), (1, 0..100)]);
    taken.extend(read(&mut source, |source, taken| {
        taken.len() >= 200 && source.condition().0 == Condition::Ok
    }));
    taken.extend(read_to_end(&mut source));
    assert!(offsets(&taken, 0).into_iter().eq(0..200));
    assert!(offsets(&taken, 1).into_iter().eq(0..100));
}

#[test]
fn closing_ends_although_the_broker_is_gone() {
    let Some(mut topic) = Topic::on_own_broker("gone", 1) else {
        return;
    };
    topic.send([(0, 0..5)]);
    let mut source = topic.started(StartPosition::Earliest);
    read_to_end(&mut source);
    topic.kafka.kill();
    source.report(&BTreeMap::from([(0, 5)]));
    source.close(Duration::from_millis(200));
}

/// A source that reads a topic of a mock from its beginning.
#[track_caller]
fn started_on(brokers: &str, topic: &str, properties: &[(&str, &str)]) -> Source {
    let config = Config {
        reader: READER,
        properties: properties
            .iter()
            .map(|&(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        ..config(brokers.to_owned(), topic, StartPosition::Earliest)
    };
    let mut source = Source::connect(&config, PATIENCE).unwrap();
    source.assign(&BTreeMap::new()).unwrap();
    source
}

#[test]
fn a_topic_that_is_not_found_for_a_while_is_read_on_when_it_is_back() {
    use RDKafkaRespErr as Code;
    // As for a user who may not see it any more, which brokers tell in one way or the other.
    for (error, words) in [
        (Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "not found"),
        (
            Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            "denies reading",
        ),
    ] {
        let cluster = MockCluster::new(1).unwrap();
        let topic = "hidden";
        cluster.create_topic(topic, 1, 1).unwrap();
        let send = |numbers: std::ops::Range<i64>| {
            let producer: BaseProducer = ClientConfig::new()
                .set("bootstrap.servers", cluster.bootstrap_servers())
                .create()
                .unwrap();
            for number in numbers {
                let payload = number.to_string();
                let record = BaseRecord::<(), str>::to(topic)
                    .partition(0)
                    .payload(&payload);
                producer.send(record).unwrap();
            }
            producer.flush(PATIENCE).unwrap();
        };
        send(0..5);
        let properties = [
            ("topic.metadata.propagation.max.ms", "100"),
            ("topic.metadata.refresh.interval.ms", "200"),
        ];
        let mut source = started_on(&cluster.bootstrap_servers(), topic, &properties);
        let id = source.topic_id().unwrap();
        assert_eq!(offsets(&read_some(&mut source, 5), 0), [0, 1, 2, 3, 4]);

        cluster.topic_error(topic, error).unwrap();
        eventually("the missing topic", || {
            source.poll(WAIT).unwrap();
            source.discover().unwrap_or_default();
            source.condition().1.contains(words).then_some(())
        });
        for _ in 0..30 {
            source.discover().unwrap_or_default();
            assert!(source.poll(WAIT).unwrap().is_empty());
        }
        assert!(source.halted().is_empty(), "{:?}", source.halted());
        assert_eq!(source.condition().0, Condition::Degraded);
        assert!(!source.at_end(0), "the end is unknown");

        cluster
            .topic_error(topic, Code::RD_KAFKA_RESP_ERR_NO_ERROR)
            .unwrap();
        send(5..8);
        let mut taken = Vec::new();
        eventually("the rest", || {
            source.discover().unwrap_or_default();
            taken.extend(source.poll(WAIT).unwrap().records().map(Taken::of));
            (taken.len() >= 3).then_some(())
        });
        assert_eq!(offsets(&taken, 0), [5, 6, 7]);
        eventually("that all is well", || {
            source.discover().unwrap_or_default();
            assert!(source.poll(WAIT).unwrap().is_empty());
            (source.condition().0 == Condition::Ok).then_some(())
        });
        assert_eq!(source.topic_id(), Some(id));
    }
}

#[test]
fn a_partition_whose_leader_is_away_is_not_read_to_its_end() {
    let cluster = MockCluster::new(1).unwrap();
    let topic = "away";
    cluster.create_topic(topic, 2, 1).unwrap();
    let mut source = started_on(&cluster.bootstrap_servers(), topic, &[]);
    read_to_end(&mut source);
    // Another broker answers, so Kafka is not away.
    let tell = |error| cluster.topic_error(topic, error).unwrap();
    tell(RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
    eventually("the ends to be unknown", || {
        source.discover().unwrap_or_default();
        source.poll(WAIT).unwrap();
        (!source.at_end(0) && !source.at_end(1)).then_some(())
    });
    let (condition, reason) = source.condition();
    assert_eq!(condition, Condition::Degraded);
    assert!(reason.contains("no broker serves it"), "{reason}");
    tell(RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR);
    // Before the next regular look at the topic.
    eventually("ends that are known", || {
        source.poll(WAIT).unwrap();
        (source.at_end(0) && source.at_end(1)).then_some(())
    });
    eventually("the ends", || {
        source.discover().unwrap_or_default();
        source.poll(WAIT).unwrap();
        (source.at_end(0) && source.at_end(1) && source.condition().0 == Condition::Ok)
            .then_some(())
    });
}

#[test]
fn a_partition_without_a_leader_makes_the_ends_of_no_others_unknown() {
    let cluster = MockCluster::new(2).unwrap();
    let topic = "half";
    cluster.create_topic(topic, 2, 1).unwrap();
    let mut source = started_on(&cluster.bootstrap_servers(), topic, &[]);
    read_to_end(&mut source);
    // The mock does not survive a fetch from a partition without a leader.
    source.pause(&[1]);
    poll_often(&mut source);
    cluster.partition_leader(topic, 1, None).unwrap();
    eventually("that it is told", || {
        source.discover().unwrap_or_default();
        source.poll(WAIT).unwrap();
        let (condition, reason) = source.condition();
        (condition == Condition::Degraded && reason.contains("partition 1")).then_some(())
    });
    // Longer than an end stays known that no broker confirms.
    let until = Instant::now() + Duration::from_secs(12);
    while Instant::now() < until {
        source.poll(WAIT).unwrap();
    }
    assert!(source.at_end(0) && !source.at_end(1));
    let End::Known { age, .. } = source.known_end(0) else {
        panic!("{:?}", source.condition());
    };
    assert!(age < Duration::from_secs(10), "{age:?}");
}

/// A topic of two partitions whose brokers go and come back; meanwhile `leaderless` lose their leaders.
fn source_after_outage(
    cluster: &MockCluster<'_, DefaultProducerContext>,
    leaderless: &[i32],
) -> Source {
    let topic = "back";
    cluster.create_topic(topic, 2, 1).unwrap();
    let mut source = started_on(&cluster.bootstrap_servers(), topic, &[]);
    read_to_end(&mut source);
    // The mock does not survive a fetch from a partition without a leader.
    source.pause(leaderless);
    poll_often(&mut source);
    for broker in [1, 2] {
        cluster.broker_down(broker).unwrap();
    }
    eventually("the outage", || {
        source.poll(WAIT).unwrap();
        let (condition, reason) = source.condition();
        (condition == Condition::Degraded && reason.contains("no Kafka broker")).then_some(())
    });
    for partition in leaderless {
        cluster.partition_leader(topic, *partition, None).unwrap();
    }
    for broker in [1, 2] {
        cluster.broker_up(broker).unwrap();
    }
    source
}

#[test]
fn brokers_that_answer_again_are_not_silent_because_partitions_have_no_leader() {
    for (leaderless, led) in [(&[1][..], &[0][..]), (&[0, 1], &[])] {
        let cluster = MockCluster::new(2).unwrap();
        let mut source = source_after_outage(&cluster, leaderless);
        // Before the next regular look at the topic.
        eventually("that brokers answer", || {
            source.poll(WAIT).unwrap();
            let reason = source.condition().1;
            let is_told = reason.contains(&format!("partition {} is not read now", leaderless[0]));
            (is_told && led.iter().all(|partition| source.at_end(*partition))).then_some(())
        });
        assert!(
            leaderless
                .iter()
                .all(|partition| !source.at_end(*partition))
        );
    }
}

#[test]
fn ends_of_idle_partitions_are_confirmed_together() {
    let cluster = MockCluster::new(1).unwrap();
    let topic = "idle";
    cluster.create_topic(topic, 2, 1).unwrap();
    let mut source = started_on(&cluster.bootstrap_servers(), topic, &[]);
    read_to_end(&mut source);
    poll_often(&mut source);
    // One of them is asked for between two regular questions.
    source.want_end(0);
    eventually("one request for both", || {
        source.poll(WAIT).unwrap();
        let ages = [0, 1].map(|partition| match source.known_end(partition) {
            End::Known { age, .. } => age,
            End::Unknown { .. } => panic!("{:?}", source.condition()),
        });
        (ages[0].abs_diff(ages[1]) < WAIT && ages[0] < WAIT * 10).then_some(())
    });
}
