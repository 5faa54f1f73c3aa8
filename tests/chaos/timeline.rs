//! What happened and when, for whoever has to explain a failure.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Everything that was done to one service, in order.
#[derive(Debug)]
pub struct Timeline {
    began: Instant,
    /// Whether lines are printed at once: a long run shows that it goes on.
    is_live: bool,
    lines: Mutex<Vec<String>>,
}

impl Timeline {
    pub fn new(is_live: bool) -> Self {
        Self {
            began: Instant::now(),
            is_live,
            lines: Mutex::new(Vec::new()),
        }
    }

    pub fn note(&self, what: impl Display) {
        let line = format!("{:9.3} s  {what}", self.began.elapsed().as_secs_f64());
        if self.is_live {
            eprintln!("{line}");
        }
        let lines = self.lines.lock();
        lines.unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// Prints all of it, if that was not done at once.
    pub fn print(&self) {
        if !self.is_live {
            let lines = self.lines.lock();
            for line in lines.unwrap_or_else(PoisonError::into_inner).iter() {
                eprintln!("{line}");
            }
        }
    }
}
