//! What Prometheus scrapes.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;
use tokio::task;

use super::SharedState;
use super::parameters::Parameters;
use super::problem::Problem;
use super::process::Process;
use super::scrape::{Moment, Scrape};
use crate::host::wall_clock::since_epoch;

/// The text that every Prometheus reads.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What Prometheus scrapes: in its text format, or as OpenMetrics where that is accepted.
///
/// It is answered even when all places for answers are taken, and when the state can't be read:
/// that is when an operator needs it.
#[utoipa::path(get, path = "/metrics", tag = "service",
    responses((status = 200, description = "Metrics", content(
        (str = "text/plain"), (str = "application/openmetrics-text"),
    ))))]
pub(super) async fn show(
    State(app): State<Arc<SharedState>>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    if let Err(problem) = Parameters::of(&uri, &[]) {
        return problem.into_response();
    }
    let is_open = headers
        .get_all(header::ACCEPT)
        .iter()
        .any(|accept| accepts_open_metrics(accept.as_bytes()));
    // Opening a snapshot may read from the disk.
    let body = task::spawn_blocking(move || encode(&app, is_open)).await;
    let Ok(Ok(body)) = body else {
        return Problem::internal().into_response();
    };
    let format = if is_open { OPEN_METRICS } else { TEXT };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(format)),
        (header::VARY, HeaderValue::from_static("accept")),
    ];
    (headers, body).into_response()
}

fn encode(app: &SharedState, is_open: bool) -> Result<String, fmt::Error> {
    let state = &app.state;
    let moment = Moment {
        board: state.status.board(),
        version: state.version,
        uptime: state.started.elapsed(),
        now: since_epoch(),
        in_flight: app.capacity.in_flight(),
        process: Process::now(),
    };
    let scrape = match state
        .readings
        .query(|reading| Ok(Scrape::new(Some(reading), &moment)))
    {
        Ok(scrape) => scrape,
        Err(error) => {
            tracing::error!(%error, "the state can't be shown in metrics");
            Scrape::new(None, &moment)
        }
    };
    let mut shown = Registry::default();
    shown.register_collector(Box::new(scrape));
    let measured = state.status.metrics().registry();
    let mut out = String::new();
    if is_open {
        text::encode_registry(&mut out, &shown)?;
        text::encode_registry(&mut out, measured)?;
        text::encode_eof(&mut out)?;
    } else {
        prometheus_text::encode(&mut out, &shown)?;
        prometheus_text::encode(&mut out, measured)?;
    }
    Ok(out)
}

// A weight of 0 refuses a form.
fn accepts_open_metrics(accept: &[u8]) -> bool {
    let wanted = b"application/openmetrics-text";
    accept
        .split(|byte| *byte == b',')
        .any(|range| range.trim_ascii().starts_with(wanted))
}
