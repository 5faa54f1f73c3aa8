//! The keys of order ids that are remembered, and of payments that repeat others.

use std::ops::Range;

use super::{KeyBytes, KeyFields, prefix};

/// The segment of order ids with this number in a partition. Numbers come first: partitions that advance together write
/// near the last key, so what was written before is not merged again and again.
pub(in crate::store) fn orders(partition: i32, number: u64) -> KeyBytes {
    KeyBytes::new(prefix::ORDERS).u64(number).i32(partition)
}

/// [`orders`] of all partitions.
pub(in crate::store) fn all_orders() -> Range<KeyBytes> {
    KeyBytes::new(prefix::ORDERS).all()
}

/// The partition and number of an [`orders`] key.
pub(in crate::store) fn segment_of(key: &[u8]) -> Option<(i32, u64)> {
    let mut fields = KeyFields::after(key, prefix::ORDERS)?;
    let (number, partition) = (fields.u64()?, fields.i32()?);
    fields.is_done().then_some((partition, number))
}

/// The group with this number of payments that repeat others.
pub(in crate::store) fn repeated(group: u64) -> KeyBytes {
    KeyBytes::new(prefix::REPEATED).u64(group)
}

/// [`repeated`] of all groups up to `group`, or of all.
pub(in crate::store) fn repeated_to(group: Option<u64>) -> Range<KeyBytes> {
    let all = KeyBytes::new(prefix::REPEATED);
    match group.and_then(|group| group.checked_add(1)) {
        Some(end) => all..repeated(end),
        None => all.all(),
    }
}

/// The group of a [`repeated`] key.
pub(in crate::store) fn group_of_repeated(key: &[u8]) -> Option<u64> {
    let mut fields = KeyFields::after(key, prefix::REPEATED)?;
    fields.u64().filter(|_| fields.is_done())
}
