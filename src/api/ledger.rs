//! The ledger.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};

use super::SharedState;
use super::ask::{Answered, ask, render};
use super::description::WaitParams;
use super::parameters::Parameters;
use crate::view::wire::LedgerAnswer;

/// Every record consumed, once, under what became of it.
#[utoipa::path(get, path = "/api/v1/ledger", tag = "figures", params(WaitParams),
    responses((status = 200, description = "The ledger", body = Answered<LedgerAnswer>)))]
pub(super) async fn show(State(app): State<Arc<SharedState>>, uri: Uri) -> Response {
    if let Err(problem) = Parameters::of(&uri, &[]) {
        return problem.into_response();
    }
    ask(app, |_, reading| {
        render(reading, &LedgerAnswer::new(&reading.checkpoint().ledger))
    })
    .await
}
