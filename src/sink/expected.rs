//! Which indexes there ought to be.

use std::collections::BTreeSet;
use std::sync::Arc;

use tidegauge_windows::{Frame, Kind, Query, Settings};

use super::index::family_of;
use crate::document_key::DocumentKey;
use crate::feedback::Family;
use crate::reading::{ReadError, Reading};

/// The families that documents exist of; with `zero_windows` also of tumbling windows without
/// payments.
pub(super) fn expected(
    reading: &dyn Reading,
    zero_windows: bool,
) -> Result<BTreeSet<Family>, ReadError> {
    let mut families = BTreeSet::new();
    if !reading.totals()?.is_empty() {
        families.insert(Family::Totals);
    }
    if !reading.late_payments(None, 1)?.is_empty() {
        families.insert(Family::Late);
    }
    if !reading.rejected_records(None, 1)?.is_empty() {
        families.insert(Family::Rejects);
    }
    let paid = without_zeros(reading.frame());
    for (definition, rules) in (0..=u16::MAX).zip(paid.definitions()) {
        let frame = match rules.kind() {
            Kind::Tumbling if zero_windows => reading.frame(),
            _ => &paid,
        };
        let mut query = Query {
            limit: 1,
            ..Query::all(definition)
        };
        while let Some(first) = frame.windows(reading, &query)?.pop() {
            let family = family_of(&DocumentKey::Window {
                definition,
                window: first.window,
                branch: first.key,
            });
            families.insert(family);
            if let Family::Windows { to, .. } = family {
                query.from = Some(to);
            }
        }
    }
    Ok(families)
}

fn without_zeros(frame: &Frame) -> Frame {
    let settings = Settings {
        zero_windows: false,
        ..frame.settings().clone()
    };
    Frame::new(Arc::new(settings), frame.snapshot().clone())
}
