//! Requests that are refused, and pages.

use std::collections::BTreeSet;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use serde_json::Value;
use tidegauge::api::{Limits, router};
use tidegauge::observe::status::{Condition, Part};
use tidegauge::view::reading::{ReadError, Reading, Readings};

use super::world::{World, get, json, send, state, token};

#[tokio::test]
async fn a_wrong_parameter_is_named_with_what_would_be_right() {
    let routes = World::busy().routes();
    for (uri, parameter, right) in [
        ("totals?x=1", "x", "format"),
        ("totals/0?format2=csv", "format2", "format"),
        ("windows?limit=1", "limit", "min_position"),
        ("windows/1m?brnch=1", "brnch", "did you mean \"branch\"?"),
        ("ledger?%00", "\u{0}", "min_position"),
        ("status?limit=1", "limit", "none"),
        ("status?a", "a", "none"),
        ("late?from=1", "from", "limit, cursor"),
        ("rejects?limit=0", "limit", "1 to 10000"),
        (
            "windows/1m?branche=1",
            "branche",
            "branch, from, to, final, limit, cursor",
        ),
        (
            "windows/1m/current?final=true",
            "final",
            "branch, from, to, limit, cursor",
        ),
        ("windows/1m?limit=10001", "limit", "1 to 10000"),
        (
            "windows/1m?limit=99999999999999999999999",
            "limit",
            "1 to 10000",
        ),
        ("windows/1m?limit=-1", "limit", "1 to 10000"),
        ("windows/1m?limit=", "limit", "1 to 10000"),
        ("windows/1m?limit=1&limit=2", "limit", "twice"),
        ("windows/1m?final=yes", "final", "true or false"),
        ("windows/1m?from=yesterday", "from", "RFC 3339"),
        ("windows/1m?to=9223372036854775807", "to", "RFC 3339"),
        ("windows/1m?to=%FF%FE", "to", "not UTF-8"),
        ("windows/1m?branch=%FF", "branch", "not UTF-8"),
        ("windows/1m?from=2026-11-02&to=2026-11-01", "from", "later"),
        ("windows/1m?cursor=abc", "cursor", "next"),
        ("windows/1m?cursor=../../etc/passwd", "cursor", "next"),
        ("late?cursor=%00", "cursor", "next"),
        ("rejects?cursor=99999999999999999999.0", "cursor", "next"),
    ] {
        let answer = get(&routes, &format!("/api/v1/{uri}")).await;
        let problem = answer.problem(400);
        assert_eq!(problem["parameter"], parameter, "{uri}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(right), "{uri}: {detail}");
        assert!(!detail.contains('\0'), "{uri}: {detail}");
    }
    get(&routes, "/readyz?verbose=maybe").await.problem(400);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let routes = World::busy().routes();
    for uri in [
        "/nothing",
        "/api/v1/",
        "/api/v1/totals/",
        "/api/v1/totals/0/",
        "/api/v1/../livez",
        "/api/v1/totals/../../livez",
        "/api/v1/totals/..%2F..%2Flivez",
        "/api/v1/windows/2m",
        "/api/v1/windows/1M",
        "/api/v1/windows/1m%00",
        "/api/v1/windows/%2e%2e",
        "/api/v1/windows/2m/current",
        "/api/v1/windows/1m/current/x",
        "/api/v1/windows/1m?branch=nobody",
        "/api/v1/windows/1m?branch=5",
        "/api/v1/windows/1m?branch=",
        "/api/v2/totals",
        "*",
    ] {
        get(&routes, uri).await.problem(404);
    }
    let problem = get(&routes, "/api/v1/windows/2m").await.problem(404);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("1m, 10m-by-1m, day"), "{detail}");
    // What a client sends comes back short.
    let long = "x".repeat(3_000);
    let answer = get(&routes, &format!("/api/v1/windows/{long}")).await;
    answer.problem(404);
    assert!(answer.body.len() < 400);
}

#[tokio::test]
async fn an_unknown_branch_is_the_fault_of_its_parameter() {
    let routes = World::busy().routes();
    for route in ["windows/1m", "windows/day/current", "events"] {
        let unknown = get(&routes, &format!("/api/v1/{route}?branch=5")).await;
        assert_eq!(unknown.problem(404)["parameter"], "branch", "{route}");
    }
    let in_path = get(&routes, "/api/v1/totals/5").await.problem(404);
    assert_eq!(in_path["parameter"], Value::Null);
}

#[tokio::test]
async fn a_path_that_is_not_utf_8_is_refused() {
    let routes = World::busy().routes();
    get(&routes, "/api/v1/totals/%FF").await.problem(400);
    get(&routes, "/api/v1/windows/%C3%28").await.problem(400);
}

