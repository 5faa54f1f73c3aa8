//! What operators rely on: metrics, alerts and what they say, health checks, a stop in time.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod alerts;
mod commands;
mod containers;
mod dashboard;
mod deleted;
mod kubernetes;
mod positions;
mod quiet;
mod sbom;
mod scraped;
mod silence;
mod stopping;
mod unit;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::lab::{Toolbox, succeed};

/// A path in the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Prometheus' checker.
fn promtool(toolbox: &Toolbox) -> Command {
    Command::new(toolbox.home().join("promtool"))
}

/// A file of the repository.
#[track_caller]
fn text_of(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The documents of a YAML file of the repository; `None` where no parser can be had.
#[track_caller]
fn yaml_documents(path: &str) -> Option<Vec<Value>> {
    let toolbox = Toolbox::python()?;
    let script =
        "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
    let mut command = toolbox.venv("python");
    let text = succeed(command.args(["-c", script]).arg(repository(path)));
    Some(serde_json::from_str(&text).unwrap())
}

/// The alerts by name, as `ops/prometheus/alerts.yml` lists them, with their expressions.
fn alerts() -> Vec<(String, String)> {
    let text = text_of("ops/prometheus/alerts.yml");
    let value = |line: &str, key: &str| Some(line.trim().strip_prefix(key)?.trim().to_owned());
    let names = text.lines().filter_map(|line| value(line, "- alert:"));
    let expressions = text
        .lines()
        .filter_map(|line| value(line, "expr:"))
        .map(|quoted| quoted.trim_matches('\'').replace("''", "'"));
    let alerts: Vec<_> = names.zip(expressions).collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    alerts
}
