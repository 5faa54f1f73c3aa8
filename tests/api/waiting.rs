//! Reads that wait for the state to come as far as they ask for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidegauge::api::{Limits, router};
use tidegauge::view::changelog::ChangeSet;
use tidegauge::view::reading::{ReadError, Reading, Readings};

use super::world::{World, get, json, state};

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
        ("min_position=0:8,2:0", "partition 2 is not read"),
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
        ("min_position=0:99&limit=0&timeout=0ms", "limit"),
    ] {
        let uri = format!("/api/v1/totals?{query}");
        let answer = get(&routes, &uri).await;
        if parameter == "limit" {
            // What is asked for is looked at once it can be answered.
            answer.problem(504);
        } else {
            assert_eq!(answer.problem(400)["parameter"], parameter, "{query}");
        }
    }
    get(&routes, "/api/v1/status?timeout=1s").await.problem(400);
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
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    {
        let mut world = world.lock().unwrap();
        world.checkpoint.positions.insert(0, 9);
        world.checkpoint.sequence = 13;
    }
    changelog.publish(13, ChangeSet::default());
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
