//! Elasticsearch is away, for all of a run or in the middle of it, and ends with the same documents.
//! Kafka is away for a while, and nothing is lost or doubled.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::compare::Figures;
use crate::support::lab::{Elastic, FaultProxy, Kafka, eventually, http, unique};
use crate::support::oracle::truth;
use crate::support::service::{Setup, legacy_totals, quoted};
use crate::support::topic::{START, paid, produce, records};

#[test]
fn elasticsearch_away_for_the_whole_run_ends_with_the_same_documents() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(mut elastic) = Elastic::own() else {
        return;
    };
    elastic.stop();
    let name = unique("away");
    // The names are the usual ones: no other test uses this server.
    let setup = Setup::of(kafka, &name)
        .with("elasticsearch", "url", &format!("\"{}\"", elastic.url()))
        .with("event_time", "idle_after", "\"200ms\"");
    let options = [
        "--count",
        "20000",
        "--start",
        "2026-11-01T00:00:00Z",
        "--per-second",
        "4",
    ];
    produce(
        &setup,
        &[
            &options[..],
            &["--late-fraction", "0.01", "--bad-fraction", "0.002"],
        ]
        .concat(),
    );

    // Consumption continues while other servers are away.
    let service = setup.serve();
    service.await_consumed(20_000);
    service.await_idle();
    let (state, reason) = service.part("sink");
    assert!(
        ["degraded", "failed"].contains(&state.as_str()),
        "{state}: {reason}"
    );
    assert!(reason.contains("refused"), "{reason}");
    let waiting = service.ask("status")["dirty_documents"].as_u64().unwrap();
    let figures = Figures::ask(&service);
    let windows = figures.windows.values().flatten();
    let windows = windows.filter(|item| item["pay_count"] != 0).count();
    let documents = figures.totals.len() + windows + figures.late.len() + figures.rejects.len();
    assert!(
        waiting >= documents as u64,
        "{waiting} documents wait, and there are {documents}"
    );
    // What waits outlives the process.
    service.kill();
    let service = setup.serve();

    elastic.start_again();
    service.await_delivered();
    assert_eq!(service.part("sink").0, "ok");
    let figures = Figures::ask(&service);
    figures.assert_true(&truth(&records(kafka, &name)));
    figures.assert_documented_as(&elastic, "payments", "platform_pay_amount_1");
}

#[test]
fn elasticsearch_killed_in_the_middle_of_a_run_and_back_holds_the_same_documents() {
    let Some(kafka) = Kafka::shared() else { return };
    let Some(mut elastic) = Elastic::own() else {
        return;
    };
    let name = unique("gone");
    kafka.create_topic(&name, 4);
    let setup = Setup::of(kafka, &name).delivering(&elastic, &name).with(
        "event_time",
        "idle_after",
        "\"200ms\"",
    );
    let service = setup.serve();
    let send = |hour: u32| {
        let start = format!("2026-11-01T{hour:02}:00:00Z");
        let options = [
            "--count",
            "10000",
            "--per-second",
            "3",
            "--late-fraction",
            "0.02",
            "--start",
            &start,
        ];
        produce(&setup, &options);
    };
    send(0);
    eventually("the first documents", || {
        (elastic.count(&format!("{name}-*")) > 0).then_some(())
    });
    elastic.kill();
    send(1);
    service.await_consumed(20_000);
    elastic.start_again();
    send(2);
    service.await_consumed(30_000);
    // Once more, with documents on the way.
    elastic.kill();
    send(3);
    sleep(Duration::from_millis(300));
    elastic.start_again();
    service.await_consumed(40_000);
    service.await_idle();
    service.await_delivered();
    let figures = Figures::ask(&service);
    figures.assert_true(&truth(&records(kafka, &name)));
    figures.assert_documented(&elastic, &name);
}

/// How long addresses come and go; `TIDEGAUGE_TEST_SECONDS` asks for more.
fn seconds() -> Duration {
    let wanted = std::env::var("TIDEGAUGE_TEST_SECONDS").ok();
    let seconds = wanted.map_or(10, |wanted| {
        wanted.parse().expect("TIDEGAUGE_TEST_SECONDS is a number")
    });
    Duration::from_secs(seconds)
}

