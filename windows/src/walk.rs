//! Walks over windows in bounded steps: what one jump of the watermark, or one lost index, concerns
//! may be years of windows, so no step names more than it is asked for.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::{Aggregate, Cells, Closed, Definition, EventTime, Frame, Key, Span, Stretch, Window};

/// Which windows are meant: those with `from <= start < to` and `after < end <= until`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Selection {
    /// Only windows of the definition with this number.
    pub definition: Option<u16>,
    /// The first start.
    pub from: EventTime,
    /// The first start that is not meant.
    pub to: EventTime,
    /// Windows that end at or before this are not meant.
    pub after: EventTime,
    /// The last end.
    pub until: EventTime,
}

/// A walk over the windows of a selection, and how far it has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Walk<K> {
    /// The windows.
    pub selection: Selection,
    /// Only windows of this key.
    pub key: Option<K>,
    /// Where it continues: the definition, a time in it, and the key; `None` at the beginning. Means
    /// something only to the method that gave it.
    pub at: Option<(u16, EventTime, K)>,
}

/// The result of one step of a walk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step<K> {
    /// Windows by definition number, window and key, each once.
    pub windows: Vec<(u16, Window, K)>,
    /// The rest of the walk, if there is one.
    pub rest: Option<Walk<K>>,
}

/// Read at most so many cells at once.
const PAGE: usize = 1_024;
/// A step looks at this many times as many cells or windows as it may name.
const LOOKS: usize = 8;

impl Selection {
    /// All windows.
    pub const ALL: Self = Self {
        definition: None,
        from: EventTime::MIN,
        to: EventTime::MAX,
        after: EventTime::MIN,
        until: EventTime::MAX,
    };

    fn holds(&self, window: Window) -> bool {
        self.from <= window.start
            && window.start < self.to
            && self.after < window.end
            && window.end <= self.until
    }

    fn is_of(&self, definition: u16) -> bool {
        self.definition.is_none_or(|wanted| wanted == definition)
    }
}

impl From<Closed> for Selection {
    fn from(closed: Closed) -> Self {
        Self {
            // Windows start on whole milliseconds.
            to: closed.latest.plus(Span::from_millis(1)),
            after: closed.after,
            until: closed.until,
            ..Self::ALL
        }
    }
}

impl<K> Walk<K> {
    /// A walk over all windows of `selection`.
    #[must_use]
    pub const fn new(selection: Selection) -> Self {
        Self {
            selection,
            key: None,
            at: None,
        }
    }
}

impl Frame {
    /// Whether any window of `selection` can exist, with payments in it or not.
    #[must_use]
    pub fn can_have(&self, selection: &Selection) -> bool {
        self.numbered().any(|(number, definition)| {
            selection.is_of(number)
                && definition
                    .ending_in(selection.after.max(selection.from), selection.until)
                    .take_while(|window| window.start < selection.to)
                    .any(|window| selection.holds(window))
        })
    }

    /// The next windows of `walk` that hold something, about `limit` at most.
    ///
    /// A window may be named by more than one step. What is added to the cells between two steps
    /// may be left out: the changes that add it name it.
    ///
    /// # Errors
    /// When the cells can't be read.
    pub fn walk<K: Key, A: Aggregate, C: Cells<K, A> + ?Sized>(
        &self,
        cells: &C,
        walk: &Walk<K>,
        limit: usize,
    ) -> Result<Step<K>, C::Error> {
        let selection = &walk.selection;
        let mut named = BTreeSet::new();
        let mut looks = limit.saturating_mul(LOOKS);
        let mut at = walk.at;
        let first = at.map_or(0, |at| at.0);
        for (number, definition) in self.numbered().skip(usize::from(first)) {
            let resumed = at.take().filter(|at| at.0 == number);
            if !selection.is_of(number) {
                continue;
            }
            let level = self.grid().level_of(definition);
            let Some(extent) = self.extent(cells, definition, level, selection)? else {
                continue;
            };
            let mut next = resumed.map_or((extent.start, K::FIRST), |(_, start, key)| (start, key));
            loop {
                let page = cells.filled(level, next, extent.end, PAGE + 1)?;
                for (start, key) in page.iter().take(PAGE) {
                    if named.len() >= limit || looks == 0 {
                        let rest = Walk {
                            at: Some((number, *start, *key)),
                            ..*walk
                        };
                        return Ok(Step::new(named, Some(rest)));
                    }
                    looks -= 1;
                    if walk.key.is_some_and(|wanted| wanted != *key) {
                        continue;
                    }
                    let windows = definition
                        .windows_of(*start)
                        .filter(|window| selection.holds(*window) && !self.is_expired(*window));
                    named.extend(windows.map(|window| (number, window, *key)));
                }
                match page.get(PAGE) {
                    Some(after) => next = *after,
                    None => break,
                }
            }
        }
        Ok(Step::new(named, None))
    }

