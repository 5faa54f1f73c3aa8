//! Real servers for tests: Apache Kafka, Elasticsearch and OpenSearch on this machine, started by `lab/lab`.
//!
//! A shared server starts with the first test that asks for it and dies with the test process; tests keep apart by
//! topics and index prefixes of their own ([`unique`]). A test that stops or kills a server takes one of its own.
//! Without Java or Maven the answer is `None` and the test returns early; it is counted as skipped, and under `CI=true`
//! it fails instead:
//!
//! ```ignore
//! let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else { return };
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(
    dead_code,
    unused_imports,
    reason = "a harness offers more than the tests of a day use"
)]

mod broker_request;
pub mod certificates;
mod elastic;
mod fault_proxy;
mod flink;
pub mod http;
mod kafka;
mod kafka_cluster;
mod locked_front;
mod missing;
mod port;
mod record_sender;
mod runtime;
mod secure_kafka;
mod server;
mod toolbox;

pub use elastic::{Elastic, dist};
pub use fault_proxy::{Direction, Fault, FaultProxy, Moment};
pub use flink::{Flink, RunningScript, ScriptError};
pub use kafka::Kafka;
pub use kafka_cluster::KafkaCluster;
pub use locked_front::LockedFront;
pub use port::free_port;
pub use record_sender::{Message, RecordSender};
pub use runtime::wait;
pub use secure_kafka::{Lock, SecureKafka};
pub use server::expect_load;
pub use toolbox::{Toolbox, succeed};

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A name that no other test uses, in this run or another: good for topics, index prefixes and groups.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!(
        "{prefix}-{}-{next}-{:08x}",
        std::process::id(),
        fastrand::u32(..)
    )
}

/// Asks until there is an answer, and fails the test when there is none within a minute.
///
/// The minute bounds a test that would hang; it is not a promise about speed.
#[track_caller]
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < patience, "this never came: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
