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
