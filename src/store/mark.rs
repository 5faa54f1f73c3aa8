//! Marks of documents that await delivery: at most one for each, however often it changes.

use std::collections::BTreeSet;

use rocksdb::WriteBatch;
use tidegauge_windows::Window;
use tidegauge_windows::planted::{Mistake, is_planted};

use super::database::{Database, KEYS_PER_LOOKUP};
use super::error::Error;
use super::keys::{self, KeyBytes, MarkGroup};
use super::known_marks::KnownMarks;
use super::values::StoredValue;
use crate::core::feedback::Mark;
use crate::domain::document_key::DocumentKey;
use crate::domain::payment::BranchId;

/// The changes of a batch to the marks.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// The marks that there are, with those that go and without those that come.
    known: KnownMarks,
    /// So many readings of deliveries were taken, and none is until the batch is written. `None`: that is not known.
    readings: Option<u64>,
    /// Marks that go.
    cleared: BTreeSet<KeyBytes>,
    /// Marks that come. The same one may be here more than once.
    set: Vec<(MarkGroup, u64)>,
}

/// 64 branches that follow each other: the first one, and a bit for each of them.
pub(super) type BranchGroup = (BranchId, u64);

impl Marks {
    /// No changes to the marks that are `known`.
    pub(super) fn after(known: KnownMarks) -> Self {
        Self {
            known,
            ..Self::default()
        }
    }

    /// Deliveries took so many readings, and take none until the batch is written.
    pub(super) fn hold_readings(&mut self, readings: u64) {
        self.readings = Some(readings);
    }

    /// Clears the mark of each document that still has the one given: others have changed since.
    ///
    /// All clearing comes before any setting.
    pub(super) fn clear(
        &mut self,
        database: &Database,
        acks: &[(DocumentKey, Mark)],
    ) -> Result<(), Error> {
        for some in acks.chunks(KEYS_PER_LOOKUP) {
            let keys: Vec<KeyBytes> = some.iter().map(|(key, _)| keys::dirty(key)).collect();
            let found = database.values(&keys)?;
            for ((key, (_, mark)), there) in keys.into_iter().zip(some).zip(found) {
                let is_kept = is_planted(Mistake::MarkClearedWithoutComparing) && there.is_some();
                if there == Some(mark.0) || is_kept {
                    self.clear_at(key);
                }
            }
        }
        Ok(())
    }

    /// Clears the mark of `document`, which has one, whatever it is.
    pub(super) fn forget(&mut self, document: &DocumentKey) {
        self.clear_at(keys::dirty(document));
    }

    /// Marks `document`.
    pub(super) fn set(&mut self, document: &DocumentKey) {
        let (group, bit) = MarkGroup::of(keys::dirty(document));
        self.set_in(group, bit);
    }

    /// Marks `window` of definition `definition` for these branches, if a delivery may have read the marks that they have.
    /// If the window `is_new`, they have none.
    pub(super) fn set_window(
        &mut self,
        definition: u16,
        window: Window,
        branches: &[BranchGroup],
        is_new: bool,
    ) {
        for (branch, bits) in branches {
            let document = DocumentKey::Window {
                definition,
                window,
                branch: *branch,
            };
            let (group, _) = MarkGroup::of(keys::dirty(&document));
            let unread = self
                .readings
                .map_or(0, |readings| self.known.unread(&group, readings));
            self.set_in(group, bits & !unread);
            if is_new {
                self.known.note_absent(group, *bits);
            }
        }
    }

    /// Whether `document`, which this batch does not mark, awaits delivery after the batch.
    pub(super) fn is_dirty(
        &self,
        database: &Database,
        document: &DocumentKey,
    ) -> Result<bool, Error> {
        let key = keys::dirty(document);
        Ok(!self.cleared.contains(&key) && database.get(&key)?.is_some())
    }

