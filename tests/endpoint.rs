//! Flags and settings mean the same for every command: where the service answers, and where the state is.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use crate::support::lab::{Kafka, eventually, free_port, succeed, unique};
use crate::support::service::{Outcome, Setup, binary, quoted};
use crate::support::topic::{START, paid};

/// A service at a port that its configuration names, with a token.
fn protected(kafka: &Kafka) -> (Setup, u16) {
    let name = unique("endpoint");
    kafka.create_topic(&name, 1);
    kafka.send(&name, [paid(0, START, "12.5", 3)]);
    let mut setup = Setup::of(kafka, &name);
    let port = free_port();
    setup.set("http", "listen", &quoted(&format!("0.0.0.0:{port}")));
    let token = setup.path("token");
    fs::write(&token, "correct horse\n").unwrap();
    setup.set("http", "token_file", &quoted(&token.display().to_string()));
    (setup, port)
}

#[track_caller]
fn fails(outcome: &Outcome, code: i32, words: &[&str]) {
    assert_eq!(outcome.status.code(), Some(code), "{}", outcome.stderr);
    for word in words {
        assert!(
            outcome.stderr.contains(word),
            "no {word:?} in {}",
            outcome.stderr
        );
    }
}

#[test]
fn query_and_health_take_address_and_token_from_the_configuration() {
    let Some(kafka) = Kafka::shared() else { return };
    let (setup, port) = protected(kafka);
    // No service answers yet, and the address that was asked is named.
    let address = format!("http://127.0.0.1:{port}");
    fails(
        &setup.run(&["query", "totals"]),
        75,
        &[&address, "http.listen"],
    );
    let service = setup.start();
    eventually("a service that answers", || {
        (setup.run(&["health"]).status.code() == Some(0)).then_some(())
    });
    let totals = eventually("the payment", || {
        let asked = setup.run(&["query", "totals", "-o", "csv"]);
        assert_eq!(asked.status.code(), Some(0), "{}", asked.stderr);
        asked.stdout.contains(",12.5,").then_some(asked.stdout)
    });
    // Elsewhere, as typed or by the environment, and here again.
    let elsewhere = format!("http://127.0.0.1:{}", free_port());
    fails(
        &setup.run(&["query", "totals", "--url", &elsewhere]),
        75,
        &[&elsewhere],
    );
    fails(
        &setup.run(&["health", "--url", &elsewhere]),
        1,
        &[&elsewhere],
    );
    let by_variable = |arguments: &[&str]| {
        let mut command = setup.command(arguments);
        command.env("TIDEGAUGE_URL", &elsewhere);
        command
    };
    assert_eq!(
        by_variable(&["health"]).output().unwrap().status.code(),
        Some(1)
    );
    let listen = format!("0.0.0.0:{port}");
    assert_eq!(
        succeed(&mut by_variable(&["health", "--listen", &listen])),
        "ok\n"
    );
    let asked = ["query", "totals", "-o", "csv", "--listen", &listen];
    assert_eq!(succeed(&mut by_variable(&asked)), totals);
    // The token of the configuration goes with an address of this machine that is typed, too.
    let local = format!("http://localhost:{port}");
    let asked = setup.run(&["query", "totals", "-o", "csv", "--url", &local]);
    assert_eq!(asked.stdout, totals, "{}", asked.stderr);
    // Without one, or with a wrong one, it is said which flag gives it.
    let without = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegauge"));
        command
            .current_dir(std::env::temp_dir())
            .env_remove("TIDEGAUGE_CONFIG");
        command.args(["query", "totals", "--url", &local]);
        command
    };
    let told = |command: &mut Command| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let none = told(&mut without());
    assert!(
        none.contains("asks for a token") && none.contains("--token-file"),
        "{none}"
    );
    let wrong = setup.path("wrong");
    fs::write(&wrong, "battery staple").unwrap();
    let wrong = told(without().arg("--token-file").arg(wrong));
    assert!(wrong.contains("does not accept this token"), "{wrong}");
    service.terminate();
    service.wait(Duration::from_secs(30));
}

#[test]
fn what_listens_on_a_free_port_can_not_be_found_by_its_configuration() {
    let setup = Setup::new("127.0.0.1:1", "nothing");
    fails(
        &setup.run(&["query", "totals"]),
        2,
        &["http.listen is 127.0.0.1:0", "--url"],
    );
    fails(&setup.run(&["health"]), 2, &["--url"]);
    fails(
        &setup.run(&["query", "totals", "--set", "http.listen=here"]),
        78,
        &["http.listen", "here"],
    );
}

/// What the binary says in an empty directory, where nothing answers; it must fail.
#[track_caller]
fn said(arguments: &[&str], variables: &[(&str, &str)], code: i32) -> String {
    let directory = tempfile::tempdir().unwrap();
    let output = binary()
        .current_dir(directory.path())
        .args(arguments)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    said
}

