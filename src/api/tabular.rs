//! Figures as JSON or as a table, from one reading; a table is sent while it is made.

mod columns;
mod head;
mod kept;
mod rows;

use std::io;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::task;

use self::columns::Row;
use self::head::Head;
use self::kept::File;
pub(super) use self::kept::Kept;
use self::rows::Rows;
use super::App;
use super::ask::{counted, failed, permitted, render};
use super::etag::Tag;
use super::format::Format;
use super::parameters::Parameters;
use super::pieces::pieces;
use super::problem::{Failure, Problem};
use super::range::Asked;
use crate::reading::Reading;

/// A file has at most so many rows: it is whole in memory before it is sent, because its readers
/// ask for parts of it. Parquet is always one; other tables are when their length is asked for.
pub(super) const FILE_ROWS_MAX: usize = 250_000;

/// A request for figures, in one of the forms.
pub(super) struct Question {
    /// Its query parameters.
    pub(super) parameters: Parameters,
    /// The form that it asks for.
    pub(super) format: Format,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl Question {
    /// What `request` asks for; its query parameters are `format` and those in `known`.
    pub(super) fn of(request: Request, known: &[&str]) -> Result<Self, Problem> {
        let known = [known, &["format"]].concat();
        let parameters = Parameters::of(request.uri(), &known)?;
        let (head, _) = request.into_parts();
        let format = Format::of(parameters.text("format"), &head.headers)?;
        Ok(Self {
            parameters,
            format,
            method: head.method,
            uri: head.uri,
            headers: head.headers,
        })
    }

    /// Whether rows are asked for, and not an object that stands for all.
    pub(super) fn is_table(&self) -> bool {
        self.format != Format::Json
    }

    /// The address of the page after this one, which begins at `cursor`.
    pub(super) fn page_at(&self, cursor: &str) -> String {
        let path = self.uri.path();
        let others = self.uri.query().unwrap_or_default();
        let others: String = others
            .split('&')
            .filter(|part| !part.is_empty() && !part.starts_with("cursor="))
            .map(|part| format!("{part}&"))
            .collect();
        format!("/api/v1{path}?{others}cursor={cursor}")
    }

    /// What is asked for, in which form: a key for what is kept.
    fn key(&self) -> String {
        format!("{} {}", self.format.name(), self.uri)
    }

    /// Whether the answer is made whole: a stream has neither length nor parts.
    fn wants_file(&self) -> bool {
        self.is_table() && (self.format == Format::Parquet || self.method == Method::HEAD)
    }

    /// Whether it is a step of reading a file in parts: how long is it, or what is in this part?
    fn is_step(&self) -> bool {
        self.method == Method::HEAD || self.headers.contains_key(header::RANGE)
    }
}

/// Answers `question` with what `make` puts into an [`Answer`] from the newest reading.
pub(super) async fn answer(
    app: Arc<App>,
    question: Question,
    make: impl FnOnce(&App, &Question, &dyn Reading, &mut Answer) -> Result<(), Failure>
    + Send
    + 'static,
) -> Response {
    let mut response = answer_any(app, question, make).await;
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("accept"));
    response
}

async fn answer_any(
    app: Arc<App>,
    question: Question,
    make: impl FnOnce(&App, &Question, &dyn Reading, &mut Answer) -> Result<(), Failure>
    + Send
    + 'static,
) -> Response {
    let permit = match permitted(&app) {
        Ok(permit) => Arc::new(permit),
        Err(problem) => return problem.into_response(),
    };
    let making = if question.wants_file() {
        Some(Arc::clone(&app.kept.making).lock_owned().await)
    } else {
        None
    };
    if question.is_table()
        && question.is_step()
        && let Some(file) = app.kept.find(&question.key(), &question.headers)
    {
        return file_response(&file, &question.headers, permit);
    }
    let (reply, replied) = oneshot::channel();
    task::spawn_blocking(move || {
        let _making = making;
        let mut answer = Answer {
            app: Arc::clone(&app),
            permit,
            reply: Some(reply),
            whole: None,
        };
        let read = app
            .state
            .readings
            .query(|reading| Ok(make(&app, &question, reading, &mut answer)));
        match read {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => answer.whole = Some(failed(failure)),
            Err(error) => answer.whole = Some(failed(Failure::Read(error))),
        }
        let Answer {
            permit,
            reply,
            whole,
            ..
        } = answer;
        // Who has an answer in hand may ask again: only the answer itself is in flight by then.
        drop(permit);
        // Only the first reply is one: a table that has begun can only be cut off. Nobody waits for it
        // when the client has gone.
        if let (Some(reply), Some(whole)) = (reply, whole) {
            let _ = reply.send(whole);
        }
    });
    // Without a reply the thread has panicked; the panic is in the log.
    replied
        .await
        .unwrap_or_else(|_| Problem::internal().into_response())
}

/// Where the figures go.
pub(super) struct Answer {
    app: Arc<App>,
    /// The question counts as in flight until it is made and the last of it is handed over.
    permit: Arc<OwnedSemaphorePermit>,
    reply: Option<oneshot::Sender<Response>>,
    /// A reply that is made whole, to be sent when nothing is left to do.
    whole: Option<Response>,
}

