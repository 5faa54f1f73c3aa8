//! Latencies of a status as rows of a table.

use super::rows::line;
use super::{row_in, unexpected};
use crate::cli::failure::Failure;
use crate::cli::output::Row;
use crate::cli::table::grouped;

/// One row for each sort of latency that was measured lately.
pub(super) fn rows(status: &Row) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for (name, latency) in row_in(status, "latencies")?.fields() {
        let latency = Row::parse(latency).map_err(unexpected)?;
        let millis = |name| {
            let millis = latency.get(name)?.parse::<f64>().ok()?;
            Some(format!("{millis:.1} ms"))
        };
        let quantiles = (millis("p50_ms"), millis("p99_ms"), millis("max_ms"));
        let (Some(p50), Some(p99), Some(max)) = quantiles else {
            continue; // None was measured.
        };
        let count = latency.get("count").and_then(|count| count.parse().ok());
        let count = grouped(count.unwrap_or_default());
        let more = format!("p99 {p99}, maximum {max}, {count} in five minutes");
        rows.push(line(&[name, &format!("p50 {p50}"), &more])?);
    }
    Ok(rows)
}
