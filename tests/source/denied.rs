//! A user who may see a topic and not read it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tidegauge::observe::status::Condition;
use tidegauge::source::{Config, LogBatch, Source, StartPosition};

use super::{PATIENCE, READER, Taken, WAIT, config, messages};
use crate::support::lab::{Lock, SecureKafka, eventually, unique};

#[test]
fn a_topic_that_may_not_be_read_is_not_well_because_its_end_is_known() {
    let Some(mut kafka) = SecureKafka::own() else {
        return;
    };
    let topic = unique("denied");
    kafka.kafka().create_topic(&topic, 1);
    kafka.allow(&["DESCRIBE"], &topic);
    let properties = kafka.password_properties();
    let config = Config {
        reader: READER,
        properties: properties
            .map(|(key, value)| (key.to_owned(), value))
            .into(),
        ..config(
            kafka.bootstrap(Lock::Password),
            &topic,
            StartPosition::Earliest,
        )
    };
    let mut source = Source::connect(&config, PATIENCE).unwrap();
    source.assign(&BTreeMap::new()).unwrap();
    eventually("that it is denied", || {
        source.poll(WAIT).unwrap();
        let (condition, reason) = source.condition();
        (condition == Condition::Degraded && reason.contains("grant the user READ")).then_some(())
    });
    // Nothing is left to be read, and the broker says so. That does not show that more could be read.
    let until = Instant::now() + Duration::from_secs(6);
    while Instant::now() < until {
        source.discover().unwrap_or_default();
        source.poll(WAIT).unwrap();
        assert_eq!(source.condition().0, Condition::Degraded);
        assert!(!source.at_end(0));
    }

    kafka.kafka().send(&topic, messages(0, 0..3));
    kafka.allow(&["DESCRIBE", "READ"], &topic);
    let mut taken = Vec::new();
    eventually("that all is well", || {
        source.discover().unwrap_or_default();
        taken.extend(source.poll(WAIT).unwrap().records().map(Taken::of));
        (source.at_end(0) && source.condition().0 == Condition::Ok).then_some(())
    });
    assert_eq!(super::offsets(&taken, 0), [0, 1, 2]);
}
