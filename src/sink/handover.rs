//! When a generation that follows another may be shown to readers: not before it has what that had.

use super::config::Publication;
use super::index::family_of;
use crate::core::feedback::Blocked;
use crate::domain::document_key::DocumentKey;
use crate::view::reading::{ReadError, Reading};

/// Look at so many marks at once.
const PAGE: usize = 4_096;

/// The way to the moment from which readers see a generation.
#[derive(Clone, Debug)]
pub(super) struct Handover {
    publication: Publication,
    /// The first checkpoint that has all that the generation before had; what it marks must be
    /// delivered.
    checkpoint: Option<u64>,
    /// Up to this document all of it is delivered. A mark only ever becomes a later one, so that
    /// stays so.
    after: Option<DocumentKey>,
}

impl Handover {
    pub(super) const fn new(publication: Publication) -> Self {
        Self {
            publication,
            checkpoint: None,
            after: None,
        }
    }

    /// Whether readers may see this generation at once.
    pub(super) fn is_at_once(&self) -> bool {
        self.publication == Publication::Now
    }

    /// Whether this generation is never shown to readers.
    pub(super) fn is_never(&self) -> bool {
        self.publication == Publication::Never
    }

    /// Documents that counted as delivered are to be delivered again: those are waited for, too.
    pub(super) fn begin_again(&mut self) {
        self.checkpoint = None;
        self.after = None;
    }

    /// Looks whether all has been applied that is waited for.
    pub(super) fn note(&mut self, reading: &dyn Reading) {
        if let (Publication::After(positions), None) = (&self.publication, self.checkpoint) {
            let checkpoint = reading.checkpoint();
            // What is still to be marked is not delivered either.
            if checkpoint.is_marking {
                return;
            }
            let has = |(partition, position): (&i32, &i64)| {
                let own = checkpoint.positions.get(partition);
                own.is_some_and(|own| own >= position)
            };
            self.checkpoint = positions.iter().all(has).then_some(checkpoint.sequence);
        }
    }

    /// Whether all that is waited for has been applied and delivered. Under load there are always
    /// some newer documents that wait: those don't count, and neither do those that are blocked.
    /// Continues where it stopped the last time.
    pub(super) fn is_done(
        &mut self,
        reading: &dyn Reading,
        blocked: &Blocked,
    ) -> Result<bool, ReadError> {
        let Some(checkpoint) = self.checkpoint else {
            return Ok(false);
        };
        let is_blocked = |key: &DocumentKey| {
            blocked.documents.contains(key) || blocked.families.contains(&family_of(key))
        };
        loop {
            let page = reading.dirty(self.after, PAGE)?;
            for (key, mark) in &page {
                if mark.0 <= checkpoint && !is_blocked(key) {
                    return Ok(false);
                }
                self.after = Some(*key);
            }
            if page.len() < PAGE {
                return Ok(true);
            }
        }
    }
}
