//! The keys of what is known of the topic and its partitions, and of the state's lives.

use std::ops::Range;

use super::{KeyBytes, KeyFields, prefix};

/// The id of the topic that is read.
pub(in crate::store) fn topic() -> KeyBytes {
    KeyBytes::new(prefix::TOPIC)
}

/// Where the numbers of events began when the state was last opened.
pub(in crate::store) fn life() -> KeyBytes {
    KeyBytes::new(prefix::LIFE)
}

/// Why a partition is not read on.
pub(in crate::store) fn halt(partition: i32) -> KeyBytes {
    KeyBytes::new(prefix::HALT).i32(partition)
}

/// [`halt`] of all partitions.
pub(in crate::store) fn all_halts() -> Range<KeyBytes> {
    KeyBytes::new(prefix::HALT).all()
}

/// The partition of a [`halt`] key.
pub(in crate::store) fn partition_of_halt(key: &[u8]) -> Option<i32> {
    let mut fields = KeyFields::after(key, prefix::HALT)?;
    fields.i32().filter(|_| fields.is_done())
}

/// How far a partition has been applied.
pub(in crate::store) fn progress(partition: i32) -> KeyBytes {
    KeyBytes::new(prefix::PROGRESS).i32(partition)
}

/// [`progress`] of all partitions.
pub(in crate::store) fn all_progress() -> Range<KeyBytes> {
    KeyBytes::new(prefix::PROGRESS).all()
}

/// The partition of a [`progress`] key.
pub(in crate::store) fn partition_of(key: &[u8]) -> Option<i32> {
    let mut fields = KeyFields::after(key, prefix::PROGRESS)?;
    fields.i32().filter(|_| fields.is_done())
}
