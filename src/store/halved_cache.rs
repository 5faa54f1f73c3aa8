//! A map of bounded memory.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::mem;

/// Entries of which the oldest are forgotten, half of them at once: so no entry needs to know when
/// it was used.
///
/// They are in order, as the lookups of a checkpoint are: neighbours share lines and pages of memory.
#[derive(Debug)]
pub(super) struct HalvedCache<K, V> {
    /// Each with its size.
    young: BTreeMap<K, (usize, V)>,
    young_bytes: usize,
    old: BTreeMap<K, (usize, V)>,
    /// Each of the two is full when it holds about this many bytes.
    half_bytes: usize,
}

impl<K: Ord, V: Default> HalvedCache<K, V> {
    /// An empty one. Its entries take about twice `half_bytes` at most.
    pub(super) const fn new(half_bytes: usize) -> Self {
        Self {
            young: BTreeMap::new(),
            young_bytes: 0,
            old: BTreeMap::new(),
            half_bytes,
        }
    }

    /// The value of `key`, unless it is forgotten.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        let found = self.young.get(key).or_else(|| self.old.get(key));
        found.map(|(_, value)| value)
    }

    /// Has `set` change the value of `key`, a default one if there is none. It takes about `bytes` then.
    pub(super) fn keep(&mut self, key: K, bytes: usize, set: impl FnOnce(&mut V)) {
        let (before, value) = match self.young.entry(key) {
            Entry::Occupied(young) => young.into_mut(),
            Entry::Vacant(young) => {
                let old = self.old.remove(young.key());
                young.insert((0, old.map(|(_, value)| value).unwrap_or_default()))
            }
        };
        self.young_bytes = self.young_bytes - *before + bytes;
        *before = bytes;
        set(value);
        if self.young_bytes > self.half_bytes {
            self.old = mem::take(&mut self.young);
            self.young_bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const HALF_BYTES: usize = 3 << 20;

    #[test]
    fn the_newest_value_is_kept_and_memory_is_bounded() {
        let mut kept: HalvedCache<usize, usize> = HalvedCache::new(HALF_BYTES);
        for value in 0..1_000 {
            kept.keep(value, HALF_BYTES / 100, |kept| *kept = value);
            kept.keep(7, HALF_BYTES / 100, |kept| *kept = value);
            assert_eq!(kept.get(&value), Some(if value == 7 { &7 } else { &value }));
            assert_eq!(kept.get(&7), Some(&value));
            // A generation has room for a hundred, however often one of them is written.
            if let Some(before) = value.checked_sub(90) {
                assert!(kept.get(&before).is_some());
            }
            assert!(kept.young.len() + kept.old.len() <= 202);
            assert!(kept.young_bytes <= HALF_BYTES);
        }
        assert_eq!(kept.get(&1), None);
    }
}
