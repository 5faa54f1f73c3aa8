//! What is past retention goes, but not before it is delivered.

use rocksdb::WriteBatch;
use tidegauge_windows::{EventTime, Grid, Settings, Span};

use super::image::{Image, Read};
use super::keys;
use crate::document_key::DocumentKey;

/// How far back windows are kept.
#[derive(Debug)]
pub(super) struct Retention {
    /// Of each definition: no window that starts before this awaits delivery. `None`: none does.
    oldest_dirty: Vec<Option<EventTime>>,
    /// What was before this has been deleted.
    deleted: Option<EventTime>,
    /// Deleting goes in steps of this length: each leaves a trace that readers step over.
    step: Span,
}

/// Deleting goes in this part of the retention.
const STEPS: i64 = 32;

impl Retention {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            oldest_dirty: vec![Some(EventTime::MIN); settings.definitions.len()],
            deleted: None,
            step: Span::from_millis(settings.retention.millis() / STEPS),
        }
    }

    /// Looks up in `image`, the state before a batch, what awaits delivery before `wanted`.
    ///
    /// A sink clears the earliest marks first, and what was cleared is slow to step over; so each
    /// search goes on from where the last one ended.
    pub(super) fn search(&mut self, image: &Image<'_>, wanted: Option<EventTime>) -> Read<()> {
        for (definition, oldest) in (0..).zip(&mut self.oldest_dirty) {
            if let Some(from) = oldest.filter(|oldest| Some(*oldest) < wanted) {
                *oldest = image.first_dirty_window(definition, from)?;
            }
        }
        Ok(())
    }

    /// Notes what a batch marks.
    pub(super) fn note(&mut self, document: &DocumentKey) {
        if let DocumentKey::Window {
            definition, window, ..
        } = document
            && let Some(oldest) = self.oldest_dirty.get_mut(usize::from(*definition))
        {
            *oldest = Some(oldest.map_or(window.start, |oldest| oldest.min(window.start)));
        }
    }

    /// The floor after a batch: windows that start before it are gone.
    ///
    /// It follows `wanted`, the engine's floor, up to the earliest window that awaits delivery, and
    /// never goes back behind `before`.
    pub(super) fn floor(
        &self,
        before: Option<EventTime>,
        wanted: Option<EventTime>,
    ) -> Option<EventTime> {
        let held = self.oldest_dirty.iter().flatten().min().copied();
        let held = held.unwrap_or(EventTime::MAX);
        before.max(wanted.map(|wanted| wanted.min(held)))
    }

    /// Deletes what only windows before `floor` hold, if enough of it has come together.
    pub(super) fn delete(&mut self, grid: &Grid, floor: EventTime, batch: &mut WriteBatch) -> bool {
        if self
            .deleted
            .is_some_and(|deleted| floor < deleted.plus(self.step))
        {
            return false;
        }
        for block in grid.blocks_of(grid.slice_of(floor)) {
            let range = keys::cells_before(block);
            batch.delete_range(range.start, range.end);
        }
        for definition in (0..).take(self.oldest_dirty.len()) {
            let range = keys::revisions_before(definition, floor);
            batch.delete_range(range.start, range.end);
        }
        true
    }

    /// Notes that the deletes up to `floor` are written.
    pub(super) fn deleted(&mut self, floor: EventTime) {
        self.deleted = Some(floor);
    }
}
