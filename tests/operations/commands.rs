//! The health check, completions and the manual.

use std::process::{Command, Output, Stdio};

use crate::support::lab::{Kafka, free_port, succeed, unique};
use crate::support::service::{Setup, binary};

fn run(arguments: &[&str]) -> Output {
    binary()
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[track_caller]
fn stdout(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn health_says_yes_of_a_service_that_answers_without_any_token() {
    let Some(kafka) = Kafka::shared() else { return };
    let name = unique("healthy");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name);
    let token = setup.path("token");
    std::fs::write(&token, "correct horse\n").unwrap();
    let token = format!("{:?}", token.display().to_string());
    let setup = setup.with("http", "token_file", &token);
    let service = setup.serve();
    let url = service.url().to_owned();
    assert_eq!(stdout(&["health", "--url", &url]), "ok\n");
    // It is ready once its parts have said that they are at work.
    crate::support::lab::eventually("a ready service", || {
        (run(&["health", "--ready", "--url", &url]).status.code() == Some(0)).then_some(())
    });
}

#[test]
fn health_fails_with_exit_code_1_where_no_service_answers() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let output = run(&["health", "--url", &url, "--timeout", "2s"]);
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        words.contains(&url) && words.contains("does not answer: Connection refused"),
        "{words}"
    );
}

#[test]
fn bash_completes_commands_and_flags() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("tidegauge.bash");
    std::fs::write(&script, stdout(&["completions", "bash"])).unwrap();
    let asked = format!(
        "source {}; COMP_WORDS=(tidegauge serve --unt); COMP_CWORD=2; \
         _tidegauge tidegauge --unt serve; echo \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    let completed = succeed(Command::new("bash").args(["--norc", "-c", &asked]));
    assert_eq!(completed.trim(), "--until-end");
}

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = stdout(&["completions", shell]);
        for word in ["until-end", "compute", "time-zone"] {
            assert!(script.contains(word), "{shell} lacks {word}");
        }
    }
}

#[test]
fn every_command_has_a_page_in_the_manual_that_reads_without_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("man1");
    stdout(&["man", "--out", out.to_str().unwrap()]);
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(&out).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(".TH"), "{name} is not a manual page");
        let has_groff = Command::new("groff").arg("--version").output().is_ok();
        if has_groff {
            let read = Command::new("groff")
                .args(["-man", "-Kutf8", "-Tutf8", "-ww", "-Wbreak", "-z"])
                .arg(&path)
                .output()
                .unwrap();
            let remarks = String::from_utf8_lossy(&read.stderr).into_owned();
            assert!(
                read.status.success() && remarks.is_empty(),
                "{name}: {remarks}"
            );
        }
        pages.push(name);
    }
    for command in [
        "serve",
        "demo",
        "produce",
        "compute",
        "query",
        "query-windows",
        "check",
    ] {
        let page = format!("tidegauge-{command}");
        assert!(pages.contains(&page), "{page} is not in {pages:?}");
    }
    assert!(pages.contains(&"tidegauge".to_owned()));
    assert!(stdout(&["man"]).contains("EXIT CODES") || stdout(&["man"]).contains("Exit codes"));
}

#[test]
fn kafka_properties_that_do_not_go_together_are_found_by_check_with_their_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidegauge.toml");
    let text = "[kafka]\nbrokers = \"localhost:9092\"\n[kafka.properties]\n\"fetch.max.bytes\" = \"1000\"\n";
    std::fs::write(&path, text).unwrap();
    let output = run(&["--config", path.to_str().unwrap(), "check"]);
    assert_eq!(output.status.code(), Some(78));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("tidegauge.toml:4"), "{words}");
    assert!(
        words.contains("fetch.max.bytes") && words.contains("message.max.bytes"),
        "{words}"
    );
}
