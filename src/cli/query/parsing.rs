//! Parses answers of the service.

use anyhow::anyhow;

use crate::cli::failure::CommandFailure;
use crate::cli::row::JsonRow;

/// The objects in the list `field`.
pub(super) fn rows_in(row: &JsonRow, field: &str) -> Result<Vec<JsonRow>, CommandFailure> {
    serde_json::from_str(row.get(field).unwrap_or("[]")).map_err(unexpected)
}

/// The object in `field`.
pub(super) fn row_in(row: &JsonRow, field: &str) -> Result<JsonRow, CommandFailure> {
    JsonRow::parse(row.get(field).unwrap_or("{}")).map_err(unexpected)
}

/// The text in `field`; `None` if there is no text.
pub(super) fn text_in(row: &JsonRow, field: &str) -> Option<String> {
    serde_json::from_str(row.get(field)?).ok()
}

/// A row of a status: which part, how it is doing, and why.
pub(super) fn line(cells: &[&str; 3]) -> Result<JsonRow, CommandFailure> {
    let [part, state, more] = cells.map(serde_json::Value::from);
    let text = format!(r#"{{"part":{part},"state":{state},"reason":{more}}}"#);
    JsonRow::parse(&text).map_err(unexpected)
}

/// What is not an answer of the service.
pub(super) fn unexpected(error: serde_json::Error) -> CommandFailure {
    CommandFailure::Running(anyhow!(
        "the answer does not come from a Tidegauge service: {error}"
    ))
}
