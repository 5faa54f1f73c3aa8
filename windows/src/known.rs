//! The keys that zero windows are given for.

use alloc::collections::BTreeSet;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::{EventTime, KNOWN_KEYS_MAX, Key};

/// Since which event time each key is known.
#[derive(Clone, Debug)]
pub(crate) struct Known<K> {
    since: HashMap<K, EventTime, FxBuildHasher>,
    order: BTreeSet<(EventTime, K)>,
}

impl<K> Default for Known<K> {
    fn default() -> Self {
        Self {
            since: HashMap::default(),
            order: BTreeSet::new(),
        }
    }
}

impl<K: Key> Known<K> {
    /// Notes that `key` is known since `time`; whether that is news.
    pub(crate) fn learn(&mut self, key: K, time: EventTime) -> bool {
        match self.since.get_mut(&key) {
            Some(since) if *since <= time => return false,
            Some(since) => {
                self.order.remove(&(*since, key));
                *since = time;
            }
            None => {
                self.since.insert(key, time);
            }
        }
        self.order.insert((time, key))
    }

    /// The end of the earliest window that more than [`KNOWN_KEYS_MAX`] keys are known for.
    pub(crate) fn crowded_from(&self) -> Option<EventTime> {
        if self.order.len() <= KNOWN_KEYS_MAX {
            return None;
        }
        // A window counts the keys known since before its end.
        self.order.iter().nth(KNOWN_KEYS_MAX).map(|(time, _)| *time)
    }
}
