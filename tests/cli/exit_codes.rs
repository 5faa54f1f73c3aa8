//! Each kind of failure has its exit code.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::{fails, tidegauge};

#[test]
fn a_wrong_command_line_is_code_2() {
    for arguments in [
        &[][..],
        &["serv"],
        &["check", "--nothing"],
        &["produce", "--count", "x"],
        &["produce", "--stdout", "--late-fraction", "1.5"],
        &[
            "produce",
            "--stdout",
            "--late-fraction",
            "0.6",
            "--bad-fraction",
            "0.6",
        ],
        &["produce", "--stdout", "--brokers", "a:1"],
        &["produce", "--stdout", "--start", "2026-02-30T00:00:00Z"],
        &["produce", "--stdout", "--disorder", "5"],
        &["produce", "--stdout", "--rate", "0"],
        &["produce", "--stdout", "--time-zone", "Asia/Shangai"],
        &["compute", "--emit", "nothing"],
        &["init"],
        &["init", "--sample", "-", "--time-zone", "Asia/Shangai"],
        &["query"],
        &["query", "windows"],
        &["query", "totals", "--url", "nowhere"],
        &["query", "totals", "-o", "yaml"],
        &["check", "--set", "kafka.topic"],
        &["demo", "--for", "5"],
        &["check", "-v", "-q"],
    ] {
        assert!(!fails(arguments, 2).is_empty());
    }
}

#[test]
fn an_argument_that_is_not_utf_8_is_an_error_and_no_panic() {
    for (arguments, code) in [
        (&[][..], 2),
        (&["compute"], 1),
        (&["check", "--config"], 78),
    ] {
        let word = OsStr::from_bytes(b"no-such-\xff");
        let output = tidegauge(arguments).arg(word).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains("no-such-"), "{said}");
    }
}

#[test]
fn a_wrong_configuration_is_code_78_for_every_command_that_needs_one() {
    for command in [
        &["serve"][..],
        &["check"],
        &["produce"],
        &["produce", "--stdout", "--count", "1"],
        &["compute"],
    ] {
        let told = fails(&[command, &["--set", "kafka.topic=a b"]].concat(), 78);
        assert!(told.contains("--set: kafka.topic: "), "{told}");
    }
    for command in ["serve", "produce"] {
        let told = fails(&[command], 78);
        assert!(
            told.contains("kafka.brokers") && told.contains("--brokers"),
            "{told}"
        );
    }
    let told = fails(&["check", "--config", "/nowhere/t.toml"], 78);
    assert!(told.contains("/nowhere/t.toml"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    let output = tidegauge(&["check"])
        .env("TIDEGAUGE_LOG", "a=b=c")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78));
}

#[test]
fn a_server_that_does_not_answer_is_code_75() {
    // Port 1 has no listener.
    let told = fails(&["query", "totals", "--url", "http://127.0.0.1:1"], 75);
    assert!(told.contains("http://127.0.0.1:1"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    let told = fails(
        &[
            "produce",
            "--brokers",
            "127.0.0.1:1",
            "--count",
            "1",
            "--timeout",
            "300ms",
        ],
        75,
    );
    assert!(
        told.contains("127.0.0.1:1") && told.contains("300ms"),
        "{told}"
    );
    assert_eq!(told.lines().count(), 1, "{told}");
}
