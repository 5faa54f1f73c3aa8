//! Files: answers that are whole in memory, because their readers ask for their length and parts.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

use super::head::Head;
use super::tagged;
use crate::api::SharedState;
use crate::api::ask::counted;
use crate::api::capacity::{Room, Seat};
use crate::api::problem::Problem;
use crate::api::question::Question;
use crate::api::range::Asked;

/// A file has at most so many rows. Parquet is always one; other tables are when their length is
/// asked for.
pub(super) const ROWS_MAX: usize = 250_000;

/// More rows are asked for than a file may have.
pub(super) fn too_long() -> Problem {
    Problem::parameter(
        "format",
        format!(
            "a Parquet file has at most {ROWS_MAX} rows, and more are asked for; ask for a \
             shorter range, or for arrow, csv or ndjson, which have no bound"
        ),
    )
}

/// A file that was made, and what its answers say of it.
#[derive(Clone)]
pub(super) struct TableFile {
    pub(super) head: Head,
    pub(super) bytes: Bytes,
    /// What it takes of the memory for whole answers, as long as it is kept or sent.
    pub(super) room: Room,
}

/// Waits until a file can be made: they are made one at a time.
pub(super) async fn turn(
    app: &SharedState,
    question: &Question,
) -> Result<OwnedMutexGuard<()>, Problem> {
    let _waiting = app.capacity.file()?;
    let time = app.limits.file_timeout;
    question.patience.wait_for(time);
    let turn = timeout(time, Arc::clone(&app.kept.making).lock_owned())
        .await
        .map_err(|_| Problem::files_wait(app.limits.files_waiting))?;
    question.patience.headway();
    Ok(turn)
}

/// The answer to a step of reading a file in parts, if there is a file for it.
pub(super) fn part(app: &SharedState, question: &Question) -> Result<Option<Response>, Problem> {
    if !question.is_table() || !question.is_step() {
        return Ok(None);
    }
    let Some(file) = app.kept.find(&question.key(), &question.headers) else {
        return Ok(None);
    };
    let seat = app.capacity.heavy()?;
    Ok(Some(file.response(question, Some(seat))))
}

/// Room for an answer of `bytes`, if need be that of files which are only kept.
pub(super) fn room(app: &SharedState, bytes: usize) -> Result<Room, Problem> {
    if let Some(room) = app.capacity.room(bytes) {
        return Ok(room);
    }
    app.kept.forget();
    app.capacity.room(bytes).ok_or_else(Problem::no_room)
}

impl TableFile {
    /// What `question` asks for of it. The answer has the place `seat`.
    pub(super) fn response(&self, question: &Question, seat: Option<Arc<Seat>>) -> Response {
        let tag = self.head.tag;
        if tag.is_known(&question.headers) {
            return self.head.unchanged();
        }
        let length = self.bytes.len();
        let asked = match question.part() {
            Some(headers) if tag.allows_part(headers) => Asked::of(headers, length),
            _ => Asked::All,
        };
        let held = (seat, Arc::clone(&self.room));
        let range = |text: String| HeaderValue::try_from(text).ok();
        let (mut response, part) = match asked {
            Asked::All => {
                let body = counted(self.bytes.clone(), held);
                ((self.head.headers(), body).into_response(), None)
            }
            Asked::Part(part) => {
                let body = counted(self.bytes.slice(part.clone()), held);
                let response = (StatusCode::PARTIAL_CONTENT, self.head.headers(), body);
                let (first, last) = (part.start, part.end - 1);
                let part = range(format!("bytes {first}-{last}/{length}"));
                (response.into_response(), part)
            }
            Asked::Beyond => {
                let response = Problem::beyond(length).into_response();
                (response, range(format!("bytes */{length}")))
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
}
