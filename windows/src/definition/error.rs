//! Why a definition is refused, in sentences that say what would be right.

use alloc::string::String;
use core::fmt;

use chrono_tz::Tz;

use super::{Kind, SIZE_MAX};
use crate::Span;

/// Why a definition is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DefinitionError {
    /// The name has other characters than it may have.
    Name {
        /// The name.
        name: String,
    },
    /// The windows have no length.
    SizeZero,
    /// The windows are longer than 100 years.
    SizeTooLong {
        /// The size.
        size: Span,
    },
    /// Infinitely many windows would start, or end, at once.
    SlideZero {
        /// Sliding or cumulative.
        kind: Kind,
    },
    /// There would be gaps between the windows.
    SlideTooLong {
        /// Sliding or cumulative.
        kind: Kind,
        /// The size.
        size: Span,
        /// The slide or step.
        slide: Span,
    },
    /// The steps of a cumulative window don't meet its end.
    StepUneven {
        /// The size.
        size: Span,
        /// The step.
        step: Span,
    },
    /// A window of a day or longer in a zone isn't whole days.
    PartDays {
        /// The size.
        size: Span,
        /// The zone.
        zone: Tz,
    },
    /// A slide shorter than a day doesn't meet the next midnight.
    SlideUneven {
        /// The slide.
        slide: Span,
        /// The zone.
        zone: Tz,
    },
    /// A slide of a day or longer isn't whole days.
    PartDaySlide {
        /// The slide.
        slide: Span,
        /// The zone.
        zone: Tz,
    },
    /// The offset is not shorter than what it shifts.
    OffsetTooLong {
        /// The offset.
        offset: Span,
        /// The time after which the windows repeat.
        grid: Span,
    },
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name } => write!(
                f,
                "the name {name:?} can't be used for an index and a route: give lower-case \
                 letters, digits and hyphens, a letter or digit first"
            ),
            Self::SizeZero => write!(f, "the size is zero: give a duration such as 1m"),
            Self::SizeTooLong { size } => write!(
                f,
                "a size of {} is too long: give at most {}",
                Length(*size),
                Length(SIZE_MAX)
            ),
            Self::SlideZero { kind } => {
                let noun = slide_noun(*kind);
                write!(f, "the {noun} is zero: give a length up to the size")
            }
            Self::SlideTooLong { kind, size, slide } => {
                let noun = slide_noun(*kind);
                write!(
                    f,
                    "a {noun} of {} is longer than the size of {}: give at most the size",
                    Length(*slide),
                    Length(*size)
                )
            }
            Self::StepUneven { size, step } => write!(
                f,
                "a step of {} doesn't divide the size of {}: give a step that does",
                Length(*step),
                Length(*size)
            ),
            Self::PartDays { size, zone } => write!(
                f,
                "a size of {} is not whole days, but from a day on windows begin at midnight in \
                 {zone}: give whole days, less than a day, or the zone UTC",
                Length(*size)
            ),
            Self::SlideUneven { slide, zone } => write!(
                f,
                "a slide of {} doesn't divide a day, but these windows begin at midnight in \
                 {zone}: give a slide that divides 1d, or the zone UTC",
                Length(*slide)
            ),
            Self::PartDaySlide { slide, zone } => write!(
                f,
                "a slide of {} is not whole days, but these windows begin at midnight in {zone}: \
                 give whole days, a slide that divides 1d, or the zone UTC",
                Length(*slide)
            ),
            Self::OffsetTooLong { offset, grid } => write!(
                f,
                "the offset {} must be shorter than {}, after which the windows repeat",
                Length(*offset),
                Length(*grid)
            ),
        }
    }
}

impl core::error::Error for DefinitionError {}

fn slide_noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Cumulative => "step",
        Kind::Tumbling | Kind::Sliding => "slide",
    }
}

/// A span as the configuration writes it: `1d`, `1m30s`, `250ms`.
struct Length(Span);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.millis();
        if rest == 0 {
            return write!(f, "0s");
        }
        let units = [
            (Span::DAY, "d"),
            (Span::HOUR, "h"),
            (Span::MINUTE, "m"),
            (Span::SECOND, "s"),
            (Span::from_millis(1), "ms"),
        ];
        for (unit, letter) in units {
            let whole = rest / unit.millis();
            rest %= unit.millis();
            if whole > 0 {
                write!(f, "{whole}{letter}")?;
            }
        }
        Ok(())
    }
}
