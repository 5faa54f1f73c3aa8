//! The keys of what is known of indexes.

use std::ops::Range;

use super::{KeyBytes, KeyFields, kind, prefix};
use crate::core::feedback::Family;

/// Which index holds what was delivered of `family`.
pub(in crate::store) fn index(family: Family) -> KeyBytes {
    let key = KeyBytes::new(prefix::INDEX);
    match family {
        Family::Totals => key.byte(kind::TOTAL),
        Family::Windows {
            definition,
            from,
            to,
        } => key.byte(kind::WINDOW).u16(definition).time(from).time(to),
        Family::NoWindow => key.byte(kind::IN_NO_WINDOW),
        Family::Rejects => key.byte(kind::REJECT),
    }
}

/// [`index`] of all families.
pub(in crate::store) fn all_indexes() -> Range<KeyBytes> {
    KeyBytes::new(prefix::INDEX).all()
}

/// The family of an [`index`] key.
pub(in crate::store) fn family_of_index(key: &[u8]) -> Option<Family> {
    let mut fields = KeyFields::after(key, prefix::INDEX)?;
    let family = match fields.byte()? {
        kind::TOTAL => Family::Totals,
        kind::WINDOW => Family::Windows {
            definition: fields.u16()?,
            from: fields.time()?,
            to: fields.time()?,
        },
        kind::IN_NO_WINDOW => Family::NoWindow,
        kind::REJECT => Family::Rejects,
        _ => return None,
    };
    fields.is_done().then_some(family)
}
