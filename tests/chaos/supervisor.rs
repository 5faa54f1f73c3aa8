//! Keeps one service at work, as systemd would, and knows which ends of it are none of its own doing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use reqwest::Method;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::Value;

use super::timeline::Timeline;
use crate::support::lab::http;
use crate::support::service::{Outcome, Process, Service, Setup};

/// So long after a fault it may still end because of it: it had begun to wait meanwhile.
const AFTERMATH: Duration = Duration::from_secs(30);

/// Far longer than a start or a stop takes.
const PATIENCE: Duration = Duration::from_secs(90);

/// What somebody else may kill.
#[derive(Default)]
struct Target {
    /// Nobody waits for it without taking this away: from then on the number may be somebody else's.
    pid: Option<Pid>,
    is_shot: bool,
}

/// A service that is started again whenever it ends.
pub struct Supervisor {
    timeline: Arc<Timeline>,
    process: Option<Process>,
    target: Arc<Mutex<Target>>,
    /// Every file is full at so many bytes.
    full_at: Option<u64>,
    is_disturbed: bool,
    disturbed_until: Instant,
    pub kills: u64,
}

impl Supervisor {
    pub fn new(timeline: Arc<Timeline>) -> Self {
        Self {
            timeline,
            process: None,
            target: Arc::default(),
            full_at: None,
            is_disturbed: false,
            disturbed_until: Instant::now(),
            kills: 0,
        }
    }

    /// Whether there is a fault now for which it may end.
    pub fn disturb(&mut self, is_disturbed: bool) {
        if self.is_disturbed && !is_disturbed {
            self.disturbed_until = Instant::now() + AFTERMATH;
        }
        self.is_disturbed = is_disturbed;
    }

    /// Starts it.
    pub fn start(&mut self, setup: &Setup) {
        self.start_with(setup, &[]);
    }

    /// Starts it with variables that will have it end as by SIGKILL.
    #[cfg(feature = "simulation")]
    pub fn start_to_crash(&mut self, setup: &Setup, variables: &[(&str, String)]) {
        self.start_with(setup, variables);
        self.target().is_shot = true;
    }

    fn start_with(&mut self, setup: &Setup, variables: &[(&str, String)]) {
        let mut command = setup.command(&["serve"]);
        for (name, value) in variables {
            command.env(name, value);
        }
        let process = setup.spawn_for_full_disk(&command);
        *self.target() = Target {
            pid: Some(pid(&process)),
            is_shot: false,
        };
        self.process = Some(process);
        self.limit_files();
    }

    /// Every file is full at so many bytes, or none is.
    pub fn fill_disk(&mut self, at: Option<u64>) {
        self.full_at = at;
        self.limit_files();
    }

    fn limit_files(&self) {
        if let Some(process) = &self.process {
            let limit = Rlimit {
                current: self.full_at,
                maximum: None,
            };
            // It may have ended just now.
            let _ = prlimit(Some(pid(process)), Resource::Fsize, limit);
        }
    }

    /// Starts it again if it has ended. The test fails if there was no reason to end.
    #[track_caller]
    pub fn tend(&mut self, setup: &Setup) {
        if self.is_running() {
            return;
        }
        if let Some(process) = self.process.take() {
            let outcome = process.wait(Duration::ZERO);
            self.judge_end(&outcome);
            // As a supervisor does, but sooner.
            sleep(Duration::from_millis(50));
        }
        self.start(setup);
    }

    #[track_caller]
    fn judge_end(&mut self, outcome: &Outcome) {
        let last = outcome.stderr.lines().last().unwrap_or_default();
        self.timeline
            .note(format!("the service has ended: {}: {last}", outcome.status));
        if self.is_shot() && outcome.status.code().is_none() {
            self.kills += 1;
            return;
        }
        let log = &outcome.stderr;
        assert!(!log.contains("panicked"), "it panicked: {log}");
        let is_excused = self.is_disturbed || Instant::now() < self.disturbed_until;
        assert!(
            is_excused && matches!(outcome.status.code(), Some(1 | 75)),
            "it ended with {} and no reason to: {log}",
            outcome.status
        );
    }

