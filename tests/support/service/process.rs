//! A command that runs: its signals, its end, and what it logged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use super::Service;
use crate::support::lab::eventually;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// A running command. Dropping it kills it.
pub struct Process {
    pub(super) child: Child,
    pub(super) stdout: PathBuf,
    pub(super) stderr: PathBuf,
}

impl Process {
    /// What it has logged so far.
    pub fn log(&self) -> String {
        read(&self.stderr)
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// SIGKILL. Fails the test if it had ended before by itself.
    #[track_caller]
    pub fn kill(mut self) {
        assert!(self.is_running(), "it had ended by itself: {}", self.log());
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM.
    #[track_caller]
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends a signal by its name, such as `STOP`.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let asked = Command::new("bash").arg("-c").arg(kill).status().unwrap();
        assert!(asked.success(), "it was not there any more: {}", self.log());
    }

    /// Waits for its end, but not for longer than `patience`.
    #[track_caller]
    pub fn wait(mut self, patience: Duration) -> Outcome {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Outcome {
                    status,
                    stdout: read(&self.stdout),
                    stderr: self.log(),
                };
            }
            assert!(
                Instant::now() < deadline,
                "it did not end within {patience:?}: {}",
                self.log()
            );
            std::thread::sleep(LOOK);
        }
    }

    /// Where it says that it answers, if it has come so far.
    pub fn address(&self) -> Option<String> {
        address(&self.log())
    }

    /// Waits until it says where it answers.
    #[track_caller]
    pub fn await_address(mut self) -> Service {
        let url = eventually("the address of the service", || {
            let log = self.log();
            assert!(self.is_running(), "the service ended: {log}");
            address(&log)
        });
        Service { process: self, url }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A panic in a drop would hide the failure of the test itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(&self.stderr).unwrap_or_default();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            eprintln!("the service logged last:");
            tail.iter().rev().for_each(|line| eprintln!("  {line}"));
        }
    }
}

/// The address in `INFO serving address=127.0.0.1:4711`.
fn address(log: &str) -> Option<String> {
    // The last line may be half written.
    let whole = &log[..=log.rfind('\n')?];
    let line = whole.lines().find(|line| line.contains(" serving "))?;
    let address = line
        .split_whitespace()
        .find_map(|word| word.strip_prefix("address="))?;
    Some(format!("http://{address}"))
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
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
