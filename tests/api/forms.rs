//! The forms that figures are given in, and what may be kept of them.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;
use serde_json::Value;

use super::world::{Answer, World, get, json, send};

async fn ask(routes: &axum::Router, request: Builder) -> Answer {
    send(routes, request.body(Body::empty()).unwrap()).await
}

/// The rows of a table in CSV, each by column.
fn csv_rows(text: &str) -> Vec<Vec<(String, String)>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    reader
        .records()
        .map(|row| {
            let row = row.unwrap();
            let cells = header.iter().zip(row.iter());
            cells
                .map(|(name, cell)| (name.into(), cell.into()))
                .collect()
        })
        .collect()
}

/// A JSON value as CSV says it.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[tokio::test]
async fn csv_and_ndjson_say_what_json_says() {
    let routes = World::busy().routes();
    for (path, items) in [
        ("/api/v1/totals", "totals"),
        ("/api/v1/windows/1m", "items"),
        ("/api/v1/windows/day/current", "items"),
    ] {
        let Value::Array(items) = json(&routes, path).await[items].take() else {
            panic!("{path} has no items")
        };
        assert!(!items.is_empty(), "{path}");
        let ndjson = get(&routes, &format!("{path}?format=ndjson")).await;
        assert_eq!(ndjson.header("content-type"), "application/x-ndjson");
        let lines: Vec<Value> = ndjson
            .text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines, items, "{path}");
        let csv = get(&routes, &format!("{path}?format=csv")).await;
        assert_eq!(
            csv.header("content-type"),
            "text/csv; charset=utf-8; header=present"
        );
        assert_eq!(csv.header("tidegauge-sequence"), "12");
        assert_eq!(csv.header("tidegauge-generation"), "1");
        assert_eq!(csv.header("tidegauge-watermark"), "2026-11-01T00:03:05Z");
        let rows = csv_rows(csv.text());
        assert_eq!(rows.len(), items.len(), "{path}");
        for (row, item) in rows.iter().zip(&items) {
            assert_eq!(row.len(), item.as_object().unwrap().len());
            for (name, text) in row {
                assert_eq!(*text, cell(&item[name]), "{path}: {name}");
            }
        }
    }
}

#[tokio::test]
async fn a_table_without_rows_has_its_header() {
    let routes = World::empty().routes();
    let answer = get(&routes, "/api/v1/windows/1m?format=csv").await;
    assert!(answer.text().starts_with("window,window_start,window_end,"));
    assert_eq!(answer.text().lines().count(), 1);
    for format in ["arrow", "parquet", "ndjson"] {
        let answer = get(&routes, &format!("/api/v1/windows/1m?format={format}")).await;
        assert_eq!(answer.status, 200, "{format}");
    }
}

#[tokio::test]
async fn a_table_with_a_limit_links_to_its_next_page() {
    let routes = World::busy().routes();
    let whole = get(&routes, "/api/v1/windows/1m?format=csv&from=2026-11-01").await;
    assert_eq!(whole.header("link"), "");
    let whole = csv_rows(whole.text());
    let mut pages = Vec::new();
    let mut address = "/api/v1/windows/1m?format=csv&limit=3&from=2026-11-01".to_owned();
    loop {
        let page = get(&routes, &address).await;
        let rows = csv_rows(page.text());
        assert!(rows.len() <= 3);
        pages.extend(rows);
        let link = page.header("link");
        let Some(next) = link.strip_prefix('<') else {
            break;
        };
        address = next.strip_suffix(">; rel=\"next\"").unwrap().to_owned();
    }
    assert!(whole.len() > 6);
    assert_eq!(pages, whole);
}

#[tokio::test]
async fn the_form_is_negotiated() {
    let routes = World::busy().routes();
    let answer = ask(
        &routes,
        Request::get("/api/v1/totals").header("accept", "text/csv, */*;q=0.5"),
    )
    .await;
    assert!(answer.header("content-type").starts_with("text/csv"));
    assert_eq!(answer.header("vary"), "accept");
    assert_eq!(
        answer.header("content-disposition"),
        "inline; filename=\"totals.csv\""
    );
    let html = Request::get("/api/v1/totals").header("accept", "text/html");
    let problem = ask(&routes, html).await.problem(406);
    assert!(problem["detail"].as_str().unwrap().contains("text/csv"));
    let problem = get(&routes, "/api/v1/totals?format=xml").await.problem(400);
    assert_eq!(problem["parameter"], "format");
}

#[tokio::test]
async fn a_route_that_has_json_only_refuses_who_accepts_none() {
    let routes = World::busy().routes();
    for route in ["rejects", "late", "duplicates", "ledger", "windows"] {
        let accepting = |accept: &str| {
            ask(
                &routes,
                Request::get(format!("/api/v1/{route}")).header("accept", accept),
            )
        };
        for accept in ["text/csv", "image/png", "*/*;q=0"] {
            let problem = accepting(accept).await.problem(406);
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.ends_with("it has application/json"), "{detail}");
        }
        for accept in ["application/*", "text/csv, */*;q=0.5", ""] {
            assert_eq!(accepting(accept).await.status, 200, "{route} {accept}");
        }
    }
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let routes = World::busy().routes();
    let mut tags = Vec::new();
    for path in [
        "/api/v1/totals",
        "/api/v1/totals/7",
        "/api/v1/windows/1m",
        "/api/v1/windows/1m?limit=2",
        "/api/v1/windows/1m/current",
    ] {
        for format in ["json", "csv", "ndjson", "arrow", "parquet"] {
            let mark = if path.contains('?') { '&' } else { '?' };
            let address = format!("{path}{mark}format={format}");
            let first = get(&routes, &address).await;
            assert_eq!(first.status, 200, "{address}");
            let tag = first.header("etag").to_owned();
            assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
            let again = Request::get(&address).header("if-none-match", &tag);
            let again = ask(&routes, again).await;
            assert_eq!(again.status, 304, "{address}");
            assert_eq!(again.header("etag"), tag);
            assert!(again.body.is_empty());
            let head = ask(&routes, Request::head(&address)).await;
            assert_eq!(head.status, 200);
            assert_eq!(head.header("etag"), tag);
            assert_eq!(head.header("content-type"), first.header("content-type"));
            assert!(head.body.is_empty());
            assert!(!tags.contains(&tag), "{address} has the tag of another");
            tags.push(tag);
        }
    }
    // Another life of the process may give other names to the same figures.
    let other = get(&World::busy().routes(), "/api/v1/totals?format=json").await;
    assert!(!tags.contains(&other.header("etag").to_owned()));
}

