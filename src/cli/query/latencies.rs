//! Latencies of a status as rows of a table.

use std::time::Duration;

use super::parsing::{line, row_in, unexpected};
use crate::cli::failure::CommandFailure;
use crate::cli::row::JsonRow;
use crate::domain::count::grouped;
use crate::domain::duration;

/// One row for each sort of latency that was measured lately.
pub(super) fn rows(status: &JsonRow) -> Result<Vec<JsonRow>, CommandFailure> {
    let mut rows = Vec::new();
    for (name, latency) in row_in(status, "latencies")?.fields() {
        let latency = JsonRow::parse(latency).map_err(unexpected)?;
        let millis = |name| {
            let millis = latency.get(name)?.parse::<f64>().ok()?;
            let length = Duration::try_from_secs_f64(millis / 1_000.0).ok()?;
            Some(duration::about(length))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_backlog_of_weeks_is_told_in_days_and_a_checkpoint_in_milliseconds() {
        let status = r#"{"latencies":{
            "freshness":{"count":1200,"p50_ms":2267742732.3,"p99_ms":7500000.0,"max_ms":2267742732.3},
            "checkpoint":{"count":1,"p50_ms":0.421,"p99_ms":12.34,"max_ms":1320.0},
            "http":{"count":0,"p50_ms":null,"p99_ms":null,"max_ms":null}}}"#;
        let told: Vec<String> = rows(&JsonRow::parse(status).unwrap())
            .unwrap()
            .iter()
            .map(JsonRow::to_json)
            .collect();
        assert_eq!(
            told,
            [
                r#"{"part":"freshness","state":"p50 26 d 5 h","reason":"p99 2 h 5 min, maximum 26 d 5 h, 1,200 in five minutes"}"#,
                r#"{"part":"checkpoint","state":"p50 0.42 ms","reason":"p99 12 ms, maximum 1.3 s, 1 in five minutes"}"#,
            ]
        );
    }
}
