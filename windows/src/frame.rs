//! The frame that cells are seen through: which windows there are, and which are final.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::activity::{candidates, covers};
use crate::{
    Aggregate, Cells, Definition, EventTime, Grid, Key, Query, QuietClose, Settings, Snapshot,
    Stretch, Window,
};

/// Assembles windows from cells, by the settings and one snapshot.
#[derive(Clone, Debug)]
pub struct Frame {
    settings: Arc<Settings>,
    grid: Grid,
    snapshot: Snapshot,
}

/// A window of a key, with what is in it. A zero window has nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WindowResult<K, A> {
    /// The definition's number.
    pub definition: u16,
    /// The window.
    pub window: Window,
    /// The key that the window is of.
    pub key: K,
    /// The aggregate of its payments.
    pub aggregate: A,
    /// The cause that made it final, if it is.
    pub closed_by: Option<ClosedBy>,
    /// How many payments came for it after it was final.
    pub revision: u64,
}

impl<K, A> WindowResult<K, A> {
    /// Whether all payments are expected to be in it.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        self.closed_by.is_some()
    }
}

/// The cause that made a window final.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClosedBy {
    /// The combined watermark passed its end.
    Watermark,
    /// The stream was quiet and the wall clock passed its end.
    Quiet,
}

impl Frame {
    /// The frame of `snapshot` under `settings`.
    #[must_use]
    pub fn new(settings: Arc<Settings>, snapshot: Snapshot) -> Self {
        Self {
            grid: Grid::new(&settings.definitions),
            settings,
            snapshot,
        }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The window definitions; the index of one is its number.
    #[must_use]
    pub fn definitions(&self) -> &[Definition] {
        &self.settings.definitions
    }

    /// The grid of slices and blocks.
    #[must_use]
    pub const fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The snapshot.
    #[must_use]
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The combined watermark.
    #[must_use]
    pub const fn watermark(&self) -> Option<EventTime> {
        self.snapshot.watermark
    }

    /// The cause that made `window` final, if it is.
    #[must_use]
    pub fn closed_by(&self, window: Window) -> Option<ClosedBy> {
        closed_by(self.snapshot.watermark, &self.snapshot.quiet_closes, window)
    }

    /// The window of `key`: with its payments, or a zero window if one is to be given, or none.
    ///
    /// # Errors
    /// When the cells can't be read.
    pub fn window<K: Key, A: Aggregate, C: Cells<K, A> + ?Sized>(
        &self,
        cells: &C,
        definition: u16,
        window: Window,
        key: K,
    ) -> Result<Option<WindowResult<K, A>>, C::Error> {
        if self.is_expired(window) {
            return Ok(None);
        }
        let mut aggregate = A::default();
        for block in self.grid.cover(window) {
            if let Some(cell) = cells.cell(block, key)? {
                aggregate.merge(&cell);
            }
        }
        if aggregate.count() == 0 && !self.has_zero(cells, window, key)? {
            return Ok(None);
        }
        Ok(Some(WindowResult {
            definition,
            window,
            key,
            aggregate,
            closed_by: self.closed_by(window),
            revision: cells.revision(definition, window, key)?,
        }))
    }

    /// The windows that `query` selects, by start, key and end.
    ///
    /// # Errors
    /// When the cells can't be read.
    pub fn windows<K: Key, A: Aggregate, C: Cells<K, A> + ?Sized>(
        &self,
        cells: &C,
        query: &Query<K>,
    ) -> Result<Vec<WindowResult<K, A>>, C::Error> {
        let mut results = Vec::new();
        let Some(definition) = self.settings.definitions.get(usize::from(query.definition)) else {
            return Ok(results);
        };
        for start in self.starts(definition, query) {
            let mut windows: Vec<Window> = definition.starting_at(start).collect();
            windows.retain(|window| self.is_wanted(*window, query));
            let after = query.after.filter(|after| after.0 == start);
            self.collect(cells, query, &windows, after, &mut results)?;
            if results.len() >= query.limit {
                break;
            }
        }
        Ok(results)
    }

    /// Whether zero windows are given for keys that are known since before its end.
    pub(crate) fn gives_zeros(&self, window: Window) -> bool {
        self.settings.zero_windows
            && !self.is_expired(window)
            && covers(&self.snapshot.activity, window.start)
            && self
                .snapshot
                .zeros_end_at
                .is_none_or(|crowded| window.end <= crowded)
            && self.closed_by(window).is_some()
    }

    /// The stretches of starts, in order and apart, at which `definition` can have windows.
    pub(crate) fn stretches(&self, definition: &Definition) -> impl Iterator<Item = Stretch> + '_ {
        let floor = self.snapshot.floor.unwrap_or(EventTime::MIN);
        candidates(&self.snapshot.activity, definition.reach())
            .map(move |stretch| Stretch::new(stretch.start.max(floor), stretch.end))
            .filter(|stretch| stretch.start < stretch.end)
    }

