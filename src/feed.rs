//! What the newest checkpoints changed, for those who follow the figures as they come.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::document_key::DocumentKey;

/// At most so many changed documents are remembered, over all checkpoints.
const REMEMBERED_MAX: usize = 65_536;

/// Remembers which documents the newest checkpoints changed. The writer never waits for those who
/// follow: who is too far behind is told so.
pub struct Feed {
    remembered: Mutex<Remembered>,
    limit: usize,
    watchers: Mutex<Vec<Watcher>>,
}

/// Told the number of each checkpoint once it is written.
type Watcher = Box<dyn Fn(u64) + Send + Sync>;

#[derive(Debug)]
struct Remembered {
    /// Checkpoints that changed something, each with its number, the oldest first.
    checkpoints: VecDeque<(u64, Box<[DocumentKey]>)>,
    /// How many documents they name together.
    documents: usize,
    /// All changes after this checkpoint are remembered.
    from: u64,
    /// The newest checkpoint.
    newest: u64,
}

/// What changed after a checkpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changes {
    /// The newest checkpoint that they reach up to.
    pub upto: u64,
    /// The documents in key order, each once; `None` if not all of them are remembered.
    pub documents: Option<Vec<DocumentKey>>,
}

impl Feed {
    /// Remembers all that changes after checkpoint `newest`.
    #[must_use]
    pub fn new(newest: u64) -> Self {
        Self::with_limit(newest, REMEMBERED_MAX)
    }

    fn with_limit(newest: u64, limit: usize) -> Self {
        let remembered = Remembered {
            checkpoints: VecDeque::new(),
            documents: 0,
            from: newest,
            newest,
        };
        Self {
            remembered: Mutex::new(remembered),
            limit,
            watchers: Mutex::default(),
        }
    }

    /// Calls `watcher` with the number of each checkpoint once its figures can be read. It runs on
    /// the writing thread, so it must not wait for anything.
    pub fn watch(&self, watcher: impl Fn(u64) + Send + Sync + 'static) {
        lock(&self.watchers).push(Box::new(watcher));
    }

    /// Takes note that checkpoint `number`, now written, changed `documents`.
    pub fn publish(&self, number: u64, documents: Vec<DocumentKey>) {
        self.remember(number, documents);
        for watcher in &*lock(&self.watchers) {
            watcher(number);
        }
    }

    fn remember(&self, number: u64, documents: Vec<DocumentKey>) {
        let mut remembered = lock(&self.remembered);
        remembered.newest = number;
        if documents.is_empty() {
            return;
        }
        remembered.documents += documents.len();
        remembered
            .checkpoints
            .push_back((number, documents.into_boxed_slice()));
        while remembered.documents > self.limit {
            let Some((oldest, forgotten)) = remembered.checkpoints.pop_front() else {
                break;
            };
            remembered.documents -= forgotten.len();
            remembered.from = oldest;
        }
    }

    /// The number of the newest checkpoint.
    #[must_use]
    pub fn newest(&self) -> u64 {
        lock(&self.remembered).newest
    }

    /// What changed after checkpoint `after`. A checkpoint that is yet to come, as one lost with the
    /// machine's power may be, is as unknown as one that is forgotten.
    #[must_use]
    pub fn since(&self, after: u64) -> Changes {
        let remembered = lock(&self.remembered);
        let is_known = (remembered.from..=remembered.newest).contains(&after);
        let documents = is_known.then(|| {
            let documents: BTreeSet<DocumentKey> = remembered
                .checkpoints
                .iter()
                .rev()
                .take_while(|(number, _)| *number > after)
                .flat_map(|(_, documents)| documents.iter().copied())
                .collect();
            documents.into_iter().collect()
        });
        Changes {
            upto: remembered.newest,
            documents,
        }
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed")
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

    use super::*;
    use crate::payment::BranchId;

    fn totals(ids: &[u32]) -> Vec<DocumentKey> {
        let total = |id: &u32| DocumentKey::Total(BranchId::new(*id).unwrap());
        ids.iter().map(total).collect()
    }

    #[test]
    fn what_changed_often_is_told_once() {
        let feed = Feed::new(10);
        feed.publish(11, totals(&[3, 1]));
        feed.publish(12, totals(&[]));
        feed.publish(14, totals(&[1, 2]));
        let since = |after| feed.since(after).documents;
        assert_eq!(since(10), Some(totals(&[1, 2, 3])));
        assert_eq!(since(11), Some(totals(&[1, 2])));
        assert_eq!(since(13), Some(totals(&[1, 2])));
        assert_eq!(since(14), Some(totals(&[])));
        assert_eq!(feed.since(11).upto, 14);
        assert_eq!(feed.newest(), 14);
    }

    #[test]
    fn a_checkpoint_of_a_former_life_is_unknown() {
        let feed = Feed::new(10);
        feed.publish(11, totals(&[1]));
        assert_eq!(feed.since(9).documents, None);
        assert_eq!(feed.since(12).documents, None);
        assert_eq!(feed.since(12).upto, 11);
    }

    #[test]
    fn the_oldest_are_forgotten_and_that_is_told() {
        let feed = Feed::with_limit(0, 4);
        for number in 1..=3 {
            feed.publish(number, totals(&[1, 2]));
        }
        assert_eq!(feed.since(0).documents, None);
        assert_eq!(feed.since(1).documents, Some(totals(&[1, 2])));
        feed.publish(4, totals(&[1, 2, 3, 4, 5]));
        assert_eq!(feed.since(3).documents, None);
        assert_eq!(feed.since(4).documents, Some(totals(&[])));
    }
}
