//! The container files and the unit hold together, as far as can be seen without an engine.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use clap::Parser;
use serde_json::Value;
use tidegauge::cli::arguments::Arguments;

use super::{repository, text_of, yaml_documents};
use crate::support::lab::succeed;
use crate::support::service::binary;

fn compose() -> Option<Value> {
    Some(yaml_documents("compose.yml")?.remove(0))
}

fn services(compose: &Value) -> impl Iterator<Item = (&String, &Value)> {
    compose["services"].as_object().unwrap().iter()
}

fn names(of: &Value) -> BTreeSet<&str> {
    match of {
        Value::Null => BTreeSet::new(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        Value::Object(map) => map.keys().map(String::as_str).collect(),
        other => panic!("{other}"),
    }
}

/// The names in a list of configs or secrets, in either form.
fn sources(of: &Value) -> Vec<&str> {
    let items = of.as_array().into_iter().flatten();
    items
        .map(|item| item.as_str().or(item["source"].as_str()).unwrap())
        .collect()
}

/// What `${NAME:-default}` is where nothing is set.
fn default_of(text: &str) -> &str {
    let inner = text
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'));
    inner.map_or(text, |inner| inner.split_once(":-").unwrap().1)
}

#[test]
fn services_volumes_and_configs_that_are_named_exist() {
    let Some(compose) = compose() else { return };
    let all = names(&compose["services"]);
    let volumes = names(&compose["volumes"]);
    for (name, service) in services(&compose) {
        for needed in names(&service["depends_on"]) {
            assert!(all.contains(needed), "{name} needs {needed}");
            // One that is to be healthy says when it is.
            if service["depends_on"][needed]["condition"] == "service_healthy" {
                assert!(
                    !compose["services"][needed]["healthcheck"].is_null(),
                    "{needed}"
                );
            }
        }
        for kind in ["configs", "secrets"] {
            for source in sources(&service[kind]) {
                assert!(
                    names(&compose[kind]).contains(source),
                    "{name}: {kind} {source}"
                );
            }
        }
        for mount in service["volumes"].as_array().into_iter().flatten() {
            let source = mount.as_str().unwrap().split(':').next().unwrap();
            match source.strip_prefix("./") {
                Some(path) => assert!(repository(path).exists(), "{name}: {source}"),
                None => assert!(volumes.contains(source), "{name}: {source}"),
            }
        }
    }
    for kind in ["configs", "secrets"] {
        for (name, it) in compose[kind].as_object().into_iter().flatten() {
            if let Some(file) = it["file"].as_str() {
                assert!(repository(default_of(file)).exists(), "{name}: {file}");
            }
        }
    }
}

#[test]
fn compose_takes_every_config_and_secret_of_a_service_on_a_read_only_file_system() {
    let Some(compose) = compose() else { return };
    let mut taken = 0;
    for (name, service) in services(&compose) {
        if service["read_only"] != true {
            continue;
        }
        for kind in ["configs", "secrets"] {
            for source in sources(&service[kind]) {
                // Those made of `content` or `environment` would have to be written into the container.
                let it = &compose[kind][source];
                assert_eq!(
                    names(it),
                    BTreeSet::from(["file"]),
                    "{name}: {kind} {source}"
                );
                taken += 1;
            }
        }
    }
    assert!(taken >= 2, "{taken}");
}

#[test]
fn each_image_is_built_by_one_service_and_pulled_by_none_that_does_not_build_it() {
    let Some(compose) = compose() else { return };
    let ours = services(&compose).filter(|(_, service)| service["image"] == "tidegauge:local");
    let mut builders = 0;
    for (name, service) in ours {
        builders += u32::from(!service["build"].is_null());
        assert_eq!(service["pull_policy"], "never", "{name}");
    }
    assert_eq!(builders, 1);
    for (name, service) in services(&compose) {
        let is_ours = service["image"] == "tidegauge:local";
        assert!(is_ours || service["build"].is_null(), "{name}");
    }
}

#[test]
fn the_readme_names_the_stack_s_token_and_where_it_is() {
    let Some(compose) = compose() else { return };
    let file = compose["secrets"]["token"]["file"].as_str().unwrap();
    let file = default_of(file).trim_start_matches("./");
    let token = text_of(file);
    let readme = text_of("README.md");
    assert!(readme.contains(&format!("`{}`", token.trim())), "{token}");
    assert!(readme.contains(&format!("`{file}`")), "{file}");
    assert!(text_of(".env.example").contains(&format!("TIDEGAUGE_TOKEN_FILE=./{file}")));
    // The port is published on 127.0.0.1 as README says.
    let ports = names(&compose["services"]["tidegauge"]["ports"]);
    assert_eq!(ports, BTreeSet::from(["127.0.0.1:8080:8080"]));
    // Each user of it looks where Compose puts it.
    let scraped = text_of("ops/prometheus/prometheus.yml");
    let target = compose["services"]["prometheus"]["secrets"][0]["target"].as_str();
    let target = format!("credentials_file: /run/secrets/{}", target.unwrap());
    assert!(scraped.contains(&target), "{target}");
}

#[test]
fn the_generator_of_the_stack_can_not_fill_the_disk() {
    let Some(compose) = compose() else { return };
    let command: Vec<&str> = compose["services"]["topic"]["command"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap())
        .collect();
    let number = |prefix: &str| -> u64 {
        let word = command.iter().find_map(|word| word.strip_prefix(prefix));
        word.unwrap_or_else(|| panic!("no {prefix}"))
            .parse()
            .unwrap()
    };
    let partitions = number("--partitions=");
    let bytes = number("--config=retention.bytes=") + number("--config=segment.bytes=");
    assert!(
        partitions * bytes <= 2_000_000_000,
        "{}",
        partitions * bytes
    );
}

#[test]
fn nothing_is_published_beyond_this_machine_and_nothing_gains_privileges() {
    let Some(compose) = compose() else { return };
    for (name, service) in services(&compose) {
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(
                port.as_str().unwrap().starts_with("127.0.0.1:"),
                "{name}: {port}"
            );
        }
        assert!(
            names(&service["security_opt"]).contains("no-new-privileges:true"),
            "{name}"
        );
        assert!(names(&service["cap_drop"]).contains("ALL"), "{name}");
        let image = service["image"].as_str().unwrap();
        let (_, tag) = image.rsplit_once(':').unwrap();
        let is_exact = tag.trim_start_matches('v').split('.').count() == 3;
        assert!(is_exact || image == "tidegauge:local", "{name}: {image}");
        if image == "tidegauge:local" {
            assert_eq!(service["read_only"], true, "{name}");
        }
    }
}

