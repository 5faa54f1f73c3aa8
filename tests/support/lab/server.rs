//! One server process of the lab: its directory, its port, its life.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{missing, port};

/// Far longer than any start takes; it ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(180);

/// Whether servers are started for a measurement.
static IS_FOR_LOAD: AtomicBool = AtomicBool::new(false);

/// Servers that start from now on compile their hot code with all optimisations, as a measurement needs. For tests
/// they start faster and are slower under load.
pub fn expect_load() {
    IS_FOR_LOAD.store(true, Ordering::Relaxed);
}

/// A server on 127.0.0.1 with a directory of its own. Dropping it kills it and removes the directory.
#[derive(Debug)]
pub struct Server {
    kind: &'static str,
    port: u16,
    /// Whether the process itself removes its directory when the tests end: statics are never dropped.
    scratch: bool,
    process: Option<Process>,
    dir: TempDir,
}

#[derive(Debug)]
struct Process {
    child: Child,
    /// The server ends when this does, and so it ends with the test process, however that dies.
    _stdin: ChildStdin,
}

impl Server {
    /// Starts a server and waits until it answers; `None` if this machine lacks what it needs.
    #[track_caller]
    pub fn start(kind: &'static str, shared: bool) -> Option<Self> {
        Self::start_in(kind, shared, |_| {})
    }

    /// Whether this machine has what such a server needs. If not, the test is noted as skipped.
    #[track_caller]
    pub fn is_there(kind: &'static str) -> bool {
        prepared(kind).map_err(|why| missing::skip(&why)).is_ok()
    }

    /// As [`Self::start`]; `fill` puts files into its directory before.
    #[track_caller]
    pub fn start_in(kind: &'static str, shared: bool, fill: impl FnOnce(&Path)) -> Option<Self> {
        if !Self::is_there(kind) {
            return None;
        }
        let mut server = Self {
            kind,
            port: port::free_port(),
            scratch: shared,
            process: None,
            dir: tempfile::Builder::new()
                .prefix(kind)
                .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
                .expect("a directory"),
        };
        fill(server.dir());
        server.start_again();
        Some(server)
    }

    /// Everything that it keeps.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The port it listens on, the same after each restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.process.as_ref().expect("a running server").child.id()
    }

    /// The file with everything it said.
    pub fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// Starts it on the directory and port it had, and waits until it answers.
    #[track_caller]
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "{} runs already", self.kind);
        let ready = self.dir.path().join("ready");
        let _ = std::fs::remove_file(&ready);
        let words = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log())
            .expect("a log file");
        let mut command = lab();
        command.args([
            "run",
            self.kind,
            "--die-with-stdin",
            "--port",
            &self.port.to_string(),
            "--dir",
        ]);
        command
            .arg(self.dir.path())
            .args(self.scratch.then_some("--scratch"))
            .args((!IS_FOR_LOAD.load(Ordering::Relaxed)).then_some("--light"));
        command
            .stdin(Stdio::piped())
            .stdout(words.try_clone().expect("a log file"))
            .stderr(words);
        let mut child = command.spawn().expect("lab/lab can be run");
        let stdin = child.stdin.take().expect("a pipe, as asked for");
        let process = self.process.insert(Process {
            child,
            _stdin: stdin,
        });
        let patience = Instant::now() + PATIENCE;
        while !ready.exists() {
            let ended = process.child.try_wait().expect("our own child");
            if ended.is_some() || Instant::now() > patience {
                let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(30).collect();
                panic!(
                    "{} did not come up ({ended:?}):\n{}",
                    self.kind,
                    tail.into_iter().rev().collect::<Vec<_>>().join("\n")
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// SIGSTOP: it keeps its connections, takes new ones, and answers nothing until
    /// [`Self::wake`].
    #[track_caller]
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// SIGCONT.
    #[track_caller]
    pub fn wake(&self) {
        self.signal("CONT");
    }

    #[track_caller]
    fn signal(&self, name: &str) {
        let process = self.process.as_ref().expect("a running server");
        let sent = Command::new("bash")
            .arg("-c")
            .arg(format!("kill -{name} {}", process.child.id()))
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "{}", self.kind);
    }

    /// SIGKILL: it has no chance to tidy up.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.child.kill().expect("our own child");
            process.child.wait().expect("our own child");
        }
    }

    /// SIGTERM, and waits until it has ended in good order.
    #[track_caller]
    pub fn stop(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        let asked = Command::new("bash")
            .arg("-c")
            .arg(format!("kill -TERM {}", process.child.id()))
            .status();
        assert!(
            asked.is_ok_and(|status| status.success()),
            "{} was not there any more",
            self.kind
        );
        let patience = Instant::now() + PATIENCE;
        while process.child.try_wait().expect("our own child").is_none() {
            assert!(Instant::now() < patience, "{} did not stop", self.kind);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether it was started and neither killed nor stopped since.
    pub const fn is_running(&self) -> bool {
        self.process.is_some()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // A panic in a drop would hide the failure of the test itself.
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }
}

/// Set to `off`, this variable has tests that need a real server or toolbox skipped: `make test-fast`.
const SERVERS: &str = "TIDEGAUGE_TEST_SERVERS";

/// Fetches and compiles the server if that was never done; the reason if this machine lacks what it takes.
pub(super) fn prepared(kind: &'static str) -> Result<(), String> {
    static DONE: Mutex<BTreeMap<&str, Result<(), String>>> = Mutex::new(BTreeMap::new());
    /// What `lab/lab prepare` exits with when Java or Maven is missing.
    const MISSING: i32 = 69;
    if std::env::var(SERVERS).as_deref() == Ok("off") {
        return Err(format!("{SERVERS} is off"));
    }
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    done.entry(kind)
        .or_insert_with(|| {
            let output = lab()
                .args(["prepare", kind])
                .stdin(Stdio::null())
                .output()
                .expect("lab/lab can be run");
            let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            match output.status.code() {
                Some(0) => Ok(()),
                Some(MISSING) => Err(words),
                _ => panic!("{kind} cannot be prepared: {words}"),
            }
        })
        .clone()
}

pub(super) fn lab() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/lab"))
}
