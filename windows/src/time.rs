//! Event time: when a payment happened, apart from any clock.

use core::fmt;

/// A point in event time: milliseconds since the Unix epoch, UTC. Negative before 1970.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventTime(i64);

impl EventTime {
    /// The earliest time there is; lies before every payment.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest time there is; lies after every payment.
    pub const MAX: Self = Self(i64::MAX);

    /// 0001-01-01T00:00:00Z, the first time that RFC 3339 can write with a year that all readers take.
    pub const CALENDAR_MIN: Self = Self(-62_135_596_800_000);
    /// 9999-12-31T23:59:59.999Z, the last one.
    pub const CALENDAR_MAX: Self = Self(253_402_300_799_999);

    /// The time `millis` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This time moved on by `span`, held at [`EventTime::MAX`].
    #[must_use]
    pub const fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// This time moved back by `span`, held at [`EventTime::MIN`].
    #[must_use]
    pub const fn minus(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// How long before this time `earlier` is; none if it is not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The start of the cell of a grid of `step` that holds this time: floor division, so it is
    /// right before 1970 too.
    #[must_use]
    pub const fn floor(self, step: Span) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(step.0)))
    }
}

impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// A length of event time in whole milliseconds. Never negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// One second.
    pub const SECOND: Self = Self(1_000);
    /// One minute.
    pub const MINUTE: Self = Self(60_000);
    /// One hour.
    pub const HOUR: Self = Self(3_600_000);
    /// Twenty-four hours, whatever a local calendar says.
    pub const DAY: Self = Self(86_400_000);

    /// `millis` milliseconds; a negative number counts as none.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(if millis < 0 { 0 } else { millis })
    }

    /// Whole milliseconds, 0 or more.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This length `times` over, held at the longest there is.
    #[must_use]
    pub const fn times(self, times: i64) -> Self {
        Self(self.0.saturating_mul(times))
    }

    /// This length and `other`, held at the longest there is.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// This length minus `other`; zero if `other` is longer.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self::from_millis(self.0.saturating_sub(other.0))
    }

    /// Whether no time passes in it.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// A window of event time `[start, end)`: it holds its start and not its end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Window {
    /// The first time inside.
    pub start: EventTime,
    /// The first time after.
    pub end: EventTime,
}

impl Window {
    /// The window from `start` up to, but without, `end`.
    #[must_use]
    pub const fn new(start: EventTime, end: EventTime) -> Self {
        Self { start, end }
    }

    /// Whether `time` lies inside.
    #[must_use]
    pub fn contains(self, time: EventTime) -> bool {
        self.start <= time && time < self.end
    }
}

/// Any stretch of event time `[start, end)`: it holds its start and not its end. No window needs to
/// begin or end where it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// The first time inside.
    pub start: EventTime,
    /// The first time after.
    pub end: EventTime,
}

impl Stretch {
    /// The stretch from `start` up to, but without, `end`.
    #[must_use]
    pub const fn new(start: EventTime, end: EventTime) -> Self {
        Self { start, end }
    }

    /// Whether `time` lies inside.
    #[must_use]
    pub fn contains(self, time: EventTime) -> bool {
        self.start <= time && time < self.end
    }
}
