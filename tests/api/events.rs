//! The event stream: what a client is told, and when it is told to load everything again.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tidegauge::api::{Limits, router};
use tidegauge::domain::payment::BranchId;
use tidegauge::domain::timestamp::parse_rfc3339;
use tidegauge::view::changelog::{ChangeSet, Changelog};
use tidegauge_windows::{Closed, EventTime};
use tower::ServiceExt;

use super::world::{World, get, json, state};

/// Events in the order in which they came: name and data.
type Told = Vec<(String, Value)>;

struct Client {
    body: Body,
    id: Option<String>,
}

fn routes() -> (Router, Arc<Changelog>) {
    let state = state(World::busy());
    let changelog = Arc::clone(&state.changelog);
    (router(state, None, Limits::default()), changelog)
}

async fn connect(routes: &Router, query: &str, last_id: Option<&str>) -> Client {
    let mut request = Request::get(format!("/api/v1/events{query}")).header("host", "localhost");
    if let Some(id) = last_id {
        request = request.header("last-event-id", id);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = routes.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-store");
    Client {
        body: response.into_body(),
        id: None,
    }
}

impl Client {
    /// The next batch as it comes over the line.
    async fn bytes(&mut self) -> Bytes {
        let frame = self.body.frame().await.unwrap().unwrap();
        frame.into_data().unwrap()
    }

    /// The events of the next batch.
    async fn told(&mut self) -> Told {
        let text = String::from_utf8(self.bytes().await.to_vec()).unwrap();
        assert!(text.ends_with("\n\n"));
        let mut told = Vec::new();
        for event in text.trim_end().split("\n\n") {
            let (mut name, mut data) = (String::new(), Value::Null);
            for line in event.lines() {
                match line.split_once(": ").unwrap() {
                    ("event", given) => given.clone_into(&mut name),
                    ("data", given) => data = serde_json::from_str(given).unwrap(),
                    ("id", given) => self.id = Some(given.to_owned()),
                    ("retry", given) => assert_eq!(given, "2000"),
                    other => panic!("{other:?}"),
                }
            }
            told.push((name, data));
        }
        told
    }
}

fn names(told: &Told) -> Vec<&str> {
    told.iter().map(|(name, _)| name.as_str()).collect()
}

/// The totals of branches changed.
fn totals(branches: &[u32]) -> ChangeSet {
    ChangeSet {
        totals: branches.iter().map(|branch| id(*branch)).collect(),
        ..ChangeSet::default()
    }
}

fn id(branch: u32) -> BranchId {
    BranchId::new(branch).unwrap()
}

/// The first slice of branch 0 changed, and these totals.
fn first_slice(branches: &[u32]) -> ChangeSet {
    let start = EventTime::from_millis(super::world::START);
    ChangeSet {
        slices: vec![(start, id(0))],
        ..totals(branches)
    }
}

#[tokio::test]
async fn a_client_is_told_of_changes_with_the_figures_that_routes_give() {
    let (routes, changelog) = routes();
    let mut client = connect(&routes, "?window=1m", None).await;
    let told = client.told().await;
    assert_eq!(names(&told), ["reading"]);
    let totals = json(&routes, "/api/v1/totals").await;
    assert_eq!(told[0].1["reading"], totals["reading"]);
    assert_eq!(client.id.as_deref(), Some("12"));

    changelog.publish(13, first_slice(&[7, 0]));
    let told = client.told().await;
    assert_eq!(names(&told), ["total", "total", "window", "reading"]);
    assert_eq!(told[0].1, totals["totals"][0]);
    assert_eq!(told[1].1["branch_id"], 7);
    let windows = json(&routes, "/api/v1/windows/1m?branch=0&limit=1").await;
    assert_eq!(told[2].1, windows["items"][0]);
    assert_eq!(client.id.as_deref(), Some("13"));
}

#[tokio::test]
async fn a_checkpoint_that_only_marks_documents_is_told_of_once() {
    let (routes, changelog) = routes();
    let mut client = connect(&routes, "", None).await;
    client.told().await;
    changelog.note_marking(13);
    assert_eq!(names(&client.told().await), ["reading"]);
    assert_eq!(client.id.as_deref(), Some("13"));
    let more = tokio::time::timeout(Duration::from_millis(700), client.told()).await;
    assert!(more.is_err(), "{more:?}");
}

#[tokio::test]
async fn who_comes_back_is_told_once_of_each_figure_that_changed_meanwhile() {
    let (routes, changelog) = routes();
    changelog.publish(13, totals(&[0]));
    changelog.publish(14, totals(&[0, 7]));
    changelog.publish(15, totals(&[7]));
    let mut client = connect(&routes, "", Some("13")).await;
    assert_eq!(names(&client.told().await), ["total", "total", "reading"]);
    assert_eq!(client.id.as_deref(), Some("15"));
    let mut client = connect(&routes, "", Some("14")).await;
    assert_eq!(names(&client.told().await), ["total", "reading"]);
}

#[tokio::test]
async fn an_id_that_is_not_of_this_state_makes_the_client_load_everything() {
    let (routes, changelog) = routes();
    changelog.publish(13, totals(&[0]));
    // Ids of before this process, of a checkpoint yet to come, of another generation, and made up.
    for id in ["11", "99", "1099511627788", "-1", "12;drop", ""] {
        let mut client = connect(&routes, "", Some(id)).await;
        let told = client.told().await;
        assert_eq!(names(&told), ["reset", "reading"], "{id:?}");
        assert!(!told[0].1["reason"].as_str().unwrap().is_empty());
        assert_eq!(client.id.as_deref(), Some("13"));
    }
}

#[tokio::test]
async fn a_change_of_a_slice_is_told_of_every_window_that_holds_it() {
    let (routes, changelog) = routes();
    let mut client = connect(&routes, "", None).await;
    client.told().await;
    changelog.publish(13, first_slice(&[]));
    let told = client.told().await;
    for name in ["1m", "10m-by-1m", "day"] {
        let path = format!("/api/v1/windows/{name}?branch=0");
        let listed = json(&routes, &path).await;
        let start = super::world::START;
        let holds = |window: &&Value| {
            let bound = |name: &str| parse_rfc3339(window[name].as_str().unwrap()).unwrap();
            (bound("window_start").millis()..bound("window_end").millis()).contains(&start)
        };
        let expected: Vec<&Value> = listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(holds)
            .collect();
        let of_name = told.iter().map(|(_, data)| data);
        let of_name: Vec<&Value> = of_name.filter(|data| data["window"] == name).collect();
        assert!(!expected.is_empty(), "{name}");
        assert_eq!(of_name, expected, "{name}");
    }
}

#[tokio::test]
async fn windows_that_became_final_are_told() {
    let (routes, changelog) = routes();
    let mut client = connect(&routes, "?window=1m&branch=0", None).await;
    client.told().await;
    changelog.publish(
        13,
        ChangeSet {
            closed: vec![Closed {
                after: EventTime::MIN,
                until: EventTime::MAX,
                latest: EventTime::MAX,
            }],
            ..ChangeSet::default()
        },
    );
    let told = client.told().await;
    let listed = json(&routes, "/api/v1/windows/1m?branch=0").await;
    let paid = |window: &&Value| window["pay_count"].as_u64().unwrap() > 0;
    let expected: Vec<&Value> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(paid)
        .collect();
    let windows = told.iter().filter(|(name, _)| name == "window");
    let windows: Vec<&Value> = windows.map(|(_, data)| data).collect();
    assert!(expected.len() > 1);
    assert_eq!(windows, expected);
}

#[tokio::test]
async fn a_filter_leaves_out_what_it_does_not_name() {
    let (routes, changelog) = routes();
    for (query, totals, windows) in [
        ("?branch=7", 1, &[][..]),
        ("?branch=Mitte/Nord", 1, &["1m", "10m-by-1m", "day"][..]),
        ("?window=day", 2, &["day"][..]),
        ("?window=day,1m", 2, &["1m", "day"][..]),
        ("?branch=9", 0, &[][..]),
    ] {
        let mut client = connect(&routes, query, None).await;
        client.told().await;
        let next = changelog.newest() + 1;
        changelog.publish(next, first_slice(&[0, 7]));
        let told = client.told().await;
        let told_totals = told.iter().filter(|(name, _)| name == "total").count();
        assert_eq!(told_totals, totals, "{query}");
        let of_windows = told.iter().filter(|(name, _)| name == "window");
        let mut names: Vec<_> = of_windows.map(|(_, data)| data["window"].clone()).collect();
        names.dedup();
        assert_eq!(names, windows, "{query}");
    }
}

#[tokio::test]
async fn a_filter_that_names_nothing_is_refused() {
    let (routes, _) = routes();
    for (query, status, detail) in [
        ("window=2m", 400, "configured are: 1m, 10m-by-1m, day"),
        ("window=", 400, "configured are"),
        ("branch=404", 404, "no branch"),
        ("from=1", 400, "branch, window"),
    ] {
        let answer = get(&routes, &format!("/api/v1/events?{query}")).await;
        let problem = answer.problem(status);
        let told = problem["detail"].as_str().unwrap();
        assert!(told.contains(detail), "{query}: {told}");
        let (parameter, _) = query.split_once('=').unwrap();
        assert_eq!(problem["parameter"], parameter, "{query}");
    }
}

#[tokio::test]
async fn streams_are_bounded_and_hold_up_no_answer() {
    let limits = Limits {
        streams: 2,
        in_flight: 1,
        ..Limits::default()
    };
    let routes = router(state(World::busy()), None, limits);
    let first = connect(&routes, "", None).await;
    let _second = connect(&routes, "", None).await;
    let problem = get(&routes, "/api/v1/events").await.problem(503);
    assert!(problem["detail"].as_str().unwrap().contains("2 event"));
    assert_ne!(json(&routes, "/api/v1/totals").await, json!(null));
    drop(first);
    connect(&routes, "", None).await;
}

#[tokio::test]
async fn clients_that_came_at_different_moments_are_given_the_same_bytes() {
    let (routes, changelog) = routes();
    let mut clients = Vec::new();
    for number in 13..=15 {
        let mut client = connect(&routes, "", None).await;
        client.told().await;
        clients.push(client);
        changelog.publish(number, totals(&[0]));
    }
    let mut given = Vec::new();
    for client in &mut clients {
        given.push(client.bytes().await);
    }
    // They are not only equal: they were made once.
    let first = given[0].as_ptr();
    assert!(given.iter().all(|bytes| bytes.as_ptr() == first));
}

#[tokio::test]
async fn events_that_are_not_taken_are_bounded_in_bytes_and_others_load_everything_again() {
    let state = state(World::busy());
    let changelog = Arc::clone(&state.changelog);
    let limits = Limits {
        stream_bytes: 4_000,
        ..Limits::default()
    };
    let routes = router(state, None, limits);
    // Each comes back from another place, so that no two share a batch, and none takes it.
    for number in 13..=60 {
        changelog.publish(number, first_slice(&[0, 7]));
    }
    let (mut untaken, mut bytes, mut resets) = (Vec::new(), 0, 0);
    for number in 12..=50 {
        let mut client = connect(&routes, "", Some(&number.to_string())).await;
        let batch = client.bytes().await;
        let is_reset = batch.windows(13).any(|some| some == b"event: reset\n");
        // One that is a reset holds no figures; one of figures may be the last for which there was room.
        assert!(!is_reset || batch.len() < 700, "{batch:?}");
        resets += u32::from(is_reset);
        bytes += batch.len();
        untaken.push(batch);
    }
    let largest = untaken.iter().map(Bytes::len).max().unwrap();
    assert!(resets > 30, "{resets}");
    assert!(bytes < 4_000 + largest + 39 * 700, "{bytes}");

    // A client that takes its events makes room again.
    untaken.clear();
    let mut client = connect(&routes, "?branch=0", Some("13")).await;
    assert_eq!(names(&client.told().await)[0], "total");
}