    /// Puts all of it into `batch`; what is set gets `mark`. Gives how many marks there are after
    /// the batch, if there are `before` now, and which ones are known.
    pub(super) fn write(
        mut self,
        database: &Database,
        mark: Mark,
        batch: &mut WriteBatch,
        before: u64,
    ) -> Result<(u64, KnownMarks), Error> {
        // In the order of the keys, in which tables take them best.
        self.set.sort();
        self.set.dedup_by(|later, first| {
            let is_same = later.0 == first.0;
            if is_same {
                first.1 |= later.1;
            }
            is_same
        });
        let new = self.count_new(database)?;
        let mark = mark.0.encode();
        for (group, bits) in &self.set {
            for key in group.keys(*bits) {
                batch.put(key, &mark);
            }
            self.known.set(*group, *bits, self.readings);
        }
        for key in &self.cleared {
            batch.delete(key);
        }
        let count = before
            .saturating_add(new)
            .saturating_sub(self.cleared.len() as u64);
        Ok((count, self.known))
    }

    /// How many of those that are set have no mark yet. Those that were cleared before stay.
    fn count_new(&mut self, database: &Database) -> Result<u64, Error> {
        let mut new: u64 = 0;
        let mut unknown: Vec<KeyBytes> = Vec::new();
        for (group, bits) in &self.set {
            let known = self.known.group(group);
            if self.cleared.is_empty() {
                new += u64::from((bits & known.absent).count_ones());
                unknown.extend(group.keys(bits & !known.there & !known.absent));
                continue;
            }
            for key in group.keys(bits & !known.there) {
                let (_, bit) = MarkGroup::of(key);
                if self.cleared.remove(&key) {
                    continue;
                }
                if known.absent & bit == 0 {
                    unknown.push(key);
                } else {
                    new += 1;
                }
            }
        }
        for some in unknown.chunks(KEYS_PER_LOOKUP) {
            let found = database.get_all(some)?;
            new += found.iter().filter(|there| there.is_none()).count() as u64;
        }
        Ok(new)
    }

    fn set_in(&mut self, group: MarkGroup, bits: u64) {
        match self.set.last_mut() {
            Some(last) if last.0 == group => last.1 |= bits,
            _ if bits == 0 => {}
            _ => self.set.push((group, bits)),
        }
    }

