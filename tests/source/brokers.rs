//! Several brokers: leaders that move, brokers that die, and a log that an election has cut off.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use tidegauge::source::{LogBatch, ReaderChoice, Source, StartPosition};

use super::readers::{all_by_the_chosen, readers};
use super::{
    PATIENCE, READER, Taken, WAIT, applied, assert_halted, config, messages, offsets, poll_often,
    read_to_end,
};
use crate::support::lab::{KafkaCluster, RecordSender, eventually, unique};

/// A topic of the cluster that is written and read at once. Records have numbers that are their offsets.
struct Flow {
    topic: String,
    sender: RecordSender,
    /// The number of the next record, by partition.
    next: Vec<i64>,
    source: Source,
    taken: Vec<Taken>,
    /// The fewest partitions that the direct reader has read at once.
    fewest_direct: usize,
}

impl Flow {
    #[track_caller]
    fn on(cluster: &KafkaCluster, name: &str, replicas: &[&[i32]]) -> Self {
        let topic = unique(name);
        cluster.create_topic(&topic, replicas);
        let source = started(cluster, &topic);
        Self {
            sender: cluster.sender(),
            topic,
            next: vec![0; replicas.len()],
            source,
            taken: Vec::new(),
            fewest_direct: replicas.len(),
        }
    }

    /// Sends so many records to each of the partitions.
    #[track_caller]
    fn send(&mut self, partitions: Range<usize>, count: i64) {
        for partition in partitions {
            let next = &mut self.next[partition];
            let partition = i32::try_from(partition).unwrap();
            let all = messages(partition, *next..*next + count);
            self.sender.send(&self.topic, all);
            *next += count;
        }
    }

    #[track_caller]
    fn poll(&mut self) {
        let batch = self.source.poll(WAIT).unwrap();
        self.taken.extend(batch.records().map(Taken::of));
        self.fewest_direct = self.fewest_direct.min(readers(&self.source).0);
    }

    /// Polls and sends a little to each of the partitions until it is so.
    #[track_caller]
    fn flow_until(&mut self, what: &str, partitions: Range<usize>, is_so: impl Fn(&Self) -> bool) {
        eventually(what, || {
            self.send(partitions.clone(), 7);
            self.poll();
            is_so(self).then_some(())
        });
    }

    /// All that was sent to a partition has come, once and in order.
    fn has_all_of(&self, partition: usize) -> bool {
        let number = i32::try_from(partition).unwrap();
        let found = self.taken.iter().filter(|taken| taken.partition == number);
        let found: Vec<_> = found.map(|it| (it.offset, it.payload.clone())).collect();
        let sent = (0..self.next[partition])
            .map(|offset| (offset, Some(format!("{number}:{offset}").into_bytes())));
        let sent: Vec<_> = sent.collect();
        assert!(
            sent.starts_with(&found),
            "partition {partition} is not as it was sent: {:?}",
            offsets(&self.taken, number)
        );
        found.len() == sent.len()
    }

    /// Waits until all records were taken in, and nothing else.
    #[track_caller]
    fn read_all(&mut self, partitions: Range<usize>) {
        eventually("all records", || {
            self.poll();
            partitions
                .clone()
                .all(|it| self.has_all_of(it))
                .then_some(())
        });
    }

    /// Ends the flow: each record was taken once, and the chosen reader reads all partitions again.
    #[track_caller]
    fn finish(mut self) {
        self.sender.flush();
        let all = self.next.len();
        self.read_all(0..all);
        eventually("the chosen reader", || {
            self.poll();
            (readers(&self.source) == all_by_the_chosen(all)).then_some(())
        });
        self.send(0..all, 1);
        self.sender.flush();
        self.read_all(0..all);
        assert_eq!(poll_often(&mut self.source), []);
        assert!(
            self.source.halted().is_empty(),
            "{:?}",
            self.source.halted()
        );
    }
}

/// A source of a topic without stored positions.
#[track_caller]
fn started(cluster: &KafkaCluster, topic: &str) -> Source {
    let config = config(cluster.bootstrap(), topic, StartPosition::Earliest);
    let mut source = Source::connect(&config, PATIENCE).unwrap();
    source.assign(&BTreeMap::new()).unwrap();
    source
}

const fn is_direct() -> bool {
    !matches!(READER, ReaderChoice::Librdkafka)
}

#[test]
fn partitions_of_three_brokers_are_all_read_by_the_chosen_reader() {
    let Some(cluster) = KafkaCluster::lease() else {
        return;
    };
    let replicas: [&[i32]; 6] = [&[1, 2], &[2, 3], &[3, 1], &[1, 3], &[2, 1], &[3, 2]];
    let mut flow = Flow::on(&cluster, "three-brokers", &replicas);
    flow.send(0..6, 5_000);
    flow.read_all(0..6);
    assert_eq!(readers(&flow.source), all_by_the_chosen(6));
    if is_direct() {
        assert_eq!(flow.fewest_direct, 6);
    }
    flow.finish();
}

#[test]
fn a_leader_that_moves_while_records_are_produced_loses_and_doubles_nothing() {
    let Some(cluster) = KafkaCluster::lease() else {
        return;
    };
    let replicas: [&[i32]; 3] = [&[1, 2, 3], &[2, 3, 1], &[3, 1, 2]];
    let mut flow = Flow::on(&cluster, "moves", &replicas);
    flow.flow_until("the first records", 0..3, |flow| flow.taken.len() > 300);
    for (partition, brokers) in [
        (0, [3, 2, 1]),
        (1, [1, 2, 3]),
        (2, [2, 1, 3]),
        (0, [2, 1, 3]),
    ] {
        cluster.place(&flow.topic, partition, &brokers);
        let before = flow.taken.len();
        flow.flow_until("more records", 0..3, |flow| flow.taken.len() > before + 300);
    }
    flow.finish();
}

