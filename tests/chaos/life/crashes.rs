//! A life in which the program ends at points of its own.

use std::time::{Duration, Instant};

use super::{LOOK, Life, assert_no_panic};
use crate::chaos::attack::Attack;
use crate::chaos::crash::Way;

/// Names the point, and how often it is passed before.
pub(super) const VARIABLE: &str = "CRASH_AT";

/// Ends a test that would hang: a point that is not come to.
const PATIENCE: Duration = Duration::from_secs(60);

impl Life<'_> {
    /// Lets what goes that way end at a point, which it must come to.
    #[track_caller]
    pub fn crash(&mut self, point: &str, way: Way, passes: u32) {
        self.timeline
            .note(format!("{way:?} ends at \"{point}\" after {passes} more"));
        let at = format!("{point}={passes}");
        match way {
            Way::Service => self.crash_service(&at),
            Way::Alias => {
                self.attack(&Attack::DeleteAlias { which: 0 });
                self.crash_service(&at);
            }
            Way::Swap => self.crash_command(&["replay", "--swap"], &at),
            Way::LoneSwap => {
                // Who has caught up with all that there is takes the aliases.
                self.judge();
                self.build_generation();
                self.supervisor.end();
                self.crash_command(&["replay", "swap"], &at);
                self.producer.resume();
            }
            Way::Drop => {
                self.build_generation();
                let number = self.newest_generation().to_string();
                self.crash_command(&["replay", "drop", &number, "--yes"], &at);
                // What is left of it goes with another try, or is gone.
                let rest = self.setup.run(&["replay", "drop", &number, "--yes"]);
                let is_gone = rest.stderr.contains("there is no generation");
                assert!(rest.status.success() || is_gone, "{}", rest.stderr);
            }
            Way::Backup => self.crash_backup(&at),
            Way::BackupOfReplay => {
                self.build_generation();
                self.crash_backup(&at);
            }
            Way::Restore => self.crash_restore(&at),
        }
        self.pass(Duration::from_millis(50));
    }

    #[track_caller]
    fn crash_service(&mut self, at: &str) {
        self.supervisor.end();
        let kills = self.supervisor.kills;
        self.supervisor
            .start_to_crash(&self.setup, &[(VARIABLE, at.to_owned())]);
        let until = Instant::now() + PATIENCE;
        while self.supervisor.kills == kills {
            assert!(Instant::now() < until, "nothing comes to {at}");
            self.pass(LOOK);
        }
    }

    #[track_caller]
    fn crash_command(&mut self, arguments: &[&str], at: &str) {
        let mut command = self.setup.command(arguments);
        command.env(VARIABLE, at);
        let outcome = self.setup.spawn_for_full_disk(&command).wait(PATIENCE);
        assert_no_panic(&outcome.stderr);
        assert_eq!(
            outcome.status.code(),
            None,
            "{arguments:?} does not come to {at}: {}",
            outcome.stderr
        );
    }

    /// One that is not live.
    #[track_caller]
    fn build_generation(&mut self) {
        self.pass(Duration::from_millis(50));
        let built = self.setup.run(&["replay", "-o", "json"]);
        assert!(built.status.success(), "{}", built.stderr);
    }

    fn newest_generation(&self) -> u64 {
        let status = self.setup.run_json(&["replay", "status", "-o", "json"]);
        let generations = status["generations"].as_array().unwrap();
        let numbers = generations.iter().map(|each| each["generation"].as_u64());
        numbers.max().flatten().unwrap()
    }

    #[track_caller]
    fn crash_backup(&mut self, at: &str) {
        let to = self.numbered("crashed");
        self.crash_command(&["state", "backup", &to], at);
        let is_whole = at.starts_with("backup: after the manifest")
            || at.starts_with("file: after the rename");
        self.restore(&to, is_whole);
        if !is_whole {
            // Nothing of it is in the way of another one elsewhere.
            let next = self.numbered("backup");
            self.setup
                .run_json(&["state", "backup", &next, "-o", "json"]);
            self.restore(&next, true);
        }
    }

    #[track_caller]
    fn crash_restore(&mut self, at: &str) {
        let from = self.numbered("backup");
        self.setup
            .run_json(&["state", "backup", &from, "-o", "json"]);
        let dir = self.numbered("restored");
        std::fs::create_dir(&dir).unwrap();
        let state = format!("state_dir={dir}/state");
        self.crash_command(&["state", "restore", &from, "--set", &state], at);
        let again = self
            .setup
            .run(&["state", "restore", &from, "--set", &state]);
        assert!(
            again.stderr.contains("is there already"),
            "{}",
            again.stderr
        );
        self.restore(&from, true);
    }
}