    fn clear_at(&mut self, key: KeyBytes) {
        let (group, bit) = MarkGroup::of(key);
        self.known.clear(group, bit);
        self.cleared.insert(key);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;
    use std::mem;
    use std::path::Path;

    use proptest::prelude::*;
    use tidegauge_windows::EventTime;

    use super::*;
    use crate::store::snapshot::StateSnapshot;

    /// Branches at the ends of groups, and far apart.
    const BRANCHES: [u32; 7] = [0, 1, 63, 64, 127, 128, 1_000_000];

    #[derive(Clone, Debug)]
    enum Step {
        /// These branches change in a window.
        Change(i64, Vec<usize>),
        /// A window is marked without looking at readings, as marking tasks do.
        Remark(i64, usize),
        /// A delivery reads all marks.
        Read,
        /// What that reading had is acknowledged, and in the same batch a branch changes in a window, if there is one.
        Acknowledge(prop::sample::Index, Option<(i64, usize)>),
        /// The state is opened again.
        Reopen,
    }

    fn step() -> impl Strategy<Value = Step> {
        let window = || 0..3_i64;
        let branch = || 0..BRANCHES.len();
        prop_oneof![
            4 => (window(), prop::collection::vec(branch(), 1..7)).prop_map(|(at, of)| Step::Change(at, of)),
            1 => (window(), branch()).prop_map(|(at, of)| Step::Remark(at, of)),
            2 => Just(Step::Read),
            2 => (any::<prop::sample::Index>(), prop::option::of((window(), branch())))
                .prop_map(|(reading, change)| Step::Acknowledge(reading, change)),
            1 => Just(Step::Reopen),
        ]
    }

    fn window(start: i64) -> Window {
        let time = EventTime::from_millis;
        Window::new(time(start), time(start + 10))
    }

    fn document(at: i64, branch: usize) -> DocumentKey {
        DocumentKey::Window {
            definition: 0,
            window: window(at),
            branch: BranchId::from_bits(BRANCHES[branch]),
        }
    }

    /// Marks in a state, and which there must be.
    struct Run {
        database: Database,
        known: KnownMarks,
        readings: u64,
        /// The latest window that the state had before this batch, and after it.
        latest: i64,
        change: i64,
        /// The number of the last batch.
        mark: u64,
        count: u64,
        /// The documents that await delivery, each with the batch that changed it last.
        awaiting: BTreeMap<DocumentKey, u64>,
        /// What each reading had, and the last batch before it.
        readings_taken: Vec<(Vec<(DocumentKey, Mark)>, u64)>,
    }

    impl Run {
        fn new(dir: &Path) -> Self {
            Self {
                database: Database::open(dir, true).unwrap(),
                known: KnownMarks::default(),
                readings: 0,
                latest: -1,
                change: -1,
                mark: 0,
                count: 0,
                awaiting: BTreeMap::new(),
                readings_taken: Vec::new(),
            }
        }

        fn marked(&self) -> Vec<(DocumentKey, Mark)> {
            let snapshot = StateSnapshot::take(&self.database, &[]);
            snapshot.dirty(None, usize::MAX).unwrap()
        }

        fn change(&mut self, marks: &mut Marks, at: i64, branches: &[usize]) {
            marks.hold_readings(self.readings);
            for branch in branches {
                let id = BRANCHES[*branch];
                let first = BranchId::from_bits(id / 64 * 64);
                let is_new = at > self.latest;
                marks.set_window(0, window(at), &[(first, 1 << (id % 64))], is_new);
                self.awaiting.insert(document(at, *branch), self.mark);
            }
            self.change = self.change.max(at);
        }

        fn step(&mut self, step: Step) {
            self.mark += 1;
            self.latest = self.change;
            let mut marks = Marks::after(mem::take(&mut self.known));
            match step {
                Step::Change(at, branches) => self.change(&mut marks, at, &branches),
                Step::Remark(at, branch) => {
                    marks.set(&document(at, branch));
                    self.awaiting.insert(document(at, branch), self.mark);
                    self.change = self.change.max(at);
                }
                Step::Read => {
                    self.readings += 1;
                    self.readings_taken.push((self.marked(), self.mark - 1));
                }
                Step::Acknowledge(which, change) => {
                    if !self.readings_taken.is_empty() {
                        let (had, last) = which.get(&self.readings_taken).clone();
                        marks.clear(&self.database, &had).unwrap();
                        for (document, _) in had {
                            if self
                                .awaiting
                                .get(&document)
                                .is_some_and(|batch| *batch <= last)
                            {
                                self.awaiting.remove(&document);
                            }
                        }
                    }
                    if let Some((at, branch)) = change {
                        self.change(&mut marks, at, &[branch]);
                    }
                }
                Step::Reopen => marks = Marks::default(),
            }
            let mut batch = WriteBatch::default();
            let written = marks.write(&self.database, Mark(self.mark), &mut batch, self.count);
            (self.count, self.known) = written.unwrap();
            self.database.write(batch).unwrap();
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_changed_after_a_reading_stays_marked_and_all_marks_are_counted(
            steps in prop::collection::vec(step(), 1..40),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let mut run = Run::new(dir.path());
            for step in steps {
                run.step(step);
                let marked: Vec<DocumentKey> = run.marked().into_iter().map(|(key, _)| key).collect();
                let awaiting: Vec<DocumentKey> = run.awaiting.keys().copied().collect();
                prop_assert_eq!(&marked, &awaiting);
                prop_assert_eq!(run.count, marked.len() as u64);
            }
        }
    }

    #[test]
    fn a_window_whose_mark_is_not_read_gets_no_newer_one() {
        let dir = tempfile::tempdir().unwrap();
        let mut run = Run::new(dir.path());
        let (one, other) = (document(0, 1), document(0, 2));
        run.step(Step::Change(0, vec![1]));
        run.step(Step::Change(0, vec![1, 2]));
        assert_eq!(run.marked(), [(one, Mark(1)), (other, Mark(2))]);
        run.step(Step::Read);
        run.step(Step::Change(0, vec![2]));
        assert_eq!(run.marked(), [(one, Mark(1)), (other, Mark(4))]);
    }
}
