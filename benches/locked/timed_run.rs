//! One run of the service from its start to its end, and what it took.

use std::env;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::processor_time;
use crate::support::service::Setup;
use crate::way::Servers;

/// How often it is looked at. A run takes about a second, and looking takes processor time too.
const LOOK: Duration = Duration::from_millis(5);

/// A run, from the start of the process to its end.
pub struct TimedRun {
    pub wall: Duration,
    pub used: Used,
    pub peak_kib: u64,
    /// What it said at its end.
    said: Value,
}

/// Processor time meanwhile.
pub struct Used {
    pub service: Duration,
    /// The bench itself: the proxy is a part of it.
    pub bench: Duration,
    pub kafka: Duration,
    pub elastic: Duration,
}

impl TimedRun {
    pub fn of(setup: &Setup, servers: &Servers) -> Self {
        let mut command = service(setup);
        let (out, log) = (setup.path("timed.out"), setup.path("timed.log"));
        command
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&log).unwrap());
        let before = Used::until_now(servers);
        let began = Instant::now();
        let mut child = command.spawn().expect("the binary can be run");
        let mut peak_kib = 0;
        let status = loop {
            // The kernel keeps the peak; only what comes after the last look is missed.
            peak_kib = peak_kib.max(peak(child.id()));
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            sleep(LOOK);
        };
        let wall = began.elapsed();
        let used = Used::until_now(servers).since(&before);
        let log = fs::read_to_string(log).unwrap();
        assert!(status.success(), "it ended with {status}: {log}");
        let said = serde_json::from_str(&fs::read_to_string(out).unwrap()).expect("a summary");
        Self {
            wall,
            used,
            peak_kib,
            said,
        }
    }

    /// Its ledger balances and holds every record, and every record was a payment.
    #[track_caller]
    pub fn assert_complete(&self, payments: u64) {
        let said = &self.said;
        assert_eq!(said["records"], payments, "{said}");
        assert_eq!(said["payments"], payments, "{said}");
        assert_eq!(said["ledger"]["consumed"], payments, "{said}");
        assert_eq!(said["ledger"]["balanced"], true, "{said}");
    }
}

impl Used {
    fn until_now(servers: &Servers) -> Self {
        Self {
            service: processor_time::of_children(),
            bench: processor_time::own(),
            kafka: processor_time::of_process(servers.kafka().id()),
            elastic: processor_time::of_process(servers.elastic().id()),
        }
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            service: self.service - before.service,
            bench: self.bench - before.bench,
            kafka: self.kafka - before.kafka,
            elastic: self.elastic - before.elastic,
        }
    }
}

/// What is timed: `TIDEGAUGE_BIN`, or what was built with this bench.
fn service(setup: &Setup) -> Command {
    let built = setup.command(&["serve", "--until-end", "-o", "json"]);
    let Some(binary) = env::var_os("TIDEGAUGE_BIN") else {
        return built;
    };
    let binary = Path::new(&binary).canonicalize();
    let mut command = Command::new(binary.expect("TIDEGAUGE_BIN names a file"));
    command.args(built.get_args());
    command.current_dir(built.get_current_dir().unwrap());
    for (name, _) in built.get_envs() {
        // It only takes variables away.
        command.env_remove(name);
    }
    command
}

/// The most memory that was resident at once; 0 when the process has ended.
fn peak(id: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}
