//! The service: its parts, wired, started and stopped in order.

mod early_connection;
mod error;
mod skipped_records;
mod worker_start;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::api;
use crate::config::Config;
use crate::core::feedback::Feedback;
use crate::domain::branch::Branches;
use crate::domain::ledger::Ledger;
use crate::domain::topic_id::TopicId;
use crate::host::blocking;
use crate::host::clock::Instant;
use crate::observe::status::{Condition, Part, Status};
use crate::service::generation::Generations;
use crate::service::worker::{FeedbackSender, Worker};
use crate::sink::{self, Order, Sink};
use crate::store::{self, Identity, MarkedDocuments, Store};
use crate::view::reading::Readings;

use self::early_connection::EarlyConnection;
pub use self::error::Error;
use self::worker_start::WorkerStart;

/// The longest time without progress in a delivery that is waited for.
const DELIVERY_PATIENCE: Duration = Duration::from_secs(300);
/// How often a delivery that is waited for is checked.
const DELIVERY_LOOK: Duration = Duration::from_millis(20);

/// The part of a configuration that is to run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The generation.
    pub generation: u32,
    /// Where to answer over HTTP; `None` for not at all.
    pub listen: Option<SocketAddr>,
    /// How far to read.
    pub until: Until,
    /// Which topic of its name is to be read, if that is known although the state has read none.
    pub topic: Option<TopicId>,
    /// Whether the log names records that are rejected.
    pub logs_rejects: bool,
}

/// How far the topic is read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Until {
    /// Until the service is stopped.
    Stopped,
    /// Up to the end offsets of the start, and no further.
    End,
    /// Up to these positions, and no further.
    Positions(BTreeMap<i32, i64>),
}

/// The running service.
pub struct App {
    address: Option<SocketAddr>,
    readings: Arc<dyn Readings>,
    branches: Arc<Branches>,
    status: Arc<Status>,
    worker: Worker,
    before: Ledger,
    /// Orders to the sink; HTTP stops when they are to stop.
    orders: watch::Sender<Order>,
    api: Option<JoinHandle<Result<(), api::Error>>>,
    sink: Option<JoinHandle<Result<(), sink::Error>>>,
    /// What answers over HTTP are made from.
    #[cfg(feature = "simulation")]
    api_state: api::State,
}

impl Plan {
    /// A service as `config` describes it.
    #[must_use]
    pub const fn serving(config: &Config, generation: u32, until: Until) -> Self {
        Self {
            generation,
            listen: Some(config.http.listen),
            until,
            topic: None,
            logs_rejects: true,
        }
    }
}

impl App {
    /// Starts all parts.
    ///
    /// # Errors
    /// When a part can't start. Elasticsearch need not be there.
    pub async fn start(config: &Config, plan: &Plan) -> Result<Self, Error> {
        let listener = match plan.listen {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let status = Arc::new(Status::new());
        status.set(Part::Store, Condition::Starting, "opening the state");
        status.set(Part::Source, Condition::Starting, "connecting to Kafka");
        let connection = EarlyConnection::begin(&config.kafka);
        let opened = open_store(config, plan.generation).await;
        let ((store, recovered), connection) = match (opened, connection) {
            (Err(error), Some(connection)) => {
                connection.give_up().await;
                return Err(error);
            }
            (opened, connection) => (opened?, connection),
        };
        let (readings, branches) = (store.readings(), store.branches());
        let (orders, ordered) = watch::channel(Order::Run);
        let sink = match config.elasticsearch.clone() {
            Some(mut sink) => {
                sink.generation = plan.generation;
                let sink = Sink::new(
                    sink,
                    Arc::clone(&readings),
                    Arc::clone(&branches),
                    Arc::clone(&status),
                )?;
                let sink = if recovered.was_delivered {
                    sink
                } else {
                    sink.without_former_life()
                };
                Some(sink.following(store.changelog()))
            }
            None => None,
        };
        let state = api::State {
            readings: Arc::clone(&readings),
            changelog: store.changelog(),
            status: Arc::clone(&status),
            branches: Arc::clone(&branches),
            index_prefix: config
                .elasticsearch
                .as_ref()
                .map(|sink| sink.index_prefix.clone()),
            version: env!("CARGO_PKG_VERSION"),
            started: Instant::now(),
        };
        #[cfg(feature = "simulation")]
        let api_state = state.clone();
        let token = config.http.token.clone();
        let (address, listener) = listener.unzip();
        let api = listener.map(|listener| {
            tokio::spawn(api::serve(listener, token, state, stopped(ordered.clone())))
        });

        let before = recovered.ledger.clone();
        let source = match connection {
            Some(connection) => connection.finish().await,
            None => None,
        };
        let start = WorkerStart::new(config, plan, source, store, recovered, Arc::clone(&status));
        let worker = blocking::run(move || start.connect()).await??;
        let sink = sink.map(|sink| tokio::spawn(sink.run(feedback(worker.feedback()), ordered)));
        if let Some(address) = address {
            info!(%address, generation = plan.generation, "serving");
        }
        Ok(Self {
            address,
            readings,
            branches,
            status,
            worker,
            before,
            orders,
            api,
            sink,
            #[cfg(feature = "simulation")]
            api_state,
        })
    }

    /// Where it answers over HTTP, if it does.
    #[must_use]
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Its figures.
    #[must_use]
    pub fn readings(&self) -> Arc<dyn Readings> {
        Arc::clone(&self.readings)
    }

    /// What its branches are, and what they are called.
    #[must_use]
    pub fn branches(&self) -> Arc<Branches> {
        Arc::clone(&self.branches)
    }

    /// What its answers over HTTP are made from.
    #[cfg(feature = "simulation")]
    #[must_use]
    pub fn api_state(&self) -> api::State {
        self.api_state.clone()
    }

    /// How its parts are doing.
    #[must_use]
    pub fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status)
    }

    /// All that had been consumed when it started.
    #[must_use]
    pub const fn before(&self) -> &Ledger {
        &self.before
    }

    /// Whether it reads no more: it has reached the end it was to read to, or failed.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.worker.is_finished()
    }

    /// Waits until it [is finished](Self::is_finished).
    pub async fn finished(&self) {
        self.worker.finished().await;
    }

    /// Stops all parts: applies no more, delivers what it can, and closes the state.
    ///
    /// With `deliver` it first waits until every document is delivered, for as long as that makes
    /// headway.
    ///
    /// # Errors
    /// The first error. The state is intact in any case.
    pub async fn stop(self, deliver: bool) -> Result<(), Error> {
        self.worker.stop();
        let (applied, writing) = self.worker.join().await;
        let mut outcome = applied.map_err(Error::from);
        if outcome.is_ok()
            && deliver
            && let Some(sink) = &self.sink
        {
            self.orders.send_replace(Order::Hurry);
            let is_over = || writing.is_finished() || sink.is_finished();
            outcome = delivered(self.readings.as_ref(), &self.status, is_over).await;
        }
        self.orders.send_replace(Order::Stop);
        let sunk = match self.sink {
            // Without an order to deliver everything, the status says what went wrong.
            Some(sink) => sink
                .await?
                .map_err(Error::from)
                .or_else(|error| if deliver { Err(error) } else { Ok(()) }),
            None => Ok(()),
        };
        let answered = match self.api {
            Some(api) => api.await?,
            None => Ok(()),
        };
        // A writer that failed is why documents were not delivered.
        writing.finish().await?;
        outcome?;
        sunk?;
        answered?;
        Ok(())
    }
}

