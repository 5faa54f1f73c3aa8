//! `query` is for people: tables that can be read, questions asked again, answers that help.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::support::lab::{Kafka, Message, succeed, unique};
use super::support::service::{Service, Setup};

/// A service that has read what two branches paid, one of them late, beside a record that is not a payment.
fn service(kafka: &Kafka) -> (Setup, Service) {
    let topic = unique("query");
    kafka.create_topic(&topic, 1);
    let payments = [
        r#"{"createTime":"2026-11-01 00:00:10","payAmount":1234567.5,"branchId":3}"#,
        r#"{"createTime":"2026-11-01 00:02:30","payAmount":20,"branchId":11}"#,
        r#"{"createTime":"2026-11-01 00:00:50","payAmount":-0.125,"branchId":3}"#,
        r#"{"createTime":"2026-11-01 00:02:40","payAmount":1,"branchId":3}"#,
        r#"{"createTime":"2026-10-25 00:00:00","payAmount":2,"branchId":3}"#,
        r#"{"createTime":"2026-10-25 00:00:01","payAmount":3,"branchId":3}"#,
        "no payment",
    ];
    kafka.send(
        &topic,
        payments.map(|payment| Message {
            partition: 0,
            timestamp: 1_793_491_400_000,
            payload: Some(payment.into()),
            ..Message::default()
        }),
    );
    let setup = Setup::of(kafka, &topic).with("event_time", "idle_after", "\"200ms\"");
    fs::write(
        setup.config(),
        fs::read_to_string(setup.config()).unwrap()
            + "[[window]]\nname = \"1m\"\nsize = \"1m\"\n[branches]\n11 = \"北京\"\n",
    )
    .unwrap();
    let service = setup.serve();
    service.await_consumed(7);
    service.await_idle();
    (setup, service)
}

fn query(setup: &Setup, service: &Service, arguments: &[&str]) -> Command {
    let mut command = setup.command(&["query"]);
    command.args(arguments).args(["--url", service.url()]);
    command
}

/// A table less the borders, and the footer less what differs from run to run.
fn lines(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| !line.starts_with('─'))
        .map(|line| line.split(" · as of ").next().unwrap())
        // How often a window was revised depends on when it became final.
        .map(|line| {
            let state = ["   state", "   final", "   open"]
                .into_iter()
                .find_map(|word| Some(line.find(word)? + word.len()));
            &line[..state.unwrap_or(line.len())]
        })
        .collect()
}

#[test]
fn query_tables_are_aligned_and_say_how_far_they_reach() {
    let Some(kafka) = Kafka::shared() else { return };
    let (setup, service) = service(kafka);
    let ask = |arguments: &[&str]| succeed(&mut query(&setup, &service, arguments));
    assert_eq!(
        lines(&ask(&["totals"])),
        [
            " branch     branch id      pay amount   pay count   first event time      last event time",
            " Branch_3           3   1,234,573.375           5   2026-10-25 00:00:00   2026-11-01 00:02:40",
            " 北京              11          20.000           1   2026-11-01 00:02:30   2026-11-01 00:02:30",
            " watermark 2026-11-01 00:02:35",
        ]
    );
    let windows = ask(&["windows", "1m", "--branch", "3"]);
    assert_eq!(
        lines(&windows),
        [
            " window start   window end   branch     branch id      pay amount   pay count   pay min        pay max   pay p50   state",
            " 00:00          00:01        Branch_3           3   1,234,567.375           2     -0.12   1,234,567.50     -0.12   final",
            " 00:01          00:02        Branch_3           3           0.000           0                                      final",
            " 00:02          00:03        Branch_3           3           1.000           1      1.00           1.00      1.00   open",
            " times of 2026-11-01, UTC",
            " watermark 2026-11-01 00:02:35",
        ]
    );
    assert!(windows.trim_end().ends_with(" · lag 0"), "{windows}");
    assert!(!windows.contains('\u{1b}'), "colour on a pipe: {windows}");
    let definitions = ask(&["definitions"]);
    assert!(
        definitions.contains(" 1m     tumbling   1m     1m      UTC"),
        "{definitions}"
    );
    let status = ask(&["status"]);
    let freshness = status.lines().find(|line| line.starts_with(" freshness "));
    let freshness = freshness.expect("how fresh the figures are");
    for word in ["p50 ", "p99 ", "maximum ", " in five minutes"] {
        assert!(freshness.contains(word), "{status}");
    }
    assert!(!status.contains(" bulk "), "none was measured: {status}");
    assert!(
        status.contains("position 7, lag 0, watermark 2026-11-01T00:02:35Z\n"),
        "{status}"
    );
    let rejects = ask(&["rejects"]);
    assert!(
        rejects.contains("not_json") && rejects.contains("no payment"),
        "{rejects}"
    );
}

