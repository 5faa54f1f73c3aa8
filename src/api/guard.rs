//! What holds for every request: limits, the token, headers, and no panic that reaches a client.

use std::any::Any;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::SharedState;
use super::effort::Patience;
use super::host;
use super::page;
use super::problem::Problem;
use crate::host::clock::Instant;
use crate::host::wall_clock::since_epoch;

/// Lets a request through if it may pass, and sees to its answer.
pub(super) async fn guard(
    State(app): State<Arc<SharedState>>,
    request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = match check(&app, &request) {
        Err(problem) => problem.into_response(),
        Ok(()) => answer(&app, request, next).await,
    };
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    // What is asked for now may be another figure in a second.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    app.state.status.metrics().request(
        route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str),
        response.status().as_u16(),
        began.elapsed(),
    );
    response
}

/// The route under which requests to unknown addresses are counted.
const NO_ROUTE: &str = "none";

async fn answer(app: &Arc<SharedState>, mut request: Request, next: Next) -> Response {
    let patience = Patience::new(app.limits.answer_timeout);
    request.extensions_mut().insert(patience.clone());
    let response = tokio::select! {
        biased;
        response = next.run(request) => response,
        // The work ends soon after, as it is dropped.
        () = patience.runs_out() => Problem::too_slow().into_response(),
    };
    // Who waited in vain was given no figures, so that is not counted as the latency of an answer.
    if response.status() != StatusCode::GATEWAY_TIMEOUT {
        let metrics = app.state.status.metrics();
        metrics.answer(patience.elapsed(), since_epoch());
    }
    response
}

/// The answer to a request whose handler panicked. The panic itself is in the log.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem::internal().into_response()
}

fn check(app: &SharedState, request: &Request) -> Result<(), Problem> {
    let limits = &app.limits;
    let uri = request.uri();
    if uri.path().len() + uri.query().map_or(0, str::len) > limits.uri_bytes {
        return Err(Problem::uri_too_long(limits.uri_bytes));
    }
    let body = request.headers().get(header::CONTENT_LENGTH);
    let body = body.map(|length| length.to_str().map(str::parse::<u64>));
    if let Some(length) = body
        && !matches!(length, Ok(Ok(length)) if length <= limits.body_bytes)
    {
        return Err(Problem::body_too_large(limits.body_bytes));
    }
    host::check(request, app.token.is_none())?;
    // Probes ask without a token; they learn yes or no and nothing else. The page holds no figures.
    let open = uri.path() == "/livez"
        || uri.path() == "/readyz" && uri.query().is_none()
        || page::is_open(uri.path());
    if open || is_authorized(app, request) {
        Ok(())
    } else {
        Err(Problem::unauthorized())
    }
}

fn is_authorized(app: &SharedState, request: &Request) -> bool {
    let Some(token) = &app.token else {
        return true;
    };
    let Some(header) = request.headers().get(header::AUTHORIZATION) else {
        return false;
    };
    let Some((scheme, given)) = header
        .as_bytes()
        .split_first_chunk::<7>()
        .map(|(scheme, given)| (scheme, given.trim_ascii()))
    else {
        return false;
    };
    let token = token.expose().as_bytes();
    // An empty token would let every client in, so it lets none in.
    !token.is_empty() && scheme.eq_ignore_ascii_case(b"bearer ") && given.ct_eq(token).into()
}
