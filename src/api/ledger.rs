//! The ledger.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};

use super::App;
use super::ask::{ask, render};
use super::parameters::Parameters;
use crate::answer::LedgerAnswer;

/// `GET /api/v1/ledger`: every record consumed, once, under what became of it.
pub(super) async fn show(State(app): State<Arc<App>>, uri: Uri) -> Response {
    if let Err(problem) = Parameters::of(&uri, &[]) {
        return problem.into_response();
    }
    ask(app, |_, reading| {
        render(reading, &LedgerAnswer::new(&reading.checkpoint().ledger))
    })
    .await
}
