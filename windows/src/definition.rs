//! Which windows there are: one configured kind, size and alignment.

mod error;
mod periods;
mod windows;

use alloc::string::String;

use chrono_tz::Tz;

pub use self::error::DefinitionError;
pub use self::windows::Windows;

use self::periods::Layout;
use crate::calendar::{LONGEST_REPEAT, QUARTER, is_utc};
use crate::{EventTime, Span};

/// One kind of window, validated. Nothing after it checks again.
///
/// Windows shorter than a day are aligned to the Unix epoch plus the offset; the zone has no say.
/// Windows of a day or longer are aligned to local midnight plus the offset: they start on the days
/// whose number, counted from 1970-01-01, is a multiple of the slide, and end on a local midnight
/// plus the offset too, so a day has 23 or 25 hours when the clocks change. A local midnight that
/// a clock change skips is read with the UTC offset from before the change; one that it repeats is
/// the first of the two. In UTC all of this is plain arithmetic.
///
/// A sliding window of a day or longer whose slide is less than a day starts at local midnight plus
/// the offset, and then every slide of elapsed time until the next one; it ends when its size has
/// elapsed.
///
/// A cumulative window has the start of its period, the tumbling window of its size, and ends a
/// step later, two steps later, and so on to the period's end. Steps are elapsed time, or local days
/// if they are whole days.
///
/// Every time has at least one window. In every order that these functions give, both starts and
/// ends never decrease, and a window occurs once.
///
/// Times further than 2^62 ms (146 million years) from 1970 are taken as that limit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Definition {
    name: String,
    kind: Kind,
    size: Span,
    slide: Span,
    offset: Span,
    zone: Tz,
    layout: Layout,
}

/// How the windows of a definition lie to each other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// One after the other: every payment is in one.
    Tumbling,
    /// Overlapping: every payment is in about size / slide of them.
    Sliding,
    /// From the start of a period to each step of it: midnight to 01:00, to 02:00, ….
    Cumulative,
}

/// The longest size there may be: 100 years.
pub(crate) const SIZE_MAX: Span = Span::DAY.times(36_525);

/// Times beyond this are taken as this, so that no arithmetic on windows overflows.
const TIME_MAX: i64 = 1 << 62;

impl Definition {
    /// Windows of `size`, one after the other.
    ///
    /// # Errors
    /// When the name, the size or the offset can't be used; see [`DefinitionError`].
    pub fn tumbling(
        name: impl Into<String>,
        size: Span,
        offset: Span,
        zone: Tz,
    ) -> Result<Self, DefinitionError> {
        Self::validated(name.into(), Kind::Tumbling, size, size, offset, zone)
    }

    /// Windows of `size`, one starting every `slide`. The slide need not divide the size.
    ///
    /// # Errors
    /// When the name, the size, the slide or the offset can't be used; see [`DefinitionError`].
    pub fn sliding(
        name: impl Into<String>,
        size: Span,
        slide: Span,
        offset: Span,
        zone: Tz,
    ) -> Result<Self, DefinitionError> {
        Self::validated(name.into(), Kind::Sliding, size, slide, offset, zone)
    }

    /// Cumulative windows: from the start of each `size` to each `step` of it.
    ///
    /// # Errors
    /// When the name, the size, the step or the offset can't be used; see [`DefinitionError`].
    pub fn cumulative(
        name: impl Into<String>,
        size: Span,
        step: Span,
        offset: Span,
        zone: Tz,
    ) -> Result<Self, DefinitionError> {
        Self::validated(name.into(), Kind::Cumulative, size, step, offset, zone)
    }

    fn validated(
        name: String,
        kind: Kind,
        size: Span,
        slide: Span,
        offset: Span,
        zone: Tz,
    ) -> Result<Self, DefinitionError> {
        if !is_name(&name) {
            return Err(DefinitionError::Name { name });
        }
        if size.is_zero() {
            return Err(DefinitionError::SizeZero);
        }
        if size > SIZE_MAX {
            return Err(DefinitionError::SizeTooLong { size });
        }
        if slide.is_zero() {
            return Err(DefinitionError::SlideZero { kind });
        }
        if slide > size {
            return Err(DefinitionError::SlideTooLong { kind, size, slide });
        }
        if kind == Kind::Cumulative && size.millis() % slide.millis() != 0 {
            return Err(DefinitionError::StepUneven { size, step: slide });
        }
        // A cumulative window's slide is only the step of its ends; starts are a size apart.
        let between_starts = if kind == Kind::Cumulative {
            size
        } else {
            slide
        };
        let zoned = size >= Span::DAY && !is_utc(zone);
        if zoned && !is_days(size) {
            return Err(DefinitionError::PartDays { size, zone });
        }
        let within_days = zoned && between_starts < Span::DAY;
        if within_days && Span::DAY.millis() % slide.millis() != 0 {
            return Err(DefinitionError::SlideUneven { slide, zone });
        }
        if zoned && !within_days && !is_days(between_starts) {
            return Err(DefinitionError::PartDaySlide { slide, zone });
        }
        let layout = Layout::new(zoned, size, between_starts, offset, zone);
        let grid = layout.repeat();
        if offset >= grid {
            return Err(DefinitionError::OffsetTooLong { offset, grid });
        }
        Ok(Self {
            name,
            kind,
            size,
            slide,
            offset,
            zone,
            layout,
        })
    }

