//! The start time of a generated history, as it is given on the command line.

use std::str::FromStr;

use chrono_tz::Tz;
use tidegauge_windows::{EventTime, offset_at_local};

use crate::domain::timestamp::{parse_local, parse_rfc3339};

/// A point in time, or a local time in a zone that is given elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartTime {
    /// A time with a UTC offset.
    At(EventTime),
    /// A time without an offset: milliseconds since the epoch as if it were UTC.
    Local(i64),
}

impl StartTime {
    /// The time; a local time is read in `zone`. Of a local time that a clock change repeats, the first
    /// is taken; one that it skips is read with the offset from before the change.
    #[must_use]
    pub fn within(self, zone: Tz) -> EventTime {
        match self {
            Self::At(time) => time,
            Self::Local(local) => EventTime::from_millis(local - offset_at_local(zone, local).0),
        }
    }
}

impl FromStr for StartTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(time) = parse_rfc3339(text) {
            return Ok(Self::At(time));
        }
        let midnight = format!("{text}T00:00:00");
        let local = match text.len() {
            10 => parse_local(&midnight),
            _ => parse_local(text),
        };
        match local {
            Some((local, "")) => Ok(Self::Local(local)),
            _ => Err(
                "give a time such as 2026-11-01T00:00:00Z, or 2026-11-01 08:00:00 in the time zone"
                    .into(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn millis(text: &str, zone: Tz) -> i64 {
        text.parse::<StartTime>().unwrap().within(zone).millis()
    }

    #[test]
    fn a_time_with_an_offset_means_the_same_in_every_zone() {
        for zone in [Tz::UTC, Tz::Asia__Shanghai] {
            assert_eq!(millis("2026-11-01T00:00:00Z", zone), 1_793_491_200_000);
        }
    }

    #[test]
    fn a_local_time_is_of_the_zone() {
        assert_eq!(millis("2026-11-01", Tz::UTC), 1_793_491_200_000);
        assert_eq!(
            millis("2026-11-01 08:00:00", Tz::Asia__Shanghai),
            1_793_491_200_000
        );
        // 02:30 is skipped: read with the offset from before, UTC+1. Then 02:30 comes twice.
        assert_eq!(
            millis("2026-03-29 02:30:00", Tz::Europe__Berlin),
            1_774_747_800_000
        );
        assert_eq!(
            millis("2026-10-25 02:30:00", Tz::Europe__Berlin),
            1_792_888_200_000
        );
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "now", "2026-02-30", "2026-11-01T00:00:00 UTC", "éééééé"] {
            assert!(text.parse::<StartTime>().is_err(), "{text}");
        }
    }
}
