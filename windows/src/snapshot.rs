//! The engine's state that every checkpoint keeps: small, whatever the length of the topic.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::{EventTime, PartitionTime, Stretch};

/// All that the engine needs to continue where it was, apart from the cells and the known keys.
///
/// It is also all that a reader needs besides the cells to say which windows there are and which
/// of them are final.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Snapshot {
    /// Each partition's part in the watermark.
    pub partitions: BTreeMap<i32, PartitionTime>,
    /// The combined watermark: no window that ends at or before it is open.
    pub watermark: Option<EventTime>,
    /// The quiet closes that still decide the finality of a window, oldest first.
    pub quiet_closes: Vec<QuietClose>,
    /// The stretches of event time that a payment in a window reaches, in order and apart.
    pub activity: Vec<Stretch>,
    /// The highest event time of any payment in a window.
    pub latest: Option<EventTime>,
    /// Where zero windows stop: the end of the earliest window that more than
    /// [`crate::KNOWN_KEYS_MAX`] keys are known for.
    pub zeros_end_at: Option<EventTime>,
    /// Windows that start before this are past retention.
    pub floor: Option<EventTime>,
}

/// A close of windows that no payment came to close: the wall clock did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuietClose {
    /// The combined watermark then: windows that end at or before it were final already.
    pub after: EventTime,
    /// Windows that end at or before this were closed.
    pub until: EventTime,
    /// Only windows that start at or before this existed then.
    pub latest: EventTime,
}
