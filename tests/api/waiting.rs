//! Reads that wait for the state to come as far as they ask for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use tidegauge::api::{Limits, State, router};
use tidegauge::domain::amount::Amount;
use tidegauge::observe::status::{Condition, Part, PartitionStatus, Status};
use tidegauge::view::changelog::{ChangeSet, Changelog};
use tidegauge::view::reading::{ReadError, Reading, Readings};
use tokio::time::{sleep, timeout};

use super::world::{Answer, World, at, branch, get, json, send, state};

/// A state that moves on.
struct Moving(Arc<Mutex<World>>);

impl Readings for Moving {
    fn read(
        &self,
        read: &mut dyn FnMut(&dyn Reading) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        self.0.lock().unwrap().read(read)
    }
}

/// The next checkpoint, in which partition 0 is at 9.
fn advance(world: &Mutex<World>, changelog: &Changelog) {
    {
        let mut world = world.lock().unwrap();
        world.checkpoint.positions.insert(0, 9);
        world.checkpoint.sequence = 13;
    }
    changelog.publish(13, ChangeSet::default());
}

/// Far less than what the requests of these tests would wait for, and far more than an answer takes.
const SOON: Duration = Duration::from_secs(15);

/// The answer to a request that must not wait.
async fn at_once(routes: &Router, uri: &str) -> Answer {
    let answer = timeout(SOON, get(routes, uri)).await;
    answer.unwrap_or_else(|_| panic!("{uri} waits"))
}

/// `route` with what to wait for.
fn waits(route: &str, what: &str) -> String {
    let mark = if route.contains('?') { '&' } else { '?' };
    format!("/api/v1/{route}{mark}{what}")
}

#[tokio::test]
async fn what_is_reached_already_is_answered_with_all_its_filters() {
    let routes = World::busy().routes();
    for waiting in [
        "min_position=0:8,1:5",
        "min_position=0:0&timeout=0ms",
        "min_watermark=2026-11-01T00:03:05Z",
        "timeout=1s",
    ] {
        for route in ["totals", "totals/7", "windows/1m/current", "ledger", "late"] {
            let plain = json(&routes, &format!("/api/v1/{route}")).await;
            let waited = json(&routes, &format!("/api/v1/{route}?{waiting}")).await;
            assert_eq!(plain, waited, "{route}?{waiting}");
        }
        let uri = format!("/api/v1/windows/1m?branch=0&{waiting}&limit=1");
        let page = json(&routes, &uri).await;
        let next = page["next"].as_str().unwrap();
        // A page's cursor fits the question whatever it waits for.
        let uri = format!("/api/v1/windows/1m?branch=0&limit=1&cursor={next}");
        assert_eq!(json(&routes, &uri).await["items"][0]["branch_id"], 0);
    }
}

#[tokio::test]
async fn what_is_not_reached_in_time_is_said_with_how_far_it_has_come() {
    let routes = World::busy().routes();
    for (waiting, detail) in [
        ("min_position=1:6", "partition 1 is at 5, not yet at 6"),
        (
            "min_watermark=2026-11-01T00:03:05.001Z",
            "the watermark is at 2026-11-01T00:03:05Z",
        ),
    ] {
        let uri = format!("/api/v1/totals?{waiting}&timeout=20ms");
        let problem = get(&routes, &uri).await.problem(504);
        let told = problem["detail"].as_str().unwrap();
        assert!(told.contains(detail), "{told}");
    }
}

#[tokio::test]
async fn a_wrong_goal_is_refused_at_once() {
    let routes = World::busy().routes();
    for (query, parameter) in [
        ("min_position=7", "min_position"),
        ("min_position=0:1&min_position=0:2", "min_position"),
        ("min_watermark=soon", "min_watermark"),
        ("timeout=31s", "timeout"),
        ("timeout=-1", "timeout"),
        ("min_position=0:99&limit=0&timeout=30s", "limit"),
    ] {
        let problem = at_once(&routes, &waits("totals", query)).await.problem(400);
        assert_eq!(problem["parameter"], parameter, "{query}");
    }
    get(&routes, "/api/v1/status?timeout=1s").await.problem(400);
}

