//! Commands beside a service end soon when Elasticsearch takes connections and never answers.

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::{Kafka, paid, unique};
use crate::support::service::{Setup, quoted};
use crate::support::topic::START;

/// They wait 10 s for the first answer.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_command_gives_up_on_a_silent_elasticsearch_after_10_s_and_names_it_without_its_secrets() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("unanswered");
    kafka.create_topic(&name, 1);
    kafka.send(&name, [paid(0, START, "1", 1)]);
    let mut setup = Setup::of(kafka, &name);
    setup.serve_until_end();
    setup.run_json(&["replay", "-o", "json"]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    setup.set("elasticsearch", "url", &quoted(&url));
    setup.set("elasticsearch", "username", "\"tide\"");
    fs::write(setup.path("password"), "hunter2hunter2").unwrap();
    let password = setup.path("password").display().to_string();
    setup.set("elasticsearch", "password_file", &quoted(&password));
    // Those of a group don't keep each other waiting.
    let groups: [&[&[&str]]; 3] = [
        &[
            &["replay", "status"],
            &["replay", "swap"],
            &["index", "verify"],
            &["index", "setup"],
            &["index", "repair"],
            &["index", "delete"],
            &["index", "delete", "--yes"],
        ],
        &[&["replay", "drop", "2", "--yes"]],
        &[&["replay"]],
    ];
    for group in groups {
        let begun = Instant::now();
        let started: Vec<_> = group.iter().map(|command| setup.spawn(command)).collect();
        for (command, process) in group.iter().zip(started) {
            let outcome = process.wait(SOON.saturating_sub(begun.elapsed()));
            let told = outcome.stderr.lines().last().unwrap();
            assert_eq!(outcome.status.code(), Some(75), "{command:?}: {told}");
            assert!(told.contains(&url), "{command:?}: {told}");
            assert!(
                told.contains("no answer within 10 s"),
                "{command:?}: {told}"
            );
            assert!(!outcome.stderr.contains("hunter2"), "{command:?}: {told}");
        }
    }
    // Nothing was done.
    let left = setup.with("elasticsearch", "url", "\"http://127.0.0.1:1\"");
    let listed = left.run(&["state", "inspect", "--generation", "2"]);
    assert_eq!(listed.status.code(), Some(0), "{}", listed.stderr);
}

#[test]
fn replay_status_shows_what_is_known_here_while_elasticsearch_can_not_be_asked() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("local");
    kafka.create_topic(&name, 1);
    kafka.send(&name, [paid(0, START, "1", 1)]);
    let mut setup = Setup::of(kafka, &name);
    setup.serve_until_end();
    setup.run_json(&["replay", "-o", "json"]);
    let known = setup.run_json(&["replay", "status", "-o", "json"]);
    assert!(known["elasticsearch_unavailable"].is_null(), "{known}");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    for url in [silent.as_str(), "http://127.0.0.1:1"] {
        setup.set("elasticsearch", "url", &quoted(url));
        let json = setup.spawn(&["replay", "status", "-o", "json"]);
        let table = setup.spawn(&["replay", "status"]).wait(SOON);
        let json = json.wait(SOON);
        for outcome in [&json, &table] {
            assert_eq!(outcome.status.code(), Some(75), "{}", outcome.stderr);
            let told = outcome.stderr.lines().last().unwrap();
            assert!(told.contains(url), "{told}");
            let words = "this is what the states on disk say, without Elasticsearch";
            assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
        }
        assert!(table.stdout.contains(&name), "{}", table.stdout);
        let shown: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
        let reason = shown["elasticsearch_unavailable"].as_str().unwrap();
        assert!(reason.contains(url), "{reason}");
        // All that needs no Elasticsearch is as before, and what does is not said to be nothing.
        assert_eq!(shown["live"], 1, "{shown}");
        for (line, before) in [0, 1].map(|n| (&shown["generations"][n], &known["generations"][n])) {
            for key in [
                "generation",
                "live",
                "records",
                "positions",
                "proof",
                "rules",
            ] {
                assert_eq!(line[key], before[key], "{key}: {shown}");
            }
            for key in ["indexes", "documents", "public"] {
                assert!(line[key].is_null(), "{key}: {shown}");
            }
        }
    }
}
