//! The status and the probes tell how each part is doing.

use std::time::Duration;

use serde_json::{Value, json};
use tidegauge::api::{Limits, router};
use tidegauge::core::seen_orders::OrderStats;
use tidegauge::observe::status::{End, PartitionStatus};

use super::{none, reading};
use crate::api::world::{World, get, json, state};

#[tokio::test]
async fn status_tells_how_each_part_is_doing() {
    let mut answer = json(&World::busy().routes(), "/api/v1/status").await;
    assert!(answer["uptime_s"].take().is_u64());
    assert_eq!(
        answer,
        json!({
            "reading": reading(),
            "version": "0.0.0-test",
            "remarks": [],
            "swap": null,
            "uptime_s": null,
            "ready": true,
            "parts": {
                "source": {"state": "ok", "reason": ""},
                "store": {"state": "ok", "reason": ""},
                "sink": {"state": "degraded", "reason": "Elasticsearch does not answer; 4 documents await delivery"},
            },
            "partitions": [
                {
                    "partition": 0, "position": 8, "end": 8, "lag": 0, "end_unconfirmed_s": null,
                    "watermark": "2026-11-01T00:04:45Z", "idle": false, "unconfirmed_event_time": null, "halted": null,
                },
                {
                    "partition": 1, "position": 5, "end": 25, "lag": 20, "end_unconfirmed_s": null,
                    "watermark": "2026-11-01T00:03:05Z", "idle": false, "unconfirmed_event_time": null, "halted": null,
                },
            ],
            "readers": {"direct": 1, "librdkafka": 1, "reason": "it has no leader"},
            "lag": 20,
            "dirty_documents": 4,
            "order_ids": null,
            "last_checkpoint": {"sequence": 12, "as_of": "2026-11-01T00:05:00.250Z"},
            "notices": {
                "rounded": 1, "skipped_local_times": 0, "repeated_local_times": 0,
                "unreal_timestamps": 0, "times_like_seconds": 0,
                "unnamed_branches": 0,
                "rejects": {
                    "not_json": 2, "missing_field": 0, "bad_field": 0, "bad_time": 1,
                    "bad_amount": 0, "too_large": 0,
                },
            },
            "latencies": {
                "freshness": none(), "checkpoint": none(), "bulk": none(), "answer": none(),
            },
        })
    );
}

#[tokio::test]
async fn status_says_one_number_of_documents_that_wait_however_old_the_sinks_words_are() {
    for (dirty, words) in [
        (0, "0 documents await delivery"),
        (1, "1 document awaits delivery"),
        (2_720, "2720 documents await delivery"),
    ] {
        let mut world = World::busy();
        world.checkpoint.dirty = dirty;
        let answer = json(&world.routes(), "/api/v1/status").await;
        assert_eq!(answer["dirty_documents"], dirty);
        assert_eq!(
            answer["parts"]["sink"]["reason"],
            format!("Elasticsearch does not answer; {words}")
        );
    }
}

#[tokio::test]
async fn status_says_how_many_order_ids_are_remembered_and_whether_some_are_forgotten_early() {
    let state = state(World::busy());
    state.status.set_order_ids(OrderStats {
        ids: 30,
        bytes: 4_096,
        full_partitions: 2,
    });
    let status = json(&router(state, None, Limits::default()), "/api/v1/status").await;
    let expected = json!({"remembered": 30, "memory_bytes": 4_096, "full_partitions": 2});
    assert_eq!(status["order_ids"], expected);
    let remarks = status["remarks"].to_string();
    assert!(
        remarks.contains("2 partitions remember as many order ids as dedup.max_ids allows"),
        "{remarks}"
    );
}

#[tokio::test]
async fn the_lag_is_unknown_while_the_end_of_a_partition_that_is_read_is() {
    let lag = async |end: Option<i64>, halted: Option<&str>| {
        let state = state(World::busy());
        let status = PartitionStatus {
            end: end.map_or_else(End::default, |offset| End::Known {
                offset,
                age: Duration::ZERO,
            }),
            halted: halted.map(str::to_owned),
        };
        state.status.set_partition(1, status);
        let routes = router(state, None, Limits::default());
        let status = json(&routes, "/api/v1/status").await;
        let windows = json(&routes, "/api/v1/windows").await;
        let reason = windows["windows"][0]["held_back_by"]["reason"].clone();
        (status["lag"].clone(), reason)
    };
    assert_eq!(lag(Some(25), None).await.0, 20);
    let (unknown, reason) = lag(None, None).await;
    assert_eq!(unknown, Value::Null);
    assert!(reason.as_str().unwrap().contains("unknown"), "{reason}");
    // What is not read on holds back no sum.
    assert_eq!(lag(None, Some("gone")).await.0, 0);
}

#[tokio::test]
async fn of_partitions_that_are_level_none_is_called_behind() {
    let windows = json(&World::level().routes(), "/api/v1/windows").await;
    let reason = windows["windows"][0]["held_back_by"]["reason"].to_string();
    assert!(
        reason.contains("no partition is further behind"),
        "{reason}"
    );
}

#[tokio::test]
async fn status_tells_what_took_how_long_lately() {
    let routes = World::busy().routes();
    json(&routes, "/api/v1/totals").await;
    json(&routes, "/api/v1/ledger").await;
    let latencies = &json(&routes, "/api/v1/status").await["latencies"];
    let answer = &latencies["answer"];
    assert_eq!(answer["count"], 2);
    let [p50, p99, max] = ["p50_ms", "p99_ms", "max_ms"].map(|name| answer[name].as_f64().unwrap());
    assert!(0.0 < p50 && p50 <= p99 && p99 <= max, "{answer}");
    // Refused before it was asked for anything.
    let too_long = format!("/api/v1/ledger?{}", "a".repeat(5_000));
    get(&routes, &too_long).await.problem(414);
    let latencies = &json(&routes, "/api/v1/status").await["latencies"];
    assert_eq!(latencies["answer"]["count"], 3);
    assert_eq!(latencies["bulk"]["count"], 0);
}

#[tokio::test]
async fn probes_answer_yes_or_no_and_say_why_when_asked() {
    let routes = World::busy().routes();
    assert_eq!(get(&routes, "/livez").await.status, 200);
    assert_eq!(get(&routes, "/readyz").await.text(), "ready\n");
    let verbose = get(&routes, "/readyz?verbose").await;
    assert_eq!(
        verbose.text(),
        "ready\nsource ok\nstore ok\nsink degraded: Elasticsearch does not answer\n"
    );
    assert!(
        get(&routes, "/api/v1")
            .await
            .text()
            .contains("/api/v1/totals")
    );
}
