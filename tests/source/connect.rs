//! What can't be connected to is named, with the reason and what to do.

use std::collections::BTreeMap;
use std::time::Duration;

use tidegauge::source::{Config, Error, Source, StartPosition};

use super::{PATIENCE, READER, config};
use crate::support::lab::{Kafka, free_port, unique};

#[test]
fn a_topic_that_does_not_exist_is_named_with_what_to_do() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("nowhere");
    let error = Source::connect(
        &config(kafka.bootstrap(), &topic, StartPosition::Latest),
        PATIENCE,
    )
    .err()
    .unwrap();
    assert!(matches!(error, Error::NoTopic { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains(&format!("--create --topic {topic}")),
        "{error}"
    );
}

#[test]
fn a_broker_that_does_not_answer_is_named_with_the_reason() {
    let config = Config {
        brokers: format!("127.0.0.1:{}", free_port()),
        topic: "payment_msg".to_owned(),
        group_id: String::new(),
        start: StartPosition::Latest,
        reader: READER,
        properties: BTreeMap::new(),
    };
    let error = Source::connect(&config, Duration::from_millis(500))
        .err()
        .unwrap();
    assert!(matches!(error, Error::NoBroker { .. }), "{error}");
    assert!(error.to_string().contains(&config.brokers), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[test]
fn a_property_that_the_client_refuses_is_named() {
    let config = Config {
        brokers: "127.0.0.1:1".to_owned(),
        topic: "payment_msg".to_owned(),
        group_id: String::new(),
        start: StartPosition::Latest,
        reader: READER,
        properties: BTreeMap::from([("fetch.banana".to_owned(), "1".to_owned())]),
    };
    let error = Source::connect(&config, PATIENCE).err().unwrap();
    assert!(matches!(error, Error::Setting { .. }), "{error}");
    assert!(error.to_string().contains("\"fetch.banana\""), "{error}");
}
