//! What every route answers.

mod status;

use serde_json::{Value, json};

use super::world::{START, World, get, json};

fn reading() -> Value {
    json!({
        "generation": 1,
        "sequence": 12,
        "watermark": "2026-11-01T00:03:05Z",
        "positions": {"0": 8, "1": 5},
        "as_of": "2026-11-01T00:05:00.250Z",
    })
}

#[tokio::test]
async fn totals_give_every_branch_that_paid_or_is_configured() {
    let answer = json(&World::busy().routes(), "/api/v1/totals").await;
    assert_eq!(answer["reading"], reading());
    assert_eq!(
        answer["totals"],
        json!([
            {
                "branch": "Mitte/Nord", "branch_id": 0, "pay_amount": 3.3,
                "pay_amount_exact": "3.3", "pay_count": 3,
                "first_event_time": "2026-11-01T00:00:01Z",
                "last_event_time": "2026-11-01T00:04:50Z",
            },
            {
                "branch": "Branch_1", "branch_id": 1, "pay_amount": 0.0,
                "pay_amount_exact": "0", "pay_count": 0,
                "first_event_time": null, "last_event_time": null,
            },
            {
                "branch": "Branch_7", "branch_id": 7, "pay_amount": 4.0,
                "pay_amount_exact": "4", "pay_count": 3,
                "first_event_time": "2026-11-01T00:01:01Z",
                "last_event_time": "2026-11-01T00:03:10Z",
            },
            {
                "branch": "Branch_9", "branch_id": 9, "pay_amount": 100_001.0,
                "pay_amount_exact": "100001.000000000000000001", "pay_count": 3,
                "first_event_time": "2026-10-29T16:26:40Z",
                "last_event_time": "2026-11-11T10:00:00Z",
            },
        ])
    );
}

#[tokio::test]
async fn a_total_is_found_by_name_and_by_id() {
    let routes = World::busy().routes();
    for (path, id) in [
        ("0", 0),
        ("Mitte%2FNord", 0),
        ("1", 1),
        ("Branch_1", 1),
        ("Branch_7", 7),
        ("7", 7),
    ] {
        let answer = json(&routes, &format!("/api/v1/totals/{path}")).await;
        assert_eq!(answer["reading"], reading());
        assert_eq!(answer["total"]["branch_id"], id, "{path}");
    }
    // "Branch_0" is named otherwise.
    for path in [
        "5",
        "Branch_5",
        "Branch_0",
        "mitte",
        "07",
        "%00",
        "4294967303",
        "-1",
    ] {
        let answer = get(&routes, &format!("/api/v1/totals/{path}")).await;
        let problem = answer.problem(404);
        assert!(problem["detail"].as_str().unwrap().contains("branch"));
    }
}

#[tokio::test]
async fn windows_name_the_definitions_and_what_holds_them_back() {
    let answer = json(&World::busy().routes(), "/api/v1/windows").await;
    let held_back_by = json!({
        "partition": 1,
        "watermark": "2026-11-01T00:03:05Z",
        "reason": "20 of its records are still to be read",
    });
    assert_eq!(answer["reading"], reading());
    assert_eq!(
        answer["windows"],
        json!([
            {
                "name": "1m", "kind": "tumbling", "size_ms": 60_000, "slide_ms": 60_000,
                "offset_ms": 0, "time_zone": "UTC", "index": "payments-1m",
                "held_back_by": held_back_by,
            },
            {
                "name": "10m-by-1m", "kind": "sliding", "size_ms": 600_000, "slide_ms": 60_000,
                "offset_ms": 0, "time_zone": "UTC", "index": "payments-10m-by-1m",
                "held_back_by": held_back_by,
            },
            {
                "name": "day", "kind": "cumulative", "size_ms": 86_400_000,
                "slide_ms": 3_600_000, "offset_ms": 0, "time_zone": "Asia/Shanghai",
                "index": "payments-day", "held_back_by": held_back_by,
            },
        ])
    );
    assert_eq!(
        answer["partitions"],
        json!([
            {
                "partition": 0, "position": 8, "end": 8, "lag": 0, "end_unconfirmed_s": null,
                "watermark": "2026-11-01T00:04:45Z", "idle": false, "unconfirmed_event_time": null, "halted": null,
            },
            {
                "partition": 1, "position": 5, "end": 25, "lag": 20, "end_unconfirmed_s": null,
                "watermark": "2026-11-01T00:03:05Z", "idle": false, "unconfirmed_event_time": null, "halted": null,
            },
        ])
    );
}

