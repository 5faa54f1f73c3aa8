//! The keys of order ids that are remembered, and of payments that repeat others.

use std::ops::Range;

use super::{KeyBytes, KeyFields, prefix};

/// The segment of order ids with this number in a partition.
pub(in crate::store) fn orders(partition: i32, number: u64) -> KeyBytes {
    KeyBytes::new(prefix::ORDERS).i32(partition).u64(number)
}

/// [`orders`] of all partitions.
pub(in crate::store) fn all_orders() -> Range<KeyBytes> {
    KeyBytes::new(prefix::ORDERS).all()
}

/// The partition and number of an [`orders`] key.
pub(in crate::store) fn segment_of(key: &[u8]) -> Option<(i32, u64)> {
    let mut fields = KeyFields::after(key, prefix::ORDERS)?;
    let segment = (fields.i32()?, fields.u64()?);
    fields.is_done().then_some(segment)
}

/// The payment with this number among those that repeat others.
pub(in crate::store) fn repeated(number: u64) -> KeyBytes {
    KeyBytes::new(prefix::REPEATED).u64(number)
}

/// [`repeated`] of all numbers before `number`, or of all.
pub(in crate::store) fn repeated_before(number: Option<u64>) -> Range<KeyBytes> {
    let all = KeyBytes::new(prefix::REPEATED);
    match number {
        Some(number) => all..repeated(number),
        None => all.all(),
    }
}

/// The number of a [`repeated`] key.
pub(in crate::store) fn number_of_repeated(key: &[u8]) -> Option<u64> {
    let mut fields = KeyFields::after(key, prefix::REPEATED)?;
    fields.u64().filter(|_| fields.is_done())
}
