//! `/metrics` of a real service says what its other answers say, in a form that Prometheus takes.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tidegauge::domain::ledger::Entry;

use super::promtool;
use crate::support::lab::{Elastic, Kafka, Toolbox, http, unique};
use crate::support::service::{Service, Setup};
use crate::support::topic::produce;

/// Series by name and labels, as the text has them.
pub(super) type Series = BTreeMap<String, f64>;

/// Everything that a service can show: with all sorts of records, delivered to a real server.
pub(super) fn scraped_service() -> Option<(Setup, Service)> {
    let kafka = Kafka::shared()?;
    let elastic = Elastic::shared()?;
    let name = unique("scraped");
    let setup = Setup::of(kafka, &name).delivering(elastic, &name).with(
        "event_time",
        "idle_after",
        "\"200ms\"",
    );
    let options = [
        "--count",
        "5000",
        "--start",
        "2026-11-01T00:00:00Z",
        "--per-second",
        "10",
        "--disorder",
        "4s",
        "--late-fraction",
        "0.02",
        "--too-late-fraction",
        "0.01",
        "--future-fraction",
        "0.01",
        "--bad-fraction",
        "0.02",
    ];
    produce(&setup, &options);
    let service = setup.serve();
    service.await_consumed(5_000);
    service.await_idle();
    service.await_delivered();
    Some((setup, service))
}

/// `/metrics` in the text format.
#[track_caller]
pub(super) fn scrape(service: &Service) -> String {
    http::get(&format!("{}/metrics", service.url())).ok().text
}

pub(super) fn series(text: &str) -> Series {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            (name.to_owned(), value.parse().expect("a number"))
        })
        .collect()
}

#[test]
fn metrics_say_what_the_ledger_and_the_status_say() {
    let Some((_setup, service)) = scraped_service() else {
        return;
    };
    let before = service.ask("status");
    let text = scrape(&service);
    let series = series(&text);
    let ledger = service.ask("ledger");
    let status = service.ask("status");

    let entries = ledger["entries"].as_object().unwrap();
    assert_eq!(entries.len(), Entry::ALL.len());
    for (entry, counted) in entries {
        let name = format!("tidegauge_records_total{{entry=\"{entry}\"}}");
        assert_eq!(series[&name], counted["count"].as_f64().unwrap(), "{name}");
    }
    assert!(series["tidegauge_records_total{entry=\"rejected\"}"] > 0.0);
    assert_eq!(series["tidegauge_ledger_balanced"], 1.0);
    for (reason, count) in status["notices"]["rejects"].as_object().unwrap() {
        let name = format!("tidegauge_rejects_total{{reason=\"{reason}\"}}");
        assert_eq!(series[&name], count.as_f64().unwrap(), "{name}");
    }
    let partitions = status["partitions"].as_array().unwrap();
    assert!(!partitions.is_empty());
    for partition in partitions {
        let label = format!("{{partition=\"{}\"}}", partition["partition"]);
        for (metric, field) in [
            ("position", "position"),
            ("end", "end"),
            ("lag_records", "lag"),
        ] {
            let name = format!("tidegauge_partition_{metric}{label}");
            assert_eq!(series[&name], partition[field].as_f64().unwrap(), "{name}");
        }
        let name = format!("tidegauge_partition_watermark_timestamp_seconds{label}");
        assert_eq!(series[&name], seconds(&partition["watermark"]), "{name}");
        assert_eq!(series[&format!("tidegauge_partition_halted{label}")], 0.0);
    }
    assert_eq!(
        series["tidegauge_watermark_timestamp_seconds"],
        seconds(&ledger["reading"]["watermark"])
    );
    assert_eq!(series["tidegauge_lag_records"], 0.0);
    assert_eq!(series["tidegauge_dirty_documents"], 0.0);
    assert_eq!(series["tidegauge_ready"], 1.0);
    assert_eq!(
        series["tidegauge_part_condition{part=\"sink\",condition=\"ok\"}"],
        1.0
    );
    let version = status["version"].as_str().unwrap();
    assert_eq!(
        series[&format!("tidegauge_build_info{{version=\"{version}\"}}")],
        1.0
    );
    // Figures of the state between the status before and the one after.
    let sequence = |status: &Value| status["last_checkpoint"]["sequence"].as_f64().unwrap();
    let checkpoints = series["tidegauge_checkpoints_total"];
    assert!((sequence(&before)..=sequence(&status)).contains(&checkpoints));
    // Measured ones.
    assert!(series["tidegauge_checkpoint_duration_seconds_count"] > 0.0);
    assert!(series["tidegauge_bulk_request_duration_seconds_count"] > 0.0);
    assert!(series["tidegauge_bulk_items_total{outcome=\"done\"}"] > 0.0);
    assert!(series["tidegauge_http_connections"] >= 1.0);
    let route = "{route=\"/api/v1/status\",status=\"200\"}";
    assert!(series[&format!("tidegauge_http_requests_total{route}")] >= 1.0);
    let disk = |what: &str| series[&format!("tidegauge_state_filesystem_bytes{{what=\"{what}\"}}")];
    assert!(disk("available") > 0.0 && disk("available") <= disk("size"));
}

