//! What a log holds.

/// One message of a topic, as it was read. The payload is borrowed from whoever read it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record<'a> {
    /// The partition it stands in.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Its timestamp, in ms since the epoch; `None` if the broker has none.
    pub timestamp: Option<i64>,
    /// Its value. None, or an empty one, is a tombstone.
    pub payload: Option<&'a [u8]>,
}
