//! What went wrong with a request, as RFC 9457 problem details. All errors are made here.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::limits::LIGHT_ITEMS;
use crate::domain::duration;
use crate::view::reading::ReadError;

/// Why a request gets no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Problem {
    status: StatusCode,
    detail: String,
    parameter: Option<String>,
    /// When to try again, if that may help: in seconds.
    retry_after: u16,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            parameter: None,
            retry_after: 1,
        }
    }

    /// A query parameter is wrong; `detail` says what would be right.
    pub(super) fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail).in_parameter(name)
    }

    /// The same, as the fault of query parameter `name`.
    pub(super) fn in_parameter(self, name: &str) -> Self {
        Self {
            parameter: Some(name.to_owned()),
            ..self
        }
    }

    /// The path can't be read.
    pub(super) fn path(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// The request as such breaks a rule of HTTP.
    pub(super) fn request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// The client may not ask anything.
    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// The token is missing or wrong. Which of the two is not said.
    pub(super) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "send the configured token as \"Authorization: Bearer TOKEN\"",
        )
    }

    /// The thing that was asked for does not exist.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// The client accepts none of the forms that the answer has.
    pub(super) fn not_acceptable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, detail)
    }

    /// A part is asked for that a file of `length` bytes does not have.
    pub(super) fn beyond(length: usize) -> Self {
        Self::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            format!("the file has {length} bytes, and \"Range\" begins after the end of the file"),
        )
    }

    /// Only reading is possible here.
    pub(super) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "this address answers GET and HEAD only",
        )
    }

    /// The body is longer than `max` bytes.
    pub(super) fn body_too_large(max: u64) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("a request body of more than {max} bytes is not read; no route needs one"),
        )
    }

    /// The address is longer than `max` bytes.
    pub(super) fn uri_too_long(max: usize) -> Self {
        Self::new(
            StatusCode::URI_TOO_LONG,
            format!("path and query are longer than {max} bytes"),
        )
    }

    /// Too many requests at once.
    pub(super) fn overloaded(max: usize) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{max} requests are being answered already; try again in a second"),
        )
    }

    /// Too many large questions at once: all of their places are taken, or their turn did not come.
    pub(super) fn heavy_overloaded(max: usize) -> Self {
        Self::later(format!(
            "too many large answers are being made or sent already ({max} at most); try again in a \
             few seconds, or ask for less: up to {LIGHT_ITEMS} items have places of their own"
        ))
    }

    /// Too many requests wait until their file can be made, or this one has waited long enough.
    pub(super) fn files_wait(max: usize) -> Self {
        Self::later(format!(
            "files are made one at a time, and others wait already ({max} at most); try again in a \
             few seconds"
        ))
    }

    /// Answers that are whole in memory take all the room that they may.
    pub(super) fn no_room() -> Self {
        Self::later(
            "answers that are being sent use all the memory that is allowed for them; try again in a few \
             seconds",
        )
    }

    fn later(detail: impl Into<String>) -> Self {
        Self {
            retry_after: 5,
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }

    /// Too many requests wait for the state to reach a place.
    pub(super) fn too_many_wait(max: usize) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{max} requests wait for the state already; try again in a second"),
        )
    }

    /// Too many event streams at once.
    pub(super) fn crowded(max: usize) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{max} event streams are open already; close one, or try again later"),
        )
    }

    /// The state has not come as far as the request wants to wait for.
    pub(super) fn not_reached(timeout: Duration, missing: &str) -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!(
                "not reached within {}: {missing}; ask again, or for less",
                duration::text(timeout)
            ),
        )
    }

    /// The answer was not ready in time.
    pub(super) fn too_slow() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the answer was not ready in time; ask for less (a shorter range, one branch, a \
             smaller limit) or try again",
        )
    }

    /// Something broke on our side. The log says what; the client has no use for it.
    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the answer could not be made; the log of the service says why",
        )
    }
}

/// What went wrong (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct Details<'a> {
    r#type: &'static str,
    /// The phrase of the status.
    title: &'static str,
    status: u16,
    /// What was wrong, and what would be right.
    detail: &'a str,
    /// The query parameter that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'a str>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let details = Details {
            // RFC 9457, 4.2.1: the title is then the phrase of the status.
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            parameter: self.parameter.as_deref(),
        };
        let body = serde_json::to_vec(&details).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Bearer realm=\"tidegauge\""),
                );
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(self.retry_after));
            }
            _ => {}
        }
        response
    }
}

/// Why a reading gives no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The question is wrong.
    #[error("{}", .0.detail)]
    Problem(Problem),
    /// The state can't be read.
    #[error(transparent)]
    Read(ReadError),
    /// The answer can't be written.
    #[error("the answer can't be written: {0}")]
    Write(Box<dyn std::error::Error + Send + Sync>),
    /// The client has left.
    #[error("the client has left")]
    GivenUp,
    /// The answer has taken all the time it may.
    #[error("the answer takes longer than it may")]
    TooLong,
}

impl From<Box<dyn std::error::Error + Send + Sync>> for Failure {
    fn from(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self::Write(error)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// What a client sent, fit to be shown: quoted, short, without control characters.
pub(super) fn quoted(text: &str) -> String {
    const MAX: usize = 64;
    let mut shown: String = text.chars().take(MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}
