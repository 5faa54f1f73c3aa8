//! Says in the log that records are rejected.

use std::collections::BTreeSet;

use tracing::warn;

use crate::core::effect::RejectedRecord;
use crate::decode::Reason;

/// The reasons for rejects that were logged: one record for each. The list of rejects has all.
#[derive(Debug, Default)]
pub(super) struct RejectLog(BTreeSet<Reason>);

impl RejectLog {
    /// Takes note of records that were rejected.
    pub(super) fn note(&mut self, rejects: &[RejectedRecord]) {
        for reject in rejects {
            if self.0.insert(reject.reason) {
                warn!(
                    reason = reject.reason.as_str(),
                    partition = reject.origin.partition,
                    offset = reject.origin.offset,
                    "a record is not a payment; the list of rejects says why, and has those with the same reason that \
                     follow"
                );
            }
        }
    }
}
