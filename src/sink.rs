//! Elasticsearch: every figure as a document, for Kibana and others.
//!
//! What awaits delivery is marked in the state, so the sink keeps nothing: it reads, renders, sends
//! and says what became of each document. Documents are absolute and versioned by their content;
//! the same one sent twice, late, or by two writers does no harm.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tracing::warn;

use self::change_follower::ChangeFollower;
use self::client::Client;
use self::cluster::Cluster;
use self::connection::Connection;
use self::delivery::{Delivery, OutdatedZeros, Passes};
use self::destinations::Destinations;
use self::handover::Handover;
use self::index::Names;
use self::mark_order::MarkOrders;
use self::misnamed::MisnamedSearch;
use self::size::Size;
use crate::core::feedback::{Blocked, Feedback};
use crate::domain::branch::Branches;
use crate::observe::status::{Condition, Part, Status};
use crate::view::changelog::Changelog;
use crate::view::reading::Readings;

mod addresses;
mod aliases;
mod bulk;
mod catch_up;
mod change_follower;
mod client;
mod cluster;
mod collect;
mod config;
mod connection;
mod delivery;
mod destinations;
mod document;
mod error;
mod expected;
mod field_descriptions;
mod handover;
mod index;
mod index_finding;
mod index_identity;
mod login;
mod mapping;
mod mark_order;
mod memory;
mod misnamed;
mod pace;
mod pass;
mod readiness;
mod retry;
mod server_answer;
#[cfg(feature = "simulation")]
mod simulated;
mod size;
mod template_config;
mod templates;
mod tls_problem;
pub(crate) mod transport;
mod trouble;
mod turns;
mod upkeep;

#[doc(hidden)]
pub use self::bulk::fuzzing;
pub use self::config::{BulkConfig, Config, Credentials, Pacing, Publication};
pub use self::error::Error;
pub use self::field_descriptions::{DocumentFields, live_fields, templates};
pub use self::index_finding::IndexFinding;
pub use self::template_config::{Replicas, TemplateConfig};
pub use self::upkeep::{ForeignIndex, IndexSize, Upkeep};

/// Delivers documents to Elasticsearch.
pub struct Sink {
    config: Config,
    client: Client,
    readings: Arc<dyn Readings>,
    branches: Arc<Branches>,
    status: Arc<Status>,
    /// Whether documents may have been delivered before this run.
    had_former_life: bool,
    changes: ChangeFollower,
}

/// What the sink is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Order {
    /// Deliver, as often as configured.
    #[default]
    Run,
    /// Deliver at once what awaits delivery, and whatever comes.
    Hurry,
    /// Deliver once more, for as long as [`Pacing::last_pass`] and the server allow, and stop.
    Stop,
}

impl Sink {
    /// A sink that delivers what `readings` show as awaiting delivery. Nothing is sent yet. Best
    /// made before anything is applied: then it knows that a new state has delivered nothing.
    ///
    /// # Errors
    /// When certificates or credentials can't be used. The server need not be there.
    pub fn new(
        config: Config,
        readings: Arc<dyn Readings>,
        branches: Arc<Branches>,
        status: Arc<Status>,
    ) -> Result<Self, Error> {
        let client = Client::new(&config)?;
        let sequence = readings.query(|reading| Ok(reading.checkpoint().sequence))?;
        status.set(Part::Sink, Condition::Starting, "connecting");
        Ok(Self {
            config,
            client,
            readings,
            branches,
            status,
            had_former_life: sequence > 0,
            changes: ChangeFollower::default(),
        })
    }

    /// The same, for a state of which no document was delivered before this run: nothing is missing
    /// where an index is not there.
    #[must_use]
    pub const fn without_former_life(mut self) -> Self {
        self.had_former_life = false;
        self
    }

    /// The same, told by `changelog` what each checkpoint changes: it then delivers as soon as there is
    /// something to deliver, and looks at what has changed only. Without, it looks at everything
    /// once in every [`BulkConfig::interval`].
    #[must_use]
    pub fn following(mut self, changelog: Arc<Changelog>) -> Self {
        self.changes = ChangeFollower::of(changelog);
        self
    }

    /// Delivers until it is ordered to stop, or the sender of orders or the receiver of feedback is gone.
    /// Everything is delivered when a reading shows no dirty documents. May be dropped at any
    /// moment: what was not acknowledged is sent again by the next one.
    ///
    /// # Errors
    /// Errors that only an operator can repair. If it was ordered to [hurry](Order::Hurry), it does not wait
    /// for the order to stop then.
    pub async fn run(
        self,
        feedback: mpsc::Sender<Feedback>,
        orders: watch::Receiver<Order>,
    ) -> Result<(), Error> {
        let pacing = self.config.pacing;
        let status = Arc::clone(&self.status);
        let mut stop = orders.clone();
        let overdue = async move {
            // The end of the sender of orders is a stop as well.
            let _ = stop.wait_for(|order| *order == Order::Stop).await;
            tokio::time::sleep(pacing.last_pass).await;
        };
        match self.delivery(feedback) {
            Ok(delivery) => tokio::select! {
                biased;
                ended = delivery.run(orders) => ended,
                () = overdue => {
                    warn!("stopped with documents undelivered; they are delivered when the service runs again");
                    Ok(())
                }
            },
            Err(error) => {
                status.set(Part::Sink, Condition::Failed, error.to_string());
                Err(error)
            }
        }
    }

    fn delivery(self, feedback: mpsc::Sender<Feedback>) -> Result<Delivery, Error> {
        let definitions = self
            .readings
            .query(|reading| Ok(reading.frame().definitions().to_vec()))?;
        let names = Names::new(&self.config, &definitions);
        let Config {
            legacy_totals,
            zero_windows,
            bulk,
            pacing,
            publication,
            ..
        } = self.config;
        Ok(Delivery {
            connection: Connection::new(&pacing, &self.client.shown_addresses()),
            cluster: Cluster::new(self.client, names, legacy_totals),
            size: Size::new(bulk.max_bytes, pacing.inspect),
            bulk,
            zero_windows,
            pacing,
            readings: self.readings,
            branches: self.branches,
            status: self.status,
            feedback,
            destinations: Destinations::new(pacing, self.had_former_life),
            memory: Arc::default(),
            changes: self.changes,
            passes: Passes::default(),
            blocked: Blocked::default(),
            misnamed_search: MisnamedSearch::default(),
            misnamed: Vec::new(),
            misnamed_marks: None,
            delete_misnamed_at: None,
            outdated_zeros: OutdatedZeros::default(),
            mark_orders: MarkOrders::default(),
            next_inspection: None,
            had_former_life: self.had_former_life,
            handover: Handover::new(publication),
        })
    }
}
