//! A form of JSON objects that was met before: the texts that all records of one producer have in
//! common, and the values between them.

use std::ops::Range;

use super::byte_cursor::ByteCursor;
use super::days::{Days, in_calendar};
use super::facts::{QuickFacts, Values};
use super::mapping::{EpochUnit, Mapping, SlotUse, Tree};
use super::place_value::PlaceValue;
use crate::domain::payment::{BranchId, OrderId};

/// Fixed texts and values in turn. Whatever it takes, the parser takes as well, and finds the same
/// values in it: it is the text of an object that the parser took, with other numbers, strings and
/// words in the places of numbers, strings and words.
#[derive(PartialEq, Debug)]
pub(super) struct ObjectLayout {
    places: Vec<ValuePlace>,
    end: Box<[u8]>,
}

/// A fixed text and the value behind it.
#[derive(PartialEq, Debug)]
struct ValuePlace {
    before: FixedText,
    slot: Option<(usize, SlotUse)>,
}

/// A text, the first bytes of it as a number, so that most are compared in one step.
#[derive(PartialEq, Debug)]
struct FixedText {
    first: u128,
    mask: u128,
    text: Box<[u8]>,
}

/// A payload with more values, or deeper ones, is left to the parser.
const PLACES_MAX: usize = 256;
const DEPTH_MAX: usize = 32;

impl ObjectLayout {
    /// The layout of `payload`, which the parser has taken for a payment by `mapping`. `None` if it
    /// is not one to be remembered: too large, or with a wanted value that is an object or an array.
    pub fn of(payload: &[u8], mapping: &Mapping) -> Option<Self> {
        let mut learner = Learner {
            payload,
            at: 0,
            fixed_from: 0,
            mapping,
            places: Vec::new(),
        };
        learner.value(Some(Tree::ROOT), 0)?;
        let end = payload.get(learner.fixed_from..)?;
        Some(Self {
            places: learner.places,
            end: end.into(),
        })
    }

    /// Whether `payload` has this layout; then `quick` has the facts that stand there in the usual form,
    /// and `values` what stands in the other slots.
    #[inline]
    pub fn read(
        &self,
        payload: &[u8],
        days: &mut Days,
        values: &mut SlotValues,
        quick: &mut QuickFacts,
    ) -> Option<()> {
        values.clear();
        let mut cursor = ByteCursor::new(payload);
        for place in &self.places {
            place.before.pass(&mut cursor)?;
            let Some((slot, usage)) = place.slot else {
                cursor.skip_value()?;
                continue;
            };
            match usage {
                SlotUse::EventTime => quick.event_time = Some(days.read_time(&mut cursor)?),
                SlotUse::Epoch(unit) => quick.event_time = Some(epoch(&mut cursor, unit)?),
                SlotUse::Amount(scale) => quick.amount = Some(cursor.amount(scale)?),
                SlotUse::Branch if starts_with_digit(&cursor) => {
                    let number = u32::try_from(cursor.short_number()?).ok()?;
                    quick.branch = Some(BranchId::new(number)?);
                }
                SlotUse::OrderId if starts_with_digit(&cursor) => {
                    let number = i128::from(cursor.number()?);
                    quick.order_id = Some(OrderId::Number(number));
                }
                SlotUse::Branch | SlotUse::OrderId | SlotUse::Other => {
                    let begin = payload.len() - cursor.rest().len();
                    cursor.skip_value()?;
                    let end = payload.len() - cursor.rest().len();
                    values.set(slot, begin..end)?;
                }
            }
        }
        let is_end = match (cursor.rest(), &*self.end) {
            ([last], [end]) => last == end,
            (rest, end) => rest == end,
        };
        is_end.then_some(())
    }
}

/// Where the values of the slots stand in a payload; an empty range: nowhere.
#[derive(Debug)]
pub(super) struct SlotValues {
    ranges: Box<[Range<u32>]>,
    /// Whether any was set since they were cleared: most payments need none.
    is_set: bool,
}

impl SlotValues {
    /// Of so many slots.
    pub fn new(slots: usize) -> Self {
        Self {
            ranges: vec![0..0; slots].into(),
            is_set: false,
        }
    }

    #[inline]
    fn clear(&mut self) {
        if self.is_set {
            self.ranges.fill(0..0);
            self.is_set = false;
        }
    }

    /// `None` if there is no such slot, or the payload is too large.
    #[inline]
    fn set(&mut self, slot: usize, range: Range<usize>) -> Option<()> {
        self.is_set = true;
        let place = self.ranges.get_mut(slot)?;
        *place = u32::try_from(range.start).ok()?..u32::try_from(range.end).ok()?;
        Some(())
    }
}

/// The values of the slots that a layout has found in a payload.
pub(super) struct FoundByLayout<'a> {
    pub payload: &'a [u8],
    pub values: &'a SlotValues,
}

impl FoundByLayout<'_> {
    #[inline]
    fn text(&self, range: Range<usize>) -> Option<&str> {
        let raw = self.payload.get(range)?;
        // Bytes beyond ASCII were looked at when the value was passed.
        str::from_utf8(raw).ok().filter(|raw| !raw.is_empty())
    }
}

