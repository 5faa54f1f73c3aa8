//! Retention: deletes windows that are past it, but not before they are delivered.

use rocksdb::WriteBatch;
use tidegauge_windows::planted::{Mistake, is_planted};
use tidegauge_windows::{EventTime, Grid, Settings, Span};

use super::identity::MarkedDocuments;
use super::keys;
use super::snapshot::{Read, StateSnapshot};
use crate::core::feedback::Blocked;
use crate::domain::document_key::DocumentKey;

/// How far back windows are kept.
#[derive(Debug)]
pub(super) struct Retention {
    /// Of each definition: no window that starts before this awaits delivery. `None`: none does.
    oldest_dirty: Vec<Option<EventTime>>,
    /// All windows before this have been deleted.
    deleted: Option<EventTime>,
    /// Deleting goes in steps of this length: each leaves a trace that readers step over.
    step: Span,
    /// Documents that can't be delivered for a long time: retention does not wait for them.
    blocked: Blocked,
}

/// Windows are deleted in steps of the retention divided by this.
const STEPS: i64 = 32;
/// At most so many documents of a definition are given up at once.
const GIVEN_UP_MAX: usize = 4_096;

impl Retention {
    /// `documents` are those that retention waits for until they are delivered.
    pub(super) fn new(settings: &Settings, documents: MarkedDocuments) -> Self {
        let oldest = (documents != MarkedDocuments::None).then_some(EventTime::MIN);
        Self {
            oldest_dirty: vec![oldest; settings.definitions.len()],
            blocked: Blocked::default(),
            deleted: None,
            step: Span::from_millis(settings.retention.millis() / STEPS),
        }
    }

    /// Looks up in `snapshot`, the state before a batch, what awaits delivery before `wanted`.
    ///
    /// A sink clears the earliest marks first, and what was cleared is slow to step over; so each
    /// search continues where the last one ended.
    pub(super) fn search(
        &mut self,
        snapshot: &StateSnapshot<'_>,
        wanted: Option<EventTime>,
    ) -> Read<()> {
        for (definition, oldest) in (0..).zip(&mut self.oldest_dirty) {
            if let Some(from) = oldest.filter(|oldest| Some(*oldest) < wanted) {
                *oldest = snapshot.first_dirty_window(definition, from, &self.blocked)?;
            }
        }
        Ok(())
    }

    /// What can't be delivered for a long time.
    pub(super) fn blocked(&self) -> &Blocked {
        &self.blocked
    }

    /// Takes note of what can't be delivered for a long time, and of nothing else.
    pub(super) fn block(&mut self, blocked: Blocked) {
        self.blocked = blocked;
        for oldest in &mut self.oldest_dirty {
            *oldest = Some(EventTime::MIN);
        }
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

    /// The floor after a batch: windows that start before it are deleted.
    ///
    /// It follows `wanted`, the engine's floor, up to the earliest window that awaits delivery or,
    /// from `unmarked` on, may still be marked, and never goes back behind `before`.
    pub(super) fn floor(
        &self,
        before: Option<EventTime>,
        wanted: Option<EventTime>,
        unmarked: Option<EventTime>,
    ) -> Option<EventTime> {
        let held = self.oldest_dirty.iter().copied().flatten().chain(unmarked);
        let mut held = held.min().unwrap_or(EventTime::MAX);
        if is_planted(Mistake::FloorAheadOfDeliveries) {
            held = EventTime::MAX;
        }
        before.max(wanted.map(|wanted| wanted.min(held)))
    }

    /// Some of the windows that can't be delivered and start before `floor`: they can't be rendered
    /// any more.
    pub(super) fn given_up(
        &self,
        snapshot: &StateSnapshot<'_>,
        floor: EventTime,
    ) -> Read<Vec<DocumentKey>> {
        let mut documents = Vec::new();
        if self.blocked == Blocked::default() {
            return Ok(documents);
        }
        for definition in (0..).take(self.oldest_dirty.len()) {
            documents.extend(snapshot.dirty_windows_before(definition, floor, GIVEN_UP_MAX)?);
        }
        Ok(documents)
    }

    /// Deletes what only windows before `floor` hold, if enough of it has come together.
    pub(super) fn delete(&mut self, grid: &Grid, floor: EventTime, batch: &mut WriteBatch) -> bool {
        if self
            .deleted
            .is_some_and(|deleted| floor < deleted.plus(self.step))
        {
            return false;
        }
        let floor = match is_planted(Mistake::FloorAheadOfReaders) {
            true => floor.plus(Span::DAY),
            false => floor,
        };
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
