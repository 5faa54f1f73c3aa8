//! Which windows a reader wants.

use crate::EventTime;

/// A selection of the windows of one definition, in pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Query<K> {
    /// The definition's number.
    pub definition: u16,
    /// Only windows that start at or after this.
    pub from: Option<EventTime>,
    /// Only windows that start before this.
    pub to: Option<EventTime>,
    /// Only windows of this key.
    pub key: Option<K>,
    /// Only final windows, or only open ones.
    pub finality: Option<bool>,
    /// Only windows after this one, by start, key and end: the last of the page before.
    pub after: Option<(EventTime, K, EventTime)>,
    /// At most so many windows.
    pub limit: usize,
}

impl<K> Query<K> {
    /// All windows of a definition.
    #[must_use]
    pub const fn all(definition: u16) -> Self {
        Self {
            definition,
            from: None,
            to: None,
            key: None,
            finality: None,
            after: None,
            limit: usize::MAX,
        }
    }
}
