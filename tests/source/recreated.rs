//! A topic that is deleted, with or without a new one under its name.

use tidegauge::observe::status::Condition;
use tidegauge::source::StartPosition;

use super::{
    Topic, WAIT, applied, assert_halted, discover_often, offsets, poll_often, positions, read,
    read_to_end,
};
use crate::support::lab::eventually;

#[test]
fn a_recreated_topic_that_is_shorter_is_not_read() {
    let Some(topic) = Topic::new("shorter", 2) else {
        return;
    };
    topic.send([(0, 0..4), (1, 0..4)]);
    let applied = applied(&topic.read());
    topic.recreate(1);
    topic.send([(0, 0..2)]);

    let mut source = topic.connect(StartPosition::Earliest);
    let assigned = source.assign(&applied).unwrap();
    assert_eq!(positions(&assigned), [4, 4]);
    assert_halted(&source, 0, "ends at offset 2");
    assert_halted(&source, 1, "fewer partitions");
    topic.send([(0, 2..9)]);
    assert_eq!(poll_often(&mut source), []);
}

#[test]
fn a_recreated_topic_that_is_longer_is_not_read() {
    let Some(topic) = Topic::new("longer", 2) else {
        return;
    };
    topic.send([(0, 0..4), (1, 0..4)]);
    let applied = applied(&topic.read());
    topic.recreate(2);
    // Partition 1 is as it was before, to the last byte, and one record longer.
    topic.send([(0, 100..109), (1, 0..5)]);

    let mut source = topic.connect(StartPosition::Earliest);
    source.assign(&applied).unwrap();
    let taken = read_to_end(&mut source);
    assert_halted(&source, 0, "not the one");
    assert!(offsets(&taken, 0).is_empty());
    assert_eq!(offsets(&taken, 1), [4]);
    topic.send([(0, 109..120)]);
    assert_eq!(poll_often(&mut source), []);
    assert!(!source.at_end(0));
}

#[test]
fn a_topic_recreated_while_running_is_halted_when_it_is_looked_at() {
    let Some(topic) = Topic::new("recreated", 1) else {
        return;
    };
    topic.send([(0, 0..4)]);
    let mut source = topic.started(StartPosition::Earliest);
    read_to_end(&mut source);
    source.pause(&[0]);
    topic.recreate(1);
    topic.send([(0, 100..109)]);
    eventually("the halt", || {
        source.discover().unwrap();
        source.halted().contains_key(&0).then_some(())
    });
    assert_halted(&source, 0, "deleted and recreated");
    source.resume(&[0]);
    assert_eq!(poll_often(&mut source), []);
}

#[test]
fn a_deleted_topic_is_told_and_a_new_one_of_its_name_is_not_read() {
    let Some(topic) = Topic::new("deleted", 1) else {
        return;
    };
    topic.send([(0, 0..5)]);
    let mut source = topic.started(StartPosition::Earliest);
    read_to_end(&mut source);
    topic.kafka.delete_topic(&topic.name);
    let told = eventually("the missing topic", || {
        source.poll(WAIT).unwrap();
        source.discover().unwrap();
        let (condition, reason) = source.condition();
        (condition == Condition::Degraded && reason.contains("not found")).then_some(reason)
    });
    assert!(told.contains(&topic.name), "{told}");
    discover_often(&mut source);
    // Two answers may come from a broker that has just started.
    assert!(source.halted().is_empty(), "{:?}", source.halted());

    // More partitions than before: none of them is read either.
    topic.kafka.create_topic(&topic.name, 2);
    topic.send([(0, 100..120), (1, 0..20)]);
    let taken = read(&mut source, |source, _| source.halted().contains_key(&0));
    assert_eq!(taken, []);
    assert_halted(&source, 0, "deleted and recreated");
    discover_often(&mut source);
    assert_eq!(poll_often(&mut source), []);
    assert_eq!(source.halted(), source.lasting());
}

#[test]
fn a_deleted_topic_is_told_as_such_and_never_as_brokers_that_do_not_answer() {
    let Some(topic) = Topic::new("deleted-told", 3) else {
        return;
    };
    topic.send([(0, 0..5)]);
    let mut source = topic.started(StartPosition::Earliest);
    read_to_end(&mut source);
    topic.kafka.delete_topic(&topic.name);
    // The regular look at the topic is up to 30 s away.
    let told = eventually("the missing topic", || {
        source.poll(WAIT).unwrap();
        let (condition, reason) = source.condition();
        (condition != Condition::Ok).then_some(reason)
    });
    assert!(told.contains("not found"), "{told}");
    assert!(!source.is_silence_logged());
}