#[test]
fn a_partition_is_read_from_its_leader_and_not_from_the_one_before() {
    // What librdkafka does, it does not say.
    if !is_direct() {
        return;
    }
    let Some(mut cluster) = KafkaCluster::lease() else {
        return;
    };
    let mut flow = Flow::on(&cluster, "leads-no-more", &[&[3, 1], &[1, 3]]);
    flow.send(0..2, 100);
    flow.read_all(0..2);
    cluster.place(&flow.topic, 0, &[1, 3]);
    flow.flow_until("that the move is seen", 0..2, |flow| {
        flow.fewest_direct == 1
    });
    flow.flow_until("the direct reader", 0..2, |flow| {
        readers(&flow.source) == (2, 0)
    });
    // Whoever still reads from this broker notices.
    cluster.kill(3);
    flow.fewest_direct = 2;
    let before = flow.taken.len();
    flow.flow_until("more records", 0..2, |flow| flow.taken.len() > before + 600);
    assert_eq!(flow.fewest_direct, 2);
    cluster.start_again(3);
    flow.finish();
}

#[test]
fn a_broker_that_is_killed_and_comes_back_loses_and_doubles_nothing_and_others_are_read_on() {
    let Some(mut cluster) = KafkaCluster::lease() else {
        return;
    };
    let replicas: [&[i32]; 4] = [&[1, 2, 3], &[2, 3, 1], &[3, 1, 2], &[3, 2, 1]];
    let mut flow = Flow::on(&cluster, "killed", &replicas);
    // No other broker can take over the last one.
    cluster.place(&flow.topic, 3, &[3]);
    flow.flow_until("the first records", 0..4, |flow| flow.taken.len() > 300);
    flow.sender.flush();
    flow.read_all(0..4);

    let read_before = usize::try_from(flow.next[3]).unwrap();
    cluster.kill(3);
    flow.fewest_direct = 4;
    flow.send(3..4, 10);
    let before = flow.taken.len();
    flow.flow_until("records of the others", 0..2, |flow| {
        flow.taken.len() > before + 300
    });
    flow.send(2..3, 100);
    flow.read_all(0..3);
    assert!(!flow.has_all_of(3));
    flow.flow_until("that it is told", 0..3, |flow| {
        flow.source
            .condition()
            .1
            .starts_with("partition 3 is not read now")
    });
    if is_direct() {
        flow.flow_until("the direct reader", 0..3, |flow| {
            readers(&flow.source) == (3, 1)
        });
        // Those of the other brokers were never taken from it.
        assert_eq!(flow.fewest_direct, 2);
    }

    cluster.start_again(3);
    flow.flow_until("the last one", 0..4, |flow| {
        flow.taken.iter().filter(|it| it.partition == 3).count() > read_before
    });
    flow.finish();
}

//  offsets       0..10     10..20      10..
//  broker 2      records   records     is gone
//  broker 3      records   is stopped  leads; others in partition 1 at once, in partition 2 after it was asked for 19
//  delivered     once      once        nothing
//
//  Partition 3 has lost offset 19 only, and others come after it was told that it ends there.
#[test]
fn records_that_an_unclean_election_cuts_off_stop_their_partition_and_none_counts_twice() {
    let Some(mut cluster) = KafkaCluster::lease() else {
        return;
    };
    let replicas: [&[i32]; 5] = [&[2, 3], &[2, 3], &[2, 3], &[2, 3], &[1, 3]];
    let mut flow = Flow::on(&cluster, "unclean", &replicas);
    flow.send(0..5, 10);
    flow.send(3..4, 9);
    flow.sender.flush();
    cluster.stop(3);
    flow.send(0..3, 10);
    flow.send(3..4, 1);
    flow.sender.flush();
    flow.read_all(0..5);
    cluster.kill(2);
    flow.flow_until("librdkafka", 4..5, |flow| {
        readers(&flow.source) == if is_direct() { (1, 4) } else { (0, 5) }
    });
    cluster.start_again(3);
    let other_sender = cluster.sender();
    for partition in 0..4 {
        cluster.elect_uncleanly(&flow.topic, partition, 3);
        if partition == 1 {
            other_sender.send(&flow.topic, messages(1, 100..150));
            other_sender.flush();
        }
    }
    // So long it takes librdkafka to find the leader and to be told that there is no such offset.
    std::thread::sleep(Duration::from_secs(3));
    other_sender.send(&flow.topic, messages(2, 100..150));
    other_sender.send(&flow.topic, messages(3, 100..150));
    other_sender.flush();

    eventually("that they are stopped", || {
        flow.send(4..5, 7);
        flow.poll();
        (flow.source.halted().len() == 4).then_some(())
    });
    assert_halted(&flow.source, 0, "the partition ends at offset 10");
    let cut_off = match is_direct() {
        true => "the log was cut off",
        false => "log truncation detected at offset 20",
    };
    for partition in 1..4 {
        assert_halted(&flow.source, partition, cut_off);
    }
    cluster.start_again(2);
    flow.sender.flush();
    flow.read_all(0..5);
    assert_eq!(poll_often(&mut flow.source), []);

    // Whoever starts now learns it as well.
    let config = config(cluster.bootstrap(), &flow.topic, StartPosition::Earliest);
    let mut later = Source::connect(&config, PATIENCE).unwrap();
    later.assign(&applied(&flow.taken)).unwrap();
    assert_eq!(read_to_end(&mut later), []);
    assert_halted(&later, 0, "the partition ends at offset 10");
    for partition in 1..4 {
        assert_halted(&later, partition, "is not the one that was applied before");
    }
}
