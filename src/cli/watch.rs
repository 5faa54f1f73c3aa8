//! `query --watch`: repeats a query, in place on a terminal, one answer after the other elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::execute;
use crossterm::terminal::{Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use super::failure::CommandFailure;
use super::streams::Stdout;
use crate::domain::count::counted_in_threes;

/// Where answers are shown.
pub(super) struct Watch {
    is_terminal: bool,
    shown: u64,
    interrupt: Signal,
    terminate: Signal,
}

impl Watch {
    /// Switches to a second screen, if stdout is a terminal.
    ///
    /// # Errors
    /// When signals can't be listened for, or stdout can't be written.
    pub(super) fn start() -> Result<Self, CommandFailure> {
        let watch = Self {
            is_terminal: io::stdout().is_terminal(),
            shown: 0,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        };
        if watch.is_terminal {
            execute!(Stdout::lock(), EnterAlternateScreen, Hide)?;
        }
        Ok(watch)
    }

    /// Shows an answer: in place of the one before, or below it.
    pub(super) fn show(&mut self, text: &str) -> Result<(), CommandFailure> {
        self.shown += 1;
        if !self.is_terminal {
            let gap = if self.shown > 1 { "\n" } else { "" };
            return write(&format!("{gap}{text}"));
        }
        let height = terminal_size::terminal_size().map_or(24, |(_, height)| usize::from(height.0));
        write(&screen(text, height))
    }

    /// Waits for `interval`. Returns whether no signal came meanwhile.
    pub(super) async fn wait(&mut self, interval: Duration) -> bool {
        tokio::select! {
            () = sleep(interval) => true,
            _ = self.interrupt.recv() => false,
            _ = self.terminate.recv() => false,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.is_terminal {
            // If stdout is closed, there is nowhere to report it.
            let _ = execute!(Stdout::lock(), Show, LeaveAlternateScreen);
        }
    }
}

/// The text for a screen of `height` lines. Lines that don't fit are counted instead.
fn screen(text: &str, height: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let room = height.saturating_sub(1).max(1);
    let mut screen = MoveTo(0, 0).to_string();
    let mut show = |line: &str| {
        screen.push_str(&format!("{line}{}\r\n", Clear(ClearType::UntilNewLine)));
    };
    if lines.len() <= room {
        for line in lines {
            show(line);
        }
    } else {
        // The last lines hold the watermark and the lag, so they are kept.
        let tail = 2.min(room);
        let head = room.saturating_sub(tail + 1);
        let hidden = lines.len() - head - tail;
        for line in &lines[..head] {
            show(line);
        }
        let lines_more = counted_in_threes(hidden as u64, "more line");
        show(&format!(" … {lines_more}"));
        for line in &lines[lines.len() - tail..] {
            show(line);
        }
    }
    screen.push_str(&Clear(ClearType::FromCursorDown).to_string());
    screen
}

fn write(text: &str) -> Result<(), CommandFailure> {
    let mut out = Stdout::lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_counted_and_the_end_is_kept() {
        let text = (1..=10).map(|n| format!("line {n}\n")).collect::<String>();
        let shown = screen(&text, 6);
        assert_eq!(
            shown,
            "\x1b[1;1Hline 1\x1b[K\r\nline 2\x1b[K\r\n … 6 more lines\x1b[K\r\nline 9\x1b[K\r\nline 10\x1b[K\r\n\x1b[J"
        );
        assert!(screen(&text, 11).contains("line 5"));
        for height in 0..12 {
            assert!(screen(&text, height).matches('\n').count() <= height.max(2));
        }
    }
}
