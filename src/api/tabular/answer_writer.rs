//! Writes the figures of an answer: whole, as a stream, as a page or as a file.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::oneshot;

use super::file::{self, TableFile};
use super::head::Head;
use super::list::{List, ListWriter};
use super::rows::{self, Rows};
use super::{Page, tagged, unchanged};
use crate::api::SharedState;
use crate::api::ask::{counted, failed, json_response, render};
use crate::api::effort::Effort;
use crate::api::etag::EntityTag;
use crate::api::format::AnswerFormat;
use crate::api::pieces::{Breaker, Outlet};
use crate::api::problem::Failure;
use crate::api::question::Question;
use crate::view::flat_row::FlatRow;
use crate::view::reading::Reading;

/// JSON of up to so many bytes is sent whole, so that its length is known.
const WHOLE: usize = 1 << 20;

/// Where the figures go.
pub(in crate::api) struct AnswerWriter {
    app: Arc<SharedState>,
    effort: Arc<Effort>,
    reply: Reply,
    /// A reply that is made whole, to be sent when nothing is left to do.
    whole: Option<Response>,
}

impl AnswerWriter {
    /// For an answer that is worked on with `effort`, and whose response goes to `reply`.
    pub(super) fn new(
        app: Arc<SharedState>,
        effort: Effort,
        reply: oneshot::Sender<Response>,
    ) -> Self {
        Self {
            app,
            effort: Arc::new(effort),
            reply: Arc::new(Mutex::new(Some(reply))),
            whole: None,
        }
    }

    /// Sends what is still to be sent, once the figures are `written` or could not be.
    pub(super) fn finish(mut self, written: Result<(), Failure>) {
        if let Err(failure) = written {
            self.whole = Some(failed(failure));
        }
        // Who has an answer in hand may ask again: only the answer itself is in flight by then.
        self.effort.leave();
        // Only the first reply is one: an answer that has begun can only be cut off.
        if let Some(whole) = self.whole {
            send(&self.reply, whole);
        }
    }

    /// The work that is spent on this answer.
    pub(in crate::api) fn effort(&self) -> Arc<Effort> {
        Arc::clone(&self.effort)
    }

    /// Gives one figure: `object` with its reading as JSON, or `row` as the table `name`.
    pub(in crate::api) fn one<R: FlatRow>(
        &mut self,
        question: &Question,
        reading: &dyn Reading,
        name: String,
        object: &impl Serialize,
        row: &R,
    ) -> Result<(), Failure> {
        let tag = question.tag(self.app.life, reading);
        if question.is_table() {
            let list = List {
                name,
                field: "",
                is_whole: true,
                has_next: false,
            };
            return self.list(question, reading, list, |page| {
                page(std::slice::from_ref(row))?;
                Ok(None)
            });
        }
        let response = if tag.is_known(&question.headers) {
            unchanged(question, reading, tag)
        } else {
            let mut response = self.json(render(reading, object)?);
            tagged(&mut response, tag);
            response
        };
        self.whole = Some(response);
        Ok(())
    }

