//! When the next checkpoint is due: at once while few records come, in large steps while many wait.

use std::time::Duration;

use crate::host::clock::Instant;

/// A checkpoint is written at least this often while there is a backlog.
const EVERY: Duration = Duration::from_millis(200);
/// Checkpoints of a trickle are at least this far apart.
const SOON: Duration = Duration::from_millis(4);
/// More records than this since the last checkpoint are a backlog: it is written in large steps, so
/// that each slice is written once.
const BACKLOG_RECORDS: usize = 16_384;
/// A backlog is over when fewer than [`FLOW_RECORDS`] came for so long: a broker may take some ms for the next ones.
const BACKLOG_OVER: Duration = Duration::from_millis(10);
const FLOW_RECORDS: usize = 256;
/// Checkpoints of a trickle leave the writer idle for this many times as long as writing the last one
/// took: waiting for its turn does not count.
const REST_FACTOR: u32 = 1;
/// A checkpoint is written when its changes hold this many bytes.
const CHECKPOINT_BYTES: usize = 16 << 20;
/// How long one wait for records may be.
const WAIT: Duration = Duration::from_millis(50);
/// How long one wait for records may be while the writer is at work: then it is asked whether it is
/// done.
const WAIT_WRITING: Duration = Duration::from_millis(1);

/// Decides when the changes so far become a checkpoint. One at most is under way.
#[derive(Debug)]
pub(super) struct CheckpointPace {
    is_writing: bool,
    /// How many records were applied since the last checkpoint.
    records: usize,
    /// How many of them had been applied when a backlog was last seen to flow, and when that was.
    flowed: (usize, Instant),
    /// When the last checkpoint was handed to the writer.
    last: Instant,
    /// When the writer has rested after the last checkpoint.
    rested: Instant,
}

/// A checkpoint that was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct CheckpointWritten {
    pub(super) at: Instant,
    /// How long the writer was at it.
    pub(super) took: Duration,
}

impl CheckpointPace {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            is_writing: false,
            records: 0,
            flowed: (0, now),
            last: now,
            rested: now,
        }
    }

    /// Records were applied.
    pub(super) const fn applied(&mut self, records: usize, now: Instant) {
        self.records = self.records.saturating_add(records);
        if self.records - self.flowed.0 >= FLOW_RECORDS {
            self.flowed = (self.records, now);
        }
    }

    /// Whether a checkpoint is under way.
    pub(super) const fn is_writing(&self) -> bool {
        self.is_writing
    }

    /// The changes so far were handed to the writer.
    pub(super) const fn began(&mut self, now: Instant) {
        self.last = now;
        self.records = 0;
        self.flowed.0 = 0;
        self.is_writing = true;
    }

    /// The writer is done, perhaps long since.
    pub(super) fn written(&mut self, written: CheckpointWritten) {
        self.is_writing = false;
        self.rested = written.at + written.took * REST_FACTOR;
    }

    /// Whether a checkpoint is due while the changes hold `pending` bytes and no checkpoint is under way.
    pub(super) fn is_due(&self, pending: usize, now: Instant) -> bool {
        let is_backlog = self.records >= BACKLOG_RECORDS && now < self.flowed.1 + BACKLOG_OVER;
        now >= self.last + EVERY
            || (!is_backlog && now >= self.soonest())
            || pending >= CHECKPOINT_BYTES
    }

    /// How long to wait for records: up to the moment when there is something else to do.
    pub(super) fn wait(&self, is_changed: bool, now: Instant) -> Duration {
        if !is_changed {
            return WAIT;
        }
        if self.is_writing {
            return WAIT_WRITING;
        }
        let due = self.soonest().saturating_duration_since(now);
        // Whole milliseconds are waited for.
        due.clamp(Duration::from_millis(1), WAIT)
    }

    // When the next checkpoint of a trickle is due.
    fn soonest(&self) -> Instant {
        self.rested.clamp(self.last + SOON, self.last + EVERY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_trickle_is_written_at_once_and_a_backlog_in_large_steps() {
        let start = Instant::now();
        let mut pace = CheckpointPace::new(start);
        pace.applied(10, start);
        assert!(!pace.is_due(0, start + ms(3)));
        assert!(pace.is_due(0, start + ms(4)));
        pace.applied(BACKLOG_RECORDS, start + ms(195));
        assert!(!pace.is_due(0, start + ms(199)));
        assert!(pace.is_due(0, start + ms(200)));
        assert!(pace.is_due(CHECKPOINT_BYTES, start));
    }

    #[test]
    fn a_backlog_is_over_when_few_records_came_for_a_while_and_not_sooner() {
        //  ms    0         6       15  16
        //        backlog   more    -   written
        let start = Instant::now();
        let mut pace = CheckpointPace::new(start);
        pace.applied(BACKLOG_RECORDS, start);
        pace.applied(FLOW_RECORDS, start + ms(6));
        assert!(!pace.is_due(0, start + ms(15)));
        assert!(pace.is_due(0, start + ms(16)));
    }

    #[test]
    fn a_trickle_behind_a_backlog_does_not_prolong_it() {
        //  ms    0         5  10       15
        //        backlog   1  1 and written
        let start = Instant::now();
        let mut pace = CheckpointPace::new(start);
        pace.applied(BACKLOG_RECORDS, start);
        pace.applied(1, start + ms(5));
        pace.applied(1, start + ms(10));
        assert!(pace.is_due(0, start + ms(10)));
    }

    #[test]
    fn slow_checkpoints_leave_the_writer_some_rest() {
        let start = Instant::now();
        let mut pace = CheckpointPace::new(start);
        pace.began(start);
        assert_eq!(pace.wait(true, start), WAIT_WRITING);
        // It waited for 20 ms until the writer was free.
        pace.written(CheckpointWritten {
            at: start + ms(30),
            took: ms(10),
        });
        assert!(!pace.is_due(0, start + ms(39)));
        assert!(pace.is_due(0, start + ms(40)));
        assert_eq!(pace.wait(true, start + ms(30)), ms(10));
        assert_eq!(pace.wait(false, start + ms(30)), WAIT);
        pace.began(start);
        pace.written(CheckpointWritten {
            at: start + ms(150),
            took: ms(150),
        });
        assert!(!pace.is_due(0, start + ms(199)));
        assert!(pace.is_due(0, start + ms(200)), "never longer than that");
    }
}