    /// SIGKILL, and another start.
    #[track_caller]
    pub fn kill(&mut self, setup: &Setup) {
        self.tend(setup);
        self.shooter()();
        self.await_end();
        self.tend(setup);
    }

    /// Kills the process that runs then, from any thread.
    pub fn shooter(&self) -> impl FnOnce() + Send + 'static {
        let target = Arc::clone(&self.target);
        move || {
            let mut target = target.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(pid) = target.pid {
                target.is_shot = true;
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }

    fn is_shot(&self) -> bool {
        self.target().is_shot
    }

    /// Where the process that runs says that it answers, if it has come so far.
    pub fn address(&self) -> Option<String> {
        self.process.as_ref().and_then(Process::address)
    }

    fn target(&self) -> MutexGuard<'_, Target> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_running(&mut self) -> bool {
        let mut target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        let is_running = self.process.as_mut().is_some_and(Process::is_running);
        if !is_running {
            target.pid = None;
        }
        is_running
    }

    fn await_end(&mut self) {
        while self.is_running() {
            sleep(Duration::from_millis(1));
        }
    }

    /// SIGSTOP, a while, SIGCONT.
    pub fn freeze(&mut self, setup: &Setup, time: Duration) {
        self.tend(setup);
        let Some(pid) = self.process.as_ref().map(pid) else {
            return;
        };
        // It may have ended just now.
        let _ = kill_process(pid, Signal::STOP);
        sleep(time);
        let _ = kill_process(pid, Signal::CONT);
    }

    /// SIGTERM, and another start.
    #[track_caller]
    pub fn terminate(&mut self, setup: &Setup) {
        self.tend(setup);
        let Some(process) = self.process.take() else {
            return;
        };
        let _ = kill_process(pid(&process), Signal::TERM);
        self.target().pid = None;
        let asked = Instant::now();
        let outcome = process.wait(PATIENCE);
        if asked.elapsed() > Duration::from_secs(2) {
            self.timeline
                .note(format!("stopping took long:\n{}", outcome.stderr));
        }
        let is_shot = self.is_shot();
        if outcome.status.success() {
            self.timeline.note("the service has stopped");
        } else if is_shot || outcome.status.code().is_some() {
            self.judge_end(&outcome);
        } else {
            // Before it could ask for the signal.
            self.timeline
                .note("the service was stopped while it started");
        }
        self.start(setup);
    }

    /// The service once it answers, and works.
    #[track_caller]
    pub fn take(&mut self, setup: &Setup) -> Service {
        let patience = Instant::now() + PATIENCE;
        loop {
            self.tend(setup);
            // One that can't write ends.
            if self.address().is_some_and(|url| can_write(&url)) {
                self.target().pid = None;
                return self.process.take().unwrap().await_address();
            }
            assert!(
                Instant::now() < patience,
                "it does not serve: {}",
                self.process.as_ref().map(Process::log).unwrap_or_default()
            );
            sleep(Duration::from_millis(5));
        }
    }

    /// Takes back what was taken.
    pub fn give_back(&mut self, service: Service) {
        let process = service.into_process();
        self.target().pid = Some(pid(&process));
        self.process = Some(process);
    }

    /// SIGKILL, and no other start.
    pub fn end(&mut self) {
        self.target().pid = None;
        self.process = None;
    }
}

fn can_write(url: &str) -> bool {
    let answer = http::try_send(Method::GET, &format!("{url}/api/v1/status"), None);
    let status = answer.map(|answer| serde_json::from_str::<Value>(&answer.text));
    matches!(status, Ok(Ok(status)) if status["parts"]["store"]["state"] == "ok")
}

fn pid(process: &Process) -> Pid {
    Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap()
}

/// A command of the binary that does something beside the service.
pub fn kill_command(process: &Process) {
    let _ = kill_process(pid(process), Signal::KILL);
}
