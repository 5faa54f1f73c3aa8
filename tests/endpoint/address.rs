//! Where the commands find the service, and what they say of an address that is wrong.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::{fails, said};
use crate::support::lab::{Kafka, eventually, free_port, succeed, unique};
use crate::support::service::{Setup, quoted};
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
