//! The servers, and the ways to reach them.

use std::fs;

use serde_json::json;

use crate::support::lab::certificates::Authority;
use crate::support::lab::{Elastic, Kafka, Lock, LockedFront, SecureKafka};
use crate::support::service::{Setup, quoted};

/// What is between the service and its two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Nothing: plaintext on both sides.
    Plain,
    /// A proxy in front of Elasticsearch, without TLS and without credentials.
    Proxy,
    /// SASL_SSL with SCRAM-SHA-512 in front of Kafka.
    LockedKafka,
    /// The same in front of Kafka. The proxy in front of Elasticsearch speaks TLS, and asks for an API key.
    Locked,
    /// As [`Way::Plain`], and librdkafka reads.
    PlainByLibrdkafka,
    /// As [`Way::Locked`], and librdkafka reads.
    LockedByLibrdkafka,
}

pub const WAYS: [Way; 6] = [
    Way::Plain,
    Way::Proxy,
    Way::LockedKafka,
    Way::Locked,
    Way::PlainByLibrdkafka,
    Way::LockedByLibrdkafka,
];

impl Way {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Proxy => "proxy",
            Self::LockedKafka => "kafka",
            Self::Locked => "locked",
            Self::PlainByLibrdkafka => "plain, librdkafka",
            Self::LockedByLibrdkafka => "locked, librdkafka",
        }
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::Plain => "plain: plaintext on both sides",
            Self::Proxy => "proxy: plaintext, a proxy before Elasticsearch",
            Self::LockedKafka => "kafka: SASL_SSL to Kafka only",
            Self::Locked => "locked: SASL_SSL, HTTPS and an API key",
            Self::PlainByLibrdkafka => "plain, read by librdkafka",
            Self::LockedByLibrdkafka => "locked, read by librdkafka",
        }
    }
}

/// All that runs beside the service.
pub struct Servers {
    kafka: &'static SecureKafka,
    elastic: &'static Elastic,
    authority: Authority,
    proxy: LockedFront,
    locked: LockedFront,
}

impl Servers {
    /// `None` if this machine lacks what they need.
    pub fn start() -> Option<Self> {
        let (kafka, elastic) = (SecureKafka::shared()?, Elastic::shared()?);
        // The indexes of a run are deleted by a pattern.
        let settings = json!({"persistent": {"action.destructive_requires_name": false}});
        elastic.put("/_cluster/settings", &settings).ok();
        let authority = Authority::new("the lab's authority");
        let tls = authority.server(&["127.0.0.1"]).server_config();
        let accepted = format!("ApiKey {API_KEY}");
        Some(Self {
            kafka,
            elastic,
            authority,
            proxy: LockedFront::start(elastic.port(), None, ""),
            locked: LockedFront::start(elastic.port(), Some(tls), &accepted),
        })
    }

    /// The broker by its port without a lock.
    pub fn kafka(&self) -> &Kafka {
        self.kafka.kafka()
    }

    pub fn elastic(&self) -> &Elastic {
        self.elastic
    }

    /// A service with a new state that goes this way.
    pub fn setup(&self, way: Way, topic: &str, prefix: &str) -> Setup {
        let mut setup = match way {
            Way::Plain | Way::Proxy | Way::PlainByLibrdkafka => Setup::of(self.kafka(), topic),
            Way::LockedKafka | Way::Locked | Way::LockedByLibrdkafka => self.unlocking_kafka(topic),
        }
        .delivering(self.elastic, prefix);
        let reader = match way {
            Way::PlainByLibrdkafka | Way::LockedByLibrdkafka => "librdkafka",
            Way::Plain | Way::Proxy | Way::LockedKafka | Way::Locked => "direct",
        };
        setup.set("kafka", "reader", &quoted(reader));
        match way {
            Way::Plain | Way::LockedKafka | Way::PlainByLibrdkafka => {}
            Way::Proxy => setup.set("elasticsearch", "url", &quoted(&self.proxy.url())),
            Way::Locked | Way::LockedByLibrdkafka => {
                for (key, name, text) in [
                    ("api_key_file", "api-key", API_KEY.to_owned()),
                    ("ca_file", "ca.pem", self.authority.pem()),
                ] {
                    let path = setup.path(name);
                    fs::write(&path, text).unwrap();
                    setup.set("elasticsearch", key, &quoted(path.to_str().unwrap()));
                }
                setup.set("elasticsearch", "url", &quoted(&self.locked.url()));
            }
        }
        setup
    }

    fn unlocking_kafka(&self, topic: &str) -> Setup {
        let mut setup = Setup::new(&self.kafka.bootstrap(Lock::Password), topic);
        for (property, value) in self.kafka.password_properties() {
            setup.set("kafka.properties", &quoted(property), &quoted(&value));
        }
        setup
    }

    /// How many payments the documents of an index hold together.
    pub fn payments_in(&self, index: &str) -> u64 {
        self.elastic.refresh(index);
        let sum = json!({"aggs": {"all": {"sum": {"field": "pay_count"}}}});
        let found = self
            .elastic
            .post(&format!("/{index}/_search?size=0"), &sum)
            .ok()
            .json();
        found["aggregations"]["all"]["value"].as_f64().unwrap() as u64
    }
}

const API_KEY: &str = "bG9ja2VkOmJlbmNo";
