//! The keys of the marks of documents that await delivery.

use std::ops::Range;

use tidegauge_windows::{EventTime, Window};

use super::{KeyBytes, KeyFields, kind, prefix};
use crate::domain::document_key::DocumentKey;

/// The mark of a document that awaits delivery. Sorts as [`DocumentKey`] does.
pub(in crate::store) fn dirty(document: &DocumentKey) -> KeyBytes {
    let key = KeyBytes::new(prefix::DIRTY);
    match *document {
        DocumentKey::Total(branch) => key.byte(kind::TOTAL).branch(branch),
        DocumentKey::Window {
            definition,
            window,
            branch,
        } => key
            .byte(kind::WINDOW)
            .u16(definition)
            .time(window.start)
            .time(window.end)
            .branch(branch),
        DocumentKey::NoWindow(origin) => key.byte(kind::IN_NO_WINDOW).origin(origin),
        DocumentKey::Reject(origin) => key.byte(kind::REJECT).origin(origin),
    }
}

/// All [`dirty`] marks after the one of `after`.
pub(in crate::store) fn dirty_after(after: Option<&DocumentKey>) -> Range<KeyBytes> {
    let all = KeyBytes::new(prefix::DIRTY).all();
    match after {
        Some(after) => dirty(after).end()..all.end,
        None => all,
    }
}

/// All [`dirty`] marks.
pub(in crate::store) fn all_dirty() -> Range<KeyBytes> {
    KeyBytes::new(prefix::DIRTY).all()
}

/// The [`dirty`] marks of the windows of a definition that start before `start`.
pub(in crate::store) fn dirty_windows_before(definition: u16, start: EventTime) -> Range<KeyBytes> {
    let of_definition = KeyBytes::new(prefix::DIRTY)
        .byte(kind::WINDOW)
        .u16(definition);
    of_definition..of_definition.time(start)
}

/// The [`dirty`] marks of the windows of a definition that start at or after `start`.
pub(in crate::store) fn dirty_windows_from(definition: u16, start: EventTime) -> Range<KeyBytes> {
    let of_definition = KeyBytes::new(prefix::DIRTY)
        .byte(kind::WINDOW)
        .u16(definition);
    of_definition.time(start)..of_definition.end()
}

/// The document of a [`dirty`] key.
pub(in crate::store) fn document_of(key: &[u8]) -> Option<DocumentKey> {
    let mut fields = KeyFields::after(key, prefix::DIRTY)?;
    let document = match fields.byte()? {
        kind::TOTAL => DocumentKey::Total(fields.branch()?),
        kind::WINDOW => DocumentKey::Window {
            definition: fields.u16()?,
            window: Window::new(fields.time()?, fields.time()?),
            branch: fields.branch()?,
        },
        kind::IN_NO_WINDOW => DocumentKey::NoWindow(fields.origin()?),
        kind::REJECT => DocumentKey::Reject(fields.origin()?),
        _ => return None,
    };
    fields.is_done().then_some(document)
}
