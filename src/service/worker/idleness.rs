//! Which partitions count as idle, and when the whole stream is quiet.

use std::time::Instant;

use tidegauge_windows::EventTime;

use super::applier::{Applier, REPORT_EVERY};
use crate::observe::wall_clock;

/// When time last moved on in a partition, as far as its payments say.
#[derive(Clone, Copy)]
pub(super) struct LastActivity {
    /// When the last payment on time was applied, or the partition was first looked at.
    last: Instant,
    is_idle: bool,
}

impl Applier {
    /// Notes which partitions have had a payment on time.
    // Rejects, tombstones and payments that are not on time say nothing of what time it is.
    pub(super) fn note_awake(&mut self) {
        let now = Instant::now();
        for partition in self.pipeline.take_on_time() {
            let awake = LastActivity {
                last: now,
                is_idle: false,
            };
            self.last_activity.insert(partition, awake);
        }
    }

    /// Notes which partitions have become idle, and closes windows once all have been for long.
    pub(super) fn note_idle(&mut self) {
        let now = Instant::now();
        for partition in self.source.partitions() {
            let awake = self.last_activity.entry(partition).or_insert(LastActivity {
                last: now,
                is_idle: false,
            });
            if awake.is_idle {
                continue;
            }
            // While records wait, or nobody says whether they do, it is not idle: what brokers said
            // before they fell silent says nothing of what has come since.
            let Some(due) = awake.last.checked_add(self.config.idle_after) else {
                continue;
            };
            let until = self.source.at_end_until(partition);
            if until.is_some_and(|until| until >= due) {
                awake.is_idle = true;
                self.pipeline.set_idle(partition, true);
                self.changed = true;
            } else if until.is_some() && now >= due {
                self.source.want_end(partition);
            }
        }
        self.note_quiet(now);
    }

    fn note_quiet(&mut self, now: Instant) {
        let partitions = self.source.partitions();
        let idle = |partition: &i32| {
            self.last_activity
                .get(partition)
                .is_some_and(|awake| awake.is_idle)
        };
        if !partitions.iter().all(idle) {
            self.quiet_since = None;
            return;
        }
        let since = *self.quiet_since.get_or_insert(now);
        let Some(due) = since.checked_add(self.config.quiet_after) else {
            return;
        };
        if now < due {
            return;
        }
        // As with idleness, up to when brokers have confirmed it. Nobody waits for one that is stopped.
        let mut until = now;
        for partition in partitions {
            if self.source.halted().contains_key(&partition) {
                continue;
            }
            match self.source.at_end_until(partition) {
                Some(confirmed) if confirmed >= due => until = until.min(confirmed),
                _ => return,
            }
        }
        // Each minute may end another window.
        self.quiet_since = Some(since + (until - due) + REPORT_EVERY);
        let behind = i64::try_from((now - until).as_millis()).unwrap_or(i64::MAX);
        let wall = wall_clock::now_ms().saturating_sub(behind);
        self.changed |= self.pipeline.quiet_close(EventTime::from_millis(wall));
    }
}