#[tokio::test]
async fn a_window_shows_every_figure() {
    let routes = World::busy().routes();
    let from = START + 60_000;
    let answer = json(
        &routes,
        &format!("/api/v1/windows/1m?from={from}&to={}", from + 60_000),
    )
    .await;
    let zero = |branch: &str, id: u32| {
        json!({
            "window": "1m", "window_start": "2026-11-01T00:01:00Z",
            "window_end": "2026-11-01T00:02:00Z", "branch": branch, "branch_id": id,
            "pay_amount": 0.0, "pay_amount_exact": "0", "pay_count": 0, "pay_min": null,
            "pay_max": null, "pay_avg": null, "pay_p50": null, "pay_p95": null, "pay_p99": null,
            "final": true, "closed_by": "watermark", "revision": 0, "late_count": 0,
            "late_amount": 0.0, "late_amount_exact": "0",
        })
    };
    assert_eq!(answer["reading"], reading());
    assert_eq!(answer["next"], Value::Null);
    let items = answer["items"].as_array().unwrap();
    assert_eq!(items.len(), 4);
    assert_eq!(items[0], zero("Mitte/Nord", 0));
    assert_eq!(items[1], zero("Branch_1", 1));
    assert_eq!(
        items[2],
        json!({
            "window": "1m", "window_start": "2026-11-01T00:01:00Z",
            "window_end": "2026-11-01T00:02:00Z", "branch": "Branch_7", "branch_id": 7,
            "pay_amount": 2.0, "pay_amount_exact": "2", "pay_count": 2, "pay_min": -5.0,
            "pay_max": 7.0, "pay_avg": 1.0, "pay_p50": items[2]["pay_p50"],
            "pay_p95": 7.0, "pay_p99": 7.0, "final": true, "closed_by": "watermark",
            "revision": 1, "late_count": 1, "late_amount": 7.0, "late_amount_exact": "7",
        })
    );
    // The least of two, to within the precision of the histogram.
    let median = items[2]["pay_p50"].as_f64().unwrap();
    assert!((-5.0..=-4.95).contains(&median), "{median}");
    assert_eq!(items[3]["branch_id"], 9);
    assert_eq!(items[3]["pay_amount_exact"], "100000.000000000000000001");
}

#[tokio::test]
async fn windows_are_selected_by_branch_time_and_finality() {
    let routes = World::busy().routes();
    let count = async |query: &str| {
        let answer = json(&routes, &format!("/api/v1/windows/{query}")).await;
        answer["items"].as_array().unwrap().len()
    };
    // Minutes 0, 1 and 2 are final, 3 and 4 are open and have one payment each.
    let all = count("1m").await;
    let last = count("1m?final=true").await;
    assert_eq!(count("1m?final=false").await, 2);
    assert_eq!(count("1m/current").await, 2);
    assert_eq!(all, last + 2);
    assert_eq!(count("1m?from=2026-11-01T00:03:00Z").await, 2);
    assert_eq!(count("1m?from=2026-11-01T00:03:00.001Z").await, 1);
    assert_eq!(count("1m?from=2026-11-01T08:03:00%2B08:00").await, 2);
    assert_eq!(count("1m?from=2026-11-01T08:03:00+08:00").await, 2);
    assert_eq!(count("1m?from=2026-11-02").await, 0);
    assert_eq!(
        count("1m?from=2026-11-01T00:03:00Z&to=2026-11-01T00:03:00Z").await,
        0
    );
    assert_eq!(count("1m?branch=Mitte%2FNord&from=2026-11-01").await, 4);
    assert_eq!(count("1m?branch=7&final=false").await, 1);
    assert_eq!(count("1m/current?branch=7").await, 1);
    assert_eq!(
        count("10m-by-1m?final=true&branch=1&from=2026-11-01").await,
        0
    );
    // A cumulative day of Shanghai begins at 16:00 UTC, and a window of it ends every hour.
    let day = json(&routes, "/api/v1/windows/day?branch=0").await;
    assert_eq!(day["items"][0]["window_start"], "2026-10-31T16:00:00Z");
}

