//! Names that no path of an address can have.

use anyhow::anyhow;

use super::Service;
use super::parsing::{rows_in, text_in};
use crate::cli::failure::CommandFailure;
use crate::cli::row::JsonRow;

/// Whether a client of HTTP takes `part` of a path for a step between directories.
pub(super) fn is_dots(part: &str) -> bool {
    part == "." || part == ".."
}

impl Service {
    /// The total of `branch`, found among all.
    pub(super) async fn total_in_list(
        &self,
        branch: &str,
    ) -> Result<(Vec<JsonRow>, String), CommandFailure> {
        let (all, _) = self.get(&["totals"], &[]).await?;
        let total = rows_in(&all, "totals")?.into_iter().find(|total| {
            let is = |field| text_in(total, field).as_deref() == Some(branch);
            is("branch") || is("branch_id")
        });
        let Some(total) = total else {
            let hint = self.branches().await;
            return Err(CommandFailure::Running(anyhow!(
                "no branch \"{branch}\"{hint}"
            )));
        };
        let whole = format!(
            "{{\"reading\":{},\"total\":{}}}",
            all.get("reading").unwrap_or("null"),
            total.to_json()
        );
        Ok((vec![total], whole))
    }
}