impl Answer {
    /// Gives `body` with its reading as JSON.
    pub(super) fn json(
        &mut self,
        question: &Question,
        reading: &dyn Reading,
        body: &impl Serialize,
    ) -> Result<(), Failure> {
        let tag = self.tag(question, reading);
        let mut response = if tag.is_known(&question.headers) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let json = render(reading, body)?;
            let mut response = counted(json.into(), Arc::clone(&self.permit)).into_response();
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            response
        };
        tagged(&mut response, tag);
        self.whole = Some(response);
        Ok(())
    }

    /// Gives the table `name`, of which `next` is the next page if there is one: the rows that
    /// `write` hands over, page by page.
    pub(super) fn table<R: Row>(
        &mut self,
        question: &Question,
        reading: &dyn Reading,
        name: String,
        next: Option<String>,
        write: impl FnOnce(&mut dyn FnMut(&[R]) -> Result<(), Failure>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let tag = self.tag(question, reading);
        let head = Head::new(reading, tag, question.format, name, next);
        if tag.is_known(&question.headers) {
            let mut response = (StatusCode::NOT_MODIFIED, head.headers()).into_response();
            tagged(&mut response, tag);
            self.whole = Some(response);
            return Ok(());
        }
        if question.wants_file() {
            self.file(question, head, write)
        } else {
            self.stream(question.format, head, write);
            Ok(())
        }
    }

    fn file<R: Row>(
        &mut self,
        question: &Question,
        head: Head,
        write: impl FnOnce(&mut dyn FnMut(&[R]) -> Result<(), Failure>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut rows = Rows::begin(head.format, Vec::new())?;
        let mut count = 0;
        let written = write(&mut |page| {
            count += page.len();
            if count > FILE_ROWS_MAX {
                return Err(Problem::parameter(
                    "format",
                    format!(
                        "a Parquet file has at most {FILE_ROWS_MAX} rows, and more are asked for; \
                         ask for a shorter range, or for arrow, csv or ndjson, which have no bound"
                    ),
                )
                .into());
            }
            Ok(rows.page(page)?)
        });
        if count > FILE_ROWS_MAX && head.format != Format::Parquet {
            // Asked for its length alone: a stream does without.
            self.stream(head.format, head, |_: &mut dyn FnMut(&[R]) -> _| Ok(()));
            return Ok(());
        }
        written?;
        let file = File {
            head,
            bytes: rows.finish()?.into(),
        };
        self.app.kept.keep(question.key(), &file);
        let response = file_response(&file, &question.headers, Arc::clone(&self.permit));
        self.whole = Some(response);
        Ok(())
    }

    fn stream<R: Row>(
        &mut self,
        format: Format,
        head: Head,
        write: impl FnOnce(&mut dyn FnMut(&[R]) -> Result<(), Failure>) -> Result<(), Failure>,
    ) {
        let until = Instant::now() + self.app.limits.transfer_timeout;
        let (pieces, body) = pieces(until, Arc::clone(&self.permit));
        let breaker = pieces.breaker();
        let mut response = (head.headers(), body).into_response();
        tagged(&mut response, head.tag);
        if let Some(reply) = self.reply.take() {
            // The body tells when the client has gone.
            let _ = reply.send(response);
        }
        let written = Rows::begin(format, pieces)
            .map_err(Failure::from)
            .and_then(|mut rows| {
                write(&mut |page| Ok(rows.page(page)?))?;
                Ok(rows.finish()?.finish().map_err(rows::Error::from)?)
            });
        match written {
            Ok(()) => {}
            Err(failure) if failure.is_by_client() => {
                tracing::debug!("a client left before its answer was whole");
            }
            Err(failure) => {
                tracing::error!(error = %failure, "an answer is cut off");
                breaker.cut(failure.to_string());
            }
        }
    }

    fn tag(&self, question: &Question, reading: &dyn Reading) -> Tag {
        Tag::of(self.app.life, reading.checkpoint(), &question.key())
    }
}

impl Failure {
    /// Whether the client has gone: nobody can be told.
    fn is_by_client(&self) -> bool {
        let Self::Write(error) = self else {
            return false;
        };
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error.as_ref());
        while let Some(error) = cause {
            let kind = error.downcast_ref().map(io::Error::kind);
            if kind == Some(io::ErrorKind::BrokenPipe) {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

fn tagged(response: &mut Response, tag: Tag) {
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag.header());
    // To be kept, but not to be shown before asking whether it still holds.
    let asked_first = HeaderValue::from_static("no-cache");
    headers.insert(header::CACHE_CONTROL, asked_first);
}

fn file_response(file: &File, headers: &HeaderMap, permit: Arc<OwnedSemaphorePermit>) -> Response {
    let tag = file.head.tag;
    let length = file.bytes.len();
    let asked = if tag.allows_part(headers) {
        Asked::of(headers, length)
    } else {
        Asked::All
    };
    let range = |text: String| HeaderValue::try_from(text).ok();
    let (mut response, part) = if tag.is_known(headers) {
        (
            (StatusCode::NOT_MODIFIED, file.head.headers()).into_response(),
            None,
        )
    } else {
        match asked {
            Asked::All => {
                let body = counted(file.bytes.clone(), permit);
                ((file.head.headers(), body).into_response(), None)
            }
            Asked::Part(part) => {
                let body = counted(file.bytes.slice(part.clone()), permit);
                let response = (StatusCode::PARTIAL_CONTENT, file.head.headers(), body);
                let (first, last) = (part.start, part.end - 1);
                let part = range(format!("bytes {first}-{last}/{length}"));
                (response.into_response(), part)
            }
            Asked::Beyond => {
                let response = Problem::beyond(length).into_response();
                (response, range(format!("bytes */{length}")))
            }
        }
    };
    tagged(&mut response, tag);
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(part) = part {
        headers.insert(header::CONTENT_RANGE, part);
    }
    response
}
