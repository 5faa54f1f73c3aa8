//! The ledger.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::SharedState;
use super::ask::{Answered, ask, render};
use super::description::WaitParams;
use super::problem::Problem;
use super::question::Question;
use crate::view::wire::LedgerAnswer;

/// Every record consumed, once, under what became of it.
#[utoipa::path(get, path = "/api/v1/ledger", tag = "figures", params(WaitParams),
    responses((status = 200, description = "The ledger", body = Answered<LedgerAnswer>)))]
pub(super) async fn show(
    State(app): State<Arc<SharedState>>,
    request: Request,
) -> Result<Response, Problem> {
    let question = Question::of_json(request, &[])?;
    question.wait(&app, |_| Ok(())).await?;
    let response = ask(app, |_, reading| {
        render(reading, &LedgerAnswer::new(&reading.checkpoint().ledger))
    });
    Ok(response.await)
}
