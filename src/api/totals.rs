//! Totals by branch.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::App;
use super::ask::{ask, render};
use super::parameters::Parameters;
use super::problem::{Failure, Problem, quoted};
use crate::answer::TotalAnswer;
use crate::payment::BranchId;
use crate::reading::Reading;

/// `GET /api/v1/totals`: every branch that is configured or had a payment, by id.
pub(super) async fn all(State(app): State<Arc<App>>, uri: Uri) -> Response {
    #[derive(Serialize)]
    struct Totals<'a> {
        totals: Vec<TotalAnswer<'a>>,
    }
    if let Err(problem) = Parameters::of(&uri, &[]) {
        return problem.into_response();
    }
    ask(app, |app, reading| {
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
        render(reading, &Totals { totals })
    })
    .await
}

/// `GET /api/v1/totals/{branch}`: one branch, by name or id.
pub(super) async fn one(
    State(app): State<Arc<App>>,
    branch: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Response {
    #[derive(Serialize)]
    struct One<'a> {
        total: TotalAnswer<'a>,
    }
    let Ok(Path(text)) = branch else {
        return Problem::path("the branch in the path is not UTF-8 when decoded").into_response();
    };
    if let Err(problem) = Parameters::of(&uri, &[]) {
        return problem.into_response();
    }
    ask(app, move |app, reading| {
        let branch = find_branch(app, reading, &text)?;
        let total = reading.total(branch)?;
        let total = TotalAnswer::new(branch, total.as_ref(), &app.state.branches);
        render(reading, &One { total })
    })
    .await
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
