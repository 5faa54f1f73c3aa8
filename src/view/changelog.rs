//! The changelog: what the newest checkpoints changed, for clients and sinks that follow the figures.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tidegauge_windows::{Closed, EventTime};

use crate::domain::payment::BranchId;

/// At most so many changes are remembered, over all checkpoints.
const REMEMBERED_MAX: usize = 65_536;

/// Remembers what the newest checkpoints changed. The writer never waits for followers: a
/// follower that is too far behind is told so.
pub struct Changelog {
    remembered: Mutex<RecentChanges>,
    life: Life,
    limit: usize,
    watchers: Mutex<Vec<Watcher>>,
    /// How often documents were marked that no change here names.
    markings: AtomicU64,
}

/// One life of a state, from its opening to its closing: the checkpoints of different lives may have
/// the same numbers, as some may be lost with the machine's power, or with what came after a backup.
/// Places are numbered so that no two lives have the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Life {
    /// The place of the checkpoint at which it began.
    pub base: u64,
    /// The number of that checkpoint.
    pub from: u64,
}

/// Told the number of each checkpoint once it is written.
type Watcher = Box<dyn Fn(u64) + Send + Sync>;

#[derive(Debug)]
struct RecentChanges {
    /// Checkpoints that changed something, each with its number, the oldest first.
    checkpoints: VecDeque<(u64, ChangeSet)>,
    /// How many changes they hold together.
    changes: usize,
    /// All changes after this checkpoint are remembered.
    from: u64,
    /// The newest checkpoint.
    newest: u64,
}

/// The changes of one or more checkpoints. Which figures look different follows from it: far more of them than
/// there are changes, so they are computed when they are asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChangeSet {
    /// Branches whose totals changed.
    pub totals: Vec<BranchId>,
    /// Slices, by their start and branch, to which something was added: all windows that hold them
    /// changed.
    pub slices: Vec<(EventTime, BranchId)>,
    /// Windows that became final.
    pub closed: Vec<Closed>,
}

/// The changes after a checkpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangesSince {
    /// The newest checkpoint that they reach up to.
    pub upto: u64,
    /// The changes in order, each once; `None` if not all of them are remembered.
    pub changed: Option<ChangeSet>,
}

impl ChangeSet {
    /// How many changes it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.totals.len() + self.slices.len() + self.closed.len()
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn extend(&mut self, other: &Self) {
        self.totals.extend_from_slice(&other.totals);
        self.slices.extend_from_slice(&other.slices);
        for closed in &other.closed {
            match self.closed.last_mut() {
                Some(last) if last.until == closed.after && last.latest == closed.latest => {
                    last.until = closed.until;
                }
                _ => self.closed.push(*closed),
            }
        }
    }

    fn in_order(mut self) -> Self {
        self.totals.sort_unstable();
        self.totals.dedup();
        self.slices.sort_unstable();
        self.slices.dedup();
        self
    }
}

impl Life {
    /// The place of a checkpoint of this life.
    #[must_use]
    pub const fn position(&self, checkpoint: u64) -> u64 {
        self.base
            .saturating_add(checkpoint.saturating_sub(self.from))
    }

    /// The checkpoint that a place would be of; `None` for one of a life before.
    #[must_use]
    pub const fn checkpoint(&self, position: u64) -> Option<u64> {
        match position.checked_sub(self.base) {
            Some(after) => self.from.checked_add(after),
            None => None,
        }
    }
}

impl Changelog {
    /// Remembers all that changes after checkpoint `newest`, whose number is its place too.
    #[must_use]
    pub fn new(newest: u64) -> Self {
        let life = Life {
            base: newest,
            from: newest,
        };
        Self::of(life, newest)
    }

    /// Remembers all that changes after checkpoint `newest` of this life.
    #[must_use]
    pub fn of(life: Life, newest: u64) -> Self {
        Self::with_limit(life, newest, REMEMBERED_MAX)
    }

    fn with_limit(life: Life, newest: u64, limit: usize) -> Self {
        let remembered = RecentChanges {
            checkpoints: VecDeque::new(),
            changes: 0,
            from: newest,
            newest,
        };
        Self {
            remembered: Mutex::new(remembered),
            life,
            limit,
            watchers: Mutex::default(),
            markings: AtomicU64::new(0),
        }
    }

    /// Calls `watcher` with the number of each checkpoint once its figures can be read. It runs on
    /// the writing thread, so it must not wait for anything.
    pub fn watch(&self, watcher: impl Fn(u64) + Send + Sync + 'static) {
        lock(&self.watchers).push(Box::new(watcher));
    }

    /// Takes note that checkpoint `number`, now written, changed this.
    pub fn publish(&self, number: u64, changed: ChangeSet) {
        self.remember(number, changed);
        self.tell(number);
    }

    /// Takes note that checkpoint `number`, now written, marked documents for delivery and changed
    /// no figure.
    pub fn note_marking(&self, number: u64) {
        self.markings.fetch_add(1, Ordering::Relaxed);
        // Those who are told of it ask for the changes up to it.
        self.remember(number, ChangeSet::default());
        self.tell(number);
    }

    /// How often documents were marked by checkpoints that changed no figure.
    #[must_use]
    pub fn markings(&self) -> u64 {
        self.markings.load(Ordering::Relaxed)
    }

    fn tell(&self, number: u64) {
        for watcher in &*lock(&self.watchers) {
            watcher(number);
        }
    }

