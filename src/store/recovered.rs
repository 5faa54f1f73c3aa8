//! What a state held when it was opened.

use std::collections::BTreeMap;

use tidegauge_windows::{EventTime, Snapshot};

use crate::core::effect::{Notices, Progress};
use crate::domain::ledger::Ledger;
use crate::domain::payment::BranchId;
use crate::domain::topic_id::TopicId;

/// The state from which a run resumes.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// The engine's state.
    pub snapshot: Snapshot,
    /// The known branches: with payments, each with its earliest event time (future ones included), and those that were
    /// known by configuration and still are, with [`EventTime::MIN`].
    pub known: Vec<(BranchId, EventTime)>,
    /// All that was consumed.
    pub ledger: Ledger,
    /// Notices: what was unusual but not an error.
    pub notices: Notices,
    /// How far each partition has been applied.
    pub progress: BTreeMap<i32, Progress>,
    /// The number of the newest checkpoint; 0 if there is none.
    pub sequence: u64,
    /// Whether documents may have been delivered before.
    pub was_delivered: bool,
    /// Which topic of its name was read, if brokers ever said.
    pub topic: Option<TopicId>,
    /// The partitions that can't be read on, and why.
    pub halted: BTreeMap<i32, String>,
}
