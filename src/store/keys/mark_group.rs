//! Marks of documents that are neighbours.

use super::KeyBytes;

/// 64 documents whose marks have keys that differ in the last six bits. A bit stands for each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(in crate::store) struct MarkGroup {
    /// The key of the first one's mark.
    first: KeyBytes,
}

/// The bits of a key's last byte that say which one of the group it is.
const WITHIN: u8 = 63;

impl MarkGroup {
    /// The group of the mark at `key`, and the bit of its document.
    pub(in crate::store) fn of(key: KeyBytes) -> (Self, u64) {
        let last = usize::from(key.len) - 1;
        let mut first = key;
        first.bytes[last] &= !WITHIN;
        (Self { first }, 1 << (key.bytes[last] & WITHIN))
    }

    /// The keys of the marks that `bits` stand for, in order.
    pub(in crate::store) fn keys(self, bits: u64) -> impl Iterator<Item = KeyBytes> {
        let last = usize::from(self.first.len) - 1;
        (0..=WITHIN)
            .filter(move |number| bits >> number & 1 == 1)
            .map(move |number| {
                let mut key = self.first;
                key.bytes[last] |= number;
                key
            })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::document_key::DocumentKey;
    use crate::domain::payment::BranchId;
    use crate::store::keys::dirty;

    proptest! {
        #[test]
        fn a_group_has_the_keys_of_its_documents_in_order(id: u32, other: u32) {
            let key = |id| dirty(&DocumentKey::Total(BranchId::from_bits(id)));
            let (group, bit) = MarkGroup::of(key(id));
            let expected: Vec<KeyBytes> = vec![key(id)];
            prop_assert_eq!(group.keys(bit).collect::<Vec<_>>(), expected);
            let first = id / 64 * 64;
            let all: Vec<KeyBytes> = (first..=first + 63).map(key).collect();
            prop_assert_eq!(group.keys(u64::MAX).collect::<Vec<_>>(), all);
            prop_assert_eq!(MarkGroup::of(key(other)).0 == group, other / 64 == id / 64);
        }
    }
}
