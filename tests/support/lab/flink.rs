//! Apache Flink for tests: runs SQL scripts with Flink's own SQL client.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{missing, server};

/// Far longer than any script of a test takes; it ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(300);

/// A version of Flink that this machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flink {
    toolbox: &'static str,
}

impl Flink {
    /// Flink 2.2 with its Kafka connector; `None` if this machine can't have it.
    #[track_caller]
    pub fn two() -> Option<Self> {
        Self::open("flink2")
    }

    /// Flink 1.20 with its connectors for Kafka and Elasticsearch 7; `None` if this machine can't have it.
    #[track_caller]
    pub fn one() -> Option<Self> {
        Self::open("flink1")
    }

    #[track_caller]
    fn open(toolbox: &'static str) -> Option<Self> {
        server::prepared(toolbox)
            .map_err(|why| missing::skip(&why))
            .ok()?;
        Some(Self { toolbox })
    }

    /// Runs a script whose jobs end by themselves, and gives what the client said.
    ///
    /// # Errors
    /// If a statement or its job fails. No later statement is run then.
    pub fn run(self, script: &str) -> Result<String, ScriptError> {
        self.start(script).wait()
    }

    /// Starts a script. The client runs one statement after the other and waits until each job has ended.
    #[track_caller]
    pub fn start(self, script: &str) -> RunningScript {
        let dir = tempfile::Builder::new()
            .prefix(self.toolbox)
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .expect("a directory");
        let file = dir.path().join("script.sql");
        std::fs::write(&file, script).expect("the script is written");
        let mut command = server::lab();
        command
            .args(["sql", self.toolbox, "--die-with-stdin", "--light", "--dir"])
            .args([dir.path(), &file])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        RunningScript {
            process: command.spawn().expect("lab/lab can be run"),
            dir,
        }
    }
}

/// A script that is run. Dropping it kills the process, with all jobs in it.
#[derive(Debug)]
pub struct RunningScript {
    /// It holds the other end of the process's stdin, and so the process ends with the test process.
    process: Child,
    dir: TempDir,
}

impl RunningScript {
    /// Waits until all statements were run and their jobs have ended, and gives what the client said.
    ///
    /// # Errors
    /// If a statement or its job fails.
    pub fn wait(mut self) -> Result<String, ScriptError> {
        let patience = Instant::now() + PATIENCE;
        loop {
            if let Some(ended) = self.ended() {
                return ended;
            }
            if Instant::now() > patience {
                return Err(self.error("it did not end"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the client said until it ended; `None` while the script runs.
    pub fn ended(&mut self) -> Option<Result<String, ScriptError>> {
        let status: ExitStatus = self.process.try_wait().expect("our own child")?;
        Some(if status.success() {
            Ok(self.said())
        } else {
            Err(self.error(&status.to_string()))
        })
    }

    /// What the client has said so far, without colours.
    pub fn said(&self) -> String {
        without_colours(&self.read("said"))
    }

    /// What Flink has logged so far.
    pub fn log(&self) -> String {
        self.read("log")
    }

    /// Its directory, where a script may put checkpoints.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    fn read(&self, file: &str) -> String {
        let bytes = std::fs::read(self.dir.path().join(file)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn error(&self, what: &str) -> ScriptError {
        // Of a job that failed the client says only that it is gone. The log has the reasons, each time it is told.
        let mut causes: Vec<String> = Vec::new();
        for line in self.log().lines() {
            if line.starts_with("Caused by: ") && !causes.iter().any(|cause| cause == line) {
                causes.push(line.to_owned());
            }
        }
        ScriptError {
            what: what.to_owned(),
            said: self.said(),
            causes,
        }
    }
}

impl Drop for RunningScript {
    fn drop(&mut self) {
        // A panic in a drop would hide the failure of the test itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A script that did not run to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError {
    what: String,
    said: String,
    causes: Vec<String>,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the script failed ({}):\n{}", self.what, self.said)?;
        for cause in &self.causes {
            writeln!(f, "{cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ScriptError {}

fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut pieces = text.split("\u{1b}[");
    plain.extend(pieces.next());
    for piece in pieces {
        plain.push_str(piece.split_once('m').map_or("", |(_, rest)| rest));
    }
    plain
}
