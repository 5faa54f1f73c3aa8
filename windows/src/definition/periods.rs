//! The regular stretches of time that windows are cut from.

use chrono_tz::Tz;

use crate::Span;
use crate::calendar::Calendar;

/// Where the numbered periods of a definition lie.
///
/// A period is a window itself, or the day that windows start in, or the span that cumulative
/// windows share. Neither start nor end ever decreases with the number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Layout {
    /// Period n is `size` ms long and starts at `offset` + n · `step` ms.
    Even { step: i64, size: i64, offset: i64 },
    /// Period n is `size` local days and starts with day n · `step`.
    Days {
        calendar: Calendar,
        step: i64,
        size: i64,
    },
    /// Period n is local day n.
    WithinDays { calendar: Calendar },
}

/// A stretch of time, in milliseconds. Empty if it is a day that a zone left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Period {
    pub start: i64,
    pub end: i64,
}

impl Layout {
    /// The layout of windows of `size` that start `step` apart; `zoned` says that the calendar of
    /// `zone` decides.
    pub fn new(zoned: bool, size: Span, step: Span, offset: Span, zone: Tz) -> Self {
        let calendar = Calendar { zone, offset };
        let day = Span::DAY.millis();
        if !zoned {
            let (step, size, offset) = (step.millis(), size.millis(), offset.millis());
            Self::Even { step, size, offset }
        } else if step < Span::DAY {
            Self::WithinDays { calendar }
        } else {
            let (step, size) = (step.millis() / day, size.millis() / day);
            Self::Days {
                calendar,
                step,
                size,
            }
        }
    }

    /// How long it takes until periods lie as before; of local days as long as they usually are.
    pub fn repeat(&self) -> Span {
        match *self {
            Self::Even { step, .. } => Span::from_millis(step),
            Self::Days { step, .. } => Span::DAY.times(step),
            Self::WithinDays { .. } => Span::DAY,
        }
    }

    /// The period with that number.
    pub fn period(&self, number: i64) -> Period {
        Period {
            start: self.start(number),
            end: self.end(number),
        }
    }

    /// When that period starts.
    pub fn start(&self, number: i64) -> i64 {
        match *self {
            Self::Even { step, offset, .. } => offset + number * step,
            Self::Days { calendar, step, .. } => calendar.begin(number * step),
            Self::WithinDays { calendar } => calendar.begin(number),
        }
    }

    /// When that period ends.
    pub fn end(&self, number: i64) -> i64 {
        match *self {
            Self::Even { step, size, offset } => offset + number * step + size,
            Self::Days {
                calendar,
                step,
                size,
            } => calendar.begin(number * step + size),
            Self::WithinDays { calendar } => calendar.begin(number + 1),
        }
    }

    /// The number of the last period that starts at or before `millis`.
    pub fn number_of(&self, millis: i64) -> i64 {
        match *self {
            Self::Even { step, offset, .. } => (millis - offset).div_euclid(step),
            Self::Days { calendar, step, .. } => calendar.day_of(millis).div_euclid(step),
            Self::WithinDays { calendar } => calendar.day_of(millis),
        }
    }
}
