//! Which partitions are idle, and when the whole stream is quiet.

use std::collections::BTreeMap;
use std::time::Duration;

use tidegauge_windows::EventTime;

use super::Config;
use crate::core::pipeline_lanes::PipelineLanes;
use crate::host::clock::Instant;
use crate::host::wall_clock;
use crate::source::{LogClient, Source};

/// After a quiet close the next one is tried this long after it: while the stream stays quiet, the wall
/// clock passes the ends of further windows, which may be as short as 100 ms.
const CLOSE_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Watches partitions for idleness, and the stream for quiet.
pub(super) struct Idleness {
    idle_after: Duration,
    quiet_after: Duration,
    activities: BTreeMap<i32, LastActivity>,
    quiet_since: Option<Instant>,
}

/// When a partition last showed that event time advances, and whether it counts as idle.
#[derive(Clone, Copy)]
struct LastActivity {
    /// When the last payment on time was applied, or the partition was first looked at.
    at: Instant,
    is_idle: bool,
}

impl LastActivity {
    const fn now(now: Instant) -> Self {
        Self {
            at: now,
            is_idle: false,
        }
    }
}

impl Idleness {
    /// Idleness by the durations of `config`.
    pub(super) const fn new(config: &Config) -> Self {
        Self {
            idle_after: config.idle_after,
            quiet_after: config.quiet_after,
            activities: BTreeMap::new(),
            quiet_since: None,
        }
    }

    /// Takes note of partitions that had a payment on time. Rejects, tombstones and payments that are
    /// not on time don't count: they say nothing of what time it is.
    pub(super) fn note_activity(&mut self, partitions: impl IntoIterator<Item = i32>) {
        let now = Instant::now();
        for partition in partitions {
            self.activities.insert(partition, LastActivity::now(now));
        }
    }

    /// Tells the pipelines which partitions have become idle, and closes windows when all have been
    /// idle for long. Whether that changed anything.
    pub(super) fn update<C: LogClient + ?Sized>(
        &mut self,
        source: &mut Source<C>,
        lanes: &mut PipelineLanes,
    ) -> bool {
        let now = Instant::now();
        let mut is_changed = false;
        for partition in source.partitions() {
            let activity = self
                .activities
                .entry(partition)
                .or_insert(LastActivity::now(now));
            if activity.is_idle {
                continue;
            }
            // While records wait, or it is not known whether they do, it is not idle: what brokers said
            // before they fell silent says nothing of what has come since.
            let Some(due) = activity.at.checked_add(self.idle_after) else {
                continue;
            };
            let until = source.at_end_until(partition);
            if until.is_some_and(|until| until >= due) {
                activity.is_idle = true;
                lanes.set_idle(partition, true);
                is_changed = true;
            } else if until.is_some() && now >= due {
                source.want_end(partition);
            }
        }
        is_changed | self.close_quiet(now, source, lanes)
    }

    fn close_quiet<C: LogClient + ?Sized>(
        &mut self,
        now: Instant,
        source: &Source<C>,
        lanes: &mut PipelineLanes,
    ) -> bool {
        let partitions = source.partitions();
        let is_idle = |partition: &i32| {
            let activity = self.activities.get(partition);
            activity.is_some_and(|activity| activity.is_idle)
        };
        if !partitions.iter().all(is_idle) {
            self.quiet_since = None;
            return false;
        }
        let since = *self.quiet_since.get_or_insert(now);
        let Some(due) = since.checked_add(self.quiet_after) else {
            return false;
        };
        if now < due {
            return false;
        }
        // As with idleness, up to when brokers have confirmed it. A halted partition is not waited for.
        let mut until = now;
        for partition in partitions {
            if source.halted().contains_key(&partition) {
                continue;
            }
            match source.at_end_until(partition) {
                Some(confirmed) if confirmed >= due => until = until.min(confirmed),
                _ => return false,
            }
        }
        self.quiet_since = Some(since + (until - due) + CLOSE_AGAIN_AFTER);
        let behind = i64::try_from((now - until).as_millis()).unwrap_or(i64::MAX);
        let wall = wall_clock::now_ms().saturating_sub(behind);
        lanes.close_quiet(EventTime::from_millis(wall))
    }
}
