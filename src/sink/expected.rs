//! Which families have documents, so that their indexes ought to be there.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use tidegauge_windows::{Block, Definition, EventTime, Key, Kind, Selection, Span, Walk, Window};

use super::index::family_of;
use crate::core::feedback::Family;
use crate::domain::document_key::DocumentKey;
use crate::domain::ledger::Entry as Fate;
use crate::domain::payment::BranchId;
use crate::view::reading::{ReadError, Reading};

/// Whether documents of a family may have been delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Past {
    /// Its first document still awaits delivery, and documents go in order.
    Untouched,
    /// Its first document does not await delivery, or it is not known which one is the first.
    Delivered,
}

/// The families that payments and records have documents of; with `zero_windows` also those of
/// tumbling windows without payments. Costs a few seeks for each index,
/// however many documents there are.
pub(super) fn expected(
    reading: &dyn Reading,
    zero_windows: bool,
) -> Result<BTreeMap<Family, Past>, ReadError> {
    let mut families = BTreeMap::new();
    let ledger = &reading.checkpoint().ledger;
    let mut entries = Fate::ALL.into_iter().filter(|entry| entry.in_totals());
    if entries.any(|entry| ledger.entry(entry).count > 0) {
        families.insert(Family::Totals, past_of_totals(reading)?);
    }
    if let Some((_, late)) = reading.payments_in_no_window(None, 1)?.pop() {
        let past = past(reading, &DocumentKey::NoWindow(late.origin))?;
        families.insert(Family::NoWindow, past);
    }
    if let Some((_, reject)) = reading.rejected_records(None, 1)?.pop() {
        let past = past(reading, &DocumentKey::Reject(reject.origin))?;
        families.insert(Family::Rejects, past);
    }
    let frame = reading.frame();
    for (number, definition) in (0..=u16::MAX).zip(frame.definitions()) {
        let mut from = frame.snapshot().floor.unwrap_or(EventTime::MIN);
        while let Some((slice, window)) = first_window(reading, definition, from)? {
            let block = Block {
                level: 0,
                start: slice,
            };
            let Some(branch) = reading.keys(block, BranchId::FIRST, 1)?.pop() else {
                break;
            };
            let document = DocumentKey::Window {
                definition: number,
                window,
                branch,
            };
            let family = family_of(&document);
            families.insert(family, past(reading, &document)?);
            match family {
                Family::Windows { to, .. } => from = to,
                Family::Totals | Family::NoWindow | Family::Rejects => break,
            }
        }
    }
    if zero_windows {
        add_zeros(reading, &mut families)?;
    }
    Ok(families)
}

fn add_zeros(
    reading: &dyn Reading,
    families: &mut BTreeMap<Family, Past>,
) -> Result<(), ReadError> {
    let frame = reading.frame();
    for (number, definition) in (0..=u16::MAX).zip(frame.definitions()) {
        let of_definition = Selection {
            definition: Some(number),
            ..Selection::ALL
        };
        let mut next = (definition.kind() == Kind::Tumbling).then(|| Walk::new(of_definition));
        while let Some(walk) = next.take() {
            let step = frame.walk_zeros(reading, &walk, |_| true, 1)?;
            let Some((definition, window, branch)) = step.windows.first().copied() else {
                next = step.rest;
                continue;
            };
            let document = DocumentKey::Window {
                definition,
                window,
                branch,
            };
            let family = family_of(&document);
            if let Entry::Vacant(family) = families.entry(family) {
                family.insert(past(reading, &document)?);
            }
            if let Family::Windows { to, .. } = family {
                next = Some(Walk::new(Selection {
                    from: to,
                    ..of_definition
                }));
            }
        }
    }
    Ok(())
}

// The first window that starts at or after `from` and has payments, with the first slice of it that
// has some.
fn first_window(
    reading: &dyn Reading,
    definition: &Definition,
    from: EventTime,
) -> Result<Option<(EventTime, Window)>, ReadError> {
    let mut at = from;
    while let Some((slice, _)) = reading
        .filled(0, (at, BranchId::FIRST), EventTime::MAX, 1)?
        .pop()
    {
        let mut windows = definition.windows_of(slice);
        if let Some(window) = windows.find(|window| window.start >= from) {
            return Ok(Some((slice, window)));
        }
        // It is only in windows that start before: continue where the next window starts.
        let after = slice.plus(Span::from_millis(1));
        let next = definition.starts_in(from, EventTime::MAX).next();
        at = next.map_or(after, |next| next.max(after));
    }
    Ok(None)
}

fn past_of_totals(reading: &dyn Reading) -> Result<Past, ReadError> {
    // Branches may be known by configuration only, and have no total.
    for (branch, _) in reading.known(BranchId::FIRST, KNOWN)? {
        if reading.total(branch)?.is_some() {
            return past(reading, &DocumentKey::Total(branch));
        }
    }
    Ok(Past::Delivered)
}

fn past(reading: &dyn Reading, document: &DocumentKey) -> Result<Past, ReadError> {
    Ok(match reading.mark(document)? {
        Some(_) => Past::Untouched,
        None => Past::Delivered,
    })
}

/// Look at so many branches for one that has a total.
const KNOWN: usize = 1_024;
