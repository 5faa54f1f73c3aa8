//! A topic that is deleted, with or without a new one under its name.

use std::collections::BTreeMap;

use tidegauge::core::effect::Progress;
use tidegauge::observe::status::Condition;
use tidegauge::source::StartPosition;

use super::{
    WAIT, connect, discover_often, messages, offsets, poll_often, positions, read, read_to_end,
    started,
};
use crate::support::lab::{Kafka, eventually, unique};

#[test]
fn a_recreated_topic_that_is_shorter_is_not_read() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("shorter");
    kafka.create_topic(&topic, 2);
    kafka.send(
        &topic,
        messages(0, 0..4).into_iter().chain(messages(1, 0..4)),
    );
    let before = read_to_end(&mut started(kafka, &topic, StartPosition::Earliest));
    let applied: BTreeMap<i32, Progress> = before
        .iter()
        .map(|record| (record.partition, record.progress()))
        .collect();
    kafka.delete_topic(&topic);
    kafka.create_topic(&topic, 1);
    kafka.send(&topic, messages(0, 0..2));

    let mut source = connect(kafka, &topic, StartPosition::Earliest);
    let assigned = source.assign(&applied).unwrap();
    assert_eq!(positions(&assigned), [4, 4]);
    assert!(
        source.halted()[&0].contains("ends at offset 2"),
        "{:?}",
        source.halted()
    );
    assert!(
        source.halted()[&1].contains("fewer partitions"),
        "{:?}",
        source.halted()
    );
    kafka.send(&topic, messages(0, 2..9));
    assert_eq!(poll_often(&mut source), []);
}

#[test]
fn a_recreated_topic_that_is_longer_is_not_read() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("longer");
    kafka.create_topic(&topic, 2);
    kafka.send(
        &topic,
        messages(0, 0..4).into_iter().chain(messages(1, 0..4)),
    );
    let before = read_to_end(&mut started(kafka, &topic, StartPosition::Earliest));
    let applied: BTreeMap<i32, Progress> = before
        .iter()
        .map(|record| (record.partition, record.progress()))
        .collect();
    kafka.delete_topic(&topic);
    kafka.create_topic(&topic, 2);
    // Partition 1 is as it was before, to the last byte, and one record longer.
    kafka.send(
        &topic,
        messages(0, 100..109).into_iter().chain(messages(1, 0..5)),
    );

    let mut source = connect(kafka, &topic, StartPosition::Earliest);
    source.assign(&applied).unwrap();
    let taken = read_to_end(&mut source);
    assert!(
        source.halted()[&0].contains("not the one"),
        "{:?}",
        source.halted()
    );
    assert!(offsets(&taken, 0).is_empty());
    assert_eq!(offsets(&taken, 1), [4]);
    kafka.send(&topic, messages(0, 109..120));
    assert_eq!(poll_often(&mut source), []);
    assert!(!source.at_end(0));
}

#[test]
fn a_topic_recreated_while_running_is_halted_when_it_is_looked_at() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("recreated");
    kafka.create_topic(&topic, 1);
    kafka.send(&topic, messages(0, 0..4));
    let mut source = started(kafka, &topic, StartPosition::Earliest);
    read_to_end(&mut source);
    source.pause(&[0]);
    kafka.delete_topic(&topic);
    kafka.create_topic(&topic, 1);
    kafka.send(&topic, messages(0, 100..109));
    eventually("the halt", || {
        source.discover().unwrap();
        source.halted().contains_key(&0).then_some(())
    });
    assert!(
        source.halted()[&0].contains("deleted and recreated"),
        "{:?}",
        source.halted()
    );
    source.resume(&[0]);
    assert_eq!(poll_often(&mut source), []);
}

#[test]
fn a_deleted_topic_is_told_and_a_new_one_of_its_name_is_not_read() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("deleted");
    kafka.create_topic(&topic, 1);
    kafka.send(&topic, messages(0, 0..5));
    let mut source = started(kafka, &topic, StartPosition::Earliest);
    read_to_end(&mut source);
    kafka.delete_topic(&topic);
    let told = eventually("the missing topic", || {
        source.poll(WAIT).unwrap();
        source.discover().unwrap();
        let (condition, reason) = source.condition();
        (condition == Condition::Degraded && reason.contains("not found")).then_some(reason)
    });
    assert!(told.contains(&topic), "{told}");
    discover_often(&mut source);
    // Two answers may come from a broker that has just started.
    assert!(source.halted().is_empty(), "{:?}", source.halted());

    // More partitions than before: none of them is read either.
    kafka.create_topic(&topic, 2);
    kafka.send(
        &topic,
        messages(0, 100..120).into_iter().chain(messages(1, 0..20)),
    );
    let taken = read(&mut source, |source, _| source.halted().contains_key(&0));
    assert_eq!(taken, []);
    assert!(
        source.halted()[&0].contains("deleted and recreated"),
        "{:?}",
        source.halted()
    );
    discover_often(&mut source);
    assert_eq!(poll_often(&mut source), []);
    assert_eq!(source.halted(), source.lasting());
}

#[test]
fn a_deleted_topic_is_told_as_such_and_never_as_brokers_that_do_not_answer() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = unique("deleted-told");
    kafka.create_topic(&topic, 3);
    kafka.send(&topic, messages(0, 0..5));
    let mut source = started(kafka, &topic, StartPosition::Earliest);
    read_to_end(&mut source);
    kafka.delete_topic(&topic);
    // The regular look at the topic is up to 30 s away.
    let told = eventually("the missing topic", || {
        source.poll(WAIT).unwrap();
        let (condition, reason) = source.condition();
        (condition != Condition::Ok).then_some(reason)
    });
    assert!(told.contains("not found"), "{told}");
    assert!(!source.is_silence_logged());
}
