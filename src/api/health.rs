//! Probes: whether the process answers, and whether it is ready.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::SharedState;
use super::description::Verbose;
use super::parameters::Parameters;
use super::problem::Problem;

/// The process answers. Nothing else is looked at, so that trouble elsewhere never
/// makes a supervisor restart it.
#[utoipa::path(get, path = "/livez", tag = "service",
    responses((status = 200, description = "It answers", body = str, content_type = "text/plain")))]
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// Whether requests should be sent here; with `verbose`, the reason for each part.
#[utoipa::path(get, path = "/readyz", tag = "service", params(Verbose),
    responses(
        (status = 200, description = "Ready", body = str, content_type = "text/plain"),
        (status = 503, description = "Not ready", body = str, content_type = "text/plain"),
    ))]
pub(super) async fn ready(State(app): State<Arc<SharedState>>, uri: Uri) -> Response {
    let verbose = match Parameters::of(&uri, &["verbose"]) {
        Ok(parameters) => match parameters.text("verbose") {
            None | Some("false") => false,
            Some("" | "true" | "1") => true,
            Some(_) => {
                return Problem::parameter("verbose", "parameter \"verbose\" takes no value")
                    .into_response();
            }
        },
        Err(problem) => return problem.into_response(),
    };
    let board = app.state.status.board();
    let (status, word) = if board.ready() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    let mut text = format!("{word}\n");
    if verbose {
        if board.parts.is_empty() {
            text.push_str("nothing has started yet\n");
        }
        for (part, health) in &board.parts {
            let reason = health.reason.as_str();
            let colon = if reason.is_empty() { "" } else { ": " };
            // Writing to a String can't fail.
            let _ = writeln!(
                text,
                "{} {}{colon}{reason}",
                part.as_str(),
                health.condition.as_str()
            );
        }
        for (partition, status) in &board.partitions {
            if let Some(halted) = &status.halted {
                let _ = writeln!(text, "partition {partition} stopped: {halted}");
            }
        }
    }
    (status, text).into_response()
}