#[test]
fn one_of_two_addresses_comes_and_goes_at_random_and_no_document_is_wrong() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("gates");
    kafka.create_topic(&name, 4);
    let gates = [
        FaultProxy::to(elastic.port()),
        FaultProxy::to(elastic.port()),
    ];
    let urls = format!("{},{}", gates[0].url(), gates[1].url());
    let setup = Setup::of(kafka, &name)
        .delivering(elastic, &name)
        .with("elasticsearch", "url", &quoted(&urls))
        .with("event_time", "idle_after", "\"200ms\"");
    let service = setup.serve();
    let (until, is_over) = (Instant::now() + seconds(), AtomicBool::new(false));
    let mut sent = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            let pause = || sleep(Duration::from_millis(fastrand::u64(10..400)));
            while !is_over.load(Ordering::Relaxed) {
                let gate = &gates[fastrand::usize(0..2)];
                gate.close();
                pause();
                gate.open();
                pause();
            }
        });
        for minute in 0.. {
            let (hour, minute) = (minute / 60, minute % 60);
            let start = format!("2026-11-01T{hour:02}:{minute:02}:00Z");
            let options = ["--count", "3000", "--per-second", "50", "--start", &start];
            produce(
                &setup,
                &[&options[..], &["--late-fraction", "0.02"]].concat(),
            );
            sent += 3_000;
            service.await_consumed(sent);
            if Instant::now() >= until {
                break;
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    service.await_idle();
    service.await_delivered();
    // Aliases that met a closed address are tried again after half a minute.
    eventually("the old alias", || {
        let alias = elastic.get(&format!("/_alias/{}", legacy_totals(&name)));
        (alias.status == 200).then_some(())
    });
    let figures = Figures::ask(&service);
    figures.assert_true(&truth(&records(kafka, &name)));
    figures.assert_documented(elastic, &name);
    let log = service.log();
    assert!(log.contains("the next one is asked"), "{log}");
}

#[test]
fn a_payment_that_comes_for_a_final_window_revises_its_document() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("revised");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    let service = setup.serve();
    let id = format!("4@{START}-{}", START + 60_000);
    let document = |count: u64| {
        service.await_consumed(count);
        service.await_delivered();
        let documents = elastic.documents(&format!("{name}-1m"));
        documents
            .into_iter()
            .find(|document| document.id == id)
            .expect("the first minute of branch 4")
    };
    kafka.send(
        &name,
        [
            paid(0, START + 1_000, "12.50", 4),
            paid(0, START + 120_000, "1", 5),
        ],
    );
    let before = document(2);
    assert_eq!(before.version, 3);
    assert_eq!(before.source["final"], true);
    assert_eq!(before.source["closed_by"], "watermark");
    assert_eq!(before.source["revision"], 0);
    assert_eq!(before.source["pay_amount_exact"], "12.5");

    kafka.send(&name, [paid(0, START + 59_999, "0.005", 4)]);
    let after = document(3);
    assert_eq!(after.index, before.index);
    assert_eq!(after.version, 5);
    assert_eq!(after.source["final"], true);
    assert_eq!(after.source["revision"], 1);
    assert_eq!(after.source["pay_count"], 2);
    assert_eq!(after.source["late_count"], 1);
    assert_eq!(after.source["pay_amount_exact"], "12.505");
    assert_eq!(after.source["late_amount_exact"], "0.005");

    // A branch without a payment there had a zero, and now has a figure.
    let id = format!("5@{START}-{}", START + 60_000);
    let minute = |count| {
        service.await_consumed(count);
        service.await_delivered();
        elastic
            .documents(&format!("{name}-1m"))
            .into_iter()
            .find(|document| document.id == id)
    };
    assert_eq!(minute(3), None, "branch 5 is known since after that minute");
    kafka.send(&name, [paid(0, START + 30_000, "-3", 5)]);
    let refunded = minute(4).expect("the first minute of branch 5");
    assert_eq!(
        (refunded.version, &refunded.source["pay_amount_exact"]),
        (3, &"-3".into())
    );
    assert_eq!(refunded.source["revision"], 1);
    let figures = Figures::ask(&service);
    assert_eq!(figures.payments_in("1m"), 4);
    figures.assert_documented(elastic, &name);
}