#[tokio::test]
async fn a_wrong_question_is_answered_before_it_waits() {
    let routes = World::busy().routes();
    for (route, status, parameter) in [
        ("windows/nope", 404, None),
        ("windows/nope/current", 404, None),
        ("windows/1m/nope", 404, None),
        ("windows/%C3%28", 400, None),
        ("windows/1m?limit=x", 400, Some("limit")),
        ("windows/1m?final=yes", 400, Some("final")),
        ("windows/1m?from=2026-11-02&to=0", 400, Some("from")),
        ("windows/1m?branch=zzz", 404, Some("branch")),
        ("windows/1m?branch=7&cursor=abc", 400, Some("cursor")),
        ("windows/1m?format=xml", 400, Some("format")),
        ("windows/1m/current?to=soon", 400, Some("to")),
        ("windows/1m/current?final=true", 400, Some("final")),
        ("windows?limit=1", 400, Some("limit")),
        ("totals?from=0", 400, Some("from")),
        ("totals/zzz", 404, None),
        ("totals/%FF", 400, None),
        ("totals/7?format=xml", 400, Some("format")),
        ("ledger?branch=7", 400, Some("branch")),
        ("rejects?limit=0", 400, Some("limit")),
        ("rejects?cursor=abc", 400, Some("cursor")),
        ("late?limit=10001", 400, Some("limit")),
        ("late?cursor=abc", 400, Some("cursor")),
    ] {
        let uri = waits(route, "min_position=0:99&timeout=30s");
        let problem = at_once(&routes, &uri).await.problem(status);
        assert_eq!(problem["parameter"].as_str(), parameter, "{uri}");
    }
    let post = Request::post(waits("totals", "min_position=0:99&timeout=30s"));
    let post = send(&routes, post.body(Body::empty()).unwrap());
    timeout(SOON, post).await.unwrap().problem(405);
}

#[tokio::test]
async fn a_question_that_is_not_wrong_waits_at_every_route() {
    let routes = World::busy().routes();
    let cursor = async |list: &str| {
        let page = json(&routes, &format!("/api/v1/{list}?limit=1")).await;
        format!("{list}?cursor={}", page["next"].as_str().unwrap())
    };
    let mut asked = Vec::new();
    for list in ["windows/1m", "windows/1m/current", "rejects", "late"] {
        asked.push(cursor(list).await);
    }
    // Branch 5 may have its first payment meanwhile.
    for route in [
        "totals",
        "totals/7",
        "totals/5",
        "windows",
        "windows/1m",
        "windows/1m?branch=5",
        "windows/1m?format=csv",
        "windows/1m/current",
        "ledger",
        "rejects",
        "late",
    ] {
        asked.push(route.to_owned());
    }
    for route in asked {
        let uri = waits(&route, "min_position=0:99&timeout=10ms");
        let problem = get(&routes, &uri).await.problem(504);
        let told = problem["detail"].as_str().unwrap();
        assert!(told.contains("partition 0 is at 8"), "{uri}: {told}");
    }
}

#[tokio::test]
async fn a_branch_that_has_its_first_payment_meanwhile_is_found() {
    let world = Arc::new(Mutex::new(World::busy()));
    let state = state(Moving(Arc::clone(&world)));
    let changelog = Arc::clone(&state.changelog);
    let routes = router(state, None, Limits::default());
    let mut waiting = Vec::new();
    for (route, status) in [
        ("totals/5", 200),
        ("windows/1m?branch=5", 200),
        ("totals/6", 404),
        ("windows/1m?branch=6", 404),
    ] {
        let routes = routes.clone();
        let uri = waits(route, "min_position=0:9&timeout=30s");
        let answer = async move { get(&routes, &uri).await.status };
        waiting.push((route, status, tokio::spawn(answer)));
    }
    sleep(Duration::from_millis(50)).await;
    assert!(waiting.iter().all(|(_, _, answer)| !answer.is_finished()));
    let first = Amount::from_units(1);
    world.lock().unwrap().add_total(branch(5), at(1_000), first);
    advance(&world, &changelog);
    for (route, status, answer) in waiting {
        assert_eq!(answer.await.unwrap(), status, "{route}");
    }
}

#[tokio::test]
async fn a_partition_that_the_topic_does_not_have_is_refused_at_once() {
    let routes = World::busy().routes();
    for places in ["99:5", "2:0", "0:8,2:0", "0:99,2:1"] {
        let uri = waits("ledger", &format!("min_position={places}&timeout=30s"));
        let problem = at_once(&routes, &uri).await.problem(400);
        assert_eq!(problem["parameter"], "min_position", "{places}");
        let told = problem["detail"].as_str().unwrap();
        assert!(told.contains("it has 2 partitions"), "{told}");
    }
}

