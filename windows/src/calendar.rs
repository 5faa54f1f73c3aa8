//! Local days in a time zone, on the line of event time.

use chrono_tz::Tz;

use crate::zone::{offset_at_local, offset_at_utc};
use crate::{EventTime, Span};

/// Every zone's offset from UTC has been a multiple of this since local mean times went out of
/// use, so local midnights lie on this grid, and so does what is cut by them.
pub(crate) const QUARTER: Span = Span::from_millis(15 * 60_000);

/// No stretch of whole local days lasts more than this longer than as many times 24 hours. Zones
/// that crossed the date line lived a day twice (Alaska in 1867 and, less an hour, Kwajalein in 1969);
/// a clock change is an hour or so.
pub(crate) const LONGEST_REPEAT: Span = Span::from_millis(25 * 3_600_000);

/// The days of one zone, each beginning at the same local time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Calendar {
    /// The zone.
    pub zone: Tz,
    /// The local time at which a day begins, after midnight.
    pub offset: Span,
}

impl Calendar {
    /// When day `day` begins (days since 1970-01-01, local), in milliseconds. Never decreases with
    /// `day`; a day that the zone left out when it crossed the date line begins with the next one.
    ///
    /// A local time that a clock change skips or repeats is read as [`offset_at_local`] says. Where a zone's offset is a local mean time (no
    /// later than 1972), the begin is floored to a quarter of an hour, so that it is on the grid
    /// of slices.
    ///
    /// `day` is at most 2^36 either way.
    pub fn begin(self, day: i64) -> i64 {
        let local = day * Span::DAY.millis() + self.offset.millis();
        let begin = local - offset_at_local(self.zone, local).0;
        let offset = self.offset.millis();
        EventTime::from_millis(begin - offset)
            .floor(QUARTER)
            .millis()
            + offset
    }

    /// The day that holds `millis`: the last that begins at or before it.
    ///
    /// `millis` is at most 2^62 either way.
    pub fn day_of(self, millis: i64) -> i64 {
        let local = millis + offset_at_utc(self.zone, millis) - self.offset.millis();
        let mut day = local.div_euclid(Span::DAY.millis());
        while self.begin(day) > millis {
            day -= 1;
        }
        while self.begin(day + 1) <= millis {
            day += 1;
        }
        day
    }
}

/// Whether the zone is another name of UTC, so that its calendar is plain arithmetic.
pub(crate) fn is_utc(zone: Tz) -> bool {
    matches!(
        zone,
        Tz::UTC
            | Tz::UCT
            | Tz::Universal
            | Tz::Zulu
            | Tz::Etc__UTC
            | Tz::Etc__UCT
            | Tz::Etc__Universal
            | Tz::Etc__Zulu
            | Tz::GMT
            | Tz::Etc__GMT
    )
}