    /// The next windows of `walk` that known keys have a zero window for, or payments, about `limit`
    /// at most; of the definitions that `is_wanted` names.
    ///
    /// # Errors
    /// When the cells can't be read.
    pub fn walk_zeros<K: Key, A: Aggregate, C: Cells<K, A> + ?Sized>(
        &self,
        cells: &C,
        walk: &Walk<K>,
        is_wanted: impl Fn(&Definition) -> bool,
        limit: usize,
    ) -> Result<Step<K>, C::Error> {
        let mut named = BTreeSet::new();
        let mut looks = limit.saturating_mul(LOOKS);
        let mut at = walk.at;
        let first = at.map_or(0, |at| at.0);
        for (number, definition) in self.numbered().skip(usize::from(first)) {
            let resumed = at.take().filter(|at| at.0 == number);
            if !walk.selection.is_of(number) || !is_wanted(definition) {
                continue;
            }
            let selection = Selection {
                after: resumed.map_or(walk.selection.after, |(_, end, _)| {
                    end.minus(Span::from_millis(1)).max(walk.selection.after)
                }),
                ..walk.selection
            };
            for window in self.zero_windows(definition, selection) {
                let mut next = match resumed {
                    Some((_, end, key)) if end == window.end => key,
                    _ => walk.key.unwrap_or(K::FIRST),
                };
                loop {
                    if named.len() >= limit || looks == 0 {
                        let rest = Walk {
                            at: Some((number, window.end, next)),
                            ..*walk
                        };
                        return Ok(Step::new(named, Some(rest)));
                    }
                    looks -= 1;
                    let page = match walk.key {
                        Some(key) => cells
                            .known_since(key)?
                            .map(|since| (key, since))
                            .into_iter()
                            .collect(),
                        None => cells.known(next, PAGE + 1)?,
                    };
                    let keys = page
                        .iter()
                        .take(PAGE)
                        .filter(|(_, since)| *since < window.end)
                        .map(|(key, _)| (number, window, *key));
                    named.extend(keys);
                    match page.get(PAGE) {
                        Some((after, _)) => next = *after,
                        None => break,
                    }
                }
            }
        }
        Ok(Step::new(named, None))
    }

    // The stretch of block starts that windows of `selection` are made of. It begins at a block
    // that holds something, so that empty years cost nothing.
    fn extent<K: Key, A: Aggregate, C: Cells<K, A> + ?Sized>(
        &self,
        cells: &C,
        definition: &Definition,
        level: u8,
        selection: &Selection,
    ) -> Result<Option<Stretch>, C::Error> {
        let earliest = selection
            .from
            .max(selection.after.minus(definition.reach()));
        let earliest = earliest.max(self.snapshot().floor.unwrap_or(EventTime::MIN));
        let begin = (earliest.floor(self.grid().span(level)), K::FIRST);
        let Some((held, _)) = cells.filled(level, begin, EventTime::MAX, 1)?.pop() else {
            return Ok(None);
        };
        // A window that holds the first block or a later one ends after its start.
        let first = definition
            .ending_in(
                selection.after.max(selection.from).max(held),
                selection.until,
            )
            .take_while(|window| window.start < selection.to)
            .find(|window| selection.holds(*window) && !self.is_expired(*window));
        let end = selection.to.plus(definition.reach()).min(selection.until);
        Ok(first.map(|first| Stretch::new(first.start.max(held), end)))
    }

    // Final windows of a definition for which zeros are given, by end.
    fn zero_windows<'a>(
        &'a self,
        definition: &'a Definition,
        selection: Selection,
    ) -> impl Iterator<Item = Window> + 'a {
        let from = selection
            .from
            .max(selection.after.minus(definition.reach()));
        let to = selection.to.min(self.last_final_start());
        self.stretches(definition)
            .flat_map(move |stretch| {
                definition.starting_in(stretch.start.max(from), stretch.end.min(to))
            })
            .filter(move |window| selection.holds(*window) && self.gives_zeros(*window))
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
}

impl<K> Step<K> {
    fn new(windows: BTreeSet<(u16, Window, K)>, rest: Option<Walk<K>>) -> Self {
        Self {
            windows: windows.into_iter().collect(),
            rest,
        }
    }
}
