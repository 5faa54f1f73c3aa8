//! A Kafka cluster of three brokers, whose partitions have replicas.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ApiKey,
    ElectLeadersRequest, ElectLeadersResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use super::broker_request;
use super::eventually;
use super::kafka::Kafka;
use super::port::free_port;
use super::record_sender::RecordSender;

/// Three brokers with the numbers 1, 2 and 3. The first one is the controller too, so it is never stopped.
#[derive(Debug)]
pub struct KafkaCluster {
    brokers: Vec<Kafka>,
}

/// Where a partition is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The broker that leads it; -1 if there is none.
    pub leader: i32,
    /// The brokers that have it, the preferred leader first.
    pub replicas: Vec<i32>,
    /// Those of them that have all of it, in order of their numbers.
    pub in_sync: Vec<i32>,
}

/// Kafka's number for electing the first one of the replicas.
const PREFERRED: i8 = 0;
/// Kafka's number for electing any one that runs, although it has not all records.
const UNCLEAN: i8 = 1;

impl KafkaCluster {
    /// The one that all tests of this binary have in turns. All brokers run. Use a topic with a
    /// [`unique`](super::unique) name, and start what you stopped: only who runs at the end removes its directory.
    #[track_caller]
    pub fn lease() -> Option<MutexGuard<'static, Self>> {
        static SHARED: OnceLock<Mutex<KafkaCluster>> = OnceLock::new();
        if !Kafka::is_there() {
            return None;
        }
        let shared = SHARED.get_or_init(|| Mutex::new(Self::start()));
        // A test that failed has left brokers that don't run.
        let mut cluster = shared.lock().unwrap_or_else(PoisonError::into_inner);
        cluster.start_all();
        Some(cluster)
    }

    #[track_caller]
    fn start() -> Self {
        // An id that begins with a dash would be an option of the tool that formats.
        let id = URL_SAFE_NO_PAD.encode((fastrand::u128(..) >> 2).to_be_bytes());
        let controller = free_port();
        let brokers = thread::scope(|scope| {
            let starting: Vec<_> = (1..=3)
                .map(|number| {
                    let member = format!("{id} {number} {controller}\n");
                    scope.spawn(move || {
                        let fill = |dir: &Path| {
                            fs::write(dir.join("cluster"), member).unwrap();
                        };
                        Kafka::start_in(true, fill).expect("this machine can have one")
                    })
                })
                .collect();
            let started = starting.into_iter().map(|broker| broker.join().unwrap());
            started.collect()
        });
        Self { brokers }
    }

    /// For `bootstrap.servers`: the broker that is never stopped.
    pub fn bootstrap(&self) -> String {
        self.brokers[0].bootstrap()
    }

    /// Creates a topic whose partitions are on these brokers, the first one of each leads it, and waits until all brokers
    /// say so.
    #[track_caller]
    pub fn create_topic(&self, name: &str, replicas: &[&[i32]]) {
        let all = replicas.iter().map(|brokers| brokers.to_vec()).collect();
        self.brokers[0].create_replicated(name, all, &[]);
        for (partition, brokers) in (0..).zip(replicas) {
            self.await_placement(name, partition, brokers);
        }
    }

    /// Moves a partition to these brokers, the first of which leads it then.
    #[track_caller]
    pub fn place(&self, topic: &str, partition: i32, brokers: &[i32]) {
        let wanted = ReassignablePartition::default()
            .with_partition_index(partition)
            .with_replicas(Some(brokers.iter().map(|&id| id.into()).collect()));
        let topics = ReassignableTopic::default()
            .with_name(name(topic))
            .with_partitions(vec![wanted]);
        let request = AlterPartitionReassignmentsRequest::default()
            .with_timeout_ms(30_000)
            .with_topics(vec![topics]);
        let key = ApiKey::AlterPartitionReassignments;
        let answer: AlterPartitionReassignmentsResponse =
            broker_request::ask(&self.bootstrap(), key, 0, &request);
        let mut answers = answer.responses.iter().flat_map(|topic| &topic.partitions);
        assert!(
            answer.error_code == 0 && answers.all(|partition| partition.error_code == 0),
            "{answer:?}"
        );
        eventually("replicas that are in sync", || {
            let found = self.placement(topic, partition);
            let is_done = found.replicas == brokers && found.in_sync.len() == brokers.len();
            is_done.then_some(())
        });
        self.elect(topic, partition, PREFERRED, brokers[0]);
        self.await_placement(topic, partition, brokers);
    }

    /// Has a partition whose leader was killed be led by `broker`, although that has not all records.
    #[track_caller]
    pub fn elect_uncleanly(&self, topic: &str, partition: i32, broker: i32) {
        self.elect(topic, partition, UNCLEAN, broker);
    }

    // Until then the controller may not know that the leader is dead, or that the replica is in sync.
    #[track_caller]
    fn elect(&self, topic: &str, partition: i32, how: i8, leader: i32) {
        let partitions = TopicPartitions::default()
            .with_topic(name(topic))
            .with_partitions(vec![partition]);
        let request = ElectLeadersRequest::default()
            .with_election_type(how)
            .with_timeout_ms(30_000)
            .with_topic_partitions(Some(vec![partitions]));
        eventually("the election", || {
            let _: ElectLeadersResponse =
                broker_request::ask(&self.bootstrap(), ApiKey::ElectLeaders, 2, &request);
            (self.placement(topic, partition).leader == leader).then_some(())
        });
    }

    /// Where a partition is, as the first broker says.
    #[track_caller]
    pub fn placement(&self, topic: &str, partition: i32) -> Placement {
        placement(&self.brokers[0], topic, partition).expect("a partition that is there")
    }

    /// Sends records while the test does something else.
    pub fn sender(&self) -> RecordSender {
        self.brokers[0].sender()
    }

    /// SIGKILL of a broker. The others take over what it leads after 3 s.
    pub fn kill(&mut self, broker: i32) {
        self.broker_mut(broker).kill();
    }

    /// SIGTERM: the broker hands over what it leads, and ends.
    #[track_caller]
    pub fn stop(&mut self, broker: i32) {
        self.broker_mut(broker).stop();
    }

    /// Starts a broker again with the data and the port it had.
    #[track_caller]
    pub fn start_again(&mut self, broker: i32) {
        self.broker_mut(broker).start_again();
    }

    #[track_caller]
    fn start_all(&mut self) {
        thread::scope(|scope| {
            for broker in self.brokers.iter_mut().filter(|it| !it.is_running()) {
                scope.spawn(|| broker.start_again());
            }
        });
    }

    fn broker_mut(&mut self, broker: i32) -> &mut Kafka {
        assert!(broker != 1, "the controller is never stopped");
        &mut self.brokers[usize::try_from(broker - 1).unwrap()]
    }

    // All brokers that run say so: a client asks any of them.
    #[track_caller]
    fn await_placement(&self, topic: &str, partition: i32, brokers: &[i32]) {
        let mut in_sync = brokers.to_vec();
        in_sync.sort_unstable();
        let wanted = Placement {
            leader: brokers[0],
            replicas: brokers.to_vec(),
            in_sync,
        };
        for broker in self.brokers.iter().filter(|it| it.is_running()) {
            eventually("a partition in its place", || {
                let found = placement(broker, topic, partition);
                (found.as_ref() == Some(&wanted)).then_some(())
            });
        }
    }
}

fn placement(kafka: &Kafka, topic: &str, partition: i32) -> Option<Placement> {
    let metadata = kafka.metadata(topic);
    let all = metadata.topics().iter().flat_map(|it| it.partitions());
    let found = all.into_iter().find(|it| it.id() == partition)?;
    let mut in_sync = found.isr().to_vec();
    in_sync.sort_unstable();
    Some(Placement {
        leader: found.leader(),
        replicas: found.replicas().to_vec(),
        in_sync,
    })
}

fn name(topic: &str) -> TopicName {
    StrBytes::from_string(topic.to_owned()).into()
}
