//! Records that are no payments, and payments that are in no window; the newest booked first.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use super::ask::{Answered, ask, render};
use super::cursor;
use super::openapi;
use super::parameters::Parameters;
use super::problem::{Failure, Problem};
use crate::answer::{LateAnswer, RejectAnswer};
use crate::reading::{ReadError, Reading};

/// Records that are no payments, the newest booked first.
#[utoipa::path(get, path = "/api/v1/rejects", tag = "figures", params(openapi::Page, openapi::Waiting),
    responses((status = 200, description = "Rejects", body = Answered<Records<RejectAnswer>>)))]
pub(super) async fn rejects(State(app): State<Arc<App>>, uri: Uri) -> Response {
    let parameters = match Parameters::of(&uri, PARAMETERS) {
        Ok(parameters) => parameters,
        Err(problem) => return problem.into_response(),
    };
    ask(app, move |_, reading| {
        let page = Page::read(reading, &parameters, "rejects", |before, limit| {
            reading.rejected_records(before, limit)
        })?;
        page.render(reading, RejectAnswer::new)
    })
    .await
}

/// Payments that are in no window, the newest booked first.
#[utoipa::path(get, path = "/api/v1/late", tag = "figures", params(openapi::Page, openapi::Waiting),
    responses((status = 200, description = "Payments", body = Answered<Records<LateAnswer>>)))]
pub(super) async fn late(State(app): State<Arc<App>>, uri: Uri) -> Response {
    let parameters = match Parameters::of(&uri, PARAMETERS) {
        Ok(parameters) => parameters,
        Err(problem) => return problem.into_response(),
    };
    ask(app, move |app, reading| {
        let page = Page::read(reading, &parameters, "late", |before, limit| {
            reading.late_payments(before, limit)
        })?;
        page.render(reading, |late| LateAnswer::new(late, &app.state.branches))
    })
    .await
}

const PARAMETERS: &[&str] = &["limit", "cursor"];

/// A page of records, and the cursor of the next one.
#[derive(Serialize, ToSchema)]
struct Records<'a, A> {
    items: Vec<A>,
    next: Option<&'a str>,
}

/// One page of what was booked.
struct Page<T> {
    items: Vec<(u64, T)>,
    next: Option<String>,
}

impl<T> Page<T> {
    fn read(
        reading: &dyn Reading,
        parameters: &Parameters,
        route: &str,
        read: impl FnOnce(Option<u64>, usize) -> Result<Vec<(u64, T)>, ReadError>,
    ) -> Result<Self, Failure> {
        let limit = parameters.limit()?;
        let asked = (route, reading.checkpoint().generation);
        let before = parameters
            .text("cursor")
            .map(|text| cursor::number(text, &asked))
            .transpose()
            .map_err(|problem: Problem| Failure::from(problem))?;
        // One more than wanted tells whether there is another page.
        let mut items = read(before, limit + 1)?;
        let more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| more);
        let next = last.map(|(number, _)| cursor::before_number(*number, &asked));
        Ok(Self { items, next })
    }

    fn render<'a, A: Serialize>(
        &'a self,
        reading: &dyn Reading,
        answer: impl Fn(&'a T) -> A,
    ) -> Result<Vec<u8>, Failure> {
        let items = self.items.iter().map(|(_, item)| answer(item)).collect();
        let next = self.next.as_deref();
        render(reading, &Records { items, next })
    }
}
