//! The clocks of a time zone: which instant a local time is.

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::{GapInfo, Tz};

use crate::Span;

/// How a local time relates to the clock changes of its zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LocalTime {
    /// The time occurs once, or was given with an offset.
    #[default]
    Plain,
    /// A clock change skips it: it was read with the offset from before the change.
    Gap,
    /// A clock change repeats it: it was read as the first of the two.
    Fold,
}

/// Times beyond this, 142,000 years either way, have the zone offset of this one. It is well inside
/// what chrono can say.
const LOOKUP_MAX: i64 = 1 << 52;

/// How far the clocks of `zone` are ahead of UTC, in milliseconds, when they show `local`: in
/// milliseconds from 1970-01-01 00:00:00 on the same clocks. Whether they show it once is told too.
///
/// A local time that a clock change skips is read with the offset from before the change, one that
/// it repeats is the first of the two. This is the only place of the rule.
#[must_use]
pub fn offset_at_local(zone: Tz, local: i64) -> (i64, LocalTime) {
    let local = naive(local);
    match zone.offset_from_local_datetime(&local) {
        MappedLocalTime::Single(offset) => (millis_ahead(&offset), LocalTime::Plain),
        // The larger offset is the one of the earlier time.
        MappedLocalTime::Ambiguous(one, other) => (
            millis_ahead(&one).max(millis_ahead(&other)),
            LocalTime::Fold,
        ),
        MappedLocalTime::None => {
            let before = GapInfo::new(&local, &zone).and_then(|gap| gap.begin);
            let offset = before.map_or_else(
                || millis_ahead(&zone.offset_from_utc_datetime(&local)),
                |(_, offset)| millis_ahead(&offset),
            );
            (offset, LocalTime::Gap)
        }
    }
}

/// How far the clocks of `zone` are ahead of UTC, in milliseconds, at `millis` since the epoch.
#[must_use]
pub fn offset_at_utc(zone: Tz, millis: i64) -> i64 {
    millis_ahead(&zone.offset_from_utc_datetime(&naive(millis)))
}

fn millis_ahead(offset: &impl Offset) -> i64 {
    i64::from(offset.fix().local_minus_utc()) * Span::SECOND.millis()
}

fn naive(millis: i64) -> NaiveDateTime {
    // Inside `LOOKUP_MAX` chrono has a date for every millisecond, so the default is never used.
    DateTime::from_timestamp_millis(millis.clamp(-LOOKUP_MAX, LOOKUP_MAX))
        .unwrap_or_default()
        .naive_utc()
}
