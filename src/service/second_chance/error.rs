//! Why records got no second chance.

use crate::core::seen_orders::KeptOrdersError;
use crate::service::{generation, replay};
use crate::source;
use crate::store::{self, RuleDifference};

/// Why records got no second chance.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The topic can't be read.
    #[error(transparent)]
    Source(#[from] source::Error),
    /// The state can't be used.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Reports of replays can't be changed.
    #[error(transparent)]
    Replay(#[from] replay::Error),
    /// The order ids that are remembered can't be read.
    #[error(transparent)]
    Orders(#[from] KeptOrdersError),
    /// Generations can't be listed.
    #[error(transparent)]
    Generation(#[from] generation::Error),
    /// A service runs on the state.
    #[error(
        "a service runs on this state: stop it, run this command again, and start it again. With \
         --dry-run this command works beside a service, and changes nothing"
    )]
    ServiceRuns,
    /// Another command that changes the state or its generations runs.
    #[error(
        "a replay, swap, drop, restore or second chance is running on this state: wait until it ends"
    )]
    AtWork,
    /// The rules of the configuration are not those of the state.
    #[error(
        "the state was built by other rules than the configured ones: {}. With --adopt-rules the state takes \
         the configured ones for all that it reads from now on, and for these records; payments that \
         were accepted before are not decoded again. To build all figures by the new rules, \
         keep state_dir and run `tidegauge replay`",
        RuleDifference::list(differences)
    )]
    Unadopted {
        /// The rules that differ.
        differences: Vec<RuleDifference>,
    },
    /// Rules differ that no state can adopt.
    #[error(
        "the state was built by other rules than the configured ones, and it can't adopt these: {}. \
         A state can adopt time_zone, payment.*, event_time.allowed_lateness and event_time.max_future; with [dedup] \
         not payment.order_id, as it remembers the ids of the old place. \
         Put the old values back, or build all figures by the new rules: keep state_dir and run \
         `tidegauge replay`",
        RuleDifference::list(differences)
    )]
    Fixed {
        /// The rules that differ and can't be adopted.
        differences: Vec<RuleDifference>,
    },
}
