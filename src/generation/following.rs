//! What a service that runs says of the live generation to the commands beside it: which one it
//! serves, and why it does not follow a swap.

use core::fmt;
use std::fs;
use std::io;
use std::time::SystemTime;

use super::error::io_error;
use super::{Error, Generations, replace};

/// What the running service said last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// It serves this generation.
    Serving(u32),
    /// It can't run the generation that is live now.
    Refused(Refused),
}

/// A swap that the running service does not follow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// The generation that is live and can't be run.
    pub generation: u32,
    /// The one that is served meanwhile.
    pub served: u32,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "generation {} is live now and can't be run, so generation {} goes on: {}. Mend that: it \
             is tried again every few seconds; or make the generation before live again with \
             `tidegauge replay rollback`",
            self.generation,
            self.served,
            self.reason.trim_end_matches('.')
        )
    }
}

impl Generations {
    /// Says that a service serves `generation` now.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn say_serving(&self, generation: u32) -> Result<(), Error> {
        self.say(&format!("serving = {generation}\n"))
    }

    /// Says why the service does not follow the swap that was made last.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn say_refused(&self, refused: &Refused) -> Result<(), Error> {
        let Refused {
            generation,
            served,
            reason,
        } = refused;
        let swap = self.swapped_at().unwrap_or_default();
        self.say(&format!(
            "serving = {served}\nrefused = {generation}\nswap = {swap}\n\n{reason}"
        ))
    }

    /// Forgets what a service said: it may have been killed since.
    ///
    /// # Errors
    /// When the file is there and can't be deleted.
    pub fn say_nothing(&self) -> Result<(), Error> {
        let path = self.beside(".serving");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_error(&path, "delete", error))
            }
            _ => Ok(()),
        }
    }

    /// What the running service said of the swap that was made last; `None` if it has not said
    /// anything of it yet. Without a running service it is of the one that ran last.
    #[must_use]
    pub fn said(&self) -> Option<Said> {
        let text = fs::read_to_string(self.beside(".serving")).ok()?;
        let (head, reason) = text.split_once("\n\n").unwrap_or((&text, ""));
        let value = |key: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(" = "));
            lines.find(|(name, _)| *name == key).map(|(_, value)| value)
        };
        let served = value("serving")?.parse().ok()?;
        let Some(generation) = value("refused") else {
            return Some(Said::Serving(served));
        };
        // What it said of an earlier swap says nothing of this one.
        let is_current = value("swap") == Some(&self.swapped_at()?);
        let generation = generation.parse().ok().filter(|_| is_current)?;
        Some(Said::Refused(Refused {
            generation,
            served,
            reason: reason.to_owned(),
        }))
    }

    fn say(&self, text: &str) -> Result<(), Error> {
        replace(&self.beside(".serving"), text.as_bytes())
    }

    // When the file that names the live generation was written, which is the swap.
    fn swapped_at(&self) -> Option<String> {
        let modified = fs::metadata(self.pointer()).and_then(|file| file.modified());
        let since = modified.ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(since.as_nanos().to_string())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::Live;
    use super::*;

    #[test]
    fn what_a_service_said_of_one_swap_says_nothing_of_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let generations = Generations::of(&dir.path().join("state"));
        let swap = |generation, previous| {
            let previous = Some(previous);
            generations
                .set_live(Live {
                    generation,
                    previous,
                })
                .unwrap();
        };
        assert_eq!(generations.said(), None);
        generations.say_serving(1).unwrap();
        swap(2, 1);
        assert_eq!(generations.said(), Some(Said::Serving(1)));
        let refused = Refused {
            generation: 2,
            served: 1,
            reason: "one\n\ntwo = 3".into(),
        };
        generations.say_refused(&refused).unwrap();
        assert_eq!(generations.said(), Some(Said::Refused(refused)));
        // The clock of a file system may be coarse.
        std::thread::sleep(std::time::Duration::from_millis(20));
        swap(2, 1);
        assert_eq!(generations.said(), None);
        generations.say_nothing().unwrap();
        generations.say_nothing().unwrap();
        assert_eq!(generations.said(), None);
    }
}
