//! A broker and a search server that may be harmed, each behind a network that may.

use crate::support::lab::{Elastic, FaultProxy, Kafka};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    Kafka,
    Elasticsearch,
}

/// Both, with the addresses that the service is given.
pub struct Servers {
    pub kafka: Kafka,
    pub elastic: Elastic,
    to_kafka: FaultProxy,
    to_elastic: FaultProxy,
}

impl Servers {
    /// `None` if this machine lacks what they need.
    #[track_caller]
    pub fn start() -> Option<Self> {
        let (kafka, to_kafka) = Kafka::behind_proxy()?;
        let elastic = Elastic::own()?;
        let to_elastic = FaultProxy::to(elastic.port());
        Some(Self {
            kafka,
            elastic,
            to_kafka,
            to_elastic,
        })
    }

    /// The network in front of a server.
    pub fn network(&self, server: Server) -> &FaultProxy {
        match server {
            Server::Kafka => &self.to_kafka,
            Server::Elasticsearch => &self.to_elastic,
        }
    }

    /// Stops a server, in order or by SIGKILL, and starts it again.
    #[track_caller]
    pub fn restart(&mut self, server: Server, in_order: bool) {
        match (server, in_order) {
            (Server::Kafka, true) => self.kafka.stop(),
            (Server::Kafka, false) => self.kafka.kill(),
            (Server::Elasticsearch, true) => self.elastic.stop(),
            (Server::Elasticsearch, false) => self.elastic.kill(),
        }
        match server {
            Server::Kafka => self.kafka.start_again(),
            Server::Elasticsearch => self.elastic.start_again(),
        }
    }
}
