//! The part of a configuration that the demo takes.

use std::fs;
use std::process::Command;

use super::fails;
use crate::support::service::Setup;

#[test]
fn the_demo_takes_what_it_can_and_refuses_the_rest_with_a_reason() {
    let setup = Setup::new("127.0.0.1:1", "nothing");
    fails(
        &setup.run(&["demo", "--for", "1s"]),
        78,
        &[
            "kafka.brokers: the demo has a broker",
            "state_dir: the demo's state",
        ],
    );
    let taken = setup.path("demo.toml");
    fs::write(
        &taken,
        "time_zone = 'Asia/Shanghai'\n[[window]]\nname = '5m'\nsize = '5m'\n[branches]\n3 = 'Harbour'\n",
    )
    .unwrap();
    let demo = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegauge"));
        // What is for the service is not for the demo.
        command
            .current_dir(setup.path(""))
            .env("TIDEGAUGE_KAFKA__BROKERS", "127.0.0.1:1")
            .args(["demo", "--listen", "127.0.0.1:0", "--for", "2s"])
            .args(["--history", "10s", "-o", "json"])
            .args(more);
        command
    };
    for (more, words) in [
        (
            ["--set", "kafka.topic=x"],
            "--set: kafka.topic: the demo has a broker",
        ),
        (
            ["--set", "elasticsearch.url=http://x:1"],
            "the demo does not write to Elasticsearch",
        ),
        (
            ["--set", "kibana.url=http://x:1"],
            "Elasticsearch or Kibana",
        ),
        (
            ["--state-dir", "x"],
            "--state-dir: state_dir: the demo's state",
        ),
        (["--set", "event_time.idle=1s"], "there is no such key"),
    ] {
        let output = demo(&more).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{said}");
        assert!(said.contains(words), "{said}");
    }
    let output = demo(&["--config", &taken.display().to_string()])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("/api/v1/windows/5m"), "{said}");
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed["totals"][3]["branch"], "Harbour");
    // The generator writes in that zone: times of now, not of eight hours from now.
    assert_eq!(
        printed["ledger"]["entries"]["future"]["count"], 0,
        "{printed}"
    );
    assert!(
        printed["ledger"]["entries"]["on_time"]["count"].as_u64() > Some(500),
        "{printed}"
    );
}

#[test]
fn the_demo_warns_of_nothing_though_it_has_rejects() {
    let setup = Setup::new("127.0.0.1:1", "nothing");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegauge"));
    let output = command
        .current_dir(setup.path(""))
        .args(["demo", "--listen", "127.0.0.1:0", "--for", "3s"])
        .args(["--history", "1h", "--rate", "1000", "-o", "json"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(!said.contains("WARN"), "{said}");
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rejected = &printed["ledger"]["entries"]["rejected"]["count"];
    assert!(rejected.as_u64() > Some(0), "{printed}");
}