#[test]
fn a_broker_killed_in_the_middle_of_a_run_and_back_loses_and_doubles_nothing() {
    let Some(mut kafka) = Kafka::own() else {
        return;
    };
    let name = unique("broker");
    kafka.create_topic(&name, 4);
    let setup = Setup::of(&kafka, &name).with("event_time", "idle_after", "\"200ms\"");
    let send = |hour: u32| {
        let start = format!("2026-11-01T{hour:02}:00:00Z");
        let options = [
            "--count",
            "30000",
            "--per-second",
            "10",
            "--disorder",
            "4s",
            "--start",
            &start,
        ];
        produce(&setup, &options);
    };
    send(0);
    let service = setup.serve();
    eventually("the first records", || {
        (service.consumed() > 0).then_some(())
    });
    kafka.kill();
    let (state, reason) = eventually("word of the broker's death", || {
        Some(service.part("source")).filter(|(state, _)| state != "ok")
    });
    assert_eq!(state, "degraded", "{reason}");
    assert!(!reason.is_empty());
    kafka.start_again();
    service.await_consumed(30_000);
    // Without a new record, too.
    eventually("word of the broker's return", || {
        (service.part("source").0 == "ok").then_some(())
    });
    send(1);
    service.await_consumed(60_000);
    service.await_idle();
    Figures::ask(&service).assert_true(&truth(&records(&kafka, &name)));
}

#[test]
fn the_lag_is_unknown_everywhere_while_no_broker_answers() {
    let Some(mut kafka) = Kafka::own() else {
        return;
    };
    let name = unique("unknown");
    kafka.create_topic(&name, 2);
    kafka.send(&name, [paid(0, START, "1", 1), paid(1, START, "2", 2)]);
    let setup = Setup::of(&kafka, &name).with("event_time", "idle_after", "\"200ms\"");
    let service = setup.serve();
    service.await_consumed(2);
    service.await_idle();
    let query = |subject: &str| {
        let outcome = setup.run(&["query", subject, "--url", service.url()]);
        assert_eq!(outcome.status.code(), Some(0), "{}", outcome.stderr);
        outcome.stdout
    };
    let metrics = || http::get(&format!("{}/metrics", service.url())).ok().text;
    assert!(query("totals").contains(" · lag 0\n"));
    assert!(metrics().contains("\ntidegauge_lag_records 0.0\n"));

    kafka.kill();
    let status = eventually("word of the broker's death", || {
        Some(service.ask("status")).filter(|status| status["lag"].is_null())
    });
    let source = &status["parts"]["source"];
    assert_eq!(source["state"], "degraded", "{status}");
    let reason = source["reason"].as_str().unwrap();
    assert!(reason.contains("no Kafka broker answers"), "{reason}");
    assert!(!reason.contains("in state"), "{reason}");
    for partition in status["partitions"].as_array().unwrap() {
        assert_eq!(
            (&partition["end"], &partition["lag"]),
            (&Value::Null, &Value::Null),
            "{status}"
        );
    }
    assert!(query("totals").contains(" · lag unknown\n"));
    let shown = query("status");
    assert!(
        shown.contains("unknown how many records are still to be read"),
        "{shown}"
    );
    assert!(
        shown.contains("position 1, lag unknown, watermark "),
        "{shown}"
    );
    assert!(
        !metrics().contains("tidegauge_lag_records "),
        "an unknown lag is not a number"
    );

    let log = service.log();
    assert!(
        log.contains("the connection to Kafka at 127.0.0.1:"),
        "{log}"
    );
    for raw in ["[thrd:", "in state", "ipv4#"] {
        assert!(!log.contains(raw), "{raw} is a word of librdkafka: {log}");
    }

    kafka.start_again();
    eventually("the lag known again", || {
        (service.ask("status")["lag"] == 0).then_some(())
    });
    assert!(query("totals").contains(" · lag 0\n"));
}