    fn remember(&self, number: u64, changed: ChangeSet) {
        let mut remembered = lock(&self.remembered);
        remembered.newest = number;
        if changed.is_empty() {
            return;
        }
        remembered.changes += changed.len();
        remembered.checkpoints.push_back((number, changed));
        while remembered.changes > self.limit {
            let Some((oldest, forgotten)) = remembered.checkpoints.pop_front() else {
                break;
            };
            remembered.changes -= forgotten.len();
            remembered.from = oldest;
        }
    }

    /// The life of its checkpoints, which tells them from those of other lives.
    #[must_use]
    pub const fn life(&self) -> Life {
        self.life
    }

    /// The number of the newest checkpoint.
    #[must_use]
    pub fn newest(&self) -> u64 {
        lock(&self.remembered).newest
    }

    /// The changes after checkpoint `after`. A checkpoint that is yet to come, as one lost with the
    /// machine's power may be, is as unknown as one that is forgotten.
    #[must_use]
    pub fn since(&self, after: u64) -> ChangesSince {
        let remembered = lock(&self.remembered);
        let is_known = (remembered.from..=remembered.newest).contains(&after);
        let changed = is_known.then(|| {
            let first = remembered
                .checkpoints
                .partition_point(|(number, _)| *number <= after);
            let mut all = ChangeSet::default();
            for (_, changed) in remembered.checkpoints.range(first..) {
                all.extend(changed);
            }
            all
        });
        let upto = remembered.newest;
        drop(remembered);
        ChangesSince {
            upto,
            changed: changed.map(ChangeSet::in_order),
        }
    }
}

impl fmt::Debug for Changelog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changelog")
            .field("newest", &self.newest())
            .finish_non_exhaustive()
    }
}

// A writer that panicked leaves at worst a checkpoint that is remembered too long.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use super::*;

    fn totals(ids: &[u32]) -> ChangeSet {
        let branch = |id: &u32| BranchId::new(*id).unwrap();
        ChangeSet {
            totals: ids.iter().map(branch).collect(),
            ..ChangeSet::default()
        }
    }

    fn closed(after: i64, until: i64) -> ChangeSet {
        let closed = Closed {
            after: EventTime::from_millis(after),
            until: EventTime::from_millis(until),
            latest: EventTime::MAX,
        };
        ChangeSet {
            closed: vec![closed],
            ..ChangeSet::default()
        }
    }

    #[test]
    fn what_changed_often_is_told_once() {
        let changelog = Changelog::new(10);
        changelog.publish(11, totals(&[3, 1]));
        changelog.publish(12, totals(&[]));
        changelog.publish(14, totals(&[1, 2]));
        let since = |after| changelog.since(after).changed;
        assert_eq!(since(10), Some(totals(&[1, 2, 3])));
        assert_eq!(since(11), Some(totals(&[1, 2])));
        assert_eq!(since(13), Some(totals(&[1, 2])));
        assert_eq!(since(14), Some(totals(&[])));
        assert_eq!(changelog.since(11).upto, 14);
        assert_eq!(changelog.newest(), 14);
    }

    #[test]
    fn a_checkpoint_that_changed_no_figure_is_the_newest_too() {
        let changelog = Changelog::new(10);
        changelog.publish(11, totals(&[1]));
        changelog.note_marking(12);
        assert_eq!(changelog.newest(), 12);
        let since = changelog.since(11);
        assert_eq!((since.upto, since.changed), (12, Some(totals(&[]))));
    }

    #[test]
    fn windows_that_become_final_one_after_the_other_are_told_as_one_stretch() {
        let changelog = Changelog::new(0);
        changelog.publish(1, closed(0, 10));
        changelog.publish(2, closed(10, 20));
        changelog.publish(3, closed(30, 40));
        let mut expected = closed(0, 20);
        expected.closed.extend(closed(30, 40).closed);
        assert_eq!(changelog.since(0).changed, Some(expected));
    }

    #[test]
    fn a_checkpoint_of_a_former_life_is_unknown() {
        let changelog = Changelog::new(10);
        changelog.publish(11, totals(&[1]));
        assert_eq!(changelog.since(9).changed, None);
        assert_eq!(changelog.since(12).changed, None);
        assert_eq!(changelog.since(12).upto, 11);
    }

    #[test]
    fn the_oldest_are_forgotten_and_that_is_told() {
        let life = Life { base: 0, from: 0 };
        let changelog = Changelog::with_limit(life, 0, 4);
        for number in 1..=3 {
            changelog.publish(number, totals(&[1, 2]));
        }
        assert_eq!(changelog.since(0).changed, None);
        assert_eq!(changelog.since(1).changed, Some(totals(&[1, 2])));
        changelog.publish(4, totals(&[1, 2, 3, 4, 5]));
        assert_eq!(changelog.since(3).changed, None);
        assert_eq!(changelog.since(4).changed, Some(totals(&[])));
    }

    #[test]
    fn a_place_of_a_life_before_is_of_no_checkpoint() {
        let life = Life {
            base: 1_000,
            from: 7,
        };
        assert_eq!(life.position(7), 1_000);
        assert_eq!(life.position(9), 1_002);
        assert_eq!(life.checkpoint(1_002), Some(9));
        assert_eq!(life.checkpoint(999), None);
        assert_eq!(life.checkpoint(9), None);
    }

    #[test]
    fn watchers_are_told_each_checkpoint() {
        let changelog = Changelog::new(0);
        let seen = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&seen);
        changelog.watch(move |number| told.store(number, Ordering::Relaxed));
        changelog.publish(7, totals(&[]));
        assert_eq!(seen.load(Ordering::Relaxed), 7);
    }
}
