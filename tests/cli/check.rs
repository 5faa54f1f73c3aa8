//! `check` prints the configuration that is in force.

use super::{stdout, tidegauge};

#[test]
fn check_prints_a_configuration_that_it_accepts() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("again.toml");
    let first = stdout(&[
        "check",
        "--set",
        "kafka.brokers=a:1",
        "--set",
        "event_time.retention=50d",
    ]);
    assert!(first.contains("retention = \"50d\""), "{first}");
    std::fs::write(&file, &first).unwrap();
    assert_eq!(
        stdout(&["check", "--config", file.to_str().unwrap()]),
        first
    );
}

#[test]
fn the_configuration_is_found_where_the_help_says() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        std::fs::write(
            directory.path().join(name),
            format!("kafka.topic = \"{name}\"\n"),
        )
        .unwrap()
    };
    write("tidegauge.toml");
    write("variable.toml");
    write("flag.toml");
    let topic = |arguments: &[&str], variable: Option<&str>| {
        let mut command = tidegauge(&[&["check"], arguments].concat());
        command.current_dir(directory.path());
        if let Some(variable) = variable {
            command.env("TIDEGAUGE_CONFIG", variable);
        }
        let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with("topic = "))
            .unwrap()
            .to_owned();
        line["topic = ".len()..].trim_matches('"').to_owned()
    };
    assert_eq!(topic(&[], None), "tidegauge.toml");
    assert_eq!(topic(&[], Some("variable.toml")), "variable.toml");
    assert_eq!(
        topic(&["--config", "flag.toml"], Some("variable.toml")),
        "flag.toml"
    );
}
