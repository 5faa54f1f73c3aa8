//! The keys that zero windows are given for.

use alloc::collections::BTreeSet;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::{EventTime, KNOWN_KEYS_MAX, Key};

/// Since which event time each key is known, of the keys known earliest: one more than zero windows
/// are given for. The others decide nothing, however many there are.
#[derive(Clone, Debug)]
pub(crate) struct KnownKeys<K> {
    since: HashMap<K, EventTime, FxBuildHasher>,
    order: BTreeSet<(EventTime, K)>,
}

impl<K> Default for KnownKeys<K> {
    fn default() -> Self {
        Self {
            since: HashMap::default(),
            order: BTreeSet::new(),
        }
    }
}

impl<K: Key> KnownKeys<K> {
    /// Notes that `key` is known since `time`; whether that is news and may decide something.
    pub(crate) fn learn(&mut self, key: K, time: EventTime) -> bool {
        if self.order.len() > KNOWN_KEYS_MAX
            && self.order.last().is_some_and(|last| (time, key) >= *last)
        {
            return false;
        }
        match self.since.insert(key, time) {
            Some(since) if since <= time => {
                self.since.insert(key, since);
                return false;
            }
            Some(since) => {
                self.order.remove(&(since, key));
            }
            None => {}
        }
        self.order.insert((time, key));
        if self.order.len() > KNOWN_KEYS_MAX + 1
            && let Some((_, latest)) = self.order.pop_last()
        {
            self.since.remove(&latest);
        }
        true
    }

    /// The end of the earliest window that more than [`KNOWN_KEYS_MAX`] keys are known for.
    pub(crate) fn zeros_end_at(&self) -> Option<EventTime> {
        // A window counts the keys known since before its end.
        (self.order.len() > KNOWN_KEYS_MAX)
            .then(|| self.order.last().map(|(time, _)| *time))
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_thousand_keys_are_not_a_crowd_and_one_more_is() {
        let mut known = KnownKeys::default();
        for key in 0..1_000_u32 {
            known.learn(key, EventTime::from_millis(key.into()));
        }
        assert_eq!(known.zeros_end_at(), None);
        let last = EventTime::from_millis(5_000);
        known.learn(1_000, last);
        assert_eq!(known.zeros_end_at(), Some(last));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn the_crowd_begins_where_all_keys_together_say(
            learned in proptest::collection::vec((0..1_100_u32, -500..500_i64), 0..4_000),
        ) {
            let mut known = KnownKeys::default();
            let mut all: BTreeMap<u32, i64> = BTreeMap::new();
            for (key, time) in learned {
                known.learn(key, EventTime::from_millis(time));
                let since = all.entry(key).or_insert(time);
                *since = time.min(*since);
                prop_assert!(known.order.len() <= KNOWN_KEYS_MAX + 1);
                prop_assert_eq!(known.order.len(), known.since.len());
            }
            let mut times: Vec<i64> = all.into_values().collect();
            times.sort_unstable();
            let crowded = times.get(KNOWN_KEYS_MAX).copied().map(EventTime::from_millis);
            prop_assert_eq!(known.zeros_end_at(), crowded);
        }
    }
}
