//! How times are written.

use std::fmt;
use std::str::FromStr;

use chrono::format::{Fixed, Item, Numeric, Parsed, StrftimeItems, parse};
use chrono::{Datelike, NaiveDateTime, NaiveTime, Timelike};
use chrono_tz::Tz;
use tidegauge_windows::{EventTime, LocalTime, offset_at_local};

use crate::decode::create_time::{self, TimeError};
use crate::decode::days::in_calendar;
use crate::decode::integer::Integer;
use crate::decode::place_value::PlaceValue;

/// How an event time is written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum TimeForm {
    /// A date and a time of day, or integer milliseconds since 1970.
    #[default]
    Auto,
    /// A number of these since 1970, as a number or a text.
    Epoch(EpochUnit),
    /// By a pattern of `strftime`.
    Pattern(TimePattern),
}

/// What a number since 1970 counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EpochUnit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
}

/// A pattern of `strftime`, as chrono reads it, that says date and time.
#[derive(Clone, PartialEq, Eq)]
pub struct TimePattern {
    text: String,
    items: Vec<Item<'static>>,
}

/// Why a text is not a form of times.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TimeFormError {
    /// There is no such name, and it is not a pattern either.
    #[error(
        "\"{0}\" is not a format: write \"auto\", \"epoch_s\", \"epoch_ms\", \"epoch_us\", \"epoch_ns\" \
         or a pattern such as \"%d.%m.%Y %H:%M:%S\""
    )]
    Unknown(String),
    /// The pattern has the name of a zone, which can't be read.
    #[error(
        "the pattern \"{0}\" has %Z, and names of zones such as PST are not read, as they have several \
         meanings: use %z for an offset such as +0100, or write the name as it is and set time_zone"
    )]
    ZoneName(String),
    /// The pattern has `%f`, which is not what it is elsewhere.
    #[error(
        "the pattern \"{0}\" has %f, which counts nanoseconds here, so that .5 would be 5 ns: write %.f for \
         decimals of a second, with their point"
    )]
    Nanoseconds(String),
    /// The pattern does not say a date, or the time of day.
    #[error(
        "the pattern \"{0}\" does not say which moment it is: it needs year, month and day, and it \
         must read what it writes"
    )]
    NotAMoment(String),
}

/// Why a value is not a time in its form.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(in crate::decode) enum TimeValueError {
    #[error(transparent)]
    Time(#[from] TimeError),
    #[error("is not a number of {0} since 1970, as event_time_format says")]
    Epoch(EpochUnit),
    #[error("lies outside the years 0001 to 9999 in {0} since 1970: is it in another unit?")]
    EpochRange(EpochUnit),
    #[error("is not a time written as event_time_format says, \"{0}\"")]
    Pattern(String),
}

impl TimeForm {
    /// The time that `value` names, a local one read in `zone`.
    pub(in crate::decode) fn read(
        &self,
        value: &PlaceValue<'_>,
        zone: Tz,
    ) -> Result<(EventTime, LocalTime), TimeValueError> {
        match self {
            Self::Auto => Ok(match value {
                PlaceValue::Json(raw) => create_time::read(raw, zone)?,
                PlaceValue::Integer(millis) => (in_range(*millis)?, LocalTime::Plain),
                // Text has no other way to be a number.
                PlaceValue::Text(text) => match number(text) {
                    Some(_) => create_time::read(text, zone)?,
                    None => create_time::read_text(text, zone)?,
                },
            }),
            Self::Epoch(unit) => {
                let text = value.text().ok_or(TimeValueError::Epoch(*unit))?;
                let millis = number(&text)
                    .and_then(|number| Integer::read_floor(number, unit.power()))
                    .ok_or(TimeValueError::Epoch(*unit))?;
                let time = millis.fit().and_then(in_calendar);
                let time = time.ok_or(TimeValueError::EpochRange(*unit))?;
                Ok((time, LocalTime::Plain))
            }
            Self::Pattern(pattern) => {
                let failed = || TimeValueError::Pattern(pattern.text.clone());
                let text = value.text().ok_or_else(failed)?;
                let (time, offset) = pattern.read(&text).ok_or_else(failed)?;
                let local = time.and_utc().timestamp_millis();
                let (offset, kind) = match offset {
                    Some(seconds) => (i64::from(seconds) * 1_000, LocalTime::Plain),
                    None => offset_at_local(zone, local),
                };
                Ok((in_range(local - offset)?, kind))
            }
        }
    }
}

/// `text`, if it is a number as JSON writes one.
fn number(text: &str) -> Option<&str> {
    let begins = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    let is_json = begins && serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok();
    // JSON allows blanks around a value.
    (is_json && text.trim_ascii() == text).then_some(text)
}

