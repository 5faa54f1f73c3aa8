//! Shows the progress of a run: a moving line on a terminal, a line every few seconds elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::failure::CommandFailure;
use super::streams;
use crate::domain::count::{agreeing, counted_in_threes, grouped};
use crate::observe::status::Board;
use crate::service::app::{self, App};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// A rate is shown once it was measured for so long.
const MEASURED: Duration = Duration::from_secs(1);

/// Shows how far a run has come.
pub(super) struct ProgressDisplay {
    bar: Option<ProgressBar>,
    /// When the next line is due, where lines are wanted.
    next_line: Option<Instant>,
    /// When the run had last caught up, and how many records it had read by then. The rate counts from
    /// there: time spent waiting for records must not lower it.
    since: (Instant, u64),
    /// Records of runs that have ended.
    base: u64,
    shown: u64,
}

/// How far a run has come at one moment.
#[derive(Clone, Copy, Default)]
struct ProgressSnapshot {
    /// Records read.
    read: u64,
    /// Records still to be read, if that is known.
    lag: Option<u64>,
    /// Records per second, if they were counted for long enough.
    rate: Option<u64>,
    /// Documents that await delivery.
    waiting: u64,
}

impl ProgressDisplay {
    /// On a terminal, if `wanted`; without one, lines if `lines` says so.
    pub(super) fn new(wanted: bool, lines: bool) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = (wanted && is_terminal).then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        let has_lines = wanted && lines && !is_terminal;
        Self {
            bar,
            next_line: has_lines.then(|| Instant::now() + LINE_EVERY),
            since: (Instant::now(), 0),
            base: 0,
            shown: 0,
        }
    }

    /// Shows the progress of `app`, if a line is due.
    pub(super) fn show(&mut self, app: &App) -> Result<(), CommandFailure> {
        let is_due = self.next_line.is_some_and(|next| Instant::now() >= next);
        if self.bar.is_none() && !is_due {
            return Ok(());
        }
        let board = app.status().board();
        let (consumed, lag, waiting) = app
            .readings()
            .query(|reading| {
                let checkpoint = reading.checkpoint();
                let consumed = checkpoint.ledger.consumed - app.before().consumed;
                let lag = lag(&board, &checkpoint.positions);
                Ok((consumed, lag, checkpoint.dirty))
            })
            .map_err(app::Error::from)?;
        self.shown = self.base + consumed;
        let moment = ProgressSnapshot {
            read: self.shown,
            lag,
            rate: self.rate(),
            waiting,
        };
        if lag == Some(0) {
            self.since = (Instant::now(), self.shown);
        }
        if let Some(bar) = &self.bar {
            bar.set_message(moment.words());
        }
        if is_due {
            self.next_line = Some(Instant::now() + LINE_EVERY);
            streams::note(format_args!("{}", moment.words()));
        }
        Ok(())
    }

    /// A run has ended, and another one follows.
    pub(super) fn next_run(&mut self) {
        self.base = self.shown;
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn rate(&self) -> Option<u64> {
        let (since, read) = self.since;
        let elapsed = since.elapsed();
        let millis = u64::try_from(elapsed.as_millis()).ok()?.max(1);
        let read = self.shown.saturating_sub(read);
        (elapsed >= MEASURED).then(|| read.saturating_mul(1_000) / millis)
    }
}

impl ProgressSnapshot {
    /// In words. Leaves out what is unknown or zero.
    fn words(self) -> String {
        let read = counted_in_threes(self.read, "record");
        let mut words = match self.lag {
            None => format!("{read} read"),
            Some(0) => format!("{read} read, none left"),
            Some(lag) => format!("{read} of {}", grouped(self.read.saturating_add(lag))),
        };
        let lag = self.lag.unwrap_or(0);
        if let Some(rate) = self.rate.filter(|rate| *rate > 0 && self.lag != Some(0)) {
            words.push_str(&format!(", {}/s", grouped(rate)));
            if lag > 0 {
                let left = HumanDuration(Duration::from_secs(lag.div_ceil(rate)));
                words.push_str(&format!(", {left} left"));
            }
        }
        match self.waiting {
            0 => {}
            waiting => {
                let documents = counted_in_threes(waiting, "document");
                let wait = agreeing(waiting, "waits", "wait");
                words.push_str(&format!(", {documents} {wait}"));
            }
        }
        words
    }
}

/// How many records are still to be read; `None` while that is not known of a partition.
fn lag(board: &Board, positions: &BTreeMap<i32, i64>) -> Option<u64> {
    let read = board
        .partitions
        .iter()
        .filter(|(_, status)| status.halted.is_none());
    if board.partitions.is_empty() {
        return None;
    }
    let lags = read.map(|(partition, status)| {
        let lag = status.end.offset()? - positions.get(partition)?;
        Some(u64::try_from(lag).unwrap_or(0))
    });
    lags.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::status::{End, PartitionStatus};

    #[test]
    fn progress_says_nothing_that_is_not_known() {
        let moment = ProgressSnapshot::default();
        assert_eq!(moment.words(), "0 records read");
        let begun = ProgressSnapshot {
            read: 466_944,
            lag: Some(338_425),
            ..moment
        };
        assert_eq!(begun.words(), "466,944 records of 805,369");
        let going = ProgressSnapshot {
            rate: Some(83_420),
            waiting: 1,
            ..begun
        };
        assert_eq!(
            going.words(),
            "466,944 records of 805,369, 83,420/s, 5 seconds left, 1 document waits"
        );
        let stuck = ProgressSnapshot {
            rate: Some(0),
            ..begun
        };
        assert_eq!(stuck.words(), "466,944 records of 805,369");
        let done = ProgressSnapshot {
            lag: Some(0),
            rate: Some(5),
            waiting: 800_610,
            ..begun
        };
        assert_eq!(
            done.words(),
            "466,944 records read, none left, 800,610 documents wait"
        );
        let silent = ProgressSnapshot { lag: None, ..going };
        assert_eq!(
            silent.words(),
            "466,944 records read, 83,420/s, 1 document waits"
        );
    }

    #[test]
    fn a_lag_is_known_when_that_of_every_partition_is() {
        let mut board = Board::default();
        let mut positions = BTreeMap::from([(0, 5)]);
        assert_eq!(lag(&board, &positions), None);
        let partition = |end: Option<i64>, halted: Option<&str>| PartitionStatus {
            end: end.map_or_else(End::default, |offset| End::Known {
                offset,
                age: Duration::ZERO,
            }),
            halted: halted.map(str::to_owned),
        };
        board.partitions.insert(0, partition(Some(8), None));
        assert_eq!(lag(&board, &positions), Some(3));
        board.partitions.insert(1, partition(Some(8), None));
        assert_eq!(lag(&board, &positions), None);
        positions.insert(1, 8);
        assert_eq!(lag(&board, &positions), Some(3));
        board.partitions.insert(1, partition(None, None));
        assert_eq!(lag(&board, &positions), None);
        board.partitions.insert(1, partition(None, Some("gone")));
        assert_eq!(lag(&board, &positions), Some(3));
    }
}
