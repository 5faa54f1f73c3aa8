//! Readers of the service over HTTP: lists page by page, and whole tables. While they read, the simulated time stands
//! still.

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
    let (status, body) = ask_bytes(router, path);
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

fn ask_bytes(router: &Router, path: &str) -> (u16, Vec<u8>) {
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
            (status, body.to_vec())
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

/// Each table in CSV has the rows of the list, in their order, and their cells.
pub fn check_tables(router: &Router, figures: &Figures) -> Result<(), String> {
    let windows = figures.windows.iter();
    let windows = windows.map(|(name, items)| (format!("windows/{name}"), items));
    let totals = [("totals".to_owned(), &figures.totals)];
    for (name, items) in windows.chain(totals) {
        let path = format!("/api/v1/{name}?format=csv");
        let (status, body) = ask_bytes(router, &path);
        let mut table = csv::Reader::from_reader(body.as_slice());
        let header = table.headers().map_err(|error| error.to_string())?.clone();
        let rows: Vec<csv::StringRecord> = table.records().filter_map(Result::ok).collect();
        if status != 200 || rows.len() != items.len() {
            return Err(format!(
                "{path} is answered with {status} and {} rows, and the list has {}",
                rows.len(),
                items.len()
            ));
        }
        for (row, item) in rows.iter().zip(items) {
            let differs = |(column, cell): &(&str, &str)| !says(cell, &item[*column]);
            if let Some((column, cell)) = header.iter().zip(row).find(differs) {
                return Err(format!("{path}: {column} is {cell:?} in {item}"));
            }
        }
    }
    Ok(())
}

// Whether a cell of CSV says what a value of JSON does.
fn says(cell: &str, value: &Value) -> bool {
    match value {
        Value::Null => cell.is_empty(),
        Value::String(text) => cell == text,
        Value::Number(number) if number.is_f64() => {
            let (found, expected) = (cell.parse::<f64>(), number.as_f64().unwrap_or_default());
            // Reading the text of a double may miss it by the last bit.
            found.is_ok_and(|found| (found - expected).abs() <= expected.abs() * 1e-15)
        }
        other => {
            let text = other.to_string();
            cell == text
        }
    }
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