    /// The same windows, all `by` earlier. What they lie on repeats, so this is an offset too: a day
    /// that begins 8 hours before midnight begins 16 hours after it.
    ///
    /// # Errors
    /// When `by` is not shorter than the time after which the windows repeat.
    pub fn shifted_back(self, by: Span) -> Result<Self, DefinitionError> {
        let grid = self.layout.repeat();
        if by >= grid {
            return Err(DefinitionError::OffsetTooLong { offset: by, grid });
        }
        // Both are shorter than the grid, which is at most 100 years.
        let offset = (self.offset.millis() + grid.millis() - by.millis()) % grid.millis();
        let offset = Span::from_millis(offset);
        let Self {
            name,
            kind,
            size,
            slide,
            zone,
            ..
        } = self;
        Self::validated(name, kind, size, slide, offset, zone)
    }

    /// The name: lower-case letters, digits and hyphens.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the windows lie to each other.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// How long a window is; for a cumulative one, its last. In a zone whose clocks change, a
    /// window of whole days may be longer or shorter by the change.
    #[must_use]
    pub const fn size(&self) -> Span {
        self.size
    }

    /// The time between two starts; the size if tumbling; the time between two ends if cumulative.
    #[must_use]
    pub const fn slide(&self) -> Span {
        self.slide
    }

    /// How far the windows are shifted from the epoch, or from local midnight.
    #[must_use]
    pub const fn offset(&self) -> Span {
        self.offset
    }

    /// The zone in which days begin.
    #[must_use]
    pub const fn zone(&self) -> Tz {
        self.zone
    }

    /// Whether the zone matters: the size is a day or more and the zone is not UTC.
    #[must_use]
    pub const fn zoned(&self) -> bool {
        !matches!(self.layout, Layout::Even { .. })
    }

    /// No window is longer than this: the size, and for windows that end on a local midnight 25
    /// hours more, the most that a zone ever repeated (it crossed the date line).
    #[must_use]
    pub fn reach(&self) -> Span {
        match self.layout {
            Layout::Days { .. } => Span::from_millis(self.size.millis() + LONGEST_REPEAT.millis()),
            Layout::Even { .. } | Layout::WithinDays { .. } => self.size,
        }
    }

    /// No time is in more windows than this.
    #[must_use]
    pub fn overlap(&self) -> u64 {
        let parts = self.size.millis().unsigned_abs();
        let part = match self.kind {
            Kind::Tumbling => return 1,
            Kind::Sliding | Kind::Cumulative => self.slide.millis().unsigned_abs(),
        };
        // A day of 25 hours has one step more for each hour.
        parts.div_ceil(part).saturating_add(
            u64::from(self.zoned()) * Span::HOUR.millis().unsigned_abs().div_ceil(part),
        )
    }

    /// All bounds of windows are multiples of this, counted from the epoch.
    pub(crate) fn grain(&self) -> Span {
        let mut grain = gcd(self.size, self.slide);
        grain = gcd(grain, self.offset);
        if self.zoned() {
            gcd(grain, QUARTER)
        } else {
            grain
        }
    }

    /// The windows that contain `time`, by start and end. At least one.
    #[must_use]
    pub fn windows_of(&self, time: EventTime) -> Windows<'_> {
        let time = held(time);
        Windows::new(self, i64::MIN, time + 1, time, i64::MAX)
    }

    /// The end of the last window that contains `time`.
    #[must_use]
    pub fn last_end(&self, time: EventTime) -> EventTime {
        let time = held(time);
        let number = self.layout.number_of(time);
        EventTime::from_millis(match self.layout {
            Layout::WithinDays { calendar } => {
                let (day, slide) = (calendar.begin(number), self.slide.millis());
                day + (time - day) / slide * slide + self.size.millis()
            }
            Layout::Even { .. } | Layout::Days { .. } => self.layout.end(number),
        })
    }

    /// The windows with `from <= start < to`, by start and end. Nothing is computed before it is
    /// asked for, so a wide range costs nothing by itself.
    #[must_use]
    pub fn starting_in(&self, from: EventTime, to: EventTime) -> Windows<'_> {
        Windows::new(self, held(from), held(to), i64::MIN, i64::MAX)
    }

    /// The windows with that start, by end: many if cumulative, none if no window starts there.
    #[must_use]
    pub fn starting_at(&self, start: EventTime) -> Windows<'_> {
        self.starting_in(
            start,
            EventTime::from_millis(start.millis().saturating_add(1)),
        )
    }

    /// The times at which windows start, `from <= start < to`, each once, in order, lazily.
    pub fn starts_in(&self, from: EventTime, to: EventTime) -> impl Iterator<Item = EventTime> {
        let mut last = None;
        self.starting_in(from, to)
            .first_ends_only()
            .map(|window| window.start)
            .filter(move |start| last.replace(*start) != Some(*start))
    }

    /// The windows with `after < end <= until`, by end and start (which is by start and end too),
    /// lazily.
    #[must_use]
    pub fn ending_in(&self, after: EventTime, until: EventTime) -> Windows<'_> {
        let until = held(until);
        Windows::new(self, i64::MIN, until, held(after), until)
    }
}

fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.bytes().next().is_some_and(is_letter)
        && name.bytes().all(|byte| is_letter(byte) || byte == b'-')
}

fn is_days(span: Span) -> bool {
    span.millis() % Span::DAY.millis() == 0
}

/// The greatest common divisor; of nothing and a span, the span.
pub(crate) fn gcd(one: Span, other: Span) -> Span {
    let (mut one, mut other) = (one.millis(), other.millis());
    while other != 0 {
        (one, other) = (other, one % other);
    }
    Span::from_millis(one)
}

fn held(time: EventTime) -> i64 {
    time.millis().clamp(-TIME_MAX, TIME_MAX)
}
