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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tidegauge_windows::Window;

    use super::*;
    use crate::domain::payment::BranchId;
    use crate::store::database::Database;
    use crate::store::task::tests::frame;
    use crate::store::values::StoredValue;

    fn time(millis: i64) -> EventTime {
        EventTime::from_millis(millis)
    }

    fn window(start: i64) -> DocumentKey {
        DocumentKey::Window {
            definition: 1,
            window: Window::new(time(start), time(start + 10)),
            branch: BranchId::MAX,
        }
    }

    #[test]
    fn a_window_is_kept_until_it_is_delivered_also_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(dir.path(), true).unwrap();
        let mark = keys::dirty(&window(40));
        let mut batch = WriteBatch::default();
        batch.put(mark, 1_u64.encode());
        database.write(batch).unwrap();

        let frame = frame();
        let opened = |documents| Retention::new(frame.settings(), documents);
        let wanted = Some(time(100));
        let searched = |retention: &mut Retention| {
            let snapshot = StateSnapshot::take(&database, &[]);
            retention.search(&snapshot, wanted).unwrap();
            retention.floor(None, wanted, None)
        };
        let mut retention = opened(MarkedDocuments::WithPayments);
        assert_eq!(searched(&mut retention), Some(time(40)));
        // Without a sink, a mark that is left is waited for by none.
        assert_eq!(searched(&mut opened(MarkedDocuments::None)), wanted);

        let mut batch = WriteBatch::default();
        batch.delete(mark);
        database.write(batch).unwrap();
        assert_eq!(searched(&mut retention), wanted);

        // What a batch marks is not in the state before it.
        for start in [70, 60, 80] {
            retention.note(&window(start));
        }
        let floor = |before: Option<i64>, unmarked: Option<i64>| {
            let floor = retention.floor(before.map(time), wanted, unmarked.map(time));
            floor.map(EventTime::millis)
        };
        assert_eq!(floor(None, None), Some(60));
        assert_eq!(floor(None, Some(50)), Some(50));
        // It never goes back.
        assert_eq!(floor(Some(65), Some(50)), Some(65));
    }

    #[test]
    fn windows_are_deleted_in_steps_of_a_part_of_the_retention() {
        let frame = frame();
        assert_eq!(frame.settings().retention, Span::DAY);
        let mut retention = Retention::new(frame.settings(), MarkedDocuments::None);
        let minutes = |minutes: i64| time(minutes * 60_000);
        // A day has 32 times 45 minutes.
        for (floor, is_deleted) in [(7, true), (8, false), (51, false), (52, true)] {
            let mut batch = WriteBatch::default();
            let has = retention.delete(frame.grid(), minutes(floor), &mut batch);
            assert_eq!(has, is_deleted, "{floor}");
            assert_eq!(batch.is_empty(), !is_deleted, "{floor}");
            if has {
                retention.deleted(minutes(floor));
            }
        }
    }
}
