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

/// Four records of another message than the original one, one of them without a store, and a
/// configuration for them.
fn sample() -> (tempfile::TempDir, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = directory.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let records = write(
        "records.ndjson",
        "{\"after\":{\"at\":1793494200,\"cents\":1250,\"store\":{\"id\":\"DE-0042\"}}}\n\
         {\"after\":{\"at\":1793494201,\"cents\":\"7\",\"store\":{\"ID\":\"DE-0042\"}}}\n\
         {\"after\":null}\n\
         {\"partition\":3,\"key\":\"k\",\"payment\":{\"after\":{\"at\":\"x\",\"cents\":1,\"store\":{\"id\":7}}}}\n",
    );
    let config = write(
        "mapping.toml",
        "[payment]\nenvelope = \"after\"\nevent_time = \"at\"\nevent_time_format = \"epoch_s\"\n\
         amount = \"cents\"\namount_scale = 2\nbranch = \"store.id\"\norder_id = \"$key\"\n",
    );
    let arguments = ["check", "--sample", &records, "--config", &config];
    let arguments = arguments.map(str::to_owned).to_vec();
    (directory, arguments)
}

#[test]
fn a_sample_shows_what_is_read_and_why_others_are_rejected() {
    let (_directory, mut arguments) = sample();
    arguments.extend(["-o", "ndjson"].map(str::to_owned));
    let output = tidegauge(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let rows = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<serde_json::Value> = rows
        .lines()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect();
    assert_eq!(
        rows[0],
        serde_json::json!({
            "line": 1, "outcome": "payment", "event_time": "2026-11-01T00:50:00Z",
            "pay_amount_exact": "12.5", "branch": "DE-0042", "reason": null, "detail": null,
            "found": "at: 1793494200, cents: 1250, store.id: \"DE-0042\", $key: nothing"
        })
    );
    assert_eq!(rows[1]["reason"], "missing_field");
    let detail = rows[1]["detail"].as_str().unwrap();
    assert!(detail.starts_with("store.id is missing"), "{detail}");
    assert!(detail.ends_with("after.store has the field ID"), "{detail}");
    assert_eq!(
        (&rows[2]["line"], &rows[2]["outcome"]),
        (&3.into(), &"tombstone".into())
    );
    assert_eq!(rows[3]["reason"], "bad_time");
    let detail = rows[3]["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("at \"x\" is not a number of seconds"),
        "{detail}"
    );
    assert!(rows[3]["found"].as_str().unwrap().ends_with("$key: \"k\""));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("1 of 4 records is a payment; rejected: 1 bad_time, 1 missing_field"),
        "{said}"
    );
}

#[test]
fn a_sample_of_which_nothing_can_be_read_fails() {
    let (directory, arguments) = sample();
    let none = directory.path().join("none.toml");
    std::fs::write(&none, "[payment]\namount = \"total\"\n").unwrap();
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments[4] = none.to_str().unwrap();
    arguments.extend(["-o", "csv"]);
    let output = tidegauge(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let rows = String::from_utf8(output.stdout).unwrap();
    assert!(
        rows.contains("createTime, total and branchId are missing"),
        "{rows}"
    );
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("none of 4 records is a payment"), "{said}");
    let limited = stdout(&[
        "check",
        "--sample",
        arguments[2],
        "--limit",
        "1",
        "-o",
        "csv",
        "--set",
        "payment.event_time=after.at",
        "--set",
        "payment.event_time_format=epoch_s",
        "--set",
        "payment.amount=after.cents",
        "--set",
        "payment.branch=after.store.id",
    ]);
    assert_eq!(limited.lines().count(), 2, "{limited}");
}

#[test]
fn a_sample_warns_of_seconds_that_are_read_as_milliseconds() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("records.ndjson");
    let record = r#"{"createTime":1793494200,"payAmount":1,"branchId":7}"#;
    std::fs::write(&file, record).unwrap();
    let output = tidegauge(&["check", "--sample", file.to_str().unwrap()])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("does the event time hold seconds?"), "{said}");
    assert_eq!(output.status.code(), Some(0));
}
