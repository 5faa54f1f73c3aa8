//! `init` prints a configuration that reads the records of its sample.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use super::{fails, run, stdout, tidegauge};

/// What `init` prints for a file of `lines`, the configuration as a file, and what it says.
struct Proposed {
    directory: tempfile::TempDir,
    text: String,
    said: String,
}

impl Proposed {
    fn of(lines: &[String], more: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let sample = directory.path().join("sample.ndjson");
        std::fs::write(&sample, lines.join("\n") + "\n").unwrap();
        let arguments = [&["init", "--sample", sample.to_str().unwrap()], more].concat();
        let output = run(&arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{said}");
        let text = String::from_utf8(output.stdout).unwrap();
        std::fs::write(directory.path().join("proposed.toml"), &text).unwrap();
        Self {
            directory,
            text,
            said,
        }
    }

    fn path(&self, name: &str) -> String {
        let path: &Path = self.directory.path();
        path.join(name).to_str().unwrap().to_owned()
    }

    /// The configuration in force with the proposed file.
    fn checked(&self) -> String {
        stdout(&["check", "--config", &self.path("proposed.toml")])
    }

    /// Totals of the sample as CSV.
    fn totals(&self) -> String {
        let (config, sample) = (self.path("proposed.toml"), self.path("sample.ndjson"));
        stdout(&["compute", "--config", &config, "-o", "csv", &sample])
    }
}

#[test]
fn what_is_proposed_is_accepted_and_computes_the_sample() {
    let mut lines: Vec<String> = (0..40)
        .map(|n| {
            let status = ["captured", "failed"][n % 2];
            format!(
                r#"{{"id":"p{n}","paid_at":{},"amount_cents":{},"currency":"EUR","shop":{{"id":{}}},"status":"{status}"}}"#,
                1_793_491_954 + n,
                100 + n,
                n % 2
            )
        })
        .collect();
    lines.insert(3, "not json".to_owned());
    let proposed = Proposed::of(&lines, &[]);
    for line in [
        "event_time = \"paid_at\"  # 1793491954: seconds since 1970 in 40 of 40 records\n",
        "event_time_format = \"epoch_s\"  # seconds since 1970\n",
        "amount_scale = \"currency\"  # ",
        "branch = \"shop.id\"  # 0: 2 different in 40 of 40 records",
        "# where = 'status == \"captured\"'  # captured (20), failed (20)\n",
    ] {
        assert!(
            proposed.text.contains(line),
            "{line} is not in {}",
            proposed.text
        );
    }
    assert!(
        proposed
            .said
            .starts_with("40 of 41 records are payments, 1 is rejected\n"),
        "{}",
        proposed.said
    );
    assert!(
        proposed.said.contains("\nline 4, not_json: "),
        "{}",
        proposed.said
    );
    assert!(
        proposed.said.contains("\ndecide: status is "),
        "{}",
        proposed.said
    );
    let checked = proposed.checked();
    assert!(checked.contains("amount = \"amount_cents\""), "{checked}");
    let totals = proposed.totals();
    // 1.00 + 1.02 + … + 1.38, and 1.01 + … + 1.39.
    assert!(totals.contains("Branch_0,0,23.8,23.8,20,"), "{totals}");
    assert!(totals.contains("Branch_1,1,24.0,24,20,"), "{totals}");
}

#[test]
fn lines_that_name_partition_key_and_headers_are_read_as_compute_reads_them() {
    let lines: Vec<String> = (0..12)
        .map(|n| {
            let key = n % 2 + 7;
            format!(
                r#"{{"partition":{},"timestamp":1793491954000,"key":"{key}","headers":{{"trace":"t{n}"}},"payment":{{"price":"{n},50"}}}}"#,
                n % 3
            )
        })
        .collect();
    let proposed = Proposed::of(&lines, &["--time-zone", "Europe/Berlin"]);
    for line in [
        "time_zone = \"Europe/Berlin\"",
        "event_time = \"$timestamp\"",
        "amount_point = \",\"",
        "branch = \"$key\"",
        "order_id = \"\"",
    ] {
        assert!(
            proposed.text.contains(line),
            "{line} is not in {}",
            proposed.text
        );
    }
    assert!(proposed.checked().contains("time_zone = \"Europe/Berlin\""));
    let totals = proposed.totals();
    assert!(totals.contains("Branch_7,7,33.0,33,6,"), "{totals}");
    assert!(totals.contains("Branch_8,8,39.0,39,6,"), "{totals}");
}

#[test]
fn a_sample_of_the_original_message_needs_no_key() {
    let produced = stdout(&[
        "produce",
        "--stdout",
        "--start",
        "2026-11-01T00:00:00Z",
        "--count",
        "2000",
        "--bad-fraction",
        "0.05",
    ]);
    let mut init = tidegauge(&["init", "--sample", "-"]);
    init.stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut init = init.spawn().unwrap();
    init.stdin
        .take()
        .unwrap()
        .write_all(produced.as_bytes())
        .unwrap();
    let output = init.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let keys: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#') && line.contains('='))
        .collect();
    assert_eq!(keys, [""; 0], "{text}");
    assert!(text.contains("the original message"), "{text}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(" of 2,000 records are payments, "), "{said}");
}

#[test]
fn a_sample_that_no_configuration_reads_is_code_1_with_what_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sample");
    for (text, missing) in [
        ("", "the sample has no records with a value"),
        ("\n\n", "the sample has no records with a value"),
        (
            "time;amount\n1;2\n",
            "no record of the sample is a JSON object",
        ),
        (
            "{\"level\":\"info\"}\n",
            "an event time could not be found in 1 record: ",
        ),
        (
            "{\"time\":\"2026-11-01T00:00:00Z\",\"shop\":1}\n",
            "an amount could not be found in 1 record: ",
        ),
        (
            "{\"partition\":-1,\"payment\":{\"time\":1}}\n",
            "line 1: \"partition\" of the envelope is -1",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let said = fails(&["init", "--sample", file.to_str().unwrap()], 1);
        assert!(said.contains(missing), "{said}");
        assert!(said.starts_with("error: no configuration fits "), "{said}");
    }
    let said = fails(&["init", "--sample", "no-such-file"], 1);
    assert!(said.contains("no-such-file can't be read"), "{said}");
}

#[test]
fn quiet_says_nothing_beside_the_configuration() {
    let line = r#"{"time":"2026-11-01 00:00:00","amount":1.5,"shop":1}"#.to_owned();
    let proposed = Proposed::of(std::slice::from_ref(&line), &["--quiet"]);
    assert_eq!(proposed.said, "");
    let proposed = Proposed::of(&[line], &[]);
    assert!(
        proposed
            .said
            .contains("decide: the times at time have no offset"),
        "{}",
        proposed.said
    );
}
