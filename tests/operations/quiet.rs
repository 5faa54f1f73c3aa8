//! A partition that nothing is written to does not stay degraded after trouble has passed.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use tidegauge::observe::status::Condition;
use tidegauge::source::{Config, LogBatch, ReaderChoice, Source, StartPosition};

use crate::support::lab::eventually;

const TOPIC: &str = "payment_msg";

#[test]
fn a_partition_that_could_not_be_read_is_well_once_its_end_is_reached_without_a_record() {
    let kafka = MockCluster::new(1).unwrap();
    kafka.create_topic(TOPIC, 1, 1).unwrap();
    let config = Config {
        brokers: kafka.bootstrap_servers(),
        topic: TOPIC.to_owned(),
        group_id: String::new(),
        start: StartPosition::Earliest,
        reader: ReaderChoice::Auto,
        properties: BTreeMap::new(),
    };
    let patience = Duration::from_secs(20);
    let mut source = Source::connect(&config, patience).unwrap();
    source.assign(&BTreeMap::new()).unwrap();
    let wait = Duration::from_millis(20);
    eventually("the end", || {
        source.poll(wait).unwrap();
        source.at_end(0).then_some(())
    });
    let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    kafka.request_errors(RDKafkaApiKey::Fetch, &[refused]);
    eventually("a partition that can't be read", || {
        source.poll(wait).unwrap();
        let (condition, reason) = source.condition();
        (condition == Condition::Degraded && reason.contains("partition 0")).then_some(())
    });
    eventually("a partition that is well", || {
        assert!(source.poll(wait).unwrap().is_empty());
        // What the worker does every 30 s.
        source.discover().unwrap();
        (source.condition().0 == Condition::Ok).then_some(())
    });
    source.close(patience);
}
