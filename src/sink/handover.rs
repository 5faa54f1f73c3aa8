//! When a generation that follows another may be shown to readers: not before it has what that had.

use super::config::Publication;
use crate::reading::{ReadError, Readings};

/// Look at so many marks at once.
const PAGE: usize = 4_096;

/// The way to the moment from which readers see a generation.
#[derive(Debug)]
pub(super) struct Handover {
    publication: Publication,
    /// The first checkpoint that has all that the generation before had; what it marks must be
    /// delivered.
    checkpoint: Option<u64>,
}

impl Handover {
    pub(super) const fn new(publication: Publication) -> Self {
        Self {
            publication,
            checkpoint: None,
        }
    }

    /// Whether there is nothing to wait for.
    pub(super) fn is_at_once(&self) -> bool {
        self.publication == Publication::Now
    }

    /// Looks whether all has been applied that is waited for.
    pub(super) fn note(&mut self, readings: &dyn Readings) -> Result<(), ReadError> {
        if let (Publication::After(positions), None) = (&self.publication, self.checkpoint) {
            self.checkpoint = readings.query(|reading| {
                let checkpoint = reading.checkpoint();
                let has = |(partition, position): (&i32, &i64)| {
                    let own = checkpoint.positions.get(partition);
                    own.is_some_and(|own| own >= position)
                };
                Ok(positions.iter().all(has).then_some(checkpoint.sequence))
            })?;
        }
        Ok(())
    }

    /// Whether all that is waited for has been applied and delivered. Under load there are always
    /// some newer documents that wait: those don't count.
    pub(super) fn is_done(&self, readings: &dyn Readings) -> Result<bool, ReadError> {
        let Some(checkpoint) = self.checkpoint else {
            return Ok(false);
        };
        readings.query(|reading| {
            let mut after = None;
            loop {
                let page = reading.dirty(after, PAGE)?;
                if page.iter().any(|(_, mark)| mark.0 <= checkpoint) {
                    return Ok(false);
                }
                match page.last() {
                    Some((last, _)) if page.len() == PAGE => after = Some(*last),
                    _ => return Ok(true),
                }
            }
        })
    }
}
