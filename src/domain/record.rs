//! A record of a Kafka log.

/// One message of a topic, as it was read. The payload is borrowed from its reader.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record<'a> {
    /// Its partition.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Its timestamp, in ms since the epoch; `None` if the broker has none.
    pub timestamp: Option<i64>,
    /// Its value. `None`, or an empty value, is a tombstone.
    pub payload: Option<&'a [u8]>,
}
