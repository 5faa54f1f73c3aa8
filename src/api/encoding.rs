//! Answers made smaller on their way, for clients that say they take it.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

use super::problem::Problem;

/// Shorter answers fit into one packet as they are.
const BYTES_MIN: u64 = 1_024;

/// `routes` with answers in gzip or zstd for clients that accept it.
///
/// Left as they are: what is short, Parquet (compressed inside, and read in parts), and events,
/// which would wait for more of them.
pub(super) fn compressed<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    let worthwhile = SizeAbove::new(BYTES_MIN)
        .and(NotForContentType::const_new(PARQUET))
        .and(NotForContentType::SSE);
    let compression = CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(worthwhile);
    routes.layer(compression).layer(from_fn(correct_headers))
}

const PARQUET: &str = "application/vnd.apache.parquet";

/// Sees to what the compression leaves untrue.
async fn correct_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let status = response.status();
    let headers = response.headers_mut();
    if status == StatusCode::NOT_ACCEPTABLE && headers.get(header::CONTENT_TYPE) != Some(&PROBLEM) {
        return Problem::not_acceptable(
            "\"Accept-Encoding\" refuses all that this service has: allow gzip, zstd or identity",
        )
        .into_response();
    }
    // A 304 has the headers that the whole answer would have (RFC 9110, 15.4.5).
    if status == StatusCode::NOT_MODIFIED {
        headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    // Other bytes are another representation: what names them says so by being weak.
    if headers.contains_key(header::CONTENT_ENCODING)
        && let Some(tag) = headers.get(header::ETAG)
        && let Ok(tag) = tag.to_str()
        && let Ok(weak) = HeaderValue::try_from(format!("W/{tag}"))
    {
        headers.insert(header::ETAG, weak);
    }
    response
}

const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
