//! The counters of the newest checkpoint.

use std::collections::BTreeMap;

use tidegauge_windows::EventTime;

use super::codec::{ByteDecoder, ByteEncoder, DecodeResult, Malformed};
use super::values::{StoredValue, read_ledger, read_oldest_notices, write_ledger};
use crate::core::effect::Notices;
use crate::core::feedback::Mark;
use crate::domain::ledger::{Count, Entry, Ledger};
use crate::view::reading::Checkpoint;

/// The counters of the whole state at a checkpoint. Written with every batch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct CheckpointHead {
    /// Its number; 0 before the first.
    pub(super) sequence: u64,
    /// When effects were last written: wall clock, ms since the epoch.
    pub(super) as_of: i64,
    pub(super) ledger: Ledger,
    pub(super) notices: Notices,
    /// How many documents await delivery.
    pub(super) dirty: u64,
    pub(super) in_no_window: NumberRange,
    pub(super) rejects: NumberRange,
    /// Windows that start before this are deleted. Never goes back, and not past a window that awaits
    /// delivery.
    pub(super) floor: Option<EventTime>,
    /// How many documents were given up: refused for long, they can't be rendered any more.
    pub(super) given_up: u64,
    /// The payments that repeat others.
    pub(super) repeated: NumberRange,
}

/// The entries of a list: those with the numbers `first..next` that are not gaps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct NumberRange {
    pub(super) first: u64,
    pub(super) next: u64,
    /// So many of these numbers have no entry: second chances have taken it away.
    pub(super) gaps: u64,
}

impl CheckpointHead {
    /// The mark of what this checkpoint changes.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.sequence)
    }

    /// Whether it says nothing of payments that repeat others, as before there were any.
    fn is_without_repeated(&self) -> bool {
        self.repeated == NumberRange::default()
            && self.ledger.entry(Entry::Conflict) == Count::default()
    }

    /// The checkpoint as readers see it.
    pub(super) fn checkpoint(&self, generation: u32, positions: BTreeMap<i32, i64>) -> Checkpoint {
        Checkpoint {
            generation,
            sequence: self.sequence,
            as_of: self.as_of,
            positions,
            ledger: self.ledger.clone(),
            notices: self.notices.clone(),
            dirty: self.dirty,
            given_up: self.given_up,
            is_marking: false,
        }
    }
}

/// The first byte of a stored head whose lists have gaps.
const FORMAT: u8 = 6;
/// Lists without gaps are stored as they were before there could be some.
const FORMAT_WITHOUT_GAPS: u8 = 5;
/// Before it, no payment repeated another. It is written as long as none does.
const FORMAT_UNREPEATED: u8 = 4;
const ENTRIES_UNREPEATED: usize = 9;
/// Before it, the ledger had eight entries: none was filtered out.
const FORMAT_UNFILTERED: u8 = 3;
const ENTRIES_UNFILTERED: usize = 8;
/// Before it, documents that were given up were not counted.
const FORMAT_UNCOUNTED: u8 = 2;
/// Before it, the ledger had seven entries, and notices said nothing of timestamps.
const FORMAT_OLDEST: u8 = 1;
const ENTRIES_OLDEST: usize = 7;

impl StoredValue for CheckpointHead {
    fn write(&self, encoder: &mut ByteEncoder) {
        let is_unrepeated = self.is_without_repeated();
        let has_gaps = self.in_no_window.gaps > 0 || self.rejects.gaps > 0;
        let is_unrepeated = is_unrepeated && !has_gaps;
        encoder.byte(match (has_gaps, is_unrepeated) {
            (true, _) => FORMAT,
            (false, true) => FORMAT_UNREPEATED,
            (false, false) => FORMAT_WITHOUT_GAPS,
        });
        encoder.u64(self.sequence);
        encoder.i64(self.as_of);
        match is_unrepeated {
            true => write_ledger(&self.ledger, ENTRIES_UNREPEATED, encoder),
            false => self.ledger.write(encoder),
        }
        self.notices.write(encoder);
        encoder.u64(self.dirty);
        self.in_no_window.write(encoder);
        self.rejects.write(encoder);
        self.floor.write(encoder);
        encoder.u64(self.given_up);
        if !is_unrepeated {
            self.repeated.write(encoder);
        }
        if has_gaps {
            encoder.u64(self.in_no_window.gaps);
            encoder.u64(self.rejects.gaps);
        }
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        let format = decoder.byte()?;
        if !(FORMAT_OLDEST..=FORMAT).contains(&format) {
            return Err(Malformed);
        }
        let mut head = Self {
            sequence: decoder.u64()?,
            as_of: decoder.i64()?,
            ledger: match format {
                FORMAT_OLDEST => read_ledger(decoder, ENTRIES_OLDEST)?,
                FORMAT_UNCOUNTED..=FORMAT_UNFILTERED => read_ledger(decoder, ENTRIES_UNFILTERED)?,
                FORMAT_UNREPEATED => read_ledger(decoder, ENTRIES_UNREPEATED)?,
                _ => Ledger::read(decoder)?,
            },
            notices: match format {
                FORMAT_OLDEST => read_oldest_notices(decoder)?,
                _ => Notices::read(decoder)?,
            },
            dirty: decoder.u64()?,
            in_no_window: NumberRange::read(decoder)?,
            rejects: NumberRange::read(decoder)?,
            floor: Option::read(decoder)?,
            given_up: match format {
                ..=FORMAT_UNCOUNTED => 0,
                _ => decoder.u64()?,
            },
            repeated: match format {
                ..=FORMAT_UNREPEATED => NumberRange::default(),
                _ => NumberRange::read(decoder)?,
            },
        };
        if format == FORMAT {
            head.in_no_window.gaps = decoder.u64()?;
            head.rejects.gaps = decoder.u64()?;
            if head.in_no_window.gaps == 0 && head.rejects.gaps == 0 {
                return Err(Malformed);
            }
        }
        Ok(head)
    }
}

impl StoredValue for NumberRange {
    fn write(&self, encoder: &mut ByteEncoder) {
        encoder.u64(self.first);
        encoder.u64(self.next);
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        Ok(Self {
            first: decoder.u64()?,
            next: decoder.u64()?,
            gaps: 0,
        })
    }
}
