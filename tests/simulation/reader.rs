//! Readers of the service over HTTP. While they read, the simulated time stands still.

use std::collections::BTreeMap;
use std::thread;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::support::compare::Figures;

/// What is answered at `path`: the status and the JSON, `Null` if it is none.
pub fn ask(router: &Router, path: &str) -> (u16, Value) {
    let router = router.clone();
    let request = Request::get(path)
        .header("host", "localhost:8080")
        .body(Body::empty())
        .unwrap();
    // On a thread of its own: the runtime of the simulation does nothing meanwhile.
    let answered = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let response = router.oneshot(request).await.unwrap();
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            (status, serde_json::from_slice(&body).unwrap_or_default())
        })
    });
    answered.join().unwrap()
}

/// All figures, page by page.
pub fn figures(router: &Router, windows: &[&'static str]) -> Result<Figures, String> {
    let list = |name: &str| pages(router, &format!("/api/v1/{name}"));
    let mut by_window = BTreeMap::new();
    for name in windows {
        by_window.insert(*name, list(&format!("windows/{name}"))?);
    }
    Ok(Figures {
        totals: good(router, "/api/v1/totals")?["totals"]
            .as_array()
            .cloned()
            .unwrap_or_default(),
        windows: by_window,
        late: list("late")?,
        rejects: list("rejects")?,
        ledger: good(router, "/api/v1/ledger")?,
    })
}

/// What is answered at `path`, which must be good.
pub fn good(router: &Router, path: &str) -> Result<Value, String> {
    match ask(router, path) {
        (200, found) => Ok(found),
        (status, found) => Err(format!("{path} is answered with {status}: {found}")),
    }
}

fn pages(router: &Router, route: &str) -> Result<Vec<Value>, String> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let mut page = good(router, &format!("{route}?limit=5000{cursor}"))?;
        match page["items"].take() {
            Value::Array(found) => items.extend(found),
            other => return Err(format!("{route} gives no items: {other}")),
        }
        match &page["next"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => return Ok(items),
        }
    }
}