#[test]
fn what_is_typed_names_the_service_before_the_environment_does() {
    let [typed, by_url, by_key] = [(); 3].map(|()| format!("127.0.0.1:{}", free_port()));
    let url = format!("http://{by_url}");
    let variables = [
        ("TIDEGAUGE_URL", url.as_str()),
        ("TIDEGAUGE_HTTP__LISTEN", by_key.as_str()),
    ];
    let set = format!("http.listen={typed}");
    let section = format!("http={{listen = \"{typed}\"}}");
    let full = format!("http://{typed}");
    for (command, code) in [(&["query", "totals"][..], 75), (&["health"][..], 1)] {
        let asked = |more: &[&str], variables: &[(&str, &str)]| {
            said(&[command, more].concat(), variables, code)
        };
        for more in [
            ["--set", set.as_str()],
            ["--set", section.as_str()],
            ["--listen", typed.as_str()],
            ["--url", full.as_str()],
        ] {
            let told = asked(&more, &variables);
            assert!(told.contains(&typed), "{more:?}: {told}");
        }
        let told = asked(&["--url", &full, "--listen", &by_key], &variables);
        assert!(told.contains(&typed), "{told}");
        let told = asked(&[], &variables);
        assert!(
            told.contains(&by_url) && told.contains("TIDEGAUGE_URL"),
            "{told}"
        );
        assert!(asked(&[], &variables[1..]).contains(&by_key));
    }
}

#[test]
fn an_address_that_can_not_be_asked_is_told_by_who_gave_it_and_what_would_be_right() {
    let here = format!("127.0.0.1:{}", free_port());
    let file = "http.listen = '127.0.0.1:1'\n";
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("named.toml");
    fs::write(&path, file).unwrap();
    let path = path.display().to_string();
    let url = |rest: &str| format!("http://{here}{rest}");
    let set = format!("http.listen={here}");
    let listen = [("TIDEGAUGE_HTTP__LISTEN", here.as_str())];
    let empty = [("TIDEGAUGE_URL", "")];
    for (command, unanswered) in [(&["query", "totals"][..], 75), (&["health"], 1)] {
        for (more, variables, code, words) in [
            // The variable of another service must not be asked in place of the one meant.
            (&["--url", ""][..], &[][..], 2, "--url: \"\" is empty"),
            (&[], &empty, unanswered, "(the default)"),
            (&["--listen", &here], &[], unanswered, "(--listen)"),
            (&["--set", &set], &[], unanswered, "(--set http.listen)"),
            (&[], &listen, unanswered, "(TIDEGAUGE_HTTP__LISTEN)"),
            (&["--config", &path], &[], unanswered, "(http.listen)"),
            (
                &["--url", &url("/api/v1/status")],
                &[],
                2,
                "give http://host:port",
            ),
            (&["--url", &url("/?token=hunter2")], &[], 2, "give http://"),
            (
                &["--url", &format!("https://{here}")],
                &[],
                unanswered,
                "give http://",
            ),
        ] {
            let arguments = [command, more].concat();
            let told = said(&arguments, variables, code);
            assert!(told.contains(words), "{arguments:?}: {told}");
            assert!(!told.contains("hunter2"), "{arguments:?}: {told}");
        }
    }
    let told = said(&["query", "totals", "--token-file", ""], &[], 2);
    assert!(told.contains("'--token-file <FILE>'"), "{told}");
}

#[test]
fn a_password_in_an_address_is_never_shown() {
    let port = free_port();
    let url = format!("http://me:hunter2@127.0.0.1:{port}");
    let wrong = "http://me:hunter2@127.0.0.1:99999";
    let listen = "me:hunter2@127.0.0.1:1";
    for (arguments, variables, code) in [
        (&["query", "totals", "--url", &url][..], &[][..], 75),
        (&["query", "totals"], &[("TIDEGAUGE_URL", url.as_str())], 75),
        (&["query", "totals", "--url", wrong], &[], 2),
        (
            &["health"],
            &[("TIDEGAUGE_URL", "http://me:hun#hunter2@127.0.0.1:1")],
            2,
        ),
        (
            &["health", "--url", "http://me:hunter2#x@127.0.0.1:1"],
            &[],
            2,
        ),
        (
            &["health", "--url", "http://me:hunter2?x@127.0.0.1:1"],
            &[],
            2,
        ),
        (
            &["check", "--set", "kafka.properties.sasl.password hunter2"],
            &[],
            2,
        ),
        (&["check", "--set", "hunter2"], &[], 2),
        (&["check", "--set", "=hunter2"], &[], 2),
        (&["check", "kafka.properties.sasl.password=hunter2"], &[], 2),
        (&["serve", "sasl.password:hunter2"], &[], 2),
        (&["serve", "sasl.password hunter2"], &[], 2),
        (
            &["check", "--set", "kafka.properties.sasl.password.hunter2=1"],
            &[],
            78,
        ),
        (&["query", "totals"], &[("TIDEGAUGE_URL", wrong)], 2),
        (&["query", "totals", "--listen", listen], &[], 78),
        (&["health", "--url", &url], &[], 1),
        (&["health", "--url", wrong], &[], 2),
        (&["kibana", "load", "--url", &url], &[], 78),
        (&["kibana", "load", "--url", wrong], &[], 78),
        (
            &["check"],
            &[("TIDEGAUGE_ELASTICSEARCH__URL", url.as_str())],
            78,
        ),
        (&["check"], &[("TIDEGAUGE_ELASTICSEARCH__URL", wrong)], 78),
        (&["check"], &[("TIDEGAUGE_KIBANA__URL", wrong)], 78),
        (&["check"], &[("TIDEGAUGE_KAFKA__BROKERS", listen)], 78),
    ] {
        let told = said(arguments, variables, code);
        assert!(!told.contains("hunter2"), "{arguments:?}: {told}");
    }
    // What a proxy asks for is not shown either; it is asked for other machines only.
    let proxy = format!("http://me:hunter2@127.0.0.1:{port}");
    let variables = [
        ("http_proxy", proxy.as_str()),
        ("HTTP_PROXY", proxy.as_str()),
    ];
    let told = said(
        &["query", "totals", "--url", "http://192.0.2.1"],
        &variables,
        75,
    );
    assert!(
        told.contains("192.0.2.1") && !told.contains("hunter2"),
        "{told}"
    );
}

