//! The changes of the engine since the last checkpoint, as data.

use alloc::vec::Vec;
use core::mem;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use rustc_hash::FxBuildHasher;

use crate::{Aggregate, EventTime, Key, Snapshot, Stretch, Window};

/// The addition to each touched slice (by its start) and key.
pub(crate) type Slices<K, A> = HashMap<(EventTime, K), A, FxBuildHasher>;

/// Everything that changed since the last [`crate::Engine::take_changes`].
///
/// Cells and revisions are differences, to be merged into what is kept; the snapshot is absolute.
/// The engine itself keeps no cell after handing it out, so its memory follows the payments between
/// two checkpoints and not the windows.
#[derive(Clone, Debug)]
pub struct Changes<K, A> {
    /// The addition to each touched slice (by its start) and key.
    pub slices: HashMap<(EventTime, K), A, FxBuildHasher>,
    /// How often payments came for final windows: definition, window, key.
    pub revisions: HashMap<(u16, Window, K), u64, FxBuildHasher>,
    /// Windows that became final.
    pub finals: Vec<Closed>,
    /// Keys that became known, or known earlier, with the event time since which they are.
    pub known: Vec<(K, EventTime)>,
    /// Stretches `[start, end)` of window starts that activity newly reaches.
    pub reached: Vec<Stretch>,
    /// The state after these changes.
    pub snapshot: Snapshot,
}

impl<K: Key, A> Changes<K, A> {
    /// The same changes with another aggregate of each slice.
    #[must_use]
    pub fn map<B>(self, to: impl Fn(A) -> B) -> Changes<K, B> {
        let slices = self.slices.into_iter();
        Changes {
            slices: slices.map(|(slice, added)| (slice, to(added))).collect(),
            revisions: self.revisions,
            finals: self.finals,
            known: self.known,
            reached: self.reached,
            snapshot: self.snapshot,
        }
    }
}

/// Windows with `after < end <= until` and `start <= latest` became final.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Closed {
    /// Windows that end at or before this were final already.
    pub after: EventTime,
    /// The last end that became final.
    pub until: EventTime,
    /// Windows that start after this are not meant ([`EventTime::MAX`]: all are).
    pub latest: EventTime,
}

/// Adds all of `other` to `slices`.
pub(crate) fn merge_slices<K: Key, A: Aggregate>(
    slices: &mut Slices<K, A>,
    mut other: Slices<K, A>,
) {
    if slices.len() < other.len() {
        mem::swap(slices, &mut other);
    }
    for (slice, added) in other {
        match slices.entry(slice) {
            Entry::Occupied(mut there) => there.get_mut().merge(&added),
            Entry::Vacant(place) => {
                place.insert(added);
            }
        }
    }
}
