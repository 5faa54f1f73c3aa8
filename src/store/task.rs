//! Marking that is not done yet: one event may concern years of documents, so it is done in steps.

use tidegauge_windows::{Definition, EventTime, Frame, Key, Kind, Selection, Walk};

use super::codec::{ByteDecoder, ByteEncoder, DecodeResult, Malformed};
use super::identity::MarkedDocuments;
use super::keys::RecordList;
use super::snapshot::{Read, StateSnapshot};
use super::values::StoredValue;
use crate::core::effect::{PaymentInNoWindow, RejectedRecord};
use crate::core::feedback::Family;
use crate::domain::document_key::{DocumentKey, Origin};
use crate::domain::payment::BranchId;

/// Documents that are to be marked, and how far that has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Task {
    /// The documents of windows with payments.
    Windows(Walk<BranchId>),
    /// The documents of windows in which known branches have no payment.
    ZeroWindows(Walk<BranchId>),
    /// The documents of totals, from this branch on.
    Totals(BranchId),
    /// The documents of payments in no window, before the entry with this number.
    NoWindow(Option<u64>),
    /// The documents of rejects, before the entry with this number.
    Rejects(Option<u64>),
}

/// One step: the documents to be marked, and what is left to do.
pub(super) type TaskStep = (Vec<DocumentKey>, Option<Task>);

/// A step marks about this many documents at most.
pub(super) const STEP: usize = 4_096;

impl Task {
    /// The tasks that mark all documents of `family`, if `documents` are the ones that are marked.
    pub(super) fn of_family(family: Family, documents: MarkedDocuments) -> Vec<Self> {
        match family {
            Family::Totals => vec![Self::Totals(BranchId::FIRST)],
            Family::NoWindow => vec![Self::NoWindow(None)],
            Family::Rejects => vec![Self::Rejects(None)],
            Family::Windows {
                definition,
                from,
                to,
            } => {
                let walk = Walk::new(Selection {
                    definition: Some(definition),
                    from,
                    to,
                    ..Selection::ALL
                });
                let mut tasks = vec![Self::Windows(walk)];
                if documents == MarkedDocuments::ZeroWindowsToo {
                    tasks.push(Self::ZeroWindows(walk));
                }
                tasks
            }
        }
    }

    /// The tasks that mark all documents.
    pub(super) fn of_all(documents: MarkedDocuments) -> Vec<Self> {
        let mut tasks = vec![
            Self::Totals(BranchId::FIRST),
            Self::NoWindow(None),
            Self::Rejects(None),
            Self::Windows(Walk::new(Selection::ALL)),
        ];
        if documents == MarkedDocuments::ZeroWindowsToo {
            tasks.push(Self::ZeroWindows(Walk::new(Selection::ALL)));
        }
        tasks
    }

    /// The next step, in the state of `snapshot`.
    pub(super) fn step(&self, snapshot: &StateSnapshot<'_>, frame: &Frame) -> Read<TaskStep> {
        match *self {
            Self::Windows(walk) => {
                let step = frame.walk(snapshot, &walk, STEP)?;
                Ok((documents(step.windows), step.rest.map(Self::Windows)))
            }
            Self::ZeroWindows(walk) => {
                let step = frame.walk_zeros(snapshot, &walk, has_zero_documents, STEP)?;
                Ok((documents(step.windows), step.rest.map(Self::ZeroWindows)))
            }
            Self::Totals(from) => {
                let totals = snapshot.totals(from, STEP)?;
                let last = totals.last().filter(|_| totals.len() == STEP);
                let next = last.and_then(|(last, _)| last.next());
                let documents = totals.iter().map(|(branch, _)| DocumentKey::Total(*branch));
                Ok((documents.collect(), next.map(Self::Totals)))
            }
            Self::NoWindow(before) => {
                let (documents, next) = entries::<PaymentInNoWindow>(
                    snapshot,
                    RecordList::NoWindow,
                    before,
                    |payment| payment.origin,
                )?;
                Ok((documents, next.map(|next| Self::NoWindow(Some(next)))))
            }
            Self::Rejects(before) => {
                let (documents, next) =
                    entries::<RejectedRecord>(snapshot, RecordList::Rejects, before, |reject| {
                        reject.origin
                    })?;
                Ok((documents, next.map(|next| Self::Rejects(Some(next)))))
            }
        }
    }

