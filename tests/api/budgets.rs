//! What a question may take: heavy ones have places of their own, stop when no client waits, and come
//! in pieces.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::Value;
use tidegauge::api::{Limits, router};
use tokio::task::{JoinHandle, JoinSet};
use tower::ServiceExt;

use super::metered::metered;
use super::world::{Answer, World, get, json, send, state};

/// Long enough never to matter.
const LONG: Duration = Duration::from_secs(600);

fn patient() -> Limits {
    Limits {
        answer_timeout: LONG,
        queue_timeout: LONG,
        file_timeout: LONG,
        ..Limits::default()
    }
}

fn ask(routes: &Router, uri: &'static str) -> JoinHandle<Answer> {
    let routes = routes.clone();
    tokio::spawn(async move { get(&routes, uri).await })
}

/// Waits until no answer is made or sent any more.
async fn at_rest(routes: &Router) {
    for _ in 0..6_000 {
        let metrics = get(routes, "/metrics").await;
        if metrics.text().contains("\ntidegauge_http_in_flight 0.0\n") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a place was never freed");
}

#[tokio::test]
async fn a_question_whose_client_left_stops_and_frees_its_place() {
    for uri in [
        "/api/v1/windows/1m?branch=7&limit=10000",
        "/api/v1/windows/1m?branch=7&format=csv",
        "/api/v1/windows/1m?branch=7&format=parquet",
        "/api/v1/windows/1m?branch=7&limit=1&from=2026-11-01T01:00:00Z",
    ] {
        let (readings, meter) = metered(World::long(2_000));
        let routes = router(state(readings), None, patient());
        meter.shut();
        let client = ask(&routes, uri);
        meter.holds(1).await;
        client.abort();
        assert!(client.await.unwrap_err().is_cancelled());
        meter.open();
        at_rest(&routes).await;
        assert!(meter.cells() < 500, "{uri}: {} cells", meter.cells());
    }
}

#[tokio::test]
async fn a_question_that_was_given_up_stops_and_frees_its_place() {
    let (readings, meter) = metered(World::long(2_000));
    let limits = Limits {
        answer_timeout: Duration::from_millis(20),
        ..patient()
    };
    let routes = router(state(readings), None, limits);
    meter.shut();
    let answer = get(&routes, "/api/v1/windows/1m?branch=7&limit=10000").await;
    answer.problem(503);
    assert_eq!(answer.header("retry-after"), "1");
    meter.open();
    at_rest(&routes).await;
    assert!(meter.cells() < 500, "{} cells", meter.cells());
}

#[tokio::test]
async fn heavy_questions_take_no_place_of_a_light_one() {
    let (readings, meter) = metered(World::long(200));
    let limits = Limits {
        turns: 4,
        ..patient()
    };
    let routes = router(state(readings), None, limits);
    meter.shut();
    let mut heavy = JoinSet::new();
    for number in 0..64 {
        let routes = routes.clone();
        let format = ["json", "csv"][number % 2];
        heavy.spawn(async move {
            let uri = format!("/api/v1/windows/10m-by-1m?branch=7&limit=9999&format={format}");
            get(&routes, &uri).await
        });
    }
    // As many as are worked on at once.
    meter.holds(4).await;
    for light in [
        "totals/0",
        "totals",
        "ledger",
        "windows",
        "windows/1m?limit=100&branch=0",
        "rejects?limit=100",
        "late?limit=100",
        "status",
    ] {
        let answer = get(&routes, &format!("/api/v1/{light}")).await;
        assert_eq!(answer.status, 200, "{light}: {}", answer.text());
    }
    assert_eq!(get(&routes, "/livez").await.status, 200);
    // All but those that have a place are refused before any place is free again.
    for _ in Limits::default().heavy..64 {
        let answer = heavy.join_next().await.unwrap().unwrap();
        answer.problem(503);
        assert_eq!(answer.header("retry-after"), "5");
    }
    meter.open();
    let mut answered = 0;
    while let Some(answer) = heavy.join_next().await {
        assert_eq!(answer.unwrap().status, 200);
        answered += 1;
    }
    assert_eq!(answered, Limits::default().heavy);
}

#[tokio::test]
async fn a_light_question_that_turns_out_to_be_heavy_takes_a_heavy_place() {
    // Branch 1 is configured and has no payment: to see that, all of its windows are looked at.
    let uri = "/api/v1/windows/10m-by-1m?branch=1&limit=1";
    let free = router(state(World::long(2_000)), None, patient());
    assert_eq!(json(&free, uri).await["items"], Value::Array(vec![]));
    let full = Limits {
        heavy: 0,
        ..patient()
    };
    let full = router(state(World::long(2_000)), None, full);
    let problem = get(&full, uri).await.problem(503);
    let told = problem["detail"].as_str().unwrap();
    assert!(told.contains("large answers"), "{told}");
    let uri = "/api/v1/windows/10m-by-1m?branch=0&limit=1";
    assert_eq!(get(&full, uri).await.status, 200);
}

#[tokio::test]
async fn who_waits_for_a_file_takes_no_place() {
    let (readings, meter) = metered(World::long(20));
    let limits = Limits {
        heavy: 2,
        files_waiting: 5,
        ..patient()
    };
    let routes = router(state(readings), None, limits);
    meter.shut();
    let parquet = "/api/v1/windows/1m?branch=7&format=parquet";
    let mut files = vec![ask(&routes, parquet)];
    meter.holds(1).await;
    for _ in 0..5 {
        files.push(ask(&routes, parquet));
    }
    // They all have come as far as they can.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let head = Request::head(parquet).body(Body::empty()).unwrap();
    let one_more = send(&routes, head).await;
    assert_eq!(one_more.status, 503);
    assert_eq!(one_more.header("retry-after"), "5");
    let other = get(&routes, "/api/v1/windows/1m?branch=0&limit=1000").await;
    assert_eq!(other.status, 200, "{}", other.text());
    meter.open();
    for file in files {
        let file = file.await.unwrap();
        assert_eq!(file.status, 200, "{}", file.text());
    }
}

#[tokio::test]
async fn a_file_may_take_longer_than_an_answer_as_long_as_it_gets_on() {
    let (readings, meter) = metered(World::long(2_000));
    let limits = Limits {
        answer_timeout: Duration::from_secs(1),
        ..patient()
    };
    let routes = router(state(readings), None, limits);
    // 6,000 cells: at least two seconds, and a page every tenth of one.
    meter.rest_every(300, Duration::from_millis(100));
    let file = get(&routes, "/api/v1/windows/1m?format=parquet").await;
    assert_eq!(file.status, 200, "{}", file.text());
}

#[tokio::test]
async fn what_a_client_has_is_found_without_reading_a_row() {
    let (readings, meter) = metered(World::long(50));
    let routes = router(state(readings), None, patient());
    for path in [
        "windows/1m",
        "windows/10m-by-1m?limit=20",
        "windows/1m?branch=7",
    ] {
        for format in ["json", "csv", "arrow", "parquet"] {
            let mark = if path.contains('?') { '&' } else { '?' };
            let uri = format!("/api/v1/{path}{mark}format={format}");
            let tag = get(&routes, &uri).await.header("etag").to_owned();
            let read = meter.cells();
            for given in [tag.as_str(), "*"] {
                let again = Request::get(&uri).header("if-none-match", given);
                let again = send(&routes, again.body(Body::empty()).unwrap()).await;
                assert_eq!(again.status, 304, "{uri}");
                assert_eq!(again.header("etag"), tag);
            }
            assert_eq!(meter.cells(), read, "{uri}");
        }
    }
    // A wrong request has no answer to share.
    let wrong = Request::get("/api/v1/windows/1m?limit=0").header("if-none-match", "*");
    send(&routes, wrong.body(Body::empty()).unwrap())
        .await
        .problem(400);
}

#[tokio::test]
async fn a_long_answer_in_json_is_sent_in_pieces_and_is_the_same() {
    let routes = World::long(2_000).routes();
    let long = get(&routes, "/api/v1/windows/1m?limit=10000").await;
    assert_eq!(long.header("content-length"), "");
    assert!(long.header("etag").starts_with('"'));
    let long = long.json();
    let items = long["items"].as_array().unwrap();
    assert_eq!(items.len(), 6_000);
    assert_eq!(long["next"], Value::Null);
    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = get(&routes, &format!("/api/v1/windows/1m?limit=700{cursor}")).await;
        assert_eq!(page.header("content-length"), page.body.len().to_string());
        let mut page = page.json();
        assert_eq!(page["reading"], long["reading"]);
        paged.append(page["items"].as_array_mut().unwrap());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(&paged, items);
}

#[tokio::test]
async fn rejects_of_any_size_come_in_pieces() {
    let routes = World::of_rejects(700).routes();
    let all = json(&routes, "/api/v1/rejects?limit=10000").await;
    let all = all["items"].as_array().unwrap();
    assert_eq!(all.len(), 700);
    let first = json(&routes, "/api/v1/rejects?limit=99").await;
    assert_eq!(first["items"].as_array().unwrap(), &all[..99]);
    let next = first["next"].as_str().unwrap();
    let second = json(&routes, &format!("/api/v1/rejects?limit=700&cursor={next}")).await;
    assert_eq!(second["items"].as_array().unwrap(), &all[99..]);
    assert_eq!(second["next"], Value::Null);
}

#[tokio::test]
async fn an_answer_that_fails_on_its_way_does_not_look_whole() {
    for (query, broken) in [
        ("limit=10000", 5_500),
        ("format=csv", 5_500),
        ("format=ndjson", 5_500),
        ("format=arrow", 5_500),
    ] {
        let (readings, meter) = metered(World::long(2_000));
        meter.break_at(broken);
        let routes = router(state(readings), None, patient());
        let uri = format!("/api/v1/windows/1m?{query}");
        let request = Request::get(uri).header("host", "localhost");
        let request = request.body(Body::empty()).unwrap();
        let response = routes.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let cut = response.into_body().collect().await.unwrap_err();
        assert!(cut.to_string().contains("cut off"), "{query}: {cut}");
        at_rest(&routes).await;
    }
    // What fails before anything was sent is told.
    for query in ["limit=10000", "format=csv", "format=parquet", "limit=2"] {
        let (readings, meter) = metered(World::long(1_200));
        meter.break_at(2);
        let routes = router(state(readings), None, patient());
        let uri = format!("/api/v1/windows/1m?{query}");
        get(&routes, &uri).await.problem(500);
        at_rest(&routes).await;
    }
}

#[tokio::test]
async fn answers_that_are_whole_take_a_bounded_amount_of_memory() {
    let limits = Limits {
        whole_bytes: 100 << 10,
        ..patient()
    };
    let routes = router(state(World::long(200)), None, limits);
    let uri = "/api/v1/windows/1m?format=csv&limit=599";
    let open = |uri: &'static str| {
        let request = Request::get(uri).header("host", "localhost");
        let request = request.body(Body::empty()).unwrap();
        routes.clone().oneshot(request)
    };
    let first = open(uri).await.unwrap();
    assert_eq!(first.status(), 200);
    let problem = get(&routes, uri).await.problem(503);
    let told = problem["detail"].as_str().unwrap();
    assert!(told.contains("memory"), "{told}");
    drop(first);
    assert_eq!(get(&routes, uri).await.status, 200);
}
