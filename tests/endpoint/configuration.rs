//! The file and the state directory that a command takes.

use std::fs;

use super::fails;
use crate::support::lab::{Kafka, unique};
use crate::support::service::{Setup, binary, quoted};
use crate::support::topic::{START, paid};

#[test]
fn a_wrong_configuration_says_who_named_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let told = |arguments: &[&str], variable: Option<&str>| {
        let mut command = binary();
        command.current_dir(directory.path()).args(arguments);
        if let Some(path) = variable {
            command.env("TIDEGAUGE_CONFIG", path);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{arguments:?}: {said}");
        said
    };
    let wrong = "http.listn = '127.0.0.1:1'\n";
    fs::write(directory.path().join("named.toml"), wrong).unwrap();
    let all: [&[&str]; 10] = [
        &["check"],
        &["serve"],
        &["produce", "--stdout", "--count", "1"],
        &["compute", "-"],
        &["query", "totals"],
        &["health"],
        &["replay"],
        &["index", "verify"],
        &["state", "inspect"],
        &["kibana", "export"],
    ];
    let demo: &[&str] = &["demo", "--for", "1s"];
    for command in all.into_iter().chain([demo]) {
        let by_variable = told(command, Some("named.toml"));
        assert!(
            by_variable.contains("named by TIDEGAUGE_CONFIG"),
            "{by_variable}"
        );
        let gone = told(command, Some("gone.toml"));
        assert!(
            gone.contains("gone.toml (named by TIDEGAUGE_CONFIG) can't be read"),
            "{gone}"
        );
        let by_flag = told(
            &[command, &["--config", "named.toml"]].concat(),
            Some("gone.toml"),
        );
        assert!(
            by_flag.contains("named.toml (named by --config)"),
            "{by_flag}"
        );
    }
    fs::write(directory.path().join("tidegauge.toml"), wrong).unwrap();
    for command in all {
        let found = told(command, None);
        assert!(
            found.contains("tidegauge.toml (found in the working directory)"),
            "{found}"
        );
        // An empty variable names nothing.
        assert_eq!(told(command, Some("")), found);
    }
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