#[tokio::test]
async fn a_partition_that_was_just_found_or_may_still_be_found_is_waited_for() {
    let with = |condition, partitions: &[i32]| {
        let status = Status::new();
        status.set(Part::Source, condition, "");
        for partition in partitions {
            status.set_partition(*partition, PartitionStatus::default());
        }
        State {
            status: Arc::new(status),
            ..state(World::busy())
        }
    };
    for state in [
        // It is in no checkpoint yet.
        with(Condition::Ok, &[0, 1, 2]),
        // No broker has said how many there are, or not all of them are noted.
        with(Condition::Starting, &[]),
        with(Condition::Starting, &[0]),
        with(Condition::Failed, &[]),
    ] {
        let routes = router(state, None, Limits::default());
        let uri = waits("ledger", "min_position=2:0&timeout=10ms");
        let problem = get(&routes, &uri).await.problem(504);
        let told = problem["detail"].as_str().unwrap();
        assert!(told.contains("partition 2 is not read"), "{told}");
    }
}

#[tokio::test]
async fn what_is_waited_for_is_no_latency_of_an_answer() {
    let world = Arc::new(Mutex::new(World::busy()));
    let state = state(Moving(Arc::clone(&world)));
    let changelog = Arc::clone(&state.changelog);
    let routes = router(state, None, Limits::default());
    let in_vain = waits("ledger", "min_position=0:9&timeout=10ms");
    get(&routes, &in_vain).await.problem(504);
    let waiting = tokio::spawn({
        let routes = routes.clone();
        let uri = waits("totals", "min_position=0:9&timeout=30s");
        async move { json(&routes, &uri).await }
    });
    sleep(Duration::from_secs(1)).await;
    advance(&world, &changelog);
    waiting.await.unwrap();
    let latencies = &json(&routes, "/api/v1/status").await["latencies"];
    assert_eq!(latencies["answer"]["count"], 1);
    let took = latencies["answer"]["max_ms"].as_f64().unwrap();
    assert!(took < 900.0, "{took} ms");
}

#[tokio::test]
async fn a_read_waits_until_its_payments_are_in() {
    let world = Arc::new(Mutex::new(World::busy()));
    let state = state(Moving(Arc::clone(&world)));
    let changelog = Arc::clone(&state.changelog);
    let routes = router(state, None, Limits::default());
    let waiting =
        tokio::spawn(
            async move { json(&routes, "/api/v1/totals?min_position=0:9&timeout=30s").await },
        );
    sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    advance(&world, &changelog);
    assert_eq!(waiting.await.unwrap()["reading"]["positions"]["0"], 9);
}

#[tokio::test]
async fn what_is_reached_is_never_refused_however_many_wait() {
    let limits = Limits {
        waiters: 3,
        ..Limits::default()
    };
    let routes = router(state(World::busy()), None, limits);
    // The newest checkpoint is looked at, so that those who come wait at once.
    get(&routes, "/api/v1/ledger?min_position=0:1").await;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let routes = routes.clone();
        waiting.push(tokio::spawn(async move {
            get(&routes, "/api/v1/ledger?min_position=0:99&timeout=30s").await
        }));
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let refused = get(&routes, "/api/v1/ledger?min_position=0:99&timeout=0ms").await;
    refused.problem(503);
    for reached in ["min_position=0:8", "min_watermark=2026-11-01T00:03:05Z"] {
        let answer = get(&routes, &format!("/api/v1/ledger?{reached}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
    for waiting in waiting {
        waiting.abort();
    }
}

#[tokio::test]
async fn thousands_wait_at_once_and_each_is_told_when_its_own_place_is_reached() {
    let world = Arc::new(Mutex::new(World::busy()));
    let state = state(Moving(Arc::clone(&world)));
    let changelog = Arc::clone(&state.changelog);
    let routes = router(state, None, Limits::default());
    let mut near = tokio::task::JoinSet::new();
    let mut far = tokio::task::JoinSet::new();
    for number in 0..2_000 {
        let (routes, position) = (routes.clone(), 9 + number % 2);
        let uri = format!("/api/v1/ledger?min_position=0:{position}&timeout=30s");
        let waiting = async move { get(&routes, &uri).await.status };
        if position == 9 {
            near.spawn(waiting);
        } else {
            far.spawn(waiting);
        }
    }
    for position in [9, 10] {
        {
            let mut world = world.lock().unwrap();
            world.checkpoint.positions.insert(0, position);
            world.checkpoint.sequence += 1;
        }
        changelog.publish(position as u64 + 4, ChangeSet::default());
        let told = if position == 9 { &mut near } else { &mut far };
        let mut count = 0;
        while let Some(status) = told.join_next().await {
            // A ledger is a light answer: of so many at once some find no place.
            assert!([200, 503].contains(&status.unwrap().as_u16()));
            count += 1;
        }
        assert_eq!(count, 1_000);
        if position == 9 {
            assert_eq!(far.len(), 1_000);
            assert!(far.try_join_next().is_none(), "told too early");
        }
    }
}