    /// Gives the list or table `list`: the rows that `write` hands over, page by page. It gives the
    /// cursor of the next page, if there is one.
    pub(in crate::api) fn list<R: FlatRow>(
        &mut self,
        question: &Question,
        reading: &dyn Reading,
        list: List,
        write: impl FnOnce(Page<'_, R>) -> Result<Option<String>, Failure>,
    ) -> Result<(), Failure> {
        let tag = question.tag(self.app.life, reading);
        if tag.is_known(&question.headers) {
            self.whole = Some(unchanged(question, reading, tag));
            return Ok(());
        }
        if !question.is_table() {
            return self.json_list(reading, list, Some(tag), write);
        }
        let head = Head::new(reading, tag, question.format, list.name);
        if question.wants_file() {
            self.file(question, head, write)
        } else if list.is_whole {
            self.stream(head, write)
        } else {
            self.page(question, head, write)
        }
    }

    /// Gives the list `list` as JSON: [`AnswerWriter::list`] for answers that are not tables.
    pub(in crate::api) fn json_list<A: Serialize>(
        &mut self,
        reading: &dyn Reading,
        list: List,
        tag: Option<EntityTag>,
        write: impl FnOnce(Page<'_, A>) -> Result<Option<String>, Failure>,
    ) -> Result<(), Failure> {
        let outlet = self.outlet(WHOLE, move |body| {
            let mut response = json_response(body);
            if let Some(tag) = tag {
                tagged(&mut response, tag);
            }
            response
        });
        let breaker = outlet.breaker();
        let mut writer = ListWriter::begin(outlet, reading, list.field)?;
        let effort = Arc::clone(&self.effort);
        let written = write(&mut |page| {
            writer.page(page)?;
            effort.headway()
        });
        let finished = written.and_then(|next| {
            let outlet = writer.finish(list.has_next.then_some(next))?;
            Ok(outlet.finish().map_err(rows::Error::from)?)
        });
        if let Some(json) = self.end(finished, &breaker)? {
            let mut response = self.json(json);
            if let Some(tag) = tag {
                tagged(&mut response, tag);
            }
            self.whole = Some(response);
        }
        Ok(())
    }

    /// Whether branches may be texts.
    fn has_texts(&self) -> bool {
        self.app.state.branches.names().has_texts()
    }

    /// A table that is sent while it is made.
    fn stream<R: FlatRow>(
        &mut self,
        head: Head,
        write: impl FnOnce(Page<'_, R>) -> Result<Option<String>, Failure>,
    ) -> Result<(), Failure> {
        let (format, tag, headers) = (head.format, head.tag, head.headers());
        let begun = headers.clone();
        let outlet = self.outlet(0, move |body| {
            let mut response = (begun, body).into_response();
            tagged(&mut response, tag);
            response
        });
        let breaker = outlet.breaker();
        let mut rows = Rows::begin(format, self.has_texts(), outlet)?;
        let effort = Arc::clone(&self.effort);
        let written = write(&mut |page| {
            rows.page(page)?;
            effort.headway()
        });
        let finished = match written {
            Ok(_) => rows
                .finish()
                .and_then(|outlet| Ok(outlet.finish()?))
                .map_err(Failure::from),
            Err(failure) => {
                // Before the writer goes, which may have something left to write.
                breaker.stop();
                Err(failure)
            }
        };
        if let Some(bytes) = self.end(finished, &breaker)? {
            let mut response = (headers, bytes).into_response();
            tagged(&mut response, tag);
            self.whole = Some(response);
        }
        Ok(())
    }

    /// A page of a table, which is made whole: its head names the next one.
    fn page<R: FlatRow>(
        &mut self,
        question: &Question,
        mut head: Head,
        write: impl FnOnce(Page<'_, R>) -> Result<Option<String>, Failure>,
    ) -> Result<(), Failure> {
        let mut rows = Rows::begin(head.format, self.has_texts(), Vec::new())?;
        let next = write(&mut |page| {
            rows.page(page)?;
            self.effort.headway()
        })?;
        head.next = next.map(|cursor| question.page_at(&cursor));
        let bytes = rows.finish()?;
        let room = file::room(&self.app, bytes.len())?;
        let body = counted(bytes.into(), (self.effort.seat(), room));
        let mut response = (head.headers(), body).into_response();
        tagged(&mut response, head.tag);
        self.whole = Some(response);
        Ok(())
    }

    /// A file, which is made whole and kept: its readers ask for its parts.
    fn file<R: FlatRow>(
        &mut self,
        question: &Question,
        mut head: Head,
        write: impl FnOnce(Page<'_, R>) -> Result<Option<String>, Failure>,
    ) -> Result<(), Failure> {
        if let Some(file) = self.app.kept.find_tagged(head.tag) {
            self.whole = Some(file.response(question, self.effort.seat()));
            return Ok(());
        }
        let mut rows = Rows::begin(head.format, self.has_texts(), Vec::new())?;
        let mut count = 0;
        let written = write(&mut |page| {
            count += page.len();
            if count > file::ROWS_MAX {
                return Err(file::too_long().into());
            }
            rows.page(page)?;
            self.effort.headway()
        });
        if count > file::ROWS_MAX && question.format != AnswerFormat::Parquet {
            // Asked for its length alone: a stream does without.
            return self.stream(head, |_: Page<'_, R>| Ok(None));
        }
        head.next = written?.map(|cursor| question.page_at(&cursor));
        let bytes = rows.finish()?;
        let file = TableFile {
            room: file::room(&self.app, bytes.len())?,
            bytes: bytes.into(),
            head,
        };
        self.app.kept.keep(question.key(), &file);
        self.whole = Some(file.response(question, self.effort.seat()));
        Ok(())
    }

    /// Where an answer is written that is sent while it is made once it is longer than `gathers`
    /// bytes: in what `respond` makes of its body.
    fn outlet(
        &self,
        gathers: usize,
        respond: impl FnOnce(Body) -> Response + Send + 'static,
    ) -> Outlet {
        let reply = Arc::clone(&self.reply);
        Outlet::new(gathers, Arc::clone(&self.effort), move |body| {
            send(&reply, respond(body));
        })
    }

    /// How an answer ended: gives it if it is still to be sent whole.
    fn end(
        &self,
        finished: Result<Option<Vec<u8>>, Failure>,
        breaker: &Breaker,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let failure = match finished {
            Ok(whole) => return Ok(whole),
            Err(failure) => failure,
        };
        if !breaker.stop() {
            return Err(failure);
        }
        if self.effort.interest().is_none() || failure.is_by_client() {
            tracing::debug!("a client left before its answer was whole");
        } else if failure.is_by_time() {
            tracing::warn!(reason = %failure, "an answer is cut off");
        } else {
            tracing::error!(error = %failure, "an answer is cut off");
        }
        // Telling the client may take as long as the client likes.
        self.effort.leave();
        breaker.cut(failure.to_string());
        Ok(None)
    }

    /// `json` as a whole answer.
    fn json(&self, json: Vec<u8>) -> Response {
        json_response(counted(json.into(), self.effort.seat()))
    }
}

/// Where the first response to a question goes; empty once it is sent.
type Reply = Arc<Mutex<Option<oneshot::Sender<Response>>>>;

/// Sends `response` if there was no reply yet.
fn send(reply: &Reply, response: Response) {
    let reply = reply.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(reply) = reply {
        // The receiver is gone when the client has left.
        let _ = reply.send(response);
    }
}

impl Failure {
    /// Whether the client has left, so that it can't be told.
    fn is_by_client(&self) -> bool {
        matches!(self, Self::GivenUp) || self.io() == Some(io::ErrorKind::BrokenPipe)
    }

    /// Whether the time is over.
    fn is_by_time(&self) -> bool {
        matches!(self, Self::TooLong) || self.io() == Some(io::ErrorKind::TimedOut)
    }

    /// What went wrong with the way to the client, if that is what went wrong.
    fn io(&self) -> Option<io::ErrorKind> {
        let Self::Write(error) = self else {
            return None;
        };
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error.as_ref());
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<io::Error>() {
                return Some(error.kind());
            }
            cause = error.source();
        }
        None
    }
}