#[test]
fn figures_of_the_state_survive_a_restart_and_measured_ones_start_from_zero() {
    let Some((setup, service)) = scraped_service() else {
        return;
    };
    let before = series(&scrape(&service));
    let outcome = service.stop(Duration::from_secs(30));
    assert_eq!(outcome.status.code(), Some(0), "{}", outcome.stderr);
    let service = setup.serve();
    let after = series(&scrape(&service));
    let name = "tidegauge_records_total{entry=\"on_time\"}";
    assert_eq!(before[name], after[name]);
    assert!(before["tidegauge_bulk_items_total{outcome=\"done\"}"] > 0.0);
    assert_eq!(after["tidegauge_bulk_items_total{outcome=\"done\"}"], 0.0);
}

#[test]
fn promtool_takes_the_metrics_without_a_remark() {
    let Some(toolbox) = Toolbox::promtool() else {
        return;
    };
    let Some((_setup, service)) = scraped_service() else {
        return;
    };
    scrape(&service); // The second one counts the first.
    let text = scrape(&service);
    let mut checker = promtool(&toolbox)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    checker
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = checker.wait_with_output().unwrap();
    let remarks = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && remarks.is_empty(), "{remarks}");
}

#[test]
fn open_metrics_is_given_only_where_it_is_accepted() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("formats");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name);
    let service = setup.serve();
    let plain = http::get(&format!("{}/metrics", service.url())).ok();
    assert!(plain.headers["content-type"].starts_with("text/plain; version=0.0.4"));
    assert!(!plain.text.contains("# EOF"));
    let accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2";
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (format, text) = runtime.block_on(async {
        let request = reqwest::Client::new().get(format!("{}/metrics", service.url()));
        let answer = request.header("accept", accept).send().await.unwrap();
        let format = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        (format, answer.text().await.unwrap())
    });
    assert!(
        format.starts_with("application/openmetrics-text; version=1.0.0"),
        "{format}"
    );
    assert!(text.ends_with("# EOF\n"));
    assert!(text.contains("\ntidegauge_records_total{entry=\"late\"} 0\n"));
}

#[test]
fn metrics_need_the_token_where_one_is_configured() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("guarded");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name);
    let token = setup.path("token");
    std::fs::write(&token, "correct horse\n").unwrap();
    let setup = setup.with(
        "http",
        "token_file",
        &format!("{:?}", token.display().to_string()),
    );
    let service = setup.serve();
    assert_eq!(http::get(&format!("{}/metrics", service.url())).status, 401);
    assert_eq!(http::get(&format!("{}/livez", service.url())).status, 200);
}

fn seconds(time: &Value) -> f64 {
    let time = chrono::DateTime::parse_from_rfc3339(time.as_str().unwrap()).unwrap();
    time.timestamp_millis() as f64 / 1_000.0
}