async fn listen(address: SocketAddr) -> Result<(SocketAddr, TcpListener), Error> {
    let failed = |why| Error::Listen { address, why };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    Ok((listener.local_addr().map_err(failed)?, listener))
}

async fn open_store(config: &Config, generation: u32) -> Result<(Store, store::Recovered), Error> {
    let identity = identity(config, generation);
    let dir = Generations::of(&config.state_dir).dir(generation);
    Ok(blocking::run(move || Store::open(&dir, &identity)).await??)
}

/// The identity that the state of a generation must have to resume it with `config`.
pub(super) fn identity(config: &Config, generation: u32) -> Identity {
    Identity {
        topic: config.kafka.topic.clone(),
        generation,
        rules: config.rules(),
        settings: Arc::clone(&config.event_time.settings),
        names: Arc::clone(&config.branches),
        documents: documents(config),
    }
}

/// Which documents are delivered.
const fn documents(config: &Config) -> MarkedDocuments {
    match &config.elasticsearch {
        None => MarkedDocuments::None,
        Some(sink) if sink.zero_windows => MarkedDocuments::ZeroWindowsToo,
        Some(_) => MarkedDocuments::WithPayments,
    }
}

// The writing thread takes feedback as it takes checkpoints: in one queue.
fn feedback(worker: FeedbackSender) -> mpsc::Sender<Feedback> {
    let (sender, mut receiver) = mpsc::channel(16);
    tokio::spawn(async move {
        while let Some(feedback) = receiver.recv().await {
            if !worker.send(feedback) {
                break;
            }
        }
    });
    sender
}

async fn stopped(mut orders: watch::Receiver<Order>) {
    // An error says that the sender is gone, which is a stop as well.
    let _ = orders.wait_for(|order| *order == Order::Stop).await;
}

// Returns early when the writer or the sink has ended: no mark will ever be cleared then.
async fn delivered(
    readings: &dyn Readings,
    status: &Status,
    is_over: impl Fn() -> bool,
) -> Result<(), Error> {
    let mut least = u64::MAX;
    let mut since = Instant::now();
    loop {
        let (documents, is_marking) = readings.query(|reading| {
            let checkpoint = reading.checkpoint();
            Ok((checkpoint.dirty, checkpoint.is_marking))
        })?;
        let board = status.board();
        let sink = board.parts.get(&Part::Sink);
        // Before the sink has checked the indexes, it is not known whether documents may go there.
        let is_looking = sink.is_some_and(|health| health.condition == Condition::Starting);
        if (documents == 0 && !is_marking && !is_looking) || is_over() {
            return Ok(());
        }
        if documents < least {
            least = documents;
            since = Instant::now();
        }
        if since.elapsed() >= DELIVERY_PATIENCE {
            let reason = sink.map_or_else(String::new, |health| health.reason.clone());
            warn!(documents, "giving up on the delivery");
            return Err(Error::Undelivered { documents, reason });
        }
        tokio::time::sleep(DELIVERY_LOOK).await;
    }
}
