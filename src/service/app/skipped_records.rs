//! Reports once, at the start, how many records are skipped: nothing else would show it.

use tracing::{info, warn};

use crate::domain::count::{agreeing, counted};
use crate::observe::status::Status;
use crate::source::{AssignedPartition, StartPosition};

/// The remedy: a replay reads all records.
const REMEDY: &str = "`tidegauge replay --swap --accept-differences` builds the figures from all that the topic holds";

/// Says how many records lie before where reading begins. `is_first` says that no position was
/// stored; otherwise `consumed` records have been read of the topic so far.
pub(super) fn tell(
    start: StartPosition,
    assigned: &[AssignedPartition],
    is_first: bool,
    consumed: u64,
    status: &Status,
) {
    let before: i64 = assigned.iter().map(|partition| partition.before).sum();
    let before = u64::try_from(before).unwrap_or(0);
    if is_first {
        status.set_skipped(before);
    }
    if before == 0 {
        return;
    }
    match (is_first, start) {
        (true, StartPosition::Latest) => {
            let remark = format!(
                "{} that the topic held before the start {} skipped, as kafka.start is latest; {REMEDY}",
                counted(before, "record"),
                agreeing(before, "was", "were"),
            );
            warn!("{remark}");
            status.remark(remark);
        }
        (true, _) => info!(records = before, "records before kafka.start are not read"),
        (false, StartPosition::Latest) => {}
        (false, _) => {
            // Some offsets are marks of transactions: no more than one for each record.
            let unread = before.saturating_sub(consumed);
            if unread > consumed {
                let remark = format!(
                    "about {} before the stored positions {} never read: kafka.start only decides for an \
                     empty state; {REMEDY}",
                    counted(unread, "record"),
                    agreeing(unread, "was", "were"),
                );
                warn!("{remark}");
                status.remark(remark);
            }
        }
    }
}
