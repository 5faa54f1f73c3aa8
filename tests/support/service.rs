//! The real binary with a configuration, a state and logs in a directory of its own.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(
    clippy::print_stderr,
    reason = "what a service logged is shown with the test that failed"
)]

mod process;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

pub use self::process::Process;
use super::lab::{Elastic, Kafka, eventually, http};

/// Far longer than anything takes; it ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(240);

/// What a service is started with. All that it leaves behind goes when this is dropped.
pub struct Setup {
    dir: TempDir,
    /// TOML by section and key; the top level is the section without a name.
    settings: BTreeMap<&'static str, BTreeMap<String, String>>,
    started: Cell<u32>,
}

/// How a process ended, with what it said.
#[derive(Debug)]
pub struct Outcome {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// What it printed, with one blank between any two words: a table wraps its sentences.
    pub fn words(&self) -> String {
        let words: Vec<&str> = self.stdout.split_whitespace().collect();
        words.join(" ")
    }
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

/// A service that answers over HTTP. Dropping it kills it.
pub struct Service {
    process: Process,
    url: String,
}

impl Service {
    /// Where it answers: scheme, host and port.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.process.child.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Asks a route below `/api/v1/`.
    #[track_caller]
    pub fn ask(&self, route: &str) -> Value {
        http::get_json(&format!("{}/api/v1/{route}", self.url))
    }

    /// All items of a paged route, asked for `limit` at a time.
    #[track_caller]
    pub fn ask_all(&self, route: &str, limit: usize) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let mut page = self.ask(&format!("{route}?limit={limit}{cursor}"));
            let Value::Array(found) = page["items"].take() else {
                panic!("no items: {page}")
            };
            assert!(
                found.len() <= limit,
                "{} items on a page of {limit}",
                found.len()
            );
            items.extend(found);
            match &page["next"] {
                Value::String(next) => cursor = format!("&cursor={next}"),
                Value::Null => return items,
                other => panic!("no cursor: {other}"),
            }
        }
    }

    /// How many records it has consumed.
    #[track_caller]
    pub fn consumed(&self) -> u64 {
        self.ask("ledger")["consumed"].as_u64().unwrap()
    }

    /// Waits until it has consumed so many records.
    #[track_caller]
    pub fn await_consumed(&self, records: u64) {
        eventually(&format!("{records} records consumed"), || {
            let consumed = self.consumed();
            assert!(
                consumed <= records,
                "{consumed} records consumed, and there are only {records}"
            );
            (consumed == records).then_some(())
        });
    }

    /// Waits until it serves that generation. While it changes over it does not answer.
    #[track_caller]
    pub fn await_generation(&self, generation: u32) {
        let wanted = format!("generation={generation}");
        eventually(&wanted, || {
            let log = self.process.log();
            let last = log.lines().rfind(|line| line.contains(" serving "))?;
            last.split_whitespace()
                .any(|word| word == wanted)
                .then_some(())
        });
    }

    /// Waits until every partition has been read to its end for so long that it counts as idle.
    #[track_caller]
    pub fn await_idle(&self) {
        eventually("all partitions idle", || {
            let windows = self.ask("windows");
            let partitions = windows["partitions"].as_array().unwrap();
            let idle = partitions
                .iter()
                .all(|partition| partition["idle"] == true && partition["lag"] == 0);
            (idle && !partitions.is_empty()).then_some(())
        });
    }

    /// Waits until no document awaits delivery.
    #[track_caller]
    pub fn await_delivered(&self) {
        eventually("all documents delivered", || {
            (self.ask("status")["dirty_documents"] == 0).then_some(())
        });
    }

    /// How a part is doing, in its own words: the state and the reason.
    #[track_caller]
    pub fn part(&self, name: &str) -> (String, String) {
        let status = self.ask("status");
        let part = &status["parts"][name];
        let text = |key: &str| part[key].as_str().unwrap_or_default().to_owned();
        (text("state"), text("reason"))
    }

    /// Sends a signal by its name, such as `STOP`.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// SIGKILL. Fails the test if it had ended before by itself.
    #[track_caller]
    pub fn kill(self) {
        self.process.kill();
    }

    /// The process, to be stopped step by step.
    pub fn into_process(self) -> Process {
        self.process
    }

    /// SIGTERM, and waits for the end.
    #[track_caller]
    pub fn stop(self, patience: Duration) -> Outcome {
        self.process.terminate();
        self.process.wait(patience)
    }
}
