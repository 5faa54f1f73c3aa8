//! A cache line of a table of ids.

use wide::u32x8;

/// The slots of a bucket.
pub(super) const SLOTS: usize = 8;
/// The fingerprint of a slot that is empty.
pub(super) const EMPTY: u32 = 0;

/// A cache line of slots. Those that are not empty come first.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub(super) struct Bucket {
    /// 0 if the slot is empty: no fingerprint is 0.
    pub(super) fingerprints: [u32; SLOTS],
    /// The lower halves of places.
    pub(super) locators: [u32; SLOTS],
}

/// Slots of a bucket, a bit for each.
#[derive(Clone, Copy)]
pub(super) struct SlotSet(u32);

impl Bucket {
    /// The slots with `fingerprint`, all looked at together.
    #[inline]
    pub(super) fn with(&self, fingerprint: u32) -> SlotSet {
        let equal = u32x8::new(self.fingerprints).simd_eq(u32x8::splat(fingerprint));
        SlotSet(equal.to_bitmask())
    }

    /// Whether a slot is empty, so that every search ends here.
    #[inline]
    pub(super) fn is_last(&self) -> bool {
        self.with(EMPTY).0 != 0
    }

    /// The fingerprint and the locator of each slot.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u32, u32)> {
        self.fingerprints.into_iter().zip(self.locators)
    }
}

impl Iterator for SlotSet {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let slot = self.0.trailing_zeros() as usize;
        self.0 &= self.0.wrapping_sub(1);
        (slot < SLOTS).then_some(slot)
    }
}