#[tokio::test]
async fn parts_of_a_parquet_file_make_the_file() {
    let routes = World::busy().routes();
    let address = "/api/v1/windows/1m?format=parquet";
    let head = ask(&routes, Request::head(address)).await;
    assert_eq!(head.header("accept-ranges"), "bytes");
    let length: usize = head.header("content-length").parse().unwrap();
    let whole = get(&routes, address).await.body;
    assert_eq!(whole.len(), length);
    assert!(whole.starts_with(b"PAR1") && whole.ends_with(b"PAR1"));
    let tag = head.header("etag");
    let part = |range: &str| Request::get(address).header("range", range.to_owned());
    let footer = ask(&routes, part("bytes=-8").header("if-range", tag)).await;
    assert_eq!(footer.status, 206);
    assert_eq!(footer.body, whole[length - 8..]);
    let range = format!("bytes {}-{}/{length}", length - 8, length - 1);
    assert_eq!(footer.header("content-range"), range);
    let middle = ask(&routes, part("bytes=4-99")).await;
    assert_eq!(middle.body, whole[4..100]);
    assert_eq!(middle.header("etag"), tag);
    let other = ask(&routes, part("bytes=4-99").header("if-range", "\"x\"")).await;
    assert_eq!((other.status.as_u16(), other.body.len()), (200, length));
    let beyond = ask(&routes, part(&format!("bytes={length}-"))).await;
    assert_eq!(beyond.header("content-range"), format!("bytes */{length}"));
    beyond.problem(416);
}

#[tokio::test]
async fn a_stream_whose_length_was_asked_for_can_be_read_in_parts() {
    let routes = World::busy().routes();
    for format in ["csv", "ndjson", "arrow"] {
        let address = format!("/api/v1/windows/1m?format={format}");
        let whole = get(&routes, &address).await;
        assert_eq!(whole.header("content-length"), "");
        let part = || Request::get(&address).header("range", "bytes=10-19");
        assert_eq!(ask(&routes, part()).await.body, whole.body);
        let head = ask(&routes, Request::head(&address)).await;
        assert_eq!(head.header("content-length"), whole.body.len().to_string());
        let part = ask(&routes, part()).await;
        assert_eq!(part.status, 206);
        assert_eq!(part.body, whole.body[10..20]);
        assert_eq!(part.header("etag"), whole.header("etag"));
    }
}

#[tokio::test]
async fn long_answers_are_compressed_for_those_who_ask() {
    let routes = World::busy().routes();
    let get = |path: &str, encoding: &str| {
        Request::get(format!("/api/v1/{path}")).header("accept-encoding", encoding.to_owned())
    };
    let plain = ask(&routes, get("windows/1m", "identity")).await;
    for encoding in ["gzip", "zstd"] {
        let answer = ask(&routes, get("windows/1m", encoding)).await;
        assert_eq!(answer.header("content-encoding"), encoding);
        assert!(answer.body.len() < plain.body.len() / 2);
        let tag = answer.header("etag").to_owned();
        assert_eq!(tag, format!("W/{}", plain.header("etag")));
        let again = get("windows/1m", encoding).header("if-none-match", tag);
        assert_eq!(ask(&routes, again).await.status, 304);
    }
    for path in ["totals/7", "windows/1m?format=parquet"] {
        let answer = ask(&routes, get(path, "gzip")).await;
        assert_eq!(answer.header("content-encoding"), "", "{path}");
    }
    let none = get("totals", "identity;q=0, br");
    ask(&routes, none).await.problem(406);
}

#[tokio::test]
async fn a_304_varies_by_what_the_whole_answer_varies_by() {
    let routes = World::long(200).routes();
    let varies = |answer: &Answer| -> BTreeSet<String> {
        let values = answer.headers.get_all("vary").iter();
        values
            .flat_map(|value| value.to_str().unwrap().split(','))
            .map(|name| name.trim().to_lowercase())
            .collect()
    };
    for uri in [
        "/api/v1/windows/1m?format=csv",
        "/api/v1/windows/1m?limit=50",
        "/ui/main.js",
    ] {
        let ask = |known: Option<String>| {
            let mut request = Request::get(uri).header("accept-encoding", "gzip");
            if let Some(known) = known {
                request = request.header("if-none-match", known);
            }
            request.body(Body::empty()).unwrap()
        };
        let whole = send(&routes, ask(None)).await;
        assert_eq!(whole.status, 200, "{uri}");
        assert!(varies(&whole).contains("accept-encoding"), "{uri}");
        let tag = whole.header("etag").to_owned();
        let known = send(&routes, ask(Some(tag))).await;
        assert_eq!(known.status, 304, "{uri}");
        assert_eq!(varies(&known), varies(&whole), "{uri}");
    }
}
