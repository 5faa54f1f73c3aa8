//! The time grid that all windows share: slices, and longer blocks of them.

use alloc::vec::Vec;

use crate::definition::gcd;
use crate::{Definition, EventTime, Span, Stretch, Window};

/// The grid of some definitions.
///
/// Its slice is the longest that every bound of every window is a multiple of: the greatest common
/// divisor of all sizes, slides and offsets, and of 15 minutes if any local midnight matters. The
/// blocks of level 0 are the slices; those of each further level are 60 times as long, up to the
/// longest window. Blocks are aligned to the epoch, so each one is made of whole blocks of the level
/// below.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grid {
    /// The span of each level, at least one.
    spans: Vec<Span>,
    slice: Span,
}

/// A stretch of event time on a grid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Block {
    /// How coarse it is: 0 is a slice.
    pub level: u8,
    /// The first time inside.
    pub start: EventTime,
}

/// How many blocks of one level a block of the next is made of.
const FAN: i64 = 60;

impl Grid {
    /// The grid of `definitions`; with none of them, its slice is a minute.
    #[must_use]
    pub fn new(definitions: &[Definition]) -> Self {
        let grain = definitions.iter().fold(Span::ZERO, |grain, definition| {
            gcd(grain, definition.grain())
        });
        let slice = if grain.is_zero() { Span::MINUTE } else { grain };
        let reach = definitions
            .iter()
            .map(Definition::reach)
            .max()
            .unwrap_or(slice);
        let longer = |span: &Span| Some(span.times(FAN)).filter(|next| *next <= reach);
        let spans = core::iter::successors(Some(slice), longer).collect();
        Self { spans, slice }
    }

    /// The length of a slice.
    #[must_use]
    pub const fn slice(&self) -> Span {
        self.slice
    }

    /// The start of the slice that holds `time`.
    #[must_use]
    pub const fn slice_of(&self, time: EventTime) -> EventTime {
        time.floor(self.slice)
    }

    /// How many levels there are, at least 1.
    #[must_use]
    pub fn levels(&self) -> u8 {
        // There are at most 8: 60 to the 8th milliseconds are more than the longest window.
        u8::try_from(self.spans.len()).unwrap_or(u8::MAX)
    }

    /// The length of the blocks of `level`; of the coarsest level if there is no such level.
    #[must_use]
    pub fn span(&self, level: u8) -> Span {
        let coarsest = self.spans.last().copied().unwrap_or(self.slice);
        self.spans
            .get(usize::from(level))
            .copied()
            .unwrap_or(coarsest)
    }

    /// The coarsest level whose blocks lie wholly inside or outside of every window of `definition`,
    /// one of those of this grid.
    #[must_use]
    pub(crate) fn level_of(&self, definition: &Definition) -> u8 {
        let grain = definition.grain().millis();
        self.levelled()
            .take_while(|(_, span)| grain % span.millis() == 0)
            .last()
            .map_or(0, |(level, _)| level)
    }

    /// The blocks that hold the slice that starts at `slice`, one of each level, level 0 first.
    pub fn blocks_of(&self, slice: EventTime) -> impl Iterator<Item = Block> {
        self.levelled().map(move |(level, span)| Block {
            level,
            start: slice.floor(span),
        })
    }

    /// The stretch of time that `block` is.
    #[must_use]
    pub fn stretch_of(&self, block: Block) -> Stretch {
        Stretch::new(block.start, block.start.plus(self.span(block.level)))
    }

    /// The fewest blocks that are exactly `window`, in order of time. The bounds of `window` are on
    /// the grid, as those of every window of the definitions are; others are floored to it.
    #[must_use]
    pub fn cover(&self, window: Window) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut start = self.slice_of(window.start);
        let end = self.slice_of(window.end);
        while start < end {
            let fits = |(_, span): &(u8, Span)| {
                start.floor(*span) == start
                    && start
                        .millis()
                        .checked_add(span.millis())
                        .is_some_and(|to| to <= end.millis())
            };
            // A slice always fits, unless the end of time comes before its end.
            let Some((level, span)) = self.levelled().filter(fits).last() else {
                break;
            };
            blocks.push(Block { level, start });
            start = start.plus(span);
        }
        blocks
    }

    fn levelled(&self) -> impl Iterator<Item = (u8, Span)> + '_ {
        (0..=u8::MAX).zip(self.spans.iter().copied())
    }
}
