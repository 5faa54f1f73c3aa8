//! A lag is not said to be known when no broker has confirmed it for long.

use std::time::{Duration, Instant};

use crate::support::lab::{Kafka, eventually, http, unique};
use crate::support::service::Setup;
use crate::support::topic::{START, paid};

#[test]
fn a_lag_that_no_broker_confirms_is_unknown_within_15_s_and_known_again_when_one_answers() {
    let Some(kafka) = Kafka::own() else { return };
    let topic = unique("silence");
    kafka.create_topic(&topic, 2);
    kafka.send(&topic, [paid(0, START, "1", 1), paid(1, START, "1", 1)]);
    let service = Setup::of(&kafka, &topic);
    let (service, _setup) = (service.serve(), service);
    service.await_consumed(2);
    eventually("a lag of 0", || {
        (service.ask("status")["lag"] == 0).then_some(())
    });
    // A quiet topic is asked about, so that its lag stays known.
    std::thread::sleep(Duration::from_secs(12));
    let status = service.ask("status");
    assert_eq!(status["lag"], 0, "{status}");
    assert_eq!(status["parts"]["source"]["state"], "ok", "{status}");
    assert!(status["partitions"][0]["end_unconfirmed_s"].is_null());

    kafka.freeze();
    let frozen = Instant::now();
    let status = eventually("an unknown lag", || {
        // Each end has an age of its own; the lag is unknown with the first of them.
        let status = service.ask("status");
        let partitions = status["partitions"].as_array()?;
        let is_unknown = partitions.iter().all(|one| one["lag"].is_null());
        (is_unknown && status["lag"].is_null()).then_some(status)
    });
    assert!(frozen.elapsed() < Duration::from_secs(15), "{status}");
    let source = &status["parts"]["source"];
    assert_eq!(source["state"], "degraded", "{status}");
    let reason = source["reason"].as_str().unwrap();
    assert!(reason.contains("last confirmed 1"), "{reason}");
    for partition in status["partitions"].as_array().unwrap() {
        assert!(partition["lag"].is_null(), "{partition}");
        assert!(
            partition["end_unconfirmed_s"].as_u64().unwrap() >= 10,
            "{partition}"
        );
        // What it was says nothing of now.
        assert!(partition["end"].is_null(), "{partition}");
    }
    let metrics = http::get(&format!("{}/metrics", service.url())).ok().text;
    assert!(!metrics.contains("\ntidegauge_lag_records "), "{metrics}");
    let age = metrics
        .lines()
        .find_map(|line| line.strip_prefix("tidegauge_end_age_seconds "));
    assert!(age.unwrap().parse::<f64>().unwrap() >= 10.0, "{age:?}");

    wake(&kafka, &topic);
    kafka.send(&topic, [paid(0, START + 1_000, "1", 1)]);
    service.await_consumed(3);
    eventually("a lag of 0", || {
        (service.ask("status")["lag"] == 0).then_some(())
    });
    eventually("a source that is well", || {
        (service.part("source").0 == "ok").then_some(())
    });
}

#[test]
fn silent_brokers_are_logged_once_when_they_fall_silent_and_once_when_they_answer_again() {
    let Some(mut kafka) = Kafka::own() else {
        return;
    };
    let topic = unique("silence-told");
    kafka.create_topic(&topic, 2);
    kafka.send(&topic, [paid(0, START, "1", 1), paid(1, START, "1", 1)]);
    let setup = Setup::of(&kafka, &topic);
    let service = setup.serve();
    service.await_consumed(2);
    // Lines of a level that speak of brokers.
    let told = |level: &str| {
        let log = service.log();
        let level = format!(" {level} ");
        // Which reader reads is logged once for each reason, and another matter.
        let lines = log.lines().filter(|line| {
            line.contains(&level) && line.contains("answer") && !line.contains("direct reader")
        });
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    for (round, is_killed) in [(1, false), (2, true)] {
        kafka.freeze();
        let frozen = Instant::now();
        eventually("a warning", || (told("WARN").len() == round).then_some(()));
        assert!(frozen.elapsed() < Duration::from_secs(15));
        let last = told("WARN").pop().unwrap();
        assert!(last.contains("last confirmed 1"), "{last}");
        if is_killed {
            // The client says so as well.
            kafka.kill();
            eventually("brokers that are down", || {
                let reason = service.part("source").1;
                reason.contains("no Kafka broker answers").then_some(())
            });
        }
        // Long enough for new partitions to be looked for.
        std::thread::sleep(Duration::from_secs(32).saturating_sub(frozen.elapsed()));
        assert_eq!(told("WARN").len(), round, "{:?}", told("WARN"));
        assert_eq!(told("INFO").len(), round - 1, "{:?}", told("INFO"));
        if is_killed {
            kafka.start_again();
        } else {
            wake(&kafka, &topic);
        }
        eventually("a source that is well", || {
            (service.part("source").0 == "ok").then_some(())
        });
        eventually("the end of the silence", || {
            (told("INFO").len() == round).then_some(())
        });
        eventually("the direct reader again, and a line that says so", || {
            let log = service.log();
            let again = log.matches("the direct reader reads all partitions again");
            (again.count() >= round).then_some(())
        });
        std::thread::sleep(Duration::from_secs(3));
        assert!(!service.log().contains("REQTMOUT"), "{}", service.log());
        assert_eq!(told("INFO").len(), round, "{:?}", told("INFO"));
        assert_eq!(told("WARN").len(), round, "{:?}", told("WARN"));
    }
}

#[test]
fn a_partition_is_idle_and_the_stream_quiet_only_for_as_long_as_brokers_have_confirmed_it() {
    let Some(kafka) = Kafka::own() else { return };
    let topic = unique("silence-idle");
    kafka.create_topic(&topic, 2);
    // Less than what is silent before brokers count as silent.
    let after = Duration::from_secs(7);
    let idle = Setup::of(&kafka, &topic).with("event_time", "idle_after", "\"7s\"");
    let quiet = Setup::of(&kafka, &topic)
        .with("event_time", "idle_after", "\"0s\"")
        .with("event_time", "quiet_after", "\"7s\"");
    let (first, second) = (idle.serve(), quiet.serve());
    kafka.send(
        &topic,
        [paid(0, START, "1", 1), paid(1, START + 3_600_000, "1", 1)],
    );
    let paid_at = Instant::now();
    first.await_consumed(2);
    second.await_consumed(2);
    second.await_idle();
    kafka.freeze();
    assert!(
        paid_at.elapsed() < Duration::from_secs(4),
        "too slow to tell"
    );
    let idle = || first.ask("windows")["partitions"][0]["idle"].clone();
    // The last window ends long after the watermark.
    let last = format!("windows/1m?from={}", START + 3_600_000);
    let is_final = || second.ask(&last)["items"][0]["final"].clone();
    assert_eq!(is_final(), false);
    while paid_at.elapsed() < 2 * after {
        assert_eq!(idle(), false, "after {:?}", paid_at.elapsed());
        assert_eq!(is_final(), false, "after {:?}", paid_at.elapsed());
        std::thread::sleep(Duration::from_millis(200));
    }
    wake(&kafka, &topic);
    eventually("an idle partition", || (idle() == true).then_some(()));
    eventually("a quiet stream", || (is_final() == true).then_some(()));
}

/// A broker that was frozen is fenced by its controller, and under load it may answer nobody for a minute. The service is
/// judged from when it answers.
fn wake(kafka: &Kafka, topic: &str) {
    kafka.wake();
    kafka.await_partitions(topic, 2);
}