#[test]
fn commands_of_our_own_image_are_understood() {
    let Some(compose) = compose() else { return };
    let mut understood = 0;
    for (name, service) in services(&compose) {
        if service["image"] != "tidegauge:local" {
            continue;
        }
        let words = service["command"].as_array().unwrap().iter();
        let words = words.map(|word| word.as_str().unwrap());
        let parsed = Arguments::try_parse_from(std::iter::once("tidegauge").chain(words));
        assert!(parsed.is_ok(), "{name}: {}", parsed.unwrap_err());
        understood += 1;
    }
    assert!(understood >= 2);
    let dockerfile = text_of("Dockerfile");
    assert!(dockerfile.contains("CMD [\"tidegauge\", \"health\"]"));
    assert!(Arguments::try_parse_from(["tidegauge", "health"]).is_ok());
}

#[test]
fn the_configuration_in_the_stack_is_right() {
    let Some(compose) = compose() else { return };
    let mut check = binary();
    let dir = tempfile::tempdir().unwrap();
    check.current_dir(dir.path()).arg("check");
    let environment = compose["services"]["tidegauge"]["environment"].as_object();
    for (name, value) in environment.unwrap() {
        let value = value.as_str().unwrap();
        if value == "/run/secrets/token" {
            assert!(sources(&compose["services"]["tidegauge"]["secrets"]).contains(&"token"));
            check.env(name, repository("ops/token"));
        } else {
            check.env(name, default_of(value));
        }
    }
    let shown = succeed(&mut check);
    for line in [
        "state_dir = \"/var/lib/tidegauge/state\"",
        "brokers = \"kafka:9092\"",
        "start = \"earliest\"",
        "url = \"http://elasticsearch:9200/\"",
        "listen = \"0.0.0.0:8080\"",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert!(!shown.contains("only-published-on-loopback"), "{shown}");
}

#[test]
fn the_image_says_the_version_of_the_program() {
    let dockerfile = text_of("Dockerfile");
    let line = concat!("ARG VERSION=", env!("CARGO_PKG_VERSION"));
    assert!(dockerfile.lines().any(|given| given == line), "{line}");
}

#[test]
fn the_image_runs_as_an_unprivileged_user_and_checks_itself() {
    let dockerfile = text_of("Dockerfile");
    let last = dockerfile.rsplit("\nFROM ").next().unwrap();
    for line in [
        "USER 10001:10001",
        "STOPSIGNAL SIGTERM",
        "ENTRYPOINT [\"tidegauge\"]",
    ] {
        assert!(last.lines().any(|l| l == line), "{line}");
    }
    assert!(last.contains("HEALTHCHECK "));
    for from in dockerfile.lines().filter(|line| line.starts_with("FROM ")) {
        let image = from.split_whitespace().nth(1).unwrap();
        assert!(
            image.contains(':') && !image.ends_with(":latest"),
            "{image}"
        );
    }
}

#[test]
fn the_unit_is_hardened_and_systemd_takes_it() {
    let unit = text_of("ops/tidegauge.service");
    for line in [
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "User=tidegauge",
        "Group=tidegauge",
        "StateDirectory=tidegauge",
        "RestartPreventExitStatus=2 78",
        "TimeoutStopSec=30s",
        "Restart=on-failure",
    ] {
        assert!(unit.lines().any(|l| l == line), "{line}");
    }
    let start = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="))
        .unwrap();
    assert!(
        Arguments::try_parse_from(start.split_whitespace()).is_ok(),
        "{start}"
    );
    if Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_err()
    {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tidegauge.service");
    // systemd looks for the program, which is not installed here.
    let program = Path::new(env!("CARGO_BIN_EXE_tidegauge")).to_str().unwrap();
    fs::write(&path, unit.replace("/usr/local/bin/tidegauge", program)).unwrap();
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(&path)
        .output()
        .unwrap();
    let remarks = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success(), "{remarks}");
    assert!(!remarks.contains("tidegauge.service:"), "{remarks}");
}
