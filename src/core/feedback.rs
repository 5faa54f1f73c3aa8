//! Feedback of a sink to the single writer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use tidegauge_windows::EventTime;

use crate::domain::document_key::DocumentKey;

/// The outcome of a delivery.
#[derive(Debug)]
pub enum Feedback {
    /// These are delivered as they were at their marks. One that has changed since still waits.
    Delivered(Vec<(DocumentKey, Mark)>),
    /// The uuids of the indexes that these families are delivered to. Comes before the first delivery to each.
    Indexes(BTreeMap<Family, String>),
    /// The indexes of these were lost and recreated empty: they await delivery again.
    Recreated(BTreeSet<Family>, OnDurable),
    /// These, and no others, can't be delivered for a long time: retention does not wait for them.
    Blocked(Blocked),
}

/// Called once what was asked for outlasts a power failure; never if that fails.
pub struct OnDurable(Box<dyn FnOnce() + Send>);

impl OnDurable {
    /// Will call `call`.
    pub fn new(call: impl FnOnce() + Send + 'static) -> Self {
        Self(Box::new(call))
    }

    /// It is durable now.
    pub fn call(self) {
        self.0();
    }
}

impl fmt::Debug for OnDurable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("OnDurable").finish_non_exhaustive()
    }
}

/// Documents that can't be delivered for a long time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Blocked {
    /// Single documents: each was refused for what it says.
    pub documents: BTreeSet<DocumentKey>,
    /// Whole families: their index takes nothing.
    pub families: BTreeSet<Family>,
}

impl Blocked {
    /// Where the blocked family of the windows of `definition` that start at `start` ends; `None` if
    /// it is not blocked.
    #[must_use]
    pub fn end_of_family(&self, definition: u16, start: EventTime) -> Option<EventTime> {
        self.families.iter().find_map(|family| match *family {
            Family::Windows {
                definition: of,
                from,
                to,
            } if of == definition && from <= start && start < to => Some(to),
            _ => None,
        })
    }
}

/// Documents that share an index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Family {
    /// All totals.
    Totals,
    /// The windows of a definition that start in `from..to`.
    Windows {
        /// The definition's number.
        definition: u16,
        /// The first start.
        from: EventTime,
        /// The first start that is not meant.
        to: EventTime,
    },
    /// All payments in no window.
    NoWindow,
    /// All records that are not payments.
    Rejects,
}

/// The checkpoint that first changed a document after a delivery had last read its mark. An
/// acknowledgement clears the document's dirty mark only if it is still this one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Mark(pub u64);

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    #[test]
    fn what_waits_for_the_disk_is_called_once() {
        let calls = Arc::new(AtomicU8::new(0));
        let counted = Arc::clone(&calls);
        let on_durable = OnDurable::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(format!("{on_durable:?}"), "OnDurable { .. }");
        assert_eq!(calls.load(Ordering::Relaxed), 0);
        on_durable.call();
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    //      10        20        30
    //  ----[---------)[--------)----
    //       blocked    blocked
    #[test]
    fn a_window_of_a_blocked_family_knows_where_that_ends() {
        let family = |from, to| Family::Windows {
            definition: 1,
            from: EventTime::from_millis(from),
            to: EventTime::from_millis(to),
        };
        let blocked = Blocked {
            documents: BTreeSet::new(),
            families: BTreeSet::from([Family::Totals, family(10, 20), family(20, 30)]),
        };
        let end = |definition, start| {
            let end = blocked.end_of_family(definition, EventTime::from_millis(start));
            end.map(EventTime::millis)
        };
        let ends = [9, 10, 19, 20, 29, 30].map(|start| end(1, start));
        assert_eq!(ends, [None, Some(20), Some(20), Some(30), Some(30), None]);
        assert_eq!(end(0, 15), None);
        assert_eq!(end(2, 15), None);
    }
}