#[tokio::test]
async fn an_address_over_4_kib_is_too_long() {
    let routes = World::busy().routes();
    let path = "/api/v1/windows/1m?cursor=";
    let fits = "a".repeat(4_096 + 1 - path.len());
    get(&routes, &format!("{path}{fits}")).await.problem(400);
    get(&routes, &format!("{path}{fits}a")).await.problem(414);
    let huge = "a".repeat(64_000);
    get(&routes, &format!("/{huge}")).await.problem(414);
}

#[tokio::test]
async fn a_body_over_16_kib_is_refused() {
    let routes = World::busy().routes();
    for (length, status) in [
        ("16384", 200),
        ("16385", 413),
        ("999999999999999999999", 413),
    ] {
        let request = Request::get("/livez").header("content-length", length);
        let answer = send(&routes, request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{length}");
    }
}

#[tokio::test]
async fn only_get_and_head_are_answered() {
    let routes = World::busy().routes();
    for uri in [
        "/api/v1/totals",
        "/api/v1/windows/1m/current",
        "/api/v1",
        "/livez",
        "/",
        "/ui/main.js",
    ] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
            let request = Request::builder().method(method).uri(uri);
            let answer = send(&routes, request.body(Body::empty()).unwrap()).await;
            answer.problem(405);
            assert_eq!(answer.header("allow"), "GET, HEAD");
        }
        let whole = get(&routes, uri).await;
        let head = send(&routes, Request::head(uri).body(Body::empty()).unwrap()).await;
        assert_eq!(head.status, 200);
        assert!(head.body.is_empty());
        assert_eq!(head.header("content-length"), whole.body.len().to_string());
        assert_eq!(head.header("content-type"), whole.header("content-type"));
    }
}

#[tokio::test]
async fn with_a_token_only_bare_probes_and_the_page_are_open() {
    let routes = router(state(World::busy()), Some(token()), Limits::default());
    let ask = async |uri: &str, authorization: Option<&str>| {
        let mut request = Request::get(uri);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        send(&routes, request.body(Body::empty()).unwrap()).await
    };
    for uri in [
        "/api/v1/totals",
        "/api/v1",
        "/nothing",
        "/ui",
        "/readyz?verbose",
        "/livez/",
    ] {
        for wrong in [
            None,
            Some(""),
            Some("Bearer"),
            Some("Bearer "),
            Some("Bearer correct hors"),
            Some("Bearer correct horse2"),
            Some("Basic correct horse"),
            Some("correct horse"),
        ] {
            let answer = ask(uri, wrong).await;
            answer.problem(401);
            assert!(answer.header("www-authenticate").starts_with("Bearer"));
        }
    }
    for right in ["Bearer correct horse", "bearer  correct horse "] {
        assert_eq!(ask("/api/v1/totals", Some(right)).await.status, 200);
    }
    assert_eq!(ask("/livez", None).await.status, 200);
    assert_eq!(ask("/readyz", None).await.status, 200);
    assert_eq!(ask("/", None).await.status, 200);
    assert_eq!(ask("/ui/main.js", None).await.status, 200);
}

#[tokio::test]
async fn the_page_is_kept_until_it_changes_and_runs_nothing_but_itself() {
    let routes = World::busy().routes();
    for (uri, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/ui/main.js", "text/javascript; charset=utf-8"),
        ("/ui/page.css", "text/css; charset=utf-8"),
        ("/ui/tidegauge.svg", "image/svg+xml"),
    ] {
        let answer = get(&routes, uri).await;
        assert_eq!(answer.status, 200, "{uri}");
        assert_eq!(answer.header("content-type"), kind);
        assert_eq!(answer.header("cache-control"), "no-cache");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
        assert!(!policy.contains("unsafe"));
        let tag = answer.header("etag").to_owned();
        for (known, status) in [
            (tag.clone(), 304),
            (format!("\"other\", W/{tag}"), 304),
            ("\"other\"".to_owned(), 200),
        ] {
            let request = Request::get(uri).header("if-none-match", known);
            let again = send(&routes, request.body(Body::empty()).unwrap()).await;
            assert_eq!(again.status, status, "{uri}");
            assert_eq!(again.body.is_empty(), status == 304);
            assert_eq!(again.header("etag"), tag);
        }
    }
    for nothing in ["/ui/", "/ui/nothing.js", "/ui/../Cargo.toml", "/ui/%ff"] {
        get(&routes, nothing).await.problem(404);
    }
}

