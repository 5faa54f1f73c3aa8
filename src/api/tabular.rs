//! Figures as JSON or as a table, from one reading, in pieces: no answer needs all of its rows in
//! memory at once.

mod answer_writer;
mod columns;
mod file;
mod file_cache;
mod head;
mod list;
mod rows;

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;
use tokio::task;

pub(super) use self::answer_writer::AnswerWriter;
pub(super) use self::file_cache::FileCache;
pub(super) use self::list::List;
use super::SharedState;
use super::effort::{Effort, Interest};
use super::etag::EntityTag;
use super::problem::{Failure, Problem};
use super::question::Question;
use crate::host::clock::Instant;
use crate::view::reading::Reading;

/// Takes the rows of an answer, page by page.
pub(super) type Page<'a, R> = &'a mut dyn FnMut(&[R]) -> Result<(), Failure>;

/// How much work a question is, as far as it can be told before it is begun.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Work {
    /// A few milliseconds. What turns out to be more moves to a heavy place.
    Light,
    /// More, or any amount.
    Heavy,
}

/// Answers `question` with what `make` puts into an [`AnswerWriter`] from the newest reading.
pub(super) async fn answer(
    app: Arc<SharedState>,
    question: Question,
    work: Work,
    make: impl FnOnce(&SharedState, &Question, &dyn Reading, &mut AnswerWriter) -> Result<(), Failure>
    + Send
    + 'static,
) -> Response {
    let response = answer_any(app, question, work, make).await;
    let mut response = response.unwrap_or_else(IntoResponse::into_response);
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("accept"));
    response
}

async fn answer_any(
    app: Arc<SharedState>,
    question: Question,
    work: Work,
    make: impl FnOnce(&SharedState, &Question, &dyn Reading, &mut AnswerWriter) -> Result<(), Failure>
    + Send
    + 'static,
) -> Result<Response, Problem> {
    let question = Arc::new(question);
    if question.may_be_known()
        && let Some(response) = not_modified(&app, &question).await?
    {
        return Ok(response);
    }
    let until = Instant::now() + app.limits.transfer_timeout;
    if let Some(response) = file::part(&app, &question)? {
        return Ok(response);
    }
    let making = if question.wants_file() {
        // Who waits for others' files takes no place meanwhile.
        let making = file::turn(&app, &question).await?;
        if let Some(response) = file::part(&app, &question)? {
            return Ok(response);
        }
        Some(making)
    } else {
        None
    };
    let (seat, turn) = match work {
        Work::Light => (app.capacity.light()?, None),
        Work::Heavy => {
            let seat = app.capacity.heavy()?;
            question.patience.wait_for(app.limits.queue_timeout);
            let turn = app.capacity.first_turn().await?;
            question.patience.headway();
            (seat, Some(turn))
        }
    };
    let interest = Arc::new(Interest);
    let patience = question.patience.clone();
    let effort = Effort::new(&app.capacity, patience, &interest, until, seat, turn);
    let (reply, replied) = oneshot::channel();
    task::spawn_blocking(move || {
        let _making = making;
        let mut answer = AnswerWriter::new(Arc::clone(&app), effort, reply);
        let read = app
            .state
            .readings
            .query(|reading| Ok(make(&app, &question, reading, &mut answer)));
        answer.finish(read.unwrap_or_else(|error| Err(Failure::Read(error))));
    });
    // Without a reply the thread has panicked; the panic is in the log.
    let response = replied.await.map_err(|_| Problem::internal());
    // A client that gives up earlier drops this, and the thread notices.
    drop(interest);
    response
}

/// The answer to a client that has it already: nothing but the checkpoint is read for it.
async fn not_modified(
    app: &Arc<SharedState>,
    question: &Arc<Question>,
) -> Result<Option<Response>, Problem> {
    let seat = app.capacity.light()?;
    let (app, question) = (Arc::clone(app), Arc::clone(question));
    let looked = task::spawn_blocking(move || {
        let _seat = seat;
        app.state.readings.query(|reading| {
            let tag = question.tag(app.life, reading);
            // "*" says nothing of the question, which may be wrong.
            let is_known = tag.is_named(&question.headers);
            Ok(is_known.then(|| unchanged(&question, reading, tag)))
        })
    });
    match looked.await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => {
            tracing::error!(%error, "a request can't be answered");
            Err(Problem::internal())
        }
        // It has panicked; the panic is in the log.
        Err(_) => Err(Problem::internal()),
    }
}

fn unchanged(question: &Question, reading: &dyn Reading, tag: EntityTag) -> Response {
    if question.is_table() {
        return head::unchanged(reading, tag);
    }
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    tagged(&mut response, tag);
    response
}

fn tagged(response: &mut Response, tag: EntityTag) {
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag.header());
    // To be kept, but not to be shown before asking whether it still holds.
    let asked_first = HeaderValue::from_static("no-cache");
    headers.insert(header::CACHE_CONTROL, asked_first);
}
