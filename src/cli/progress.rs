//! How far a run has come: a line that moves, on a terminal; a line now and then, elsewhere.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};

use super::failure::Failure;
use crate::app::{self, App};
use crate::status::Board;

/// How often a line is written where none can move.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how far a run has come.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    /// When the next line is due, where lines are wanted.
    next_line: Option<Instant>,
    begun: Instant,
    /// Records of runs that have ended.
    base: u64,
    shown: u64,
}

impl Progress {
    /// On a terminal, if `wanted`; without one, lines if `lines` says so.
    pub(super) fn new(wanted: bool, lines: bool) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = (wanted && is_terminal).then(|| {
            let bar = ProgressBar::new(0);
            let style =
                "{spinner} {human_pos} records of {human_len}  {per_sec}  {msg}  {eta} left";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        let has_lines = wanted && lines && !is_terminal;
        Self {
            bar,
            next_line: has_lines.then(|| Instant::now() + LINE_EVERY),
            begun: Instant::now(),
            base: 0,
            shown: 0,
        }
    }

    /// Looks at `app` and shows what there is to show.
    pub(super) fn show(&mut self, app: &App) -> Result<(), Failure> {
        let is_due = self.next_line.is_some_and(|next| Instant::now() >= next);
        if self.bar.is_none() && !is_due {
            return Ok(());
        }
        let board = app.status().board();
        let (consumed, lag, dirty) = app
            .readings()
            .query(|reading| {
                let checkpoint = reading.checkpoint();
                let consumed = checkpoint.ledger.consumed - app.before().consumed;
                Ok((
                    consumed,
                    lag(&board, &checkpoint.positions),
                    checkpoint.dirty,
                ))
            })
            .map_err(app::Error::from)?;
        self.shown = self.base + consumed;
        let all = self.shown + lag;
        if let Some(bar) = &self.bar {
            bar.set_length(all);
            bar.set_position(self.shown);
            bar.set_message(format!("{dirty} documents wait"));
        }
        if is_due {
            self.next_line = Some(Instant::now() + LINE_EVERY);
            self.line(lag, dirty)?;
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

    fn line(&self, lag: u64, dirty: u64) -> Result<(), Failure> {
        let seconds = self.begun.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate is for people")]
        let rate = self.shown as f64 / seconds.max(f64::MIN_POSITIVE);
        #[expect(clippy::cast_precision_loss, reason = "so is what is left")]
        let left = Duration::try_from_secs_f64(lag as f64 / rate).unwrap_or(Duration::MAX);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "records per second are counted"
        )]
        let rate = HumanCount(rate as u64);
        writeln!(
            std::io::stderr().lock(),
            "{} records of {}, {rate}/s, {} left, {dirty} documents wait",
            HumanCount(self.shown),
            HumanCount(self.shown + lag),
            HumanDuration(left),
        )?;
        Ok(())
    }
}

fn lag(board: &Board, positions: &BTreeMap<i32, i64>) -> u64 {
    board
        .partitions
        .iter()
        .filter_map(|(partition, status)| Some(status.end? - positions.get(partition)?))
        .filter_map(|lag| u64::try_from(lag).ok())
        .sum()
}
