//! Flags and settings mean the same for every command: where the service answers, and where the state is.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::support::lab::{Kafka, eventually, free_port, succeed, unique};
use crate::support::service::{Outcome, Setup, quoted};
use crate::support::topic::{START, paid};

/// A service at a port that its configuration names, with a token.
fn protected(kafka: &Kafka) -> (Setup, u16) {
    let name = unique("endpoint");
    kafka.create_topic(&name, 1);
    kafka.send(&name, [paid(0, START, "12.5", 3)]);
    let mut setup = Setup::of(kafka, &name);
    let port = free_port();
    setup.set("http", "listen", &quoted(&format!("0.0.0.0:{port}")));
    let token = setup.path("token");
    fs::write(&token, "correct horse\n").unwrap();
    setup.set("http", "token_file", &quoted(&token.display().to_string()));
    (setup, port)
}

#[track_caller]
fn fails(outcome: &Outcome, code: i32, words: &[&str]) {
    assert_eq!(outcome.status.code(), Some(code), "{}", outcome.stderr);
    for word in words {
        assert!(
            outcome.stderr.contains(word),
            "no {word:?} in {}",
            outcome.stderr
        );
    }
}

#[test]
fn query_and_health_take_address_and_token_from_the_configuration() {
    let Some(kafka) = Kafka::shared() else { return };
    let (setup, port) = protected(kafka);
    // Nobody answers yet, and the address that was asked is named.
    let address = format!("http://127.0.0.1:{port}");
    fails(
        &setup.run(&["query", "totals"]),
        75,
        &[&address, "http.listen"],
    );
    let service = setup.start();
    eventually("a service that answers", || {
        (setup.run(&["health"]).status.code() == Some(0)).then_some(())
    });
    let totals = eventually("the payment", || {
        let asked = setup.run(&["query", "totals", "-o", "csv"]);
        assert_eq!(asked.status.code(), Some(0), "{}", asked.stderr);
        asked.stdout.contains(",12.5,").then_some(asked.stdout)
    });
    // Elsewhere, as typed or by the environment, and here again.
    let elsewhere = format!("http://127.0.0.1:{}", free_port());
    fails(
        &setup.run(&["query", "totals", "--url", &elsewhere]),
        75,
        &[&elsewhere],
    );
    fails(
        &setup.run(&["health", "--url", &elsewhere]),
        1,
        &[&elsewhere],
    );
    let by_variable = |arguments: &[&str]| {
        let mut command = setup.command(arguments);
        command.env("TIDEGAUGE_URL", &elsewhere);
        command
    };
    assert_eq!(
        by_variable(&["health"]).output().unwrap().status.code(),
        Some(1)
    );
    let listen = format!("0.0.0.0:{port}");
    assert_eq!(
        succeed(&mut by_variable(&["health", "--listen", &listen])),
        "ok\n"
    );
    let asked = ["query", "totals", "-o", "csv", "--listen", &listen];
    assert_eq!(succeed(&mut by_variable(&asked)), totals);
    // The token of the configuration goes with an address of this machine that is typed, too.
    let local = format!("http://localhost:{port}");
    let asked = setup.run(&["query", "totals", "-o", "csv", "--url", &local]);
    assert_eq!(asked.stdout, totals, "{}", asked.stderr);
    // Without one, or with a wrong one, it is said which flag gives it.
    let without = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegauge"));
        command
            .current_dir(std::env::temp_dir())
            .env_remove("TIDEGAUGE_CONFIG");
        command.args(["query", "totals", "--url", &local]);
        command
    };
    let told = |command: &mut Command| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let none = told(&mut without());
    assert!(
        none.contains("asks for a token") && none.contains("--token-file"),
        "{none}"
    );
    let wrong = setup.path("wrong");
    fs::write(&wrong, "battery staple").unwrap();
    let wrong = told(without().arg("--token-file").arg(wrong));
    assert!(wrong.contains("does not accept this token"), "{wrong}");
    service.terminate();
    service.wait(Duration::from_secs(30));
}

#[test]
fn what_listens_on_a_free_port_can_not_be_found_by_its_configuration() {
    let setup = Setup::new("127.0.0.1:1", "nothing");
    fails(
        &setup.run(&["query", "totals"]),
        2,
        &["http.listen is 127.0.0.1:0", "--url"],
    );
    fails(&setup.run(&["health"]), 2, &["--url"]);
    fails(
        &setup.run(&["query", "totals", "--set", "http.listen=here"]),
        78,
        &["http.listen", "here"],
    );
}

#[test]
fn the_state_directory_is_the_flags_for_every_command() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("directory");
    kafka.create_topic(&name, 1);
    kafka.send(&name, [paid(0, START, "1", 1)]);
    let setup = Setup::of(kafka, &name);
    let other = setup.path("other").display().to_string();
    let run = |arguments: &[&str]| {
        let outcome = setup.run(&[arguments, &["--state-dir", &other]].concat());
        assert_eq!(
            outcome.status.code(),
            Some(0),
            "{arguments:?}: {}",
            outcome.stderr
        );
        outcome.stdout
    };
    run(&["serve", "--until-end"]);
    assert!(setup.path("other").exists() && !setup.path("state").exists());
    assert!(run(&["check"]).contains(&format!("state_dir = {}\n", quoted(&other))));
    assert!(run(&["state", "inspect"]).contains(&other));
    assert!(run(&["replay", "status", "-o", "json"]).contains(&other));
    run(&["replay"]);
    assert!(setup.path("other-g2").exists());
    // Flags may come before what is to be done.
    let config = setup.config().display().to_string();
    let first = ["replay", "--config", &config, "--state-dir", &other, "swap"];
    let swapped = setup.run(&first);
    assert_eq!(swapped.status.code(), Some(0), "{}", swapped.stderr);
    assert!(run(&["replay", "status", "-o", "json"]).contains("\"live\":2"));
    fails(&setup.run(&["replay", "--swap", "status"]), 2, &["--swap"]);
    assert!(!setup.path("state").exists());
}

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
            "writes to no Elasticsearch",
        ),
        (["--set", "kibana.url=http://x:1"], "nothing for Kibana"),
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
