//! The file that names the live generation.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::atomic_file::replace;
use super::error::io_error;
use super::{Error, Generations};
use crate::observe::crash_point;

/// Which generation is live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Live {
    /// The live one.
    pub generation: u32,
    /// The one that was live before it, if there was any.
    pub previous: Option<u32>,
}

impl Generations {
    /// Which generation is live.
    ///
    /// # Errors
    /// When the file can't be read or says something else, or is missing beside newer generations: a
    /// replay writes it before it begins one.
    pub fn live(&self) -> Result<Live, Error> {
        let path = self.pointer();
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let generations = self.all()?;
                if generations.iter().any(|generation| *generation > 1) {
                    return Err(Error::PointerLost { path, generations });
                }
                return Ok(Live {
                    generation: 1,
                    previous: None,
                });
            }
            Err(source) => return Err(io_error(&path, "read", source)),
        };
        let number = |key: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            let value = lines.find(|(name, _)| name.trim() == key)?.1;
            value.trim().parse().ok().filter(|number| *number > 0)
        };
        Ok(Live {
            generation: number("live").ok_or(Error::Unclear { path })?,
            previous: number("previous"),
        })
    }

    /// Whether the file that names the live generation exists. Without it, generation 1 is live.
    #[must_use]
    pub fn is_live_said(&self) -> bool {
        self.pointer().exists()
    }

    /// Makes a generation the live one. After a crash it is, or the one before is.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_live(&self, live: Live) -> Result<(), Error> {
        let mut text = format!("live = {}\n", live.generation);
        if let Some(previous) = live.previous {
            text.push_str(&format!("previous = {previous}\n"));
        }
        crash_point::reach("swap: before the pointer");
        replace(&self.pointer(), text.as_bytes())?;
        crash_point::reach("swap: after the pointer");
        Ok(())
    }

    /// Deletes the file that names the live generation.
    ///
    /// # Errors
    /// When it can't be deleted.
    pub fn forget_live(&self) -> Result<(), Error> {
        let path = self.pointer();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_error(&path, "delete", error))
            }
            _ => Ok(()),
        }
    }

    /// The file that names the live generation.
    #[must_use]
    pub fn pointer(&self) -> PathBuf {
        self.beside(".live")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_first_generation_is_live_until_another_is_said_to_be() {
        let dir = tempfile::tempdir().unwrap();
        let generations = Generations::of(&dir.path().join("state"));
        assert_eq!(generations.live().unwrap().generation, 1);
        let live = Live {
            generation: 3,
            previous: Some(1),
        };
        generations.set_live(live).unwrap();
        assert_eq!(generations.live().unwrap(), live);
        assert!(generations.dir(3).ends_with("state-g3"));
        fs::write(dir.path().join("state.live"), "live = soon\n").unwrap();
        let error = generations.live().unwrap_err().to_string();
        assert!(error.contains("state.live"), "{error}");
    }

    #[test]
    fn beside_newer_generations_the_file_that_names_the_live_one_must_be_there() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["state", "state-g2"] {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join("CURRENT"), "").unwrap();
        }
        let generations = Generations::of(&dir.path().join("state"));
        let error = generations.live().unwrap_err().to_string();
        for words in ["state.live is missing", "1, 2", "live = 1"] {
            assert!(error.contains(words), "{error}");
        }
        fs::write(dir.path().join("state.live"), "live = 1\n").unwrap();
        assert_eq!(generations.live().unwrap().generation, 1);
    }
}
