//! Totals by branch.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use super::ask::Answered;
use super::openapi::{Branch, InForm, Waiting};
use super::problem::{Failure, Problem, quoted};
use super::tabular::{Question, answer};
use crate::answer::TotalAnswer;
use crate::payment::BranchId;
use crate::reading::Reading;

/// The running total of every branch that is configured or had a payment, by id.
#[utoipa::path(get, path = "/api/v1/totals", tag = "figures", params(InForm, Waiting),
    responses((status = 200, description = "Totals", body = Answered<Totals>)))]
pub(super) async fn all(State(app): State<Arc<App>>, request: Request) -> Response {
    let question = match Question::of(request, &[]) {
        Ok(question) => question,
        Err(problem) => return problem.into_response(),
    };
    answer(app, question, |app, question, reading, answer| {
        let branches = &app.state.branches;
        let seen = reading.totals()?;
        let known: BTreeSet<BranchId> = seen.iter().map(|(id, _)| *id).collect();
        let mut totals: Vec<_> = seen
            .iter()
            .map(|(id, total)| TotalAnswer::new(*id, Some(total), branches))
            .collect();
        totals.extend(
            branches
                .configured()
                .filter(|id| !known.contains(id))
                .map(|id| TotalAnswer::new(id, None, branches)),
        );
        totals.sort_by_key(|total| total.branch_id);
        if question.is_table() {
            let name = "totals".to_owned();
            answer.table(question, reading, name, None, |page| page(&totals))
        } else {
            answer.json(question, reading, &Totals { totals })
        }
    })
    .await
}

/// The running total of one branch, by name or id.
#[utoipa::path(get, path = "/api/v1/totals/{branch}", tag = "figures", params(Branch, InForm, Waiting),
    responses((status = 200, description = "The total", body = Answered<One>)))]
pub(super) async fn one(
    State(app): State<Arc<App>>,
    branch: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let Ok(Path(text)) = branch else {
        return Problem::path("the branch in the path is not UTF-8 when decoded").into_response();
    };
    let question = match Question::of(request, &[]) {
        Ok(question) => question,
        Err(problem) => return problem.into_response(),
    };
    answer(app, question, move |app, question, reading, answer| {
        let branch = find_branch(app, reading, &text)?;
        let total = reading.total(branch)?;
        let total = TotalAnswer::new(branch, total.as_ref(), &app.state.branches);
        if question.is_table() {
            let name = format!("total-{branch}");
            answer.table(question, reading, name, None, |page| page(&[total]))
        } else {
            answer.json(question, reading, &One { total })
        }
    })
    .await
}

/// Totals by branch id.
#[derive(Serialize, ToSchema)]
struct Totals<'a> {
    totals: Vec<TotalAnswer<'a>>,
}

/// The total of one branch.
#[derive(Serialize, ToSchema)]
struct One<'a> {
    total: TotalAnswer<'a>,
}

/// The branch that `text` names: one that is configured or had a payment.
pub(super) fn find_branch(
    app: &App,
    reading: &dyn Reading,
    text: &str,
) -> Result<BranchId, Failure> {
    let branches = &app.state.branches;
    if let Some(id) = branches.find(text)
        && (branches.is_configured(id) || reading.total(id)?.is_some())
    {
        return Ok(id);
    }
    Err(Problem::not_found(format!(
        "no branch {} is configured or had a payment; name it by its name or its id",
        quoted(text)
    ))
    .into())
}
