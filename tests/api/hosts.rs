//! Whom a request takes the service for, and who sends it.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Version};
use tidegauge::api::{Limits, router};

use super::world::{Answer, World, send_as_is, state, token};

const ROUTES: [&str; 9] = [
    "/api/v1/totals",
    "/api/v1/rejects?limit=1",
    "/api/v1/windows/1m?format=csv",
    "/api/v1/events",
    "/api/v1",
    "/metrics",
    "/openapi.json",
    "/",
    "/readyz?verbose",
];

/// GETs `uri` with exactly these headers.
async fn ask(routes: &Router, uri: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send_as_is(routes, request.body(Body::empty()).unwrap()).await
}

fn with_token() -> Router {
    router(state(World::busy()), Some(token()), Limits::default())
}

#[tokio::test]
async fn without_a_token_a_name_that_others_can_own_reads_nothing() {
    let routes = World::busy().routes();
    for host in [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.7:8080",
        "0.0.0.0:8080",
        "[2001:db8::1]:8080",
        "kubernetes",
    ] {
        for uri in ROUTES {
            let problem = ask(&routes, uri, &[("host", host)]).await.problem(403);
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(host), "{detail}");
            assert!(detail.contains("localhost") && detail.contains("http.token_file"));
        }
        // Probes say yes or no to anybody.
        for uri in ["/livez", "/readyz"] {
            assert_eq!(ask(&routes, uri, &[("host", host)]).await.status, 200);
        }
    }
    // The target counts where it names a host, as the one that a proxy is asked for does.
    let target = "http://evil.example/api/v1/totals";
    ask(&routes, target, &[("host", "localhost")])
        .await
        .problem(403);
}

#[tokio::test]
async fn without_a_token_loopback_is_answered_however_it_is_written() {
    let routes = World::busy().routes();
    for host in [
        "localhost",
        "localhost:8080",
        "localhost:9999",
        "LOCALHOST:8080",
        "localhost.",
        "localhost.:8080",
        "tidegauge.localhost",
        "127.0.0.1",
        "127.0.0.1:8080",
        "127.0.0.2:80",
        "[::1]",
        "[::1]:8080",
        "[0:0:0:0:0:0:0:1]:8080",
        "[::ffff:127.0.0.1]:8080",
    ] {
        let answer = ask(&routes, "/api/v1/totals", &[("host", host)]).await;
        assert_eq!(answer.status, 200, "{host}: {}", answer.text());
    }
}

#[tokio::test]
async fn with_a_token_any_host_is_answered() {
    let routes = with_token();
    let bearer = ("authorization", "Bearer correct horse");
    for host in [
        "payments.example",
        "10.0.0.7:8080",
        "tidegauge",
        "localhost",
    ] {
        let site = ("sec-fetch-site", "cross-site");
        let answer = ask(&routes, "/api/v1/totals", &[("host", host), bearer, site]).await;
        assert_eq!(answer.status, 200, "{host}");
        let answer = ask(&routes, "/api/v1/totals", &[("host", host)]).await;
        answer.problem(401);
    }
}

#[tokio::test]
async fn a_host_that_is_missing_or_double_or_no_host_is_a_bad_request() {
    let bearer = ("authorization", "Bearer correct horse");
    for routes in [World::busy().routes(), with_token()] {
        for uri in ["/api/v1/totals", "/livez", "/", "/nothing"] {
            let problem = ask(&routes, uri, &[bearer]).await.problem(400);
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("\"Host\" is missing"), "{detail}");
            let twice = [bearer, ("host", "localhost"), ("host", "localhost")];
            let problem = ask(&routes, uri, &twice).await.problem(400);
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("more than once"), "{detail}");
            for host in [
                "",
                "a b",
                "a/b",
                "me@localhost",
                "localhost:x",
                "localhost:99999",
                "[::1",
            ] {
                let problem = ask(&routes, uri, &[bearer, ("host", host)])
                    .await
                    .problem(400);
                let detail = problem["detail"].as_str().unwrap();
                assert!(detail.contains("not a host"), "{host}: {detail}");
            }
        }
        let old = |host: Option<&str>| {
            let mut request = Request::get("/api/v1/totals").version(Version::HTTP_10);
            request = request.header(bearer.0, bearer.1);
            if let Some(host) = host {
                request = request.header("host", host);
            }
            request.body(Body::empty()).unwrap()
        };
        // HTTP/1.0 has no such header.
        assert_eq!(send_as_is(&routes, old(None)).await.status, 200);
        assert_eq!(
            send_as_is(&routes, old(Some("localhost"))).await.status,
            200
        );
    }
    let old = Request::get("/api/v1/totals").version(Version::HTTP_10);
    let old = old
        .header("host", "evil.example")
        .body(Body::empty())
        .unwrap();
    send_as_is(&World::busy().routes(), old).await.problem(403);
}

#[tokio::test]
async fn without_a_token_no_page_of_another_site_reads_figures() {
    let routes = World::busy().routes();
    let local = ("host", "localhost:8080");
    for uri in [
        "/api/v1/totals",
        "/api/v1/rejects",
        "/api/v1/events",
        "/api/v1",
        "/metrics",
    ] {
        for site in ["cross-site", "Cross-Site"] {
            let problem = ask(&routes, uri, &[local, ("sec-fetch-site", site)])
                .await
                .problem(403);
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("another site") && detail.contains("http.token_file"));
        }
    }
    for site in ["same-origin", "same-site", "none"] {
        let answer = ask(
            &routes,
            "/api/v1/totals",
            &[local, ("sec-fetch-site", site)],
        )
        .await;
        assert_eq!(answer.status, 200, "{site}");
    }
    // A link to the page may stand anywhere.
    let answer = ask(&routes, "/", &[local, ("sec-fetch-site", "cross-site")]).await;
    assert_eq!(answer.status, 200);
}
