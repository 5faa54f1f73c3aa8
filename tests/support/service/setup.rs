//! What a service is started with.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::process::{Outcome, Process};
use super::{PATIENCE, Service};
use crate::support::lab::{Elastic, Kafka};

/// What a service is started with. All that it leaves behind goes when this is dropped.
pub struct Setup {
    dir: TempDir,
    /// TOML by section and key; the top level is the section without a name.
    settings: BTreeMap<&'static str, BTreeMap<String, String>>,
    started: Cell<u32>,
}

impl Setup {
    /// A service that reads `topic` from its beginning, answers on a free port, and never closes a
    /// window because it is quiet: that depends on the wall clock.
    pub fn new(brokers: &str, topic: &str) -> Self {
        let mut setup = Self {
            dir: tempfile::Builder::new()
                .prefix("service")
                .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
                .unwrap(),
            settings: BTreeMap::new(),
            started: Cell::new(0),
        };
        let state = setup.path("state").display().to_string();
        setup.set("", "state_dir", &quoted(&state));
        setup.set("kafka", "brokers", &quoted(brokers));
        setup.set("kafka", "topic", &quoted(topic));
        setup.set("kafka", "group_id", &quoted(topic));
        setup.set("kafka", "start", "\"earliest\"");
        setup.set("event_time", "quiet_after", "\"10h\"");
        setup.set("http", "listen", "\"127.0.0.1:0\"");
        setup
    }

    /// [`Setup::new`] for a topic of `kafka`.
    pub fn of(kafka: &Kafka, topic: &str) -> Self {
        Self::new(&kafka.bootstrap(), topic)
    }

    /// Writes documents to `elastic` as well, under `prefix`.
    pub fn delivering(mut self, elastic: &Elastic, prefix: &str) -> Self {
        self.set("elasticsearch", "url", &quoted(&elastic.url()));
        self.set("elasticsearch", "index_prefix", &quoted(prefix));
        self.set(
            "elasticsearch",
            "legacy_totals",
            &quoted(&legacy_totals(prefix)),
        );
        self.set("elasticsearch.bulk", "interval", "\"100ms\"");
        self
    }

    /// Sets a key, or changes it for the next start, to a value in TOML.
    pub fn set(&mut self, section: &'static str, key: &str, value: &str) {
        self.settings
            .entry(section)
            .or_default()
            .insert(key.to_owned(), value.to_owned());
        fs::write(self.config(), self.toml()).unwrap();
    }

    /// Takes a section's keys out, for the next start.
    pub fn clear(&mut self, section: &'static str) {
        self.settings.remove(section);
        fs::write(self.config(), self.toml()).unwrap();
    }

    /// [`Setup::set`], one after the other.
    pub fn with(mut self, section: &'static str, key: &str, value: &str) -> Self {
        self.set(section, key, value);
        self
    }

    /// A path in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The configuration's path.
    pub fn config(&self) -> PathBuf {
        self.path("tidegauge.toml")
    }

    /// The binary, with this configuration and without any setting of the environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = binary();
        command
            .current_dir(self.dir.path())
            .arg("--config")
            .arg(self.config())
            .args(arguments);
        command
    }

    /// Runs a command to its end.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.spawn(arguments).wait(PATIENCE)
    }

    /// Runs a command that must succeed and print JSON.
    #[track_caller]
    pub fn run_json(&self, arguments: &[&str]) -> Value {
        let outcome = self.run(arguments);
        assert_eq!(
            outcome.status.code(),
            Some(0),
            "{arguments:?}: {}",
            outcome.stderr
        );
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| {
            panic!(
                "{arguments:?} printed no JSON ({error}): {}",
                outcome.stdout
            )
        })
    }

    /// Reads to the end, delivers everything, and gives the summary.
    #[track_caller]
    pub fn serve_until_end(&self) -> Value {
        self.run_json(&["serve", "--until-end", "-o", "json"])
    }

    /// Starts the service and waits until it answers.
    #[track_caller]
    pub fn serve(&self) -> Service {
        self.start().await_address()
    }

    /// Starts the service and does not wait.
    pub fn start(&self) -> Process {
        self.spawn(&["serve"])
    }

    /// Starts a command.
    pub fn spawn(&self, arguments: &[&str]) -> Process {
        self.start_command(&mut self.command(arguments))
    }

    /// Starts a command for which every file is full at so many KiB, as on a disk that is full.
    pub fn spawn_with_full_files(&self, kib: u32, arguments: &[&str]) -> Process {
        self.spawn_through(&format!("ulimit -f {kib}; "), &self.command(arguments))
    }

    /// Starts a command for which files may become full: writing fails with a reason then, as on a disk that is full.
    pub fn spawn_for_full_disk(&self, command: &Command) -> Process {
        self.spawn_through("", command)
    }

    fn spawn_through(&self, limit: &str, command: &Command) -> Process {
        let mut limited = Command::new("bash");
        limited
            .current_dir(self.dir.path())
            .arg("-c")
            // Without the signal, writing fails with a reason.
            .arg(format!(r#"trap '' XFSZ; {limit}exec "$@""#))
            .arg("bash")
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => limited.env(name, value),
                None => limited.env_remove(name),
            };
        }
        self.start_command(&mut limited)
    }

    /// Starts a command that was made by [`Setup::command`] and changed.
    pub fn start_command(&self, command: &mut Command) -> Process {
        let number = self.started.replace(self.started.get() + 1);
        let (stdout, stderr) = (
            self.path(&format!("{number}.out")),
            self.path(&format!("{number}.log")),
        );
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .expect("the binary can be run");
        Process {
            child,
            stdout,
            stderr,
        }
    }

    fn toml(&self) -> String {
        let mut text = String::new();
        for (section, keys) in &self.settings {
            if !section.is_empty() {
                text += &format!("[{section}]\n");
            }
            for (key, value) in keys {
                text += &format!("{key} = {value}\n");
            }
        }
        text
    }
}

/// The alias that dashboards of old look at, for a test that shares its server.
pub fn legacy_totals(prefix: &str) -> String {
    format!("legacy.{prefix}")
}

/// The binary without any setting of the environment.
pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegauge"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("TIDEGAUGE_") || text == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
}

/// A text as TOML.
pub fn quoted(text: &str) -> String {
    format!("{text:?}")
}
