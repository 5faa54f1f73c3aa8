//! Which windows look different after some changes: what a sink has to write again.

use alloc::vec::Vec;

use crate::{Changes, Definition, EventTime, Frame, Key, Selection, Walk, Window};

impl Frame {
    /// The windows that hold one of `cells`, each the start of a slice and a key: by definition
    /// number, window and key, each once. Windows past retention are left out.
    #[must_use]
    pub fn windows_of<K: Key>(&self, cells: &[(EventTime, K)]) -> Vec<(u16, Window, K)> {
        let mut cells = cells.to_vec();
        cells.sort_unstable();
        let mut windows = Vec::new();
        for (number, definition) in self.numbered() {
            for cells in cells.chunk_by(|one, other| one.0 == other.0) {
                for window in definition.windows_of(cells[0].0) {
                    if !self.is_expired(window) {
                        windows.extend(cells.iter().map(|(_, key)| (number, window, *key)));
                    }
                }
            }
        }
        windows.sort_unstable();
        windows.dedup();
        windows
    }

    /// Walks over the windows that `changes` made final, for the frame of the snapshot after them.
    pub fn closings<'a, K: Key, A>(
        &'a self,
        changes: &'a Changes<K, A>,
    ) -> impl Iterator<Item = Walk<K>> + 'a {
        let selections = changes.finals.iter().map(|closed| Selection::from(*closed));
        selections
            .filter(|selection| self.can_have(selection))
            .map(Walk::new)
    }

    /// Walks over the zero windows that are to be given because of `changes`, for the frame of the
    /// snapshot after them: windows became final, keys became known, stretches became active.
    pub fn zero_walks<'a, K: Key, A>(
        &'a self,
        changes: &'a Changes<K, A>,
    ) -> impl Iterator<Item = Walk<K>> + 'a {
        let known = changes.known.iter().map(|(key, since)| Walk {
            key: Some(*key),
            ..Walk::new(Selection {
                after: *since,
                ..Selection::ALL
            })
        });
        let reached = changes.reached.iter().map(|starts| {
            Walk::new(Selection {
                from: starts.start,
                to: starts.end,
                ..Selection::ALL
            })
        });
        self.closings(changes)
            .chain(known)
            .chain(reached)
            .filter(|_| self.settings().zero_windows)
    }

    pub(crate) fn numbered(&self) -> impl Iterator<Item = (u16, &Definition)> {
        (0..).zip(self.definitions())
    }
}
