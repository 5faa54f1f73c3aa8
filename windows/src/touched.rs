//! Which windows look different after some changes: what a sink has to write again.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::{
    Aggregate, Cells, Changes, Closed, Definition, EventTime, Frame, KNOWN_KEYS_MAX, Key, Window,
};

/// Windows by definition, window and key.
type Touched<K> = BTreeSet<(u16, Window, K)>;

impl Frame {
    /// All windows that `changes` may have made different, for the frame of the snapshot after
    /// them and the cells before them.
    ///
    /// Some of them may not exist: known keys are named for every window that became final, with
    /// payments in it or not.
    ///
    /// # Errors
    /// When the cells can't be read.
    pub fn touched<K: Key, A: Aggregate, C: Cells<K, A> + ?Sized>(
        &self,
        cells: &C,
        changes: &Changes<K, A>,
    ) -> Result<BTreeSet<(u16, Window, K)>, C::Error> {
        let mut touched = Touched::new();
        self.of_slices(changes, &mut touched);
        let keys = if self.needs_keys(changes) {
            known_keys(cells, changes)?
        } else {
            None
        };
        for closed in &changes.finals {
            for (number, window) in self.closed_windows(closed) {
                match &keys {
                    Some(keys) => touched.extend(keys.iter().map(|key| (number, window, *key))),
                    None => {
                        for block in self.grid().cover(window) {
                            let keys = cells.keys(block, K::FIRST, usize::MAX)?;
                            touched.extend(keys.into_iter().map(|key| (number, window, key)));
                        }
                    }
                }
            }
        }
        self.of_zeros(changes, keys.as_deref(), &mut touched);
        Ok(touched)
    }

    fn of_slices<K: Key, A>(&self, changes: &Changes<K, A>, touched: &mut Touched<K>) {
        let mut cells: Vec<(EventTime, K)> = changes.slices.keys().copied().collect();
        cells.sort_unstable();
        for cells in cells.chunk_by(|a, b| a.0 == b.0) {
            for (number, definition) in self.numbered() {
                for window in definition.windows_of(cells[0].0) {
                    touched.extend(cells.iter().map(|(_, key)| (number, window, *key)));
                }
            }
        }
    }

    // Zero windows of keys that became known and of stretches that became active. Those of windows
    // that became final are named with them.
    fn of_zeros<K: Key, A>(
        &self,
        changes: &Changes<K, A>,
        keys: Option<&[K]>,
        touched: &mut Touched<K>,
    ) {
        if !self.settings().zero_windows {
            return;
        }
        for (key, since) in &changes.known {
            let ending = |window: &Window| *since < window.end;
            let everywhere = Window::new(EventTime::MIN, EventTime::MAX);
            for (number, window) in self.zero_windows(everywhere).filter(|(_, w)| ending(w)) {
                touched.insert((number, window, *key));
            }
        }
        for (reached, key) in changes
            .reached
            .iter()
            .flat_map(|reached| keys.unwrap_or_default().iter().map(move |k| (*reached, *k)))
        {
            touched.extend(
                self.zero_windows(reached)
                    .map(|(n, window)| (n, window, key)),
            );
        }
    }

    fn needs_keys<K, A>(&self, changes: &Changes<K, A>) -> bool {
        !changes.finals.is_empty() || !changes.reached.is_empty()
    }

    fn closed_windows(&self, closed: &Closed) -> impl Iterator<Item = (u16, Window)> + '_ {
        let closed = *closed;
        self.numbered().flat_map(move |(number, definition)| {
            let from = closed.after.minus(definition.reach());
            let is_closed = move |window: &Window| {
                closed.after < window.end
                    && window.end <= closed.until
                    && window.start <= closed.latest
            };
            self.stretches(definition)
                .flat_map(move |stretch| {
                    definition.starting_in(stretch.start.max(from), stretch.end.min(closed.until))
                })
                .filter(is_closed)
                .map(move |window| (number, window))
        })
    }

    fn zero_windows(&self, starts: Window) -> impl Iterator<Item = (u16, Window)> + '_ {
        let last = self.last_final_start();
        self.numbered().flat_map(move |(number, definition)| {
            self.stretches(definition)
                .flat_map(move |stretch| {
                    definition.starting_in(
                        stretch.start.max(starts.start),
                        stretch.end.min(starts.end).min(last),
                    )
                })
                .filter(|window| self.gives_zeros(*window))
                .map(move |window| (number, window))
        })
    }

    // No window that starts here or later is final.
    fn last_final_start(&self) -> EventTime {
        let snapshot = self.snapshot();
        snapshot
            .quiet_closes
            .iter()
            .map(|close| close.until)
            .chain(snapshot.watermark)
            .max()
            .unwrap_or(EventTime::MIN)
    }

    fn numbered(&self) -> impl Iterator<Item = (u16, &Definition)> {
        (0..).zip(self.definitions())
    }
}

/// The known keys, or none if they are so many that no zero windows are given.
fn known_keys<K: Key, A: Aggregate, C: Cells<K, A> + ?Sized>(
    cells: &C,
    changes: &Changes<K, A>,
) -> Result<Option<Vec<K>>, C::Error> {
    let known = cells.known(K::FIRST, KNOWN_KEYS_MAX + 1)?;
    let mut keys: Vec<K> = known.into_iter().map(|(key, _)| key).collect();
    keys.extend(changes.known.iter().map(|(key, _)| *key));
    keys.sort_unstable();
    keys.dedup();
    Ok((keys.len() <= KNOWN_KEYS_MAX).then_some(keys))
}
