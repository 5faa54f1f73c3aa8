//! Requests over HTTP: whatever is asked, the answer is complete, well-formed and never 5xx.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tempfile::TempDir;
use tidegauge::api::{Limits, State, router};
use tidegauge::host::clock::Instant;
use tidegauge::observe::status::{Condition, Part, Status};
use tidegauge::store::Store;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

use super::small_state;

/// A state that is asked, as long as the process lives.
struct Asked {
    _dir: TempDir,
    _store: Store,
    state: State,
}

/// A whole answer that takes longer hangs, unless it was asked to wait.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long is waited for an answer that waits for the state to reach a place.
const WAITING: Duration = Duration::from_millis(50);

thread_local! {
    static CLIENT: RefCell<Option<(Runtime, Router)>> = const { RefCell::new(None) };
}

/// An input is a method and an address in the first line, and a header in each further one.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let (method, uri) = first.split_once(' ').unwrap_or(("GET", first));
    let mut request = Request::builder().method(method).uri(uri);
    let mut has_host = false;
    for line in lines.take(16) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        has_host |= name.eq_ignore_ascii_case("host");
        request = request.header(name, value.trim());
    }
    if !has_host {
        request = request.header("host", "localhost:8080");
    }
    // What is no request never comes to a route.
    let Ok(request) = request.body(Body::empty()) else {
        return;
    };
    CLIENT.with_borrow_mut(|client| {
        let (runtime, routes) = client.get_or_insert_with(client_of_this_thread);
        runtime.block_on(ask(routes, request));
    });
}

async fn ask(routes: &Router, request: Request<Body>) {
    let uri = request.uri().clone();
    // A question waits for `min_…`, in whatever way its letters are encoded.
    let waits = uri
        .query()
        .is_some_and(|query| query.contains(['m', '%']) && query.contains('='));
    let is_stream = uri.path() == "/api/v1/events";
    let is_head = request.method() == "HEAD";
    let answer = async {
        let (head, body) = routes.clone().oneshot(request).await.unwrap().into_parts();
        // A stream of events does not end.
        let body = match is_stream && head.status == StatusCode::OK {
            true => None,
            false => Some(body.collect().await.unwrap().to_bytes()),
        };
        (head, body)
    };
    let patience = if waits { WAITING } else { PATIENCE };
    let Ok((head, body)) = tokio::time::timeout(patience, answer).await else {
        assert!(waits, "{uri} has no answer after {PATIENCE:?}");
        return;
    };
    // Who waits for a place that is not reached is told so.
    let is_in_vain = waits && head.status == StatusCode::GATEWAY_TIMEOUT;
    let is_failure = head.status.is_server_error() && !is_in_vain;
    assert!(!is_failure, "{uri}: {}", head.status);
    assert_eq!(head.headers["x-content-type-options"], "nosniff", "{uri}");
    let Some(body) = body else {
        return;
    };
    let header = |name| {
        head.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    };
    let is_problem = head.status.is_client_error() || is_in_vain;
    if is_head || head.status == StatusCode::NOT_MODIFIED {
        assert!(body.is_empty(), "{uri}: {}", head.status);
    } else if header("content-encoding").is_empty() {
        let kind = header("content-type");
        if is_problem {
            assert_eq!(kind, "application/problem+json", "{uri}: {}", head.status);
            assert!(body.len() < 4_096, "{uri}: {} bytes", body.len());
        }
        if is_problem || kind == "application/json" {
            let parsed: Result<Value, _> = serde_json::from_slice(&body);
            let parsed = parsed.unwrap_or_else(|error| panic!("{uri}: {error}"));
            let is_told = parsed["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty());
            assert!(!is_problem || is_told, "{uri}: {parsed}");
        }
    }
}

fn client_of_this_thread() -> (Runtime, Router) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let routes = {
        let _inside = runtime.enter();
        router(asked().state.clone(), None, Limits::default())
    };
    (runtime, routes)
}

fn asked() -> &'static Asked {
    static ASKED: OnceLock<Asked> = OnceLock::new();
    ASKED.get_or_init(|| {
        let dir = small_state::scratch();
        let (store, _) = small_state::write(dir.path(), small_state::OLD);
        let status = Status::new();
        for part in [Part::Source, Part::Store, Part::Sink] {
            status.set(part, Condition::Ok, "");
        }
        let state = State {
            readings: store.readings(),
            changelog: store.changelog(),
            status: Arc::new(status),
            branches: store.branches(),
            index_prefix: Some("payments".to_owned()),
            version: "0.0.0-test",
            started: Instant::now(),
        };
        Asked {
            _dir: dir,
            _store: store,
            state,
        }
    })
}
