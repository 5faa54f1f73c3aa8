//! Commands of the binary that run beside the service.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{LOOK, Life, assert_no_panic};
use crate::support::service::Process;

/// Ends a command that would hang.
const PATIENCE: Duration = Duration::from_secs(240);

/// A command beside the service.
pub(super) struct RunningCommand {
    pub(super) process: Process,
    pub(super) killed_at: Option<Instant>,
    kind: CommandKind,
}

#[derive(Clone, PartialEq)]
pub(super) enum CommandKind {
    Replay,
    Backup { to: String },
    Second,
}

impl Life<'_> {
    pub(super) fn command(
        &mut self,
        process: Process,
        kind: CommandKind,
        killed_after: Option<u64>,
    ) {
        self.commands.push(RunningCommand {
            process,
            killed_at: killed_after.map(|after| Instant::now() + Duration::from_millis(after)),
            kind,
        });
    }

    pub(super) fn numbered(&mut self, what: &str) -> String {
        self.numbered += 1;
        let path = self.setup.path(&format!("{what}{}", self.numbered));
        path.display().to_string()
    }

    pub(super) fn back_up(&mut self, killed_after: Option<u64>) {
        let to = self.numbered("backup");
        let process = self.setup.spawn(&["state", "backup", &to, "-o", "json"]);
        self.command(process, CommandKind::Backup { to }, killed_after);
    }

    pub(super) fn second_instance(&mut self, time: u64) {
        let backup = self.numbered("copied");
        let dir = self.numbered("second");
        std::fs::create_dir(&dir).unwrap();
        let state = format!("state_dir={dir}/state");
        let made = self.setup.run(&["state", "backup", &backup, "--live-only"]);
        let restored = self
            .setup
            .run(&["state", "restore", &backup, "--set", &state]);
        for outcome in [made, restored] {
            if !outcome.status.success() {
                self.timeline.note(outcome.stderr);
                return;
            }
        }
        self.had_second = true;
        let process = self.setup.spawn(&["serve", "--set", &state]);
        self.command(process, CommandKind::Second, Some(time));
    }

    /// A command has ended by itself, or was killed as planned.
    #[track_caller]
    pub(super) fn ended(&self, command: RunningCommand) {
        let is_killed = command.killed_at.is_some_and(|at| at <= Instant::now());
        let outcome = command.process.wait(Duration::ZERO);
        let words = outcome.stderr.lines().last().unwrap_or_default();
        let kind = match &command.kind {
            CommandKind::Replay => "the replay",
            CommandKind::Backup { .. } => "the backup",
            CommandKind::Second => "the second instance",
        };
        self.timeline
            .note(format!("{kind} has ended: {}: {words}", outcome.status));
        assert_no_panic(&outcome.stderr);
        if let CommandKind::Backup { to } = &command.kind {
            let is_made = outcome.status.success();
            assert!(is_made || is_killed, "no backup: {}", outcome.stderr);
            self.restore(to, is_made);
        }
    }

    /// A backup that was made is restored, and one that was not is refused.
    #[track_caller]
    pub(super) fn restore(&self, backup: &str, is_made: bool) {
        let dir = format!("{backup}-restored");
        std::fs::create_dir(&dir).unwrap();
        let state = format!("state_dir={dir}/state");
        let restored = self
            .setup
            .run(&["state", "restore", backup, "--set", &state]);
        assert_no_panic(&restored.stderr);
        if is_made {
            assert!(restored.status.success(), "{}", restored.stderr);
        } else if !restored.status.success() {
            assert!(
                restored.stderr.contains("backup"),
                "it does not say that there is no backup: {}",
                restored.stderr
            );
        }
        let _ = std::fs::remove_dir_all(dir);
        let _ = std::fs::remove_dir_all(backup);
    }

    /// Without faults every command comes to its end, and one generation is left.
    #[track_caller]
    pub(super) fn finish_commands(&mut self) {
        let until = Instant::now() + PATIENCE;
        while !self.commands.is_empty() {
            assert!(Instant::now() < until, "a command does not end");
            self.look();
            sleep(LOOK);
        }
        let service = self.supervisor.take(&self.setup);
        let status = self.setup.run_json(&["replay", "status", "-o", "json"]);
        let generations = status["generations"].as_array().unwrap();
        if generations.len() > 1 {
            let swapped = self.setup.run_json(&["replay", "--swap", "-o", "json"]);
            self.timeline.note(swapped);
            let status = self.setup.run_json(&["replay", "status", "-o", "json"]);
            for generation in status["generations"].as_array().unwrap() {
                let number = &generation["generation"];
                if *number != status["live"] {
                    let dropped = ["replay", "drop", &number.to_string(), "--yes"];
                    let outcome = self.setup.run(&dropped);
                    assert!(outcome.status.success(), "{}", outcome.stderr);
                }
            }
            let live = status["live"].as_u64().unwrap();
            service.await_generation(u32::try_from(live).unwrap());
        }
        self.supervisor.give_back(service);
    }
}