#[test]
fn query_follows_pages_as_far_as_it_is_asked_to() {
    let Some(kafka) = Kafka::shared() else { return };
    let (setup, service) = service(kafka);
    let ask = |arguments: &[&str]| succeed(&mut query(&setup, &service, arguments));
    let count = |arguments: &[&str]| {
        ask(&[arguments, &["-o", "ndjson"]].concat())
            .lines()
            .count()
    };
    assert_eq!(count(&["late"]), 2);
    assert_eq!(count(&["late", "--all"]), 2);
    assert_eq!(count(&["late", "--limit", "1"]), 1);
    assert_eq!(count(&["windows", "1m", "--limit", "2"]), 2);
    let first = query(&setup, &service, &["late", "--limit", "1", "-o", "csv"]);
    let said = String::from_utf8({ first }.output().unwrap().stderr).unwrap();
    assert!(said.contains("1 row shown, and there are more"), "{said}");
    let page: Value = serde_json::from_str(&ask(&["late", "--limit", "1", "-o", "json"])).unwrap();
    assert_eq!(page["items"][0]["offset"], 5);
    assert!(page["next"].is_string(), "{page}");
    let csv = ask(&["rejects", "-o", "csv"]);
    assert!(
        csv.starts_with("partition,offset,record_timestamp,reason,detail,read\n0,6,"),
        "{csv}"
    );
}

#[test]
fn csv_without_rows_has_the_header_of_csv_with_rows() {
    let Some(kafka) = Kafka::shared() else { return };
    let (setup, service) = service(kafka);
    let topic = unique("query-empty");
    kafka.create_topic(&topic, 1);
    let empty_setup = Setup::of(kafka, &topic);
    let empty = empty_setup.serve();
    for subject in [
        ["totals"].as_slice(),
        &["windows", "1m"],
        &["late"],
        &["rejects"],
    ] {
        let arguments = [subject, &["-o", "csv"]].concat();
        let rows = succeed(&mut query(&setup, &service, &arguments));
        let no_rows = succeed(&mut query(&empty_setup, &empty, &arguments));
        assert!(rows.lines().count() > 1, "{subject:?}: {rows}");
        let header = rows.lines().next().unwrap();
        assert_eq!(no_rows, format!("{header}\n"), "{subject:?}");
    }
}

#[test]
fn an_unknown_branch_or_window_is_told_the_known_ones() {
    let Some(kafka) = Kafka::shared() else { return };
    let (setup, service) = service(kafka);
    let told = |arguments: &[&str]| {
        let output = query(&setup, &service, arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    };
    let branch = told(&["windows", "1m", "--branch", "nowhere"]);
    assert!(
        branch.contains("known branches: Branch_3, 北京"),
        "{branch}"
    );
    assert!(told(&["totals", "--branch", "12"]).contains("known branches: Branch_3"));
    assert!(told(&["windows", "2m"]).contains("configured are: 1m"));
    // Their directories are not asked instead.
    for dots in [".", ".."] {
        let said = told(&["windows", dots]);
        assert!(
            said.contains(&format!("nothing has the name \"{dots}\"")),
            "{said}"
        );
    }
    // On a watch, too, before the screen is taken.
    assert!(told(&["windows", "2m", "--watch"]).contains("configured are: 1m"));
}

#[test]
fn a_watch_on_a_pipe_appends_and_ends_well_on_ctrl_c() {
    let Some(kafka) = Kafka::shared() else { return };
    let (setup, service) = service(kafka);
    let mut child = query(&setup, &service, &["totals", "--watch", "100ms"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut footers = 0;
    let mut text = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    while footers < 3 {
        let mut line = String::new();
        assert!(out.read_line(&mut line).unwrap() > 0, "it ended: {text}");
        footers += u32::from(line.starts_with(" watermark "));
        text.push_str(&line);
    }
    succeed(Command::new("bash").args(["-c", &format!("kill -INT {}", child.id())]));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(text.contains(" · lag 0\n\n─"), "{text}");
}

#[test]
fn a_watch_on_a_terminal_gives_the_screen_back() {
    let Some(kafka) = Kafka::shared() else { return };
    let (setup, service) = service(kafka);
    let shown = |more: &str| {
        let watch = query(&setup, &service, &["windows", "1m", "--watch", "100ms"]);
        let words = [watch.get_program()].into_iter().chain(watch.get_args());
        let words: Vec<String> = words
            .map(|word| format!("'{}'", word.to_str().unwrap()))
            .collect();
        let watch = words.join(" ");
        let line = format!("stty cols 72 rows 20; timeout --foreground -s INT 2 {watch} {more}");
        let mut terminal = Command::new("script");
        terminal
            .args(["-qec", &line, "/dev/null"])
            .current_dir(setup.path(""));
        let output = terminal
            .env_remove("NO_COLOR")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let screen = shown("");
    assert!(
        screen.starts_with("\u{1b}[?1049h\u{1b}[?25l\u{1b}[1;1H"),
        "{screen:?}"
    );
    assert!(screen.ends_with("\u{1b}[?25h\u{1b}[?1049l"), "{screen:?}");
    assert!(screen.matches("\u{1b}[1;1H").count() >= 2, "{screen:?}");
    assert!(screen.contains(" no room for "), "{screen:?}");
    // An open window stands out, unless colour is not wanted.
    let is_coloured =
        |screen: &str| screen.contains("\u{1b}[38;5;11m") || screen.contains("\u{1b}[33m");
    assert!(is_coloured(&screen), "{screen:?}");
    assert!(!is_coloured(&shown("--no-color")));
}
