//! What goes wrong is said in one clear sentence, with the exit code that says of what kind it is.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::TcpListener;
use std::time::Duration;

use crate::support::compare::Figures;
use crate::support::lab::{Elastic, Kafka, free_port, unique};
use crate::support::oracle::truth;
use crate::support::service::{Outcome, Setup, quoted};
use crate::support::topic::{START, paid, produce, records};

/// It ended with `code`, printed nothing, and its last words are one sentence that says all of `words`.
#[track_caller]
fn assert_one_error(outcome: &Outcome, code: i32, words: &[&str]) {
    let Outcome {
        status,
        stdout,
        stderr,
    } = outcome;
    assert_eq!(status.code(), Some(code), "{stderr}");
    assert_eq!(stdout, "");
    assert!(!stderr.contains("panic"), "{stderr}");
    let errors: Vec<&str> = stderr
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert!(
        matches!(errors.as_slice(), [only] if stderr.ends_with(&format!("{only}\n"))),
        "{stderr}"
    );
    for word in words {
        assert!(errors[0].contains(word), "{word} is not in: {stderr}");
    }
}

/// As [`assert_one_error`], and no error is logged besides.
#[track_caller]
fn assert_refused(outcome: &Outcome, code: i32, words: &[&str]) {
    assert_one_error(outcome, code, words);
    let stderr = &outcome.stderr;
    // The sentence itself is enough: the log would say it twice.
    let twice = stderr.lines().filter(|line| line.contains("ERROR")).count();
    assert_eq!(twice, 0, "{stderr}");
}

/// A minute that everything must be over in, here; what is promised is said where it counts.
const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_wrong_configuration_names_file_line_key_and_what_would_be_right() {
    let setup = Setup::new("127.0.0.1:1", "payment_msg").with("kafka", "topik", "\"payments\"");
    let outcome = setup.run(&["serve"]);
    assert_eq!(outcome.status.code(), Some(78), "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "");
    let toml = std::fs::read_to_string(setup.config()).unwrap();
    let line = 1 + toml
        .lines()
        .position(|line| line.starts_with("topik"))
        .unwrap();
    for word in [
        &format!("tidegauge.toml:{line}:1"),
        "kafka.topik",
        "did you mean \"topic\"?",
    ] {
        assert!(
            outcome.stderr.contains(word),
            "{word} is not in: {}",
            outcome.stderr
        );
    }
    assert!(
        !setup.path("state").exists(),
        "a state was made by an invalid configuration"
    );
    // `check` says the same, and starts nothing either.
    let check = setup.run(&["check"]);
    assert_eq!(
        (check.status.code(), check.stderr),
        (Some(78), outcome.stderr)
    );
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let setup = Setup::new("127.0.0.1:1", "payment_msg");
    std::fs::remove_file(setup.config()).unwrap();
    let outcome = setup.run(&["serve"]);
    assert_refused(&outcome, 78, &["tidegauge.toml", "No such file"]);
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    let setup = Setup::new("127.0.0.1:1", "payment_msg");
    for arguments in [
        &["serve", "--until-the-end"][..],
        &["serv"],
        &[],
        &["produce", "--bad-fraction", "2"],
    ] {
        let outcome = setup.run(arguments);
        assert_eq!(
            outcome.status.code(),
            Some(2),
            "{arguments:?}: {}",
            outcome.stderr
        );
        assert_eq!(outcome.stdout, "", "{arguments:?}");
    }
}

#[test]
fn a_broker_that_does_not_answer_is_exit_code_75_in_seconds() {
    let port = free_port();
    let setup = Setup::new(&format!("127.0.0.1:{port}"), "payment_msg");
    let outcome = setup.start().wait(Duration::from_secs(25));
    assert_refused(&outcome, 75, &[&format!("127.0.0.1:{port}"), "refused"]);
}

#[test]
fn a_topic_that_does_not_exist_is_exit_code_1_and_says_how_to_create_it() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("missing");
    let outcome = Setup::of(kafka, &name).start().wait(MINUTE);
    assert_refused(
        &outcome,
        1,
        &[&format!("\"{name}\""), "does not exist", "--create"],
    );
}

#[test]
fn a_busy_port_is_exit_code_1_and_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let setup = Setup::new("127.0.0.1:1", "payment_msg").with("http", "listen", &quoted(&address));
    let outcome = setup.start().wait(MINUTE);
    assert_refused(&outcome, 1, &[&address, "http.listen"]);
}

