//! What a running service announces to the commands beside it: which generation it serves, and why it
//! does not follow a swap.

use core::fmt;
use std::fs::{self, File, TryLockError};
use std::io;
use std::time::SystemTime;

use super::error::io_error;
use super::lock::BY_SERVICE;
use super::{Error, Generations, Live, replace};
use crate::config::Config;
use crate::observe::crash_point;

/// The last announcement of the running service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ServedAnnouncement {
    /// The service serves this generation.
    Serving(u32),
    /// The service can't run the generation that is live now.
    Refused(UnfollowedSwap),
}

/// A swap that the running service does not follow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnfollowedSwap {
    /// The generation that is live and can't be run.
    pub generation: u32,
    /// The one that is served meanwhile.
    pub served: u32,
    /// Why, and what to do.
    pub reason: String,
}

/// The content of the announcement's file.
struct AnnouncementFile {
    served: u32,
    refused: Option<u32>,
    /// Which swap it is of.
    swap: Option<String>,
    reason: String,
}

impl fmt::Display for UnfollowedSwap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "generation {} is live now and can't be run, so the service stays on generation {}: {}",
            self.generation, self.served, self.reason
        )
    }
}

impl Generations {
    /// Announces that a service serves `generation` now, whatever was swapped before.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn announce_serving(&self, generation: u32) -> Result<(), Error> {
        let swap = self.swapped_at().unwrap_or_default();
        crash_point::reach("announcement: before");
        self.say(&format!("serving = {generation}\nswap = {swap}\n"))?;
        crash_point::reach("announcement: after");
        Ok(())
    }

    /// Announces why the service does not follow the swap that was made last.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn announce_refused(&self, refused: &UnfollowedSwap) -> Result<(), Error> {
        let UnfollowedSwap {
            generation,
            served,
            reason,
        } = refused;
        let swap = self.swapped_at().unwrap_or_default();
        self.say(&format!(
            "serving = {served}\nrefused = {generation}\nswap = {swap}\n\n{reason}"
        ))
    }

    /// Deletes the announcement of a service: the service may have been killed since.
    ///
    /// # Errors
    /// When the file is there and can't be deleted.
    pub fn clear_announcement(&self) -> Result<(), Error> {
        let path = self.beside(".serving");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_error(&path, "delete", error))
            }
            _ => Ok(()),
        }
    }

    /// The announcement of the running service about the last swap; `None` if it has not said
    /// anything of it yet. Without a running service it is of the one that ran last.
    #[must_use]
    pub fn announcement(&self) -> Option<ServedAnnouncement> {
        let words = self.read_announcement()?;
        let Some(generation) = words.refused else {
            return Some(ServedAnnouncement::Serving(words.served));
        };
        // An announcement about an earlier swap says nothing about this one.
        let is_current = words.swap == Some(self.swapped_at()?);
        is_current.then_some(ServedAnnouncement::Refused(UnfollowedSwap {
            generation,
            served: words.served,
            reason: words.reason,
        }))
    }

    /// The swap that the service refuses, if one runs and the swap was not undone since.
    #[must_use]
    pub fn refused(&self) -> Option<UnfollowedSwap> {
        let Some(ServedAnnouncement::Refused(refused)) = self.announcement() else {
            return None;
        };
        let is_live = self
            .live()
            .is_ok_and(|live| live.generation == refused.generation);
        (is_live && self.is_service_running()).then_some(refused)
    }

    /// The generation that the service serves, live or not; `None` if none runs, or it has not said
    /// yet.
    #[must_use]
    pub fn served(&self) -> Option<u32> {
        let words = self.read_announcement()?;
        self.is_service_running().then_some(words.served)
    }

    /// Whether the service has said, since the swap that was made last, that it serves `generation`.
    #[must_use]
    pub fn is_followed(&self, generation: u32) -> bool {
        self.read_announcement().is_some_and(|words| {
            // A service of an earlier version does not say which swap it has seen.
            let is_current = words.swap.is_none() || words.swap == self.swapped_at();
            words.refused.is_none() && words.served == generation && is_current
        })
    }

    /// The generation that was live before `live`, if a service could run it with `config`.
    #[must_use]
    pub fn fits_before(&self, live: Live, config: &Config) -> Option<u32> {
        let previous = live.previous?;
        self.fits(previous, config).is_ok().then_some(previous)
    }

    // A check only: it keeps no service and no command waiting for longer than a moment.
    fn is_service_running(&self) -> bool {
        let path = self.beside(".lock");
        let is_locked = File::open(&path)
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)));
        is_locked && fs::read(&path).is_ok_and(|holder| holder == BY_SERVICE)
    }

    fn read_announcement(&self) -> Option<AnnouncementFile> {
        let text = fs::read_to_string(self.beside(".serving")).ok()?;
        let (head, reason) = text.split_once("\n\n").unwrap_or((&text, ""));
        let value = |key: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(" = "));
            lines.find(|(name, _)| *name == key).map(|(_, value)| value)
        };
        let refused = match value("refused") {
            Some(generation) => Some(generation.parse().ok()?),
            None => None,
        };
        Some(AnnouncementFile {
            served: value("serving")?.parse().ok()?,
            refused,
            swap: value("swap").map(str::to_owned),
            reason: reason.to_owned(),
        })
    }

    fn say(&self, text: &str) -> Result<(), Error> {
        replace(&self.beside(".serving"), text.as_bytes())
    }

    /// The last swap, identified by the time at which the file that names the live generation was
    /// written; `None` if there is no such file.
    #[must_use]
    pub fn swapped_at(&self) -> Option<String> {
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
        assert_eq!(generations.announcement(), None);
        generations.announce_serving(1).unwrap();
        swap(2, 1);
        assert_eq!(
            generations.announcement(),
            Some(ServedAnnouncement::Serving(1))
        );
        let refused = UnfollowedSwap {
            generation: 2,
            served: 1,
            reason: "one\n\ntwo = 3".into(),
        };
        assert!(!generations.is_followed(1));
        generations.announce_refused(&refused).unwrap();
        assert_eq!(
            generations.announcement(),
            Some(ServedAnnouncement::Refused(refused.clone()))
        );
        assert!(!generations.is_followed(1) && !generations.is_followed(2));
        // Without a service that runs, nothing is refused and nothing served.
        assert_eq!((generations.refused(), generations.served()), (None, None));
        let lock = generations.lock_service().unwrap();
        assert_eq!(generations.refused(), Some(refused));
        assert_eq!(generations.served(), Some(1));
        // The clock of a file system may be coarse.
        std::thread::sleep(std::time::Duration::from_millis(20));
        swap(2, 1);
        assert_eq!(generations.announcement(), None);
        assert_eq!(generations.refused(), None);
        generations.announce_serving(2).unwrap();
        assert!(generations.is_followed(2) && !generations.is_followed(1));
        drop(lock);
        let swap_at_work = generations.hold_services_off().unwrap();
        assert_eq!(generations.served(), None);
        drop(swap_at_work);
        generations.clear_announcement().unwrap();
        generations.clear_announcement().unwrap();
        assert_eq!(generations.announcement(), None);
    }
}