    fn starts<'a, K: Key>(
        &'a self,
        definition: &'a Definition,
        query: &Query<K>,
    ) -> impl Iterator<Item = EventTime> + 'a {
        let from = query.from.unwrap_or(EventTime::MIN);
        let from = query.after.map_or(from, |after| from.max(after.0));
        let to = query.to.unwrap_or(EventTime::MAX);
        self.stretches(definition).flat_map(move |stretch| {
            definition.starts_in(stretch.start.max(from), stretch.end.min(to))
        })
    }

    fn is_wanted<K>(&self, window: Window, query: &Query<K>) -> bool {
        let closed = self.closed_by(window).is_some();
        // Nothing is in a window that starts after the last payment; only zeros can be given.
        let can_exist = closed || self.snapshot.latest.is_some_and(|l| window.start <= l);
        can_exist && query.finality.is_none_or(|wanted| wanted == closed)
    }

    // Adds the windows of one start, which have the same keys or fewer than the longest of them.
    fn collect<K: Key, A: Aggregate, C: Cells<K, A> + ?Sized>(
        &self,
        cells: &C,
        query: &Query<K>,
        windows: &[Window],
        after: Option<(EventTime, K, EventTime)>,
        results: &mut Vec<WindowResult<K, A>>,
    ) -> Result<(), C::Error> {
        let Some(longest) = windows.last().copied() else {
            return Ok(());
        };
        let zeros = windows.iter().any(|window| self.gives_zeros(*window));
        let mut from = Some(after.map_or(K::FIRST, |after| after.1));
        while let Some(first) = from {
            let wanted = query.limit.saturating_sub(results.len());
            if wanted == 0 {
                break;
            }
            let page = match query.key {
                Some(key) => KeyPage {
                    keys: if key >= first {
                        [key].into()
                    } else {
                        Vec::new()
                    },
                    next: None,
                },
                None => self.keys(cells, longest, zeros, first, wanted.min(KEYS_PAGE))?,
            };
            for key in page.keys {
                for window in windows {
                    if after.is_some_and(|a| key == a.1 && window.end <= a.2) {
                        continue;
                    }
                    if results.len() < query.limit {
                        results.extend(self.window(cells, query.definition, *window, key)?);
                    }
                }
            }
            from = page.next;
        }
        Ok(())
    }

    // The keys, in order, that have payments in the window, or are known if zeros are given.
    fn keys<K: Key, A: Aggregate, C: Cells<K, A> + ?Sized>(
        &self,
        cells: &C,
        window: Window,
        zeros: bool,
        first: K,
        limit: usize,
    ) -> Result<KeyPage<K>, C::Error> {
        let mut page = KeyPage {
            keys: Vec::new(),
            next: None,
        };
        for block in self.grid.cover(window) {
            page.add(cells.keys(block, first, limit.saturating_add(1))?, limit);
        }
        if zeros {
            let known = cells.known(first, limit.saturating_add(1))?;
            page.add(known.into_iter().map(|(key, _)| key).collect(), limit);
        }
        page.keys.sort_unstable();
        page.keys.dedup();
        if let Some(next) = page.next {
            page.keys.retain(|key| *key < next);
        }
        Ok(page)
    }

    fn has_zero<K: Key, A: Aggregate, C: Cells<K, A> + ?Sized>(
        &self,
        cells: &C,
        window: Window,
        key: K,
    ) -> Result<bool, C::Error> {
        if !self.gives_zeros(window) {
            return Ok(false);
        }
        let since = cells.known_since(key)?;
        Ok(since.is_some_and(|since| since < window.end))
    }

    pub(crate) fn is_expired(&self, window: Window) -> bool {
        self.snapshot
            .floor
            .is_some_and(|floor| window.start < floor)
    }
}

/// Reads at most this many keys of a window at once.
const KEYS_PAGE: usize = 1_024;

/// Keys up to, and without, `next`; where there is a next, there may be more.
struct KeyPage<K> {
    keys: Vec<K>,
    next: Option<K>,
}

impl<K: Key> KeyPage<K> {
    /// Adds the keys of one source, which was asked for one more than `limit`.
    fn add(&mut self, keys: Vec<K>, limit: usize) {
        if let Some(next) = keys.get(limit) {
            self.next = Some(self.next.map_or(*next, |known| known.min(*next)));
        }
        self.keys.extend(keys);
    }
}

/// The cause that made `window` final, by the combined watermark and the quiet closes.
pub(crate) fn closed_by(
    watermark: Option<EventTime>,
    quiet_closes: &[QuietClose],
    window: Window,
) -> Option<ClosedBy> {
    let quietly = |close: &QuietClose| {
        close.after < window.end && window.end <= close.until && window.start <= close.latest
    };
    // A quiet close names only windows that the watermark had not passed: it was first.
    if quiet_closes.iter().any(quietly) {
        return Some(ClosedBy::Quiet);
    }
    watermark
        .is_some_and(|watermark| window.end <= watermark)
        .then_some(ClosedBy::Watermark)
}
