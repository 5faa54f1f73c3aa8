//! Which indexes there ought to be.

use std::collections::BTreeSet;

use tidegauge_windows::Query;

use super::index::family_of;
use crate::document_key::DocumentKey;
use crate::feedback::Family;
use crate::reading::{ReadError, Reading};

/// The families that documents exist of.
pub(super) fn expected(reading: &dyn Reading) -> Result<BTreeSet<Family>, ReadError> {
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
    for (definition, _) in (0..=u16::MAX).zip(reading.frame().definitions()) {
        let mut query = Query {
            limit: 1,
            ..Query::all(definition)
        };
        while let Some(first) = reading.frame().windows(reading, &query)?.pop() {
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
