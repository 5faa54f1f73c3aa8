//! Rejected records, payments that are in no window, and payments that repeat others; the newest first.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;

use super::SharedState;
use super::ask::{Answered, unshowable};
use super::description;
use super::page_cursor;
use super::problem::Problem;
use super::question::Question;
use super::tabular::{List, Work, answer};
use crate::view::reading::{ReadError, Reading};
use crate::view::wire::{DuplicateAnswer, NoWindowAnswer, RejectAnswer};

/// Records that are not payments, the newest first.
#[utoipa::path(get, path = "/api/v1/rejects", tag = "figures", params(description::PageParams, description::WaitParams),
    responses((status = 200, description = "Rejects", body = Answered<Records<RejectAnswer>>)))]
pub(super) async fn rejects(
    State(app): State<Arc<SharedState>>,
    request: Request,
) -> Result<Response, Problem> {
    list(
        app,
        request,
        "rejects",
        |reading, before, limit| reading.rejected_records(before, limit),
        |_, record| to_raw_value(&RejectAnswer::new(record)),
    )
    .await
}

/// Payments in no window (`too_late`, `past_retention`, `future` and `conflict` of the ledger), the newest booked first.
/// Payments that the ledger counts as `late` are in their windows and not in this list.
#[utoipa::path(get, path = "/api/v1/late", tag = "figures", params(description::PageParams, description::WaitParams),
    responses((status = 200, description = "Payments", body = Answered<Records<NoWindowAnswer>>)))]
pub(super) async fn late(
    State(app): State<Arc<SharedState>>,
    request: Request,
) -> Result<Response, Problem> {
    list(
        app,
        request,
        "late",
        |reading, before, limit| reading.payments_in_no_window(before, limit),
        |app, payment| to_raw_value(&NoWindowAnswer::new(payment, &app.state.branches)),
    )
    .await
}

/// Payments that repeat another with the same order id (`duplicate` and `conflict` of the ledger), the newest booked first:
/// the newest 100,000 of them.
#[utoipa::path(get, path = "/api/v1/duplicates", tag = "figures", params(description::PageParams, description::WaitParams),
    responses((status = 200, description = "Payments", body = Answered<Records<DuplicateAnswer>>)))]
pub(super) async fn duplicates(
    State(app): State<Arc<SharedState>>,
    request: Request,
) -> Result<Response, Problem> {
    list(
        app,
        request,
        "duplicates",
        |reading, before, limit| reading.repeated_payments(before, limit),
        |app, payment| to_raw_value(&DuplicateAnswer::new(payment, &app.state.branches)),
    )
    .await
}

/// So many records are in memory at once; each has up to 4 KiB of what was read.
const PAGE: usize = 64;

/// Records by number, the newest first.
type Found<T> = Result<Vec<(u64, T)>, ReadError>;

/// Answers with one page of the list `route`: what `read` finds before a number, as `show` shows it.
async fn list<T: 'static>(
    app: Arc<SharedState>,
    request: Request,
    route: &'static str,
    read: fn(&dyn Reading, Option<u64>, usize) -> Found<T>,
    show: fn(&SharedState, &T) -> serde_json::Result<Box<RawValue>>,
) -> Result<Response, Problem> {
    let question = Question::of_json(request, &["limit", "cursor"])?;
    let limit = question.parameters.limit()?;
    question
        .wait(&app, |now| {
            let cursor = cursor_of(&question, route, now.generation);
            cursor.map(|_| ())
        })
        .await?;
    let work = if question.is_short() {
        Work::Light
    } else {
        Work::Heavy
    };
    let response = answer(
        app,
        question,
        work,
        move |app, question, reading, answer| {
            let mut rest = limit;
            let generation = reading.checkpoint().generation;
            let mut before = cursor_of(question, route, generation)?;
            let list = List {
                name: route.to_owned(),
                field: "items",
                is_whole: false,
                has_next: true,
            };
            let effort = answer.effort();
            answer.json_list(reading, list, None, |page| {
                loop {
                    let wanted = rest.min(PAGE);
                    // One more than wanted tells whether there is another page.
                    let mut records = read(reading, before, wanted + 1)?;
                    effort.steps(records.len())?;
                    let more = records.len() > wanted;
                    records.truncate(wanted);
                    let shown = records
                        .iter()
                        .map(|(_, record)| show(app, record))
                        .collect::<Result<Vec<_>, _>>()
                        .map_err(unshowable)?;
                    page(&shown)?;
                    rest -= shown.len();
                    before = records.last().map(|(number, _)| *number);
                    match before {
                        Some(number) if more && rest == 0 => {
                            let asked = (route, generation);
                            return Ok(Some(page_cursor::before_number(number, &asked)));
                        }
                        Some(_) if more => {}
                        _ => return Ok(None),
                    }
                }
            })
        },
    );
    Ok(response.await)
}

/// The number that the cursor of `question` names, in the list `route` of that generation.
fn cursor_of(
    question: &Question,
    route: &'static str,
    generation: u32,
) -> Result<Option<u64>, Problem> {
    let cursor = question.parameters.text("cursor");
    cursor
        .map(|text| page_cursor::number(text, &(route, generation)))
        .transpose()
}

/// A page of records, and the cursor of the next one.
#[derive(Serialize, ToSchema)]
#[allow(
    dead_code,
    reason = "the OpenAPI document tells of it; it is written item by item"
)]
struct Records<'a, A> {
    items: Vec<A>,
    next: Option<&'a str>,
}