#[tokio::test]
async fn a_failed_part_makes_it_not_ready() {
    let state = state(World::busy());
    state
        .status
        .set(Part::Sink, Condition::Failed, "the API key was refused");
    let routes = router(state.clone(), None, Limits::default());
    assert_eq!(get(&routes, "/readyz").await.status, 503);
    let verbose = get(&routes, "/readyz?verbose").await;
    assert!(
        verbose
            .text()
            .contains("sink failed: the API key was refused")
    );
    assert_eq!(get(&routes, "/livez").await.status, 200);
    assert_eq!(json(&routes, "/api/v1/status").await["ready"], false);
}

struct Broken;

impl Readings for Broken {
    fn read(
        &self,
        _: &mut dyn FnMut(&dyn Reading) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        Err(ReadError("/secret/path: input/output error".into()))
    }
}

#[tokio::test]
async fn when_the_state_cannot_be_read_only_status_answers() {
    let routes = router(state(Broken), None, Limits::default());
    let answer = get(&routes, "/api/v1/totals").await;
    answer.problem(500);
    assert!(!answer.text().contains("secret"));
    let status = json(&routes, "/api/v1/status").await;
    assert_eq!(status["reading"], Value::Null);
    assert_eq!(status["last_checkpoint"], Value::Null);
    assert_eq!(status["parts"]["source"]["state"], "ok");
    assert_eq!(status["partitions"][1]["end"], 25);
}

struct Panics;

impl Readings for Panics {
    fn read(
        &self,
        _: &mut dyn FnMut(&dyn Reading) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        panic!("a broken invariant")
    }
}

#[tokio::test]
async fn a_panic_is_a_problem_and_the_next_request_is_answered() {
    let routes = router(
        state(Panics),
        None,
        Limits {
            in_flight: 1,
            ..Limits::default()
        },
    );
    for _ in 0..3 {
        let answer = get(&routes, "/api/v1/ledger").await;
        answer.problem(500);
        assert!(!answer.text().contains("invariant"));
    }
    assert_eq!(get(&routes, "/livez").await.status, 200);
}

/// All items of `uri`, page by page.
async fn walk(routes: &Router, uri: &str, limit: usize) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = json(routes, &format!("{uri}limit={limit}{cursor}")).await;
        let found = page["items"].as_array().unwrap();
        assert!(found.len() <= limit);
        items.extend(found.iter().cloned());
        match page["next"].as_str() {
            Some(next) => {
                assert_eq!(found.len(), limit, "only the last page may be short");
                cursor = format!("&cursor={next}");
            }
            None => return items,
        }
    }
}

#[tokio::test]
async fn pages_hold_every_item_once_in_order() {
    let routes = World::busy().routes();
    for uri in [
        "windows/1m?",
        "windows/1m/current?",
        "windows/1m?final=true&",
        "windows/1m?branch=7&",
        "windows/10m-by-1m?",
        "windows/day?",
        "rejects?",
        "late?",
    ] {
        let uri = format!("/api/v1/{uri}");
        let all = walk(&routes, &uri, 10_000).await;
        assert!(all.len() > 1, "{uri}");
        for limit in [1, 2, 3, 7, all.len(), all.len() + 1] {
            assert_eq!(walk(&routes, &uri, limit).await, all, "{uri} by {limit}");
        }
        if uri.contains("windows") {
            let places: Vec<_> = all.iter().map(place).collect();
            assert!(places.is_sorted(), "{uri}");
            let once: BTreeSet<_> = places.iter().collect();
            assert_eq!(once.len(), all.len(), "{uri}");
        }
    }
}

fn place(item: &Value) -> (&str, u64, &str) {
    (
        item["window_start"].as_str().unwrap(),
        item["branch_id"].as_u64().unwrap(),
        item["window_end"].as_str().unwrap(),
    )
}

#[tokio::test]
async fn a_cursor_works_only_with_the_filters_it_came_with() {
    let routes = World::busy().routes();
    let page = json(&routes, "/api/v1/windows/1m?limit=1").await;
    let next = page["next"].as_str().unwrap();
    for uri in [
        format!("windows/10m-by-1m?cursor={next}"),
        format!("windows/1m?branch=7&cursor={next}"),
        format!("windows/1m?final=true&cursor={next}"),
        format!("windows/1m?from=2026-11-01&cursor={next}"),
        format!("windows/1m/current?cursor={next}"),
        format!("rejects?cursor={next}"),
        format!("windows/1m?cursor={next}0"),
        format!("windows/1m?cursor=1{next}"),
    ] {
        let problem = get(&routes, &format!("/api/v1/{uri}")).await.problem(400);
        assert_eq!(problem["parameter"], "cursor", "{uri}");
    }
    // The size of a page may change on the way.
    json(
        &routes,
        &format!("/api/v1/windows/1m?limit=5&cursor={next}"),
    )
    .await;
}
