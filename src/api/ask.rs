//! From a question to an answer: a reading taken off the async threads, and rendered there.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use serde::Serialize;
use tokio::task;
use utoipa::ToSchema;

use super::SharedState;
use super::problem::{Failure, Problem};
use crate::view::reading::{ReadError, Reading};
use crate::view::wire::ReadingAnswer;

/// Answers with what `read` renders from the newest reading.
pub(super) async fn ask(
    app: Arc<SharedState>,
    read: impl FnOnce(&SharedState, &dyn Reading) -> Result<Vec<u8>, Failure> + Send + 'static,
) -> Response {
    answer(app, |app| {
        app.state
            .readings
            .query(|reading| match read(app, reading) {
                Err(Failure::Read(error)) => Err(error),
                other => Ok(other),
            })?
    })
    .await
}

/// [`ask`] for an answer that is given even when the state can't be read.
pub(super) async fn ask_even_without_state(
    app: Arc<SharedState>,
    read: impl Fn(&SharedState, Option<&dyn Reading>) -> Result<Vec<u8>, Failure> + Send + 'static,
) -> Response {
    answer(app, move |app| {
        let readings = &app.state.readings;
        match readings.query(|reading| Ok(read(app, Some(reading)))) {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!(%error, "the state can't be shown");
                read(app, None)
            }
        }
    })
    .await
}

async fn answer(
    app: Arc<SharedState>,
    make: impl FnOnce(&SharedState) -> Result<Vec<u8>, Failure> + Send + 'static,
) -> Response {
    let seat = match app.capacity.light() {
        Ok(seat) => seat,
        Err(problem) => return problem.into_response(),
    };
    // The place goes along: a question whose client has left still counts until it ends.
    let made = task::spawn_blocking(move || (make(&app), seat)).await;
    match made {
        Ok((Ok(json), seat)) => json_response(counted(json.into(), seat)),
        Ok((Err(failure), _)) => failed(failure),
        Err(error) => {
            tracing::error!(%error, "a request can't be answered");
            Problem::internal().into_response()
        }
    }
}

/// What a client learns of a failure.
pub(super) fn failed(failure: Failure) -> Response {
    match failure {
        Failure::Problem(problem) => problem.into_response(),
        Failure::GivenUp => {
            tracing::debug!("a request is abandoned: its client has left");
            Problem::too_slow().into_response()
        }
        Failure::TooLong => Problem::too_slow().into_response(),
        Failure::Read(_) | Failure::Write(_) => {
            tracing::error!(error = %failure, "a request can't be answered");
            Problem::internal().into_response()
        }
    }
}

/// An answer with the reading that it comes from.
#[derive(Serialize, ToSchema)]
pub(super) struct Answered<T> {
    reading: ReadingAnswer,
    #[serde(flatten)]
    body: T,
}

/// `body` with the reading that it comes from, as JSON.
pub(super) fn render(reading: &dyn Reading, body: &impl Serialize) -> Result<Vec<u8>, Failure> {
    let reading = ReadingAnswer::of(reading);
    to_json(&Answered { reading, body })
}

/// `body` as JSON.
pub(super) fn to_json(body: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(body).map_err(unshowable)
}

/// What can't be shown as JSON fails like what can't be read.
pub(super) fn unshowable(error: serde_json::Error) -> Failure {
    Failure::Read(ReadError(format!("it can't be shown as JSON: {error}")))
}

/// `body` as an answer in JSON.
pub(super) fn json_response(body: Body) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], body).into_response()
}

/// `bytes` as a body that has `held`, the place of its question, until most of it is handed over.
pub(super) fn counted(bytes: Bytes, held: impl Send + Unpin + 'static) -> Body {
    Body::new(CountedBody {
        rest: bytes,
        _held: held,
    })
}

/// An answer on its way. It counts as in flight while most of it is unsent, so that clients that
/// read slowly can't make the service hold any number of large answers.
struct CountedBody<H> {
    rest: Bytes,
    _held: H,
}

/// So much is handed to the connection at once.
const PIECE: usize = 64 << 10;

impl<H: Send + Unpin> hyper::body::Body for CountedBody<H> {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(PIECE);
        // Copied, so that a piece that waits to be sent does not keep the whole answer in memory.
        let piece = Bytes::copy_from_slice(&self.rest.split_to(length));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use http_body_util::BodyExt;

    use super::*;
    use crate::api::Limits;
    use crate::api::capacity::Capacity;

    #[tokio::test]
    async fn an_answer_counts_as_in_flight_until_it_is_handed_over() {
        let capacity = Capacity::new(&Limits::default());
        let seat = capacity.light().unwrap();
        let json: Vec<u8> = (0..3 * PIECE + 5).map(|n| n as u8).collect();
        let mut body = counted(json.clone().into(), seat);
        let mut received = Vec::new();
        while let Some(frame) = body.frame().await {
            let piece = frame.unwrap().into_data().unwrap();
            assert!(piece.len() <= PIECE);
            assert_eq!(capacity.in_flight(), 1);
            received.extend_from_slice(&piece);
        }
        assert_eq!(received, json);
        drop(body);
        assert_eq!(capacity.in_flight(), 0);
    }
}