    /// The windows that became final, as one task with those that `later` makes final, if both are
    /// neighbours and neither has begun.
    pub(super) fn joined(&self, later: &Self) -> Option<Self> {
        let (Self::Windows(mine), Self::Windows(theirs)) = (self, later) else {
            return (self == later).then_some(*self);
        };
        let follows = mine.selection.until == theirs.selection.after
            && mine.at.is_none()
            && theirs.at.is_none();
        let joined = Selection {
            until: theirs.selection.until,
            ..mine.selection
        };
        let same = Selection {
            after: mine.selection.after,
            ..theirs.selection
        };
        if follows && joined == same {
            return Some(Self::Windows(Walk::new(joined)));
        }
        (self == later).then_some(*self)
    }

    /// No window that starts before this is still to be marked; `None` if no window is.
    pub(super) fn first_start(&self, frame: &Frame) -> Option<EventTime> {
        let (Self::Windows(walk) | Self::ZeroWindows(walk)) = self else {
            return None;
        };
        let reach = frame.definitions().iter().map(Definition::reach).max()?;
        Some(walk.selection.from.max(walk.selection.after.minus(reach)))
    }

    /// Whether it is about windows of all definitions that became final.
    pub(super) fn is_finality(&self) -> bool {
        matches!(self, Self::Windows(walk) if walk.selection.definition.is_none())
    }
}

/// Of windows without payments only the tumbling ones have documents: a chart of others would be
/// nearly all zeros.
fn has_zero_documents(definition: &Definition) -> bool {
    definition.kind() == Kind::Tumbling
}

/// The documents of `windows`, each by definition number, window and branch.
pub(super) fn documents(
    windows: Vec<(u16, tidegauge_windows::Window, BranchId)>,
) -> Vec<DocumentKey> {
    let document = |(definition, window, branch)| DocumentKey::Window {
        definition,
        window,
        branch,
    };
    windows.into_iter().map(document).collect()
}

fn entries<V: StoredValue>(
    snapshot: &StateSnapshot<'_>,
    list: RecordList,
    before: Option<u64>,
    origin: impl Fn(&V) -> Origin,
) -> Read<(Vec<DocumentKey>, Option<u64>)> {
    let entries = snapshot.entries::<V>(list, before, STEP)?;
    let last = entries.last().filter(|_| entries.len() == STEP);
    let next = last.map(|(number, _)| *number);
    let documents = entries
        .iter()
        .map(|(_, entry)| list.document(origin(entry)));
    Ok((documents.collect(), next))
}

/// The first byte of a stored task.
const FORMAT: u8 = 1;

impl StoredValue for Task {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.byte(FORMAT);
        match self {
            Self::Windows(walk) => {
                encoder.byte(1);
                walk.write(encoder);
            }
            Self::ZeroWindows(walk) => {
                encoder.byte(2);
                walk.write(encoder);
            }
            Self::Totals(from) => {
                encoder.byte(3);
                from.write(encoder);
            }
            Self::NoWindow(before) => {
                encoder.byte(4);
                before.write(encoder);
            }
            Self::Rejects(before) => {
                encoder.byte(5);
                before.write(encoder);
            }
        }
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        decoder.format(FORMAT)?;
        Ok(match decoder.byte()? {
            1 => Self::Windows(Walk::read(decoder)?),
            2 => Self::ZeroWindows(Walk::read(decoder)?),
            3 => Self::Totals(BranchId::read(decoder)?),
            4 => Self::NoWindow(Option::read(decoder)?),
            5 => Self::Rejects(Option::read(decoder)?),
            _ => return Err(Malformed),
        })
    }
}

impl StoredValue for Walk<BranchId> {
    fn write(&self, encoder: &mut ByteEncoder) {
        let selection = &self.selection;
        selection.definition.map(u64::from).write(encoder);
        selection.from.write(encoder);
        selection.to.write(encoder);
        selection.after.write(encoder);
        selection.until.write(encoder);
        self.key.write(encoder);
        encoder.option(self.at, |encoder, (definition, time, branch)| {
            encoder.u64(u64::from(definition));
            time.write(encoder);
            branch.write(encoder);
        });
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        let number = |number: u64| u16::try_from(number).map_err(|_| Malformed);
        let definition: Option<u64> = Option::read(decoder)?;
        Ok(Self {
            selection: Selection {
                definition: definition.map(number).transpose()?,
                from: EventTime::read(decoder)?,
                to: EventTime::read(decoder)?,
                after: EventTime::read(decoder)?,
                until: EventTime::read(decoder)?,
            },
            key: Option::read(decoder)?,
            at: decoder.option(|decoder| {
                Ok((
                    number(decoder.u64()?)?,
                    EventTime::read(decoder)?,
                    BranchId::read(decoder)?,
                ))
            })?,
        })
    }
}

#[cfg(test)]
pub(super) mod tests;