#[test]
fn a_state_directory_in_use_is_exit_code_1_and_named() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("in-use");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name);
    let service = setup.serve();
    let outcome = setup.start().wait(MINUTE);
    assert_refused(
        &outcome,
        1,
        &["in use", &setup.path("state").display().to_string()],
    );
    // The first one does not mind.
    kafka.send(&name, [paid(0, START, "1", 1)]);
    service.await_consumed(1);
}

#[test]
fn other_rules_or_another_topic_for_an_old_state_are_exit_code_78() {
    let Some(kafka) = Kafka::shared() else { return };
    let (name, other) = (unique("rules"), unique("rules"));
    kafka.create_topic(&name, 1);
    kafka.create_topic(&other, 1);
    kafka.send(&name, [paid(0, START, "1", 1)]);
    let mut setup = Setup::of(kafka, &name);
    assert_eq!(setup.serve_until_end()["records"], 1);

    setup.set("event_time", "out_of_orderness", "\"6s\"");
    let outcome = setup.run(&["serve", "--until-end"]);
    assert_refused(
        &outcome,
        78,
        &[
            "out_of_orderness is 5s in the state and 6s in the config",
            "keep state_dir",
            "`tidegauge replay --swap --accept-differences`",
        ],
    );
    setup.set("event_time", "out_of_orderness", "\"5s\"");
    setup.set("kafka", "topic", &quoted(&other));
    let outcome = setup.run(&["serve", "--until-end"]);
    assert_refused(&outcome, 78, &[&name, &other, "state_dir"]);

    // Nothing was harmed.
    setup.set("kafka", "topic", &quoted(&name));
    assert_eq!(setup.serve_until_end()["ledger"]["consumed"], 1);
}

#[test]
fn an_address_for_others_without_a_token_is_exit_code_78() {
    let setup = Setup::new("127.0.0.1:1", "payment_msg").with("http", "listen", "\"0.0.0.0:0\"");
    let outcome = setup.run(&["serve"]);
    assert_eq!(
        (outcome.status.code(), outcome.stdout.as_str()),
        (Some(78), ""),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("token_file"), "{}", outcome.stderr);
}

#[test]
fn a_term_signal_in_the_middle_of_the_work_ends_it_cleanly_with_the_state_whole() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("term");
    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    let hours = [
        "--start",
        "2026-11-01T00:00:00Z",
        "--per-second",
        "10",
        "--late-fraction",
        "0.01",
    ];
    produce(&setup, &[&["--count", "60000"], &hours[..]].concat());
    let service = setup.serve();
    let outcome = service.stop(Duration::from_secs(25));
    assert_eq!(outcome.status.code(), Some(0), "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "");
    let summary = setup.serve_until_end();
    assert_eq!(summary["ledger"]["consumed"], 60_000);
    let figures = Figures::ask(&setup.serve());
    figures.assert_true(&truth(&records(kafka, &name)));
    figures.assert_documented(elastic, &name);
}

#[test]
fn a_term_signal_while_elasticsearch_is_away_ends_it_within_25_s() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("term-away");
    kafka.create_topic(&name, 1);
    kafka.send(
        &name,
        (0..100).map(|second| paid(0, START + second * 1_000, "1", 1)),
    );
    let nobody = format!("\"http://127.0.0.1:{}\"", free_port());
    let setup = Setup::of(kafka, &name).with("elasticsearch", "url", &nobody);
    let service = setup.serve();
    service.await_consumed(100);
    let outcome = service.stop(Duration::from_secs(25));
    assert_eq!(outcome.status.code(), Some(0), "{}", outcome.stderr);
}

#[test]
fn a_state_that_cannot_be_written_ends_until_end_at_once_with_the_reason_and_loses_nothing() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let name = unique("full");
    let setup = Setup::of(kafka, &name).delivering(elastic, &name);
    let hours = ["--start", "2026-11-01T00:00:00Z", "--per-second", "1"];
    produce(&setup, &[&["--count", "20000"], &hours[..]].concat());
    let until_end = ["serve", "--until-end"];
    // Far shorter than the 5 minutes for which it waits for documents.
    let outcome = setup.spawn_with_full_files(512, &until_end).wait(MINUTE);
    let writes = format!(
        "error: can't write the state in {}",
        setup.path("state").display()
    );
    assert_one_error(&outcome, 1, &[&writes, "File too large"]);
    // There is room again: it resumes at the last checkpoint.
    let summary = setup.serve_until_end();
    assert_eq!(summary["ledger"]["consumed"], 20_000);
    let figures = Figures::ask(&setup.serve());
    figures.assert_true(&truth(&records(kafka, &name)));
    figures.assert_documented(elastic, &name);
}