#[tokio::test]
async fn the_ledger_balances() {
    let answer = json(&World::busy().routes(), "/api/v1/ledger").await;
    assert_eq!(
        answer,
        json!({
            "reading": reading(),
            "consumed": 13,
            "entries": {
                "on_time": {"count": 6, "pay_amount_exact": "100000.300000000000000001"},
                "late": {"count": 1, "pay_amount_exact": "7"},
                "too_late": {"count": 1, "pay_amount_exact": "0.5"},
                "past_retention": {"count": 0, "pay_amount_exact": "0"},
                "duplicate": {"count": 0, "pay_amount_exact": "0"},
                "conflict": {"count": 0, "pay_amount_exact": "0"},
                "future": {"count": 1, "pay_amount_exact": "0.5"},
                "filtered": {"count": 0, "pay_amount_exact": "0"},
                "rejected": {"count": 3},
                "tombstone": {"count": 1},
            },
            "balanced": true,
        })
    );
}

#[tokio::test]
async fn rejects_come_newest_first_as_they_were_read() {
    let answer = json(&World::busy().routes(), "/api/v1/rejects").await;
    assert_eq!(answer["reading"], reading());
    assert_eq!(answer["next"], Value::Null);
    assert_eq!(answer["items"].as_array().unwrap().len(), 3);
    assert_eq!(
        answer["items"][1],
        json!({
            "partition": 0, "offset": 5, "record_timestamp": null, "reason": "bad_time",
            "detail": "no payment", "read": "<script>\u{0}\u{fffd}",
        })
    );
    assert_eq!(answer["items"][0]["offset"], 6);
}

#[tokio::test]
async fn late_payments_come_newest_first_with_what_they_missed() {
    let answer = json(&World::busy().routes(), "/api/v1/late").await;
    assert_eq!(answer["items"][0]["reason"], "future");
    assert_eq!(
        answer["items"][1],
        json!({
            "partition": 1, "offset": 2, "record_timestamp": "2026-11-01T00:00:00.100Z",
            "reason": "too_late", "event_time": "2026-10-29T16:26:40Z",
            "watermark": "2026-11-01T00:00:57Z", "branch": "Branch_9", "branch_id": 9,
            "pay_amount": 0.5, "pay_amount_exact": "0.5", "read": "{\"branchId\":9}",
        })
    );
}

#[tokio::test]
async fn payments_that_repeat_others_come_newest_first_with_the_one_that_counted() {
    let routes = World::busy().routes();
    let answer = json(&routes, "/api/v1/duplicates?limit=1").await;
    assert_eq!(
        answer["items"],
        json!([{
            "partition": 1, "offset": 8, "record_timestamp": "2026-11-01T00:00:00.100Z",
            "reason": "conflict", "event_time": "2026-11-01T00:00:01Z",
            "branch": "Branch_9", "branch_id": 9, "pay_amount": 0.5, "pay_amount_exact": "0.5",
            "first_offset": 2, "first_branch": "Branch_9", "first_pay_amount_exact": "3",
            "read": "{\"branchId\":9}",
        }])
    );
    let cursor = answer["next"].as_str().unwrap();
    let answer = json(&routes, &format!("/api/v1/duplicates?cursor={cursor}")).await;
    assert_eq!(answer["items"][0]["reason"], "duplicate");
    assert_eq!(answer["items"].as_array().unwrap().len(), 1);
    assert_eq!(answer["next"], Value::Null);
}

/// A latency of which none was measured.
fn none() -> Value {
    json!({"count": 0, "p50_ms": null, "p99_ms": null, "max_ms": null})
}

#[tokio::test]
async fn before_the_first_payment_every_route_answers() {
    let routes = World::empty().routes();
    for path in [
        "totals",
        "windows",
        "windows/1m",
        "windows/1m/current",
        "ledger",
        "rejects",
    ] {
        let answer = json(&routes, &format!("/api/v1/{path}")).await;
        assert_eq!(answer["reading"]["watermark"], Value::Null, "{path}");
    }
    let windows = json(&routes, "/api/v1/windows").await;
    assert_eq!(windows["windows"][0]["held_back_by"], Value::Null);
    // The partitions are assigned; what was read of them is not known yet.
    assert_eq!(windows["partitions"][1]["end"], 25);
    assert_eq!(windows["partitions"][1]["lag"], Value::Null);
}