impl Values for FoundByLayout<'_> {
    #[inline]
    fn get(&self, slot: usize) -> Option<PlaceValue<'_>> {
        let raw = self.json(slot)?;
        (raw != "null").then_some(PlaceValue::Json(raw))
    }

    #[inline]
    fn json(&self, slot: usize) -> Option<&str> {
        let range = self.values.ranges.get(slot)?;
        self.text(range.start as usize..range.end as usize)
    }

    /// Without an envelope: where there is one, nothing is learned if a condition needs the object.
    fn object(&self) -> Option<&str> {
        self.text(0..self.payload.len())
    }
}

#[inline]
fn starts_with_digit(cursor: &ByteCursor<'_>) -> bool {
    cursor.rest().first().is_some_and(u8::is_ascii_digit)
}

/// An integer since 1970, which may stand in quotes.
#[inline]
fn epoch(cursor: &mut ByteCursor<'_>, unit: EpochUnit) -> Option<tidegauge_windows::EventTime> {
    let is_quoted = cursor.skip(b'"');
    let number = i64::try_from(cursor.number()?).ok()?;
    if is_quoted {
        cursor.literal(b"\"")?;
    }
    in_calendar(match unit {
        EpochUnit::Seconds => number.checked_mul(1_000)?,
        EpochUnit::Millis => number,
        EpochUnit::Micros => number / 1_000,
        EpochUnit::Nanos => number / 1_000_000,
    })
}

impl FixedText {
    const FIRST: usize = size_of::<u128>();

    fn new(text: &[u8]) -> Self {
        let mut first = [0; Self::FIRST];
        let mut mask = [0; Self::FIRST];
        for ((first, mask), byte) in first.iter_mut().zip(&mut mask).zip(text) {
            *first = *byte;
            *mask = 0xff;
        }
        Self {
            first: u128::from_le_bytes(first),
            mask: u128::from_le_bytes(mask),
            text: text.into(),
        }
    }

    /// Goes past it, if it comes next.
    #[inline]
    fn pass(&self, cursor: &mut ByteCursor<'_>) -> Option<()> {
        let rest = cursor.rest();
        match rest.first_chunk() {
            Some(chunk) => {
                if (u128::from_le_bytes(*chunk) ^ self.first) & self.mask != 0 {
                    return None;
                }
                if self.text.len() > Self::FIRST
                    && rest.get(Self::FIRST..self.text.len())? != self.text.get(Self::FIRST..)?
                {
                    return None;
                }
            }
            None if rest.starts_with(&self.text) => {}
            None => return None,
        }
        cursor.advance(self.text.len())
    }
}

/// A walk through an object that the parser has taken.
struct Learner<'l> {
    payload: &'l [u8],
    at: usize,
    /// Where the text begins that is not part of a value yet.
    fixed_from: usize,
    mapping: &'l Mapping,
    places: Vec<ValuePlace>,
}

impl Learner<'_> {
    /// Goes past the value that comes next, which stands where `node` does.
    fn value(&mut self, node: Option<usize>, depth: usize) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        self.skip_blanks();
        let slot = node.and_then(|node| self.mapping.tree.node(node).slot);
        match self.payload.get(self.at)? {
            b'{' | b'[' if slot.is_some_and(|slot| !self.mapping.is_envelope(slot)) => None,
            b'{' => self.object(node, depth),
            b'[' => self.array(node, depth),
            _ => self.scalar(slot),
        }
    }

    fn object(&mut self, node: Option<usize>, depth: usize) -> Option<()> {
        self.at += 1;
        loop {
            self.skip_blanks();
            match self.payload.get(self.at)? {
                b'}' => break,
                b',' => self.at += 1,
                _ => {
                    let name = self.name()?;
                    let child = node.and_then(|node| self.mapping.tree.node(node).field(&name));
                    self.value(child, depth + 1)?;
                }
            }
        }
        self.at += 1;
        Some(())
    }

    fn array(&mut self, node: Option<usize>, depth: usize) -> Option<()> {
        self.at += 1;
        let mut index = 0;
        loop {
            self.skip_blanks();
            match self.payload.get(self.at)? {
                b']' => break,
                b',' => self.at += 1,
                _ => {
                    let child = node.and_then(|node| self.mapping.tree.node(node).item(index));
                    self.value(child, depth + 1)?;
                    index += 1;
                }
            }
        }
        self.at += 1;
        Some(())
    }

    /// Goes past a name and its colon. One with escapes is left to the parser.
    fn name(&mut self) -> Option<String> {
        let begin = self.at;
        let mut cursor = ByteCursor::new(self.payload.get(begin..)?);
        cursor.skip_value()?;
        let end = self.payload.len() - cursor.rest().len();
        let raw = str::from_utf8(self.payload.get(begin..end)?).ok()?;
        let name = raw.strip_prefix('"')?.strip_suffix('"')?;
        if name.contains('\\') {
            return None;
        }
        self.at = end;
        self.skip_blanks();
        (self.payload.get(self.at)? == &b':').then_some(())?;
        self.at += 1;
        Some(name.to_owned())
    }

    fn scalar(&mut self, slot: Option<usize>) -> Option<()> {
        let mut cursor = ByteCursor::new(self.payload.get(self.at..)?);
        cursor.skip_value()?;
        let before = FixedText::new(self.payload.get(self.fixed_from..self.at)?);
        self.at = self.payload.len() - cursor.rest().len();
        self.fixed_from = self.at;
        let slot = slot.map(|slot| (slot, self.mapping.slot_use(slot)));
        self.places.push(ValuePlace { before, slot });
        (self.places.len() <= PLACES_MAX).then_some(())
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.payload.get(self.at) {
            self.at += 1;
        }
    }
}
