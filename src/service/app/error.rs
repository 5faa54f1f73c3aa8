//! Why the service did not start, or stopped by itself.

use std::net::SocketAddr;

use super::DELIVERY_PATIENCE;
use crate::api;
use crate::core::seen_orders::KeptOrdersError;
use crate::domain::count::{agreeing, counted};
use crate::service::{generation, worker};
use crate::sink;
use crate::source;
use crate::store;
use crate::view::reading::ReadError;

/// Why the service did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address can't be listened on.
    #[error("can't listen on {address}: {why}; stop what uses it, or set http.listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        why: std::io::Error,
    },
    /// HTTP failed.
    #[error(transparent)]
    Api(#[from] api::Error),
    /// The state directory failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Kafka failed.
    #[error(transparent)]
    Source(#[from] source::Error),
    /// Elasticsearch can't be used as configured.
    #[error(transparent)]
    Sink(#[from] sink::Error),
    /// The worker failed.
    #[error(transparent)]
    Worker(#[from] worker::Error),
    /// The order ids that the state remembers can't be read.
    #[error(transparent)]
    Orders(#[from] KeptOrdersError),
    /// The state can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A thread can't be started.
    #[error("a thread can't be started: {0}")]
    Thread(std::io::Error),
    /// The generation to run can't be determined.
    #[error(transparent)]
    Generation(#[from] generation::Error),
    /// Elasticsearch took no document for too long.
    #[error(
        "{} still {} delivery, and none was delivered for {} s: {reason}. They are kept, and delivered when the \
         service runs again",
        counted(*documents, "document"),
        agreeing(*documents, "awaits", "await"),
        DELIVERY_PATIENCE.as_secs()
    )]
    Undelivered {
        /// How many.
        documents: u64,
        /// The reason that the sink gives.
        reason: String,
    },
    /// A task panicked.
    #[error("a part of the service stopped unexpectedly: {0}")]
    Panicked(#[from] tokio::task::JoinError),
}