fn in_range(millis: i64) -> Result<EventTime, TimeError> {
    in_calendar(millis).ok_or(TimeError::Range)
}

impl EpochUnit {
    /// The power of ten that makes milliseconds of it.
    pub(in crate::decode) const fn power(self) -> i32 {
        match self {
            Self::Seconds => 3,
            Self::Millis => 0,
            Self::Micros => -3,
            Self::Nanos => -6,
        }
    }
}

impl fmt::Display for EpochUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seconds => "seconds",
            Self::Millis => "milliseconds",
            Self::Micros => "microseconds",
            Self::Nanos => "nanoseconds",
        })
    }
}

impl TimePattern {
    fn new(text: &str) -> Result<Self, TimeFormError> {
        let unknown = || TimeFormError::Unknown(text.to_owned());
        let items = StrftimeItems::new(text)
            .parse_to_owned()
            .map_err(|_| unknown())?;
        if !text.contains('%') {
            return Err(unknown());
        }
        let counts_nanos = |item: &Item<'_>| matches!(item, Item::Numeric(Numeric::Nanosecond, _));
        if items.iter().any(counts_nanos) {
            return Err(TimeFormError::Nanoseconds(text.to_owned()));
        }
        if items.contains(&Item::Fixed(Fixed::TimezoneName)) {
            return Err(TimeFormError::ZoneName(text.to_owned()));
        }
        let pattern = Self {
            text: text.to_owned(),
            items,
        };
        // It must read what it writes, down to the day.
        let moment = SAMPLE.and_utc().fixed_offset();
        let mut written = String::new();
        let is_written = fmt::write(
            &mut written,
            format_args!("{}", moment.format_with_items(pattern.items.iter())),
        );
        let read = is_written.ok().and_then(|()| pattern.read(&written));
        match read {
            Some((time, _)) if time.date() == SAMPLE.date() => Ok(pattern),
            _ => Err(TimeFormError::NotAMoment(text.to_owned())),
        }
    }

    /// Whether UTC stands in it as a fixed text, so that a zone would be added to what is UTC already.
    #[must_use]
    pub fn says_utc(&self) -> bool {
        self.items.iter().any(|item| {
            let text = match item {
                Item::Literal(text) => *text,
                Item::OwnedLiteral(text) => text,
                _ => return false,
            };
            text == "Z" || text.ends_with("UTC") || text.ends_with("GMT")
        })
    }

    /// The time on the clock, and how far it is ahead of UTC in seconds, if the text says so.
    fn read(&self, text: &str) -> Option<(NaiveDateTime, Option<i32>)> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.items.iter()).ok()?;
        if let Some(seconds) = parsed.timestamp() {
            let time = chrono::DateTime::from_timestamp(seconds, parsed.nanosecond().unwrap_or(0))?;
            return Some((time.naive_utc(), Some(0)));
        }
        let date = parsed.to_naive_date().ok()?;
        let time = match parsed.hour_div_12() {
            // A pattern may name a day only.
            None if parsed.hour_mod_12().is_none() => NaiveTime::MIN,
            _ => {
                if parsed.minute().is_none() {
                    parsed.set_minute(0).ok()?;
                }
                parsed.to_naive_time().ok()?
            }
        };
        // A second 60 is read as more than a second behind 59, and `%Y` takes 26 for the year 26.
        let is_meant = time.nanosecond() < 1_000_000_000 && date.year() >= 1_000;
        is_meant.then_some((date.and_time(time), parsed.offset()))
    }
}

/// A moment that no two fields of have the same value in.
const SAMPLE: NaiveDateTime = match chrono::DateTime::from_timestamp(1_793_569_845, 0) {
    Some(time) => time.naive_utc(),
    None => NaiveDateTime::MIN,
};

impl fmt::Debug for TimePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl FromStr for TimeForm {
    type Err = TimeFormError;

    fn from_str(text: &str) -> Result<Self, TimeFormError> {
        Ok(match text {
            "auto" => Self::Auto,
            "epoch_s" => Self::Epoch(EpochUnit::Seconds),
            "epoch_ms" => Self::Epoch(EpochUnit::Millis),
            "epoch_us" => Self::Epoch(EpochUnit::Micros),
            "epoch_ns" => Self::Epoch(EpochUnit::Nanos),
            pattern => Self::Pattern(TimePattern::new(pattern)?),
        })
    }
}

/// As it is read.
impl fmt::Display for TimeForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Epoch(EpochUnit::Seconds) => "epoch_s",
            Self::Epoch(EpochUnit::Millis) => "epoch_ms",
            Self::Epoch(EpochUnit::Micros) => "epoch_us",
            Self::Epoch(EpochUnit::Nanos) => "epoch_ns",
            Self::Pattern(pattern) => &pattern.text,
        })
    }
}

#[cfg(test)]
mod tests;
