//! The running totals.

use super::accepted::VIEW;
use super::sql_text::sum_of;

/// The query of the totals: `id`, `branch_id`, `pay_count`, `amount`, `first_ms`, `last_ms`. Its state never expires.
/// `id` is the id of the document of `p.branch_id`: no two branches have the same.
pub(super) fn query(id: &str) -> String {
    let branch = match id == BRANCH {
        true => "p.id",
        false => "MAX(p.branch_id)",
    };
    let amount = sum_of("p.amount");
    format!(
        "\
SELECT p.id, {branch} AS branch_id, COUNT(*) AS pay_count, {amount} AS amount,
  MIN(p.event_ms) AS first_ms, MAX(p.event_ms) AS last_ms
FROM (
  SELECT {id} AS id, {BRANCH}, p.amount, CASE WHEN NOT p.is_future THEN p.event_ms END AS event_ms
  FROM {VIEW} AS p
) AS p
GROUP BY p.id"
    )
}

/// The column that has the branch.
pub(super) const BRANCH: &str = "p.branch_id";