#[test]
fn a_token_is_read_by_those_who_ask_as_by_the_service() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("http://127.0.0.1:{}", free_port());
    let file = |name: &str, text: &str, mode: u32| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    };
    for (path, words) in [
        (file("short", "abc\n", 0o600), "fewer than 4 characters"),
        (file("empty", " \n", 0o600), "is empty"),
        (
            file("lines", "correct\nhorse\n", 0o600),
            "more than one line",
        ),
        (
            file("open", "correct horse\n", 0o666),
            "every user can write",
        ),
        ("hunter2".to_owned(), "there is no such file"),
    ] {
        let key = format!("http.token_file={path}");
        let served = said(
            &["serve", "--brokers", "127.0.0.1:1", "--set", &key],
            &[],
            78,
        );
        let asked = ["query", "totals", "--url", &url];
        let by_flag = said(&[&asked[..], &["--token-file", &path]].concat(), &[], 78);
        let by_key = said(&[&asked[..], &["--set", &key]].concat(), &[], 78);
        let by_variable = said(&asked, &[("TIDEGAUGE_TOKEN_FILE", &path)], 78);
        for told in [served, by_flag, by_key, by_variable] {
            assert!(told.contains(words), "{told}");
            assert!(
                !told.contains("hunter2") && !told.contains("horse"),
                "{told}"
            );
        }
    }
    let readable = file("readable", "correct horse\n", 0o644);
    let asked = ["query", "totals", "--url", &url, "--token-file", &readable];
    let told = said(&asked, &[], 75);
    assert!(
        told.contains("every user of this machine can read"),
        "{told}"
    );
}

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

#[test]
fn the_demo_takes_what_it_can_and_refuses_the_rest_with_a_reason() {
    let setup = Setup::new("127.0.0.1:1", "nothing");
    fails(
        &setup.run(&["demo", "--for", "1s"]),
        78,
        &[
            "kafka.brokers: the demo has a broker",
            "state_dir: the demo's state",
        ],
    );
    let taken = setup.path("demo.toml");
    fs::write(
        &taken,
        "time_zone = 'Asia/Shanghai'\n[[window]]\nname = '5m'\nsize = '5m'\n[branches]\n3 = 'Harbour'\n",
    )
    .unwrap();
    let demo = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegauge"));
        // What is for the service is not for the demo.
        command
            .current_dir(setup.path(""))
            .env("TIDEGAUGE_KAFKA__BROKERS", "127.0.0.1:1")
            .args(["demo", "--listen", "127.0.0.1:0", "--for", "2s"])
            .args(["--history", "10s", "-o", "json"])
            .args(more);
        command
    };
    for (more, words) in [
        (
            ["--set", "kafka.topic=x"],
            "--set: kafka.topic: the demo has a broker",
        ),
        (
            ["--set", "elasticsearch.url=http://x:1"],
            "the demo does not write to Elasticsearch",
        ),
        (
            ["--set", "kibana.url=http://x:1"],
            "Elasticsearch or Kibana",
        ),
        (
            ["--state-dir", "x"],
            "--state-dir: state_dir: the demo's state",
        ),
        (["--set", "event_time.idle=1s"], "there is no such key"),
    ] {
        let output = demo(&more).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{said}");
        assert!(said.contains(words), "{said}");
    }
    let output = demo(&["--config", &taken.display().to_string()])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("/api/v1/windows/5m"), "{said}");
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed["totals"][3]["branch"], "Harbour");
    // The generator writes in that zone: times of now, not of eight hours from now.
    assert_eq!(
        printed["ledger"]["entries"]["future"]["count"], 0,
        "{printed}"
    );
    assert!(
        printed["ledger"]["entries"]["on_time"]["count"].as_u64() > Some(500),
        "{printed}"
    );
}
