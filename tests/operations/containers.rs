//! The container files and the unit hold together, as far as can be seen without an engine.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use clap::Parser;
use serde_json::Value;
use tidegauge::cli::arguments::Arguments;

use super::{repository, text_of};
use crate::support::lab::{Toolbox, succeed};
use crate::support::service::binary;

fn compose() -> Option<Value> {
    let toolbox = Toolbox::python()?;
    let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let text = succeed(
        toolbox
            .venv("python")
            .args(["-c", script])
            .arg(repository("compose.yml")),
    );
    Some(serde_json::from_str(&text).unwrap())
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

#[test]
fn services_volumes_and_configs_that_are_named_exist() {
    let Some(compose) = compose() else { return };
    let all = names(&compose["services"]);
    let (volumes, configs) = (names(&compose["volumes"]), names(&compose["configs"]));
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
        for config in service["configs"].as_array().into_iter().flatten() {
            assert!(
                configs.contains(config["source"].as_str().unwrap()),
                "{name}: {config}"
            );
        }
        for mount in service["volumes"].as_array().into_iter().flatten() {
            let source = mount.as_str().unwrap().split(':').next().unwrap();
            match source.strip_prefix("./") {
                Some(path) => assert!(repository(path).exists(), "{name}: {source}"),
                None => assert!(volumes.contains(source), "{name}: {source}"),
            }
        }
    }
    for (name, config) in compose["configs"].as_object().unwrap() {
        if let Some(file) = config["file"].as_str() {
            assert!(repository(file).exists(), "{name}: {file}");
        }
    }
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
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    fs::write(&token, "something\n").unwrap();
    let config = compose["configs"]["tidegauge"]["content"].as_str().unwrap();
    assert!(config.contains("/etc/tidegauge/token"));
    let config = config.replace("/etc/tidegauge/token", token.to_str().unwrap());
    let path = dir.path().join("tidegauge.toml");
    fs::write(&path, config).unwrap();
    let shown = succeed(binary().arg("--config").arg(&path).arg("check"));
    assert!(shown.contains("brokers = \"kafka:9092\""), "{shown}");
}

#[test]
fn the_image_runs_as_nobody_and_checks_itself() {
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
        "DynamicUser=yes",
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
