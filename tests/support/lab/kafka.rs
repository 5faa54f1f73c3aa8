//! Apache Kafka for tests.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::messages::{AlterClientQuotasRequest, AlterClientQuotasResponse, ApiKey};
use kafka_protocol::protocol::StrBytes;
use rdkafka::admin::{
    AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication, TopicResult,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::metadata::Metadata;
use rdkafka::{Offset, TopicPartitionList};

use super::broker_request;
use super::fault_proxy::FaultProxy;
use super::port::free_port;
use super::record_sender::{Message, RecordSender};
use super::runtime::wait;
use super::server::Server;

const PATIENCE: Duration = Duration::from_secs(60);

/// One Kafka node that creates no topics by itself.
#[derive(Debug)]
pub struct Kafka {
    server: Server,
}

impl Kafka {
    /// The one that all tests of this binary share. Use a topic with a [`unique`](super::unique) name.
    #[track_caller]
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Kafka>> = OnceLock::new();
        let mut asked = false;
        let kafka = SHARED.get_or_init(|| {
            asked = true;
            Self::start(true)
        });
        if kafka.is_none() && !asked {
            // Notes this test as skipped as well; nothing is tried again.
            assert!(
                Self::start(true).is_none(),
                "kafka appeared in the middle of a run"
            );
        }
        kafka.as_ref()
    }

    /// One that this test may stop, kill and start again.
    #[track_caller]
    pub fn own() -> Option<Self> {
        Self::start(false)
    }

    /// One that this test may stop, kill and start again, and a second address that has the faults of a network. Who comes
    /// in by that address is told no other one.
    #[track_caller]
    pub fn behind_proxy() -> Option<(Self, FaultProxy)> {
        let (listener, proxy) = (free_port(), free_port());
        let kafka = Self::start_in(false, |dir| {
            let settings = format!(
                "+listeners=PROXIED://127.0.0.1:{listener}\n\
                 +advertised.listeners=PROXIED://127.0.0.1:{proxy}\n\
                 +listener.security.protocol.map=PROXIED:PLAINTEXT\n"
            );
            std::fs::write(dir.join("extra.properties"), settings).unwrap();
        })?;
        Some((kafka, FaultProxy::at(proxy, listener)))
    }

    /// One that this test has for itself, which adds up what clients read over so many seconds: who is about to read twice
    /// as much as it may has to wait for as long.
    #[track_caller]
    pub fn with_quota_window(seconds: u32) -> Option<Self> {
        // The newest second does not count: it is not over.
        let samples = seconds + 1;
        let settings = format!("quota.window.num={samples}\nquota.window.size.seconds=1\n");
        Self::start_in(false, |dir| {
            std::fs::write(dir.join("extra.properties"), settings).unwrap();
        })
    }

    /// Whether this machine can have one. If not, the test is noted as skipped.
    #[track_caller]
    pub(super) fn is_there() -> bool {
        Server::is_there("kafka")
    }

    /// One that finds what `fill` puts into its directory: see `lab/kafka/Server.java`.
    #[track_caller]
    pub(super) fn start_in(shared: bool, fill: impl FnOnce(&Path)) -> Option<Self> {
        Server::start_in("kafka", shared, fill).map(|server| Self { server })
    }

    #[track_caller]
    fn start(shared: bool) -> Option<Self> {
        Self::start_in(shared, |_| {})
    }

    /// Its directory.
    pub(super) fn dir(&self) -> &Path {
        self.server.dir()
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.server.id()
    }

    /// For `bootstrap.servers`. The same after each restart.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.server.port())
    }

    /// Creates a topic that never deletes its records, and waits until it can be written.
    #[track_caller]
    pub fn create_topic(&self, name: &str, partitions: i32) {
        self.create_topic_with(name, partitions, &[]);
    }

    /// As [`Self::create_topic`], with settings of its own.
    #[track_caller]
    pub fn create_topic_with(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let replicas = (0..partitions).map(|_| vec![1]);
        self.create_replicated(name, replicas.collect(), settings);
        self.await_partitions(name, partitions);
    }

    /// Creates a topic whose partitions are on these nodes: the first one of each leads it.
    #[track_caller]
    pub(super) fn create_replicated(
        &self,
        name: &str,
        replicas: Vec<Vec<i32>>,
        settings: &[(&str, &str)],
    ) {
        let mut all = BTreeMap::from([("retention.ms".to_owned(), "-1".to_owned())]);
        all.extend(
            settings
                .iter()
                .map(|&(key, value)| (key.to_owned(), value.to_owned())),
        );
        let (admin, topic) = (self.admin(), name.to_owned());
        let created = wait(async move {
            let replicas: Vec<&[i32]> = replicas.iter().map(Vec::as_slice).collect();
            let count = i32::try_from(replicas.len()).expect("a count");
            let mut new = NewTopic::new(&topic, count, TopicReplication::Variable(&replicas));
            for (key, value) in &all {
                new = new.set(key, value);
            }
            admin
                .create_topics(
                    [&new],
                    &AdminOptions::new().operation_timeout(Some(PATIENCE)),
                )
                .await
        });
        first(created);
    }

    /// Deletes a topic and waits until it is gone.
    #[track_caller]
    pub fn delete_topic(&self, name: &str) {
        let (admin, topic) = (self.admin(), name.to_owned());
        first(wait(async move {
            admin
                .delete_topics(
                    &[&topic],
                    &AdminOptions::new().operation_timeout(Some(PATIENCE)),
                )
                .await
        }));
        super::eventually("the topic's end", || {
            (self.partitions(name) == 0).then_some(())
        });
    }

    /// Gives a topic more partitions: `partitions` in all.
    #[track_caller]
    pub fn grow_topic(&self, name: &str, partitions: i32) {
        let (admin, topic) = (self.admin(), name.to_owned());
        first(wait(async move {
            let count = usize::try_from(partitions).expect("a count");
            let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
            admin
                .create_partitions([&NewPartitions::new(&topic, count)], &options)
                .await
        }));
        self.await_partitions(name, partitions);
    }

    /// Removes the records of a partition before `offset`, as retention would.
    #[track_caller]
    pub fn delete_before(&self, topic: &str, partition: i32, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(offset))
            .unwrap();
        let admin = self.admin();
        wait(async move { admin.delete_records(&list, &AdminOptions::new()).await }).unwrap();
    }

    /// Sends records, in order within each partition, and waits until the broker has them all.
    #[track_caller]
    pub fn send(&self, topic: &str, messages: impl IntoIterator<Item = Message>) {
        let sender = self.sender();
        sender.send(topic, messages);
        sender.flush();
    }

    /// Sends records while the test does something else.
    pub fn sender(&self) -> RecordSender {
        RecordSender::new(self.client())
    }

    /// The end offset of each partition: the offset that the next record will have.
    #[track_caller]
    pub fn ends(&self, topic: &str) -> BTreeMap<i32, i64> {
        let consumer: BaseConsumer = self.client().create().expect("a consumer");
        (0..self.partitions(topic))
            .map(|partition| {
                let (_, end) = consumer
                    .fetch_watermarks(topic, partition, PATIENCE)
                    .expect("watermarks");
                (partition, end)
            })
            .collect()
    }

    /// Lets clients of this name read so many bytes a second, measured over the broker's window.
    #[track_caller]
    pub fn throttle(&self, client_id: &str, bytes_per_second: u32) {
        let client = EntityData::default()
            .with_entity_type(StrBytes::from_static_str("client-id"))
            .with_entity_name(Some(StrBytes::from_string(client_id.to_owned())));
        let rate = OpData::default()
            .with_key(StrBytes::from_static_str("consumer_byte_rate"))
            .with_value(f64::from(bytes_per_second));
        let quota = EntryData::default()
            .with_entity(vec![client])
            .with_ops(vec![rate]);
        let request = AlterClientQuotasRequest::default().with_entries(vec![quota]);
        let key = ApiKey::AlterClientQuotas;
        let answer: AlterClientQuotasResponse =
            broker_request::ask(&self.bootstrap(), key, 1, &request);
        assert!(
            answer.entries.iter().all(|entry| entry.error_code == 0),
            "{answer:?}"
        );
    }

    /// A configuration for any client of this broker.
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.bootstrap());
        config
    }

    /// Whether it was started and neither killed nor stopped since.
    pub(super) const fn is_running(&self) -> bool {
        self.server.is_running()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// It takes connections and answers nothing until [`Self::wake`].
    #[track_caller]
    pub fn freeze(&self) {
        self.server.freeze();
    }

    /// It answers again.
    #[track_caller]
    pub fn wake(&self) {
        self.server.wake();
    }

    /// SIGTERM, and waits for the end.
    #[track_caller]
    pub fn stop(&mut self) {
        self.server.stop();
    }

    /// Starts it again with the data and the port it had. After [`Self::kill`] that takes 3 s longer.
    #[track_caller]
    pub fn start_again(&mut self) {
        self.server.start_again();
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().expect("an admin client")
    }

    /// What the node tells a client that asks now: which nodes and partitions there are.
    pub(super) fn metadata(&self, topic: &str) -> Metadata {
        let consumer: BaseConsumer = self.client().create().expect("a consumer");
        let metadata = consumer.fetch_metadata(Some(topic), PATIENCE);
        metadata.expect("metadata")
    }

    /// How many partitions with a leader the broker tells a client that asks now; 0 for a topic that is not there.
    fn partitions(&self, topic: &str) -> i32 {
        let metadata = self.metadata(topic);
        let led = metadata
            .topics()
            .iter()
            .flat_map(|topic| topic.partitions())
            .filter(|each| each.leader() >= 0);
        i32::try_from(led.count()).expect("a count")
    }

    /// Waits until the broker tells a client that asks now of so many partitions with a leader.
    #[track_caller]
    pub fn await_partitions(&self, topic: &str, partitions: i32) {
        super::eventually("leaders of all partitions", || {
            (self.partitions(topic) == partitions).then_some(())
        });
    }
}

/// The one answer to a request about one topic.
#[track_caller]
fn first(answers: Result<Vec<TopicResult>, KafkaError>) {
    let answer = answers
        .expect("the broker answers")
        .pop()
        .expect("one answer for one topic");
    answer.unwrap_or_else(|(topic, error)| panic!("topic {topic}: {error}"));
}
