//! The forms of the figures, read by the tools that analysts use; and the description of the
//! routes, held against a running service.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::lab::{Kafka, Toolbox, http, succeed, unique};
use crate::support::service::{Service, Setup, quoted};
use crate::support::topic::produce;

/// A service that has read payments which Python can read as well.
struct Read {
    setup: Setup,
    service: Service,
    python: Toolbox,
}

impl Read {
    fn payments(
        count: u64,
        per_second: u64,
        settings: &[(&'static str, &str, &str)],
    ) -> Option<Self> {
        let (Some(kafka), Some(python)) = (Kafka::shared(), Toolbox::python()) else {
            return None;
        };
        let name = unique("formats");
        let mut setup = Setup::of(kafka, &name);
        for (section, key, value) in settings {
            setup.set(section, key, value);
        }
        let (count_text, per_second) = (count.to_string(), per_second.to_string());
        let options = [
            "--count",
            &count_text,
            "--seed",
            "11",
            "--start",
            "2026-11-01T00:00:00Z",
            "--per-second",
            &per_second,
        ];
        produce(&setup, &options);
        let printed = setup.run(&[&["produce", "--stdout"], &options[..]].concat());
        fs::write(setup.path("payments.ndjson"), printed.stdout).unwrap();
        let service = setup.serve();
        service.await_consumed(count);
        service.await_idle();
        Some(Self {
            setup,
            service,
            python,
        })
    }

    /// Runs one of the scripts beside this file against the service.
    #[track_caller]
    fn script(&self, name: &str, arguments: &[&str]) -> String {
        let more = format!(
            "{} --config {} produce --count 50 --seed 12 --start 2026-11-01T00:50:00Z --per-second 5",
            env!("CARGO_BIN_EXE_tidegauge"),
            self.setup.config().display()
        );
        succeed(
            self.python
                .venv("python")
                .arg("-B")
                .arg(scripts().join(name))
                .args(arguments)
                .env("TIDEGAUGE", self.service.url())
                .env("SERVICE", self.service.id().to_string())
                .env("PAYMENTS", self.setup.path("payments.ndjson"))
                .env("PRODUCE", more),
        )
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats")
}

#[test]
fn pandas_polars_duckdb_and_pyarrow_read_the_exact_figures() {
    let idle = ("event_time", "idle_after", "\"1s\"");
    let Some(read) = Read::payments(10_000, 5, &[idle]) else {
        return;
    };
    for (script, tool) in [
        ("pandas_reads.py", "pandas"),
        ("polars_reads.py", "polars"),
        ("duckdb_reads.py", "DuckDB"),
        // The last: payments come while it reads.
        ("pyarrow_reads.py", "pyarrow"),
    ] {
        let said = read.script(script, &[]);
        assert!(said.contains(&format!("{tool}: ")), "{said}");
    }
}

#[test]
fn the_notebook_prints_what_its_page_shows() {
    let idle = ("event_time", "idle_after", "\"1s\"");
    let Some(read) = Read::payments(10_000, 5, &[idle]) else {
        return;
    };
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/notebook.md");
    let said = read.script("notebook.py", &[page.to_str().unwrap()]);
    assert!(said.contains("8 cells agree"), "{said}");
}

#[test]
fn a_large_answer_is_sent_while_it_is_made() {
    let settings = [
        ("event_time", "idle_after", "\"1s\""),
        ("[window]", "name", "\"1s\""),
        ("[window]", "size", "\"1s\""),
    ];
    let Some(read) = Read::payments(36_000, 3, &settings) else {
        return;
    };
    let said = read.script("large.py", &[]);
    assert!(said.contains("rows agree"), "{said}");
}

/// Every route that is registered, as the sources say it.
fn registered() -> BTreeSet<String> {
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api.rs"));
    let source = source.unwrap();
    let (_, router) = source.split_once("let v1 = Router::new()").unwrap();
    let (v1, others) = router.split_once(';').unwrap();
    let paths = |code: &str, prefix: &str| -> Vec<String> {
        code.split(".route(")
            .skip(1)
            .map(|rest| rest.split('"').nth(1).unwrap().replace("{*", "{"))
            .map(|path| match path.as_str() {
                "/" if !prefix.is_empty() => prefix.to_owned(),
                path => format!("{prefix}{path}"),
            })
            .collect()
    };
    [paths(v1, "/api/v1"), paths(others, "")]
        .concat()
        .into_iter()
        .collect()
}

#[test]
fn every_route_is_described_and_every_description_is_of_a_route() {
    let Some(kafka) = Kafka::shared() else {
        return;
    };
    let name = unique("described");
    kafka.create_topic(&name, 1);
    let setup = Setup::of(kafka, &name);
    let service = setup.serve();
    let document: Value = http::get_json(&format!("{}/openapi.json", service.url()));
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let described: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(described, registered());
}

#[test]
fn the_service_does_what_its_description_says() {
    let Some(read) = Read::payments(2_000, 5, &[]) else {
        return;
    };
    let Read {
        mut setup,
        service,
        python,
    } = read;
    drop(service);
    // Once open, once with a token: then requests without it are tried too.
    for token in [None, Some("correct-horse-battery")] {
        let mut header = Vec::new();
        if let Some(token) = token {
            let file = setup.path("token");
            fs::write(&file, token).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            setup.set("http", "token_file", &quoted(&file.display().to_string()));
            header = vec!["-H".to_owned(), format!("Authorization: Bearer {token}")];
        }
        let service = setup.serve();
        succeed(
            python
                .venv("schemathesis")
                // What it remembers of failures goes with the directory.
                .current_dir(setup.path(""))
                .env("PYTHONPATH", scripts())
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .arg("--config-file")
                .arg(scripts().join("schemathesis.toml"))
                .arg("run")
                .arg(format!("{}/openapi.json", service.url()))
                .args(["--checks", "all"])
                .args(&header),
        );
    }
}
