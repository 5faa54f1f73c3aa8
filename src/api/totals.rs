//! Totals by branch.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use serde::Serialize;
use tidegauge_windows::Key as _;
use utoipa::ToSchema;

use super::SharedState;
use super::ask::Answered;
use super::description::{Branch, InForm, WaitParams};
use super::effort::Effort;
use super::parameters::Parameters;
use super::problem::{Failure, Problem, quoted};
use super::question::Question;
use super::tabular::{List, Page as Rows, Work, answer};
use crate::domain::branch_key::BranchKey;
use crate::domain::payment::BranchId;
use crate::domain::total::Total;
use crate::view::reading::Reading;
use crate::view::wire::TotalAnswer;

/// The running total of every branch that is configured or had a payment, by id.
#[utoipa::path(get, path = "/api/v1/totals", tag = "figures", params(InForm, WaitParams),
    responses((status = 200, description = "Totals", body = Answered<Totals>)))]
pub(super) async fn all(
    State(app): State<Arc<SharedState>>,
    request: Request,
) -> Result<Response, Problem> {
    let question = Question::of(request, &[])?;
    question.wait(&app, |_| Ok(())).await?;
    // Most streams have few branches. Where they are many, it turns out to be heavy.
    let response = answer(
        app,
        question,
        Work::Light,
        |app, question, reading, answer| {
            let list = List {
                name: "totals".to_owned(),
                field: "totals",
                is_whole: true,
                has_next: false,
            };
            let effort = answer.effort();
            answer.list(question, reading, list, |page| {
                write(app, reading, &effort, page)?;
                Ok(None)
            })
        },
    );
    Ok(response.await)
}

/// So many totals are in memory at once.
const PAGE: usize = 256;

/// Hands the totals of all branches that are configured or had a payment to `page`, by id.
fn write<'a>(
    app: &'a SharedState,
    reading: &dyn Reading,
    effort: &Effort,
    page: Rows<'_, TotalAnswer<'a>>,
) -> Result<(), Failure> {
    let branches = &app.state.branches;
    let mut configured: VecDeque<BranchId> = branches.configured().iter().copied().collect();
    let mut from = Some(BranchId::FIRST);
    while let Some(first) = from {
        let page_totals = reading.totals(first, PAGE)?;
        let last = page_totals.last().filter(|_| page_totals.len() == PAGE);
        let last = last.map(|(id, _)| *id);
        let mut by_id: BTreeMap<BranchId, Option<Total>> = page_totals
            .into_iter()
            .map(|(id, total)| (id, Some(total)))
            .collect();
        // All but those beyond the page.
        while let Some(id) = configured.pop_front() {
            if last.is_some_and(|last| id > last) {
                configured.push_front(id);
                break;
            }
            by_id.entry(id).or_insert(None);
        }
        effort.steps(1 + by_id.len())?;
        let totals: Vec<TotalAnswer<'_>> = by_id
            .iter()
            .map(|(id, total)| TotalAnswer::new(*id, total.as_ref(), branches))
            .collect();
        page(&totals)?;
        from = last.and_then(BranchId::next);
    }
    Ok(())
}

/// The running total of one branch, by name or id.
#[utoipa::path(get, path = "/api/v1/totals/{branch}", tag = "figures", params(Branch, InForm, WaitParams),
    responses((status = 200, description = "The total", body = Answered<One>)))]
pub(super) async fn one(
    State(app): State<Arc<SharedState>>,
    branch: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Ok(Path(text)) = branch else {
        let detail = "the branch in the path is not UTF-8 when decoded";
        return Err(Problem::path(detail));
    };
    let question = Question::of(request, &[])?;
    let branch = NamedBranch::in_path(&app, &text)?;
    question.wait(&app, |_| Ok(())).await?;
    let response = answer(
        app,
        question,
        Work::Light,
        move |app, question, reading, answer| {
            let branch = branch.known(app, reading)?;
            let total = reading.total(branch)?;
            let total = TotalAnswer::new(branch, total.as_ref(), &app.state.branches);
            let name = file_name(&app.state.branches.key(branch));
            let row = total.clone();
            answer.one(question, reading, name, &One { total }, &row)
        },
    );
    Ok(response.await)
}

/// The name of a file with the total of `branch`: of letters that every system takes.
fn file_name(branch: &BranchKey) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let branch = branch.to_string();
    let branch = branch.chars().map(|c| if is_plain(c) { c } else { '_' });
    format!("total-{}", branch.collect::<String>())
}

/// Totals by branch id.
#[derive(Serialize, ToSchema)]
#[allow(
    dead_code,
    reason = "the OpenAPI document tells of it; it is written item by item"
)]
struct Totals<'a> {
    totals: Vec<TotalAnswer<'a>>,
}

/// The total of one branch.
#[derive(Serialize, ToSchema)]
struct One<'a> {
    total: TotalAnswer<'a>,
}

/// A branch that a request names. It need not be known yet: the request may wait for its first payment.
pub(super) struct NamedBranch {
    /// What it is.
    pub(super) key: BranchKey,
    /// The answer as long as it is not known.
    unknown: Problem,
}

impl NamedBranch {
    /// The branch that `text`, a part of the path, names.
    pub(super) fn in_path(app: &SharedState, text: &str) -> Result<Self, Problem> {
        Self::named(app, text, unknown(text))
    }

    /// The branch that parameter `branch` names, if it is given.
    pub(super) fn in_parameters(
        app: &SharedState,
        parameters: &Parameters,
    ) -> Result<Option<Self>, Problem> {
        let text = parameters.text("branch");
        text.map(|text| Self::named(app, text, unknown(text).in_parameter("branch")))
            .transpose()
    }

    // What is neither a name nor an id never becomes a branch.
    fn named(app: &SharedState, text: &str, unknown: Problem) -> Result<Self, Problem> {
        match app.state.branches.names().find(text) {
            Some(key) => Ok(Self { key, unknown }),
            None => Err(unknown),
        }
    }

    /// Its id, if it is configured or had a payment by `reading`.
    pub(super) fn known(
        &self,
        app: &SharedState,
        reading: &dyn Reading,
    ) -> Result<BranchId, Failure> {
        let branches = &app.state.branches;
        // A text that was never seen has no id.
        match branches.id(&self.key) {
            Some(id) if branches.is_configured(id) || reading.total(id)?.is_some() => Ok(id),
            _ => Err(self.unknown.clone().into()),
        }
    }
}

fn unknown(text: &str) -> Problem {
    Problem::not_found(format!(
        "no branch {} is configured or has had a payment; give its name or its id",
        quoted(text)
    ))
}
