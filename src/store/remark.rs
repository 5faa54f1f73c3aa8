//! Marking documents again that were delivered once: their index is gone.

use tidegauge_windows::{EventTime, Frame, Key, Query};

use super::image::{Image, Read};
use super::keys::List;
use super::values::Value;
use crate::document_key::{DocumentKey, Origin};
use crate::effect::{LatePayment, RejectedRecord};
use crate::feedback::Family;
use crate::payment::BranchId;

/// Where a page of documents begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// At the first document.
    Start,
    /// At this branch.
    Branch(BranchId),
    /// After this window: its start, branch and end.
    Window(EventTime, BranchId, EventTime),
    /// Before the entry with this number.
    Entry(u64),
}

/// One page of documents, and where the next one begins if there may be one.
pub(super) type Page = (Vec<DocumentKey>, Option<Place>);

/// Read at most so many documents at once.
const PAGE: usize = 4_096;

/// The documents of `family` that exist in `image`, from `place` on.
pub(super) fn page(family: Family, image: &Image<'_>, frame: &Frame, place: Place) -> Read<Page> {
    match family {
        Family::Totals => totals(image, place),
        Family::Windows {
            definition,
            from,
            to,
        } => {
            let query = Query {
                from: Some(from),
                to: Some(to),
                after: match place {
                    Place::Window(start, branch, end) => Some((start, branch, end)),
                    _ => None,
                },
                limit: PAGE,
                ..Query::all(definition)
            };
            windows(image, frame, &query)
        }
        Family::Late => entries::<LatePayment>(image, List::Late, place, |late| late.origin),
        Family::Rejects => {
            entries::<RejectedRecord>(image, List::Rejects, place, |reject| reject.origin)
        }
    }
}

fn totals(image: &Image<'_>, place: Place) -> Read<Page> {
    let from = match place {
        Place::Branch(branch) => branch,
        _ => BranchId::FIRST,
    };
    let totals = image.totals(from, PAGE)?;
    let next = totals.last().filter(|_| totals.len() == PAGE);
    let next = next.and_then(|(last, _)| BranchId::new(last.get() + 1));
    let documents = totals.iter().map(|(branch, _)| DocumentKey::Total(*branch));
    Ok((documents.collect(), next.map(Place::Branch)))
}

fn windows(image: &Image<'_>, frame: &Frame, query: &Query<BranchId>) -> Read<Page> {
    let windows = frame.windows(image, query)?;
    let next = windows.last().filter(|_| windows.len() == query.limit);
    let next = next.map(|last| Place::Window(last.window.start, last.key, last.window.end));
    let documents = windows.iter().map(|result| DocumentKey::Window {
        definition: result.definition,
        window: result.window,
        branch: result.key,
    });
    Ok((documents.collect(), next))
}

fn entries<V: Value>(
    image: &Image<'_>,
    list: List,
    place: Place,
    origin: impl Fn(&V) -> Origin,
) -> Read<Page> {
    let before = match place {
        Place::Entry(number) => Some(number),
        _ => None,
    };
    let entries = image.entries::<V>(list, before, PAGE)?;
    let next = entries.last().filter(|_| entries.len() == PAGE);
    let next = next.map(|(number, _)| Place::Entry(*number));
    let documents = entries
        .iter()
        .map(|(_, entry)| list.document(origin(entry)));
    Ok((documents.collect(), next))
}
