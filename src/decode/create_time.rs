//! When a payment happened, from the text of `createTime`.

use chrono_tz::Tz;
use tidegauge_windows::{EventTime, LocalTime, Span, offset_at_local};

use super::integer::Integer;
use super::quoted::unquote;
use crate::domain::timestamp::day_number;

/// The first and the last millisecond that epoch milliseconds may name: the years 0001 to 9999.
pub(super) const MILLIS_MIN: i64 = EventTime::CALENDAR_MIN.millis();
pub(super) const MILLIS_MAX: i64 = EventTime::CALENDAR_MAX.millis();

/// Why a `createTime` is not a valid time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum TimeError {
    #[error(
        "is not a time: write \"YYYY-MM-DD HH:MM:SS\" (T, 1 to 9 decimals, Z or an offset such as \
         +08:00 are taken, seconds may be missing) or integer milliseconds since 1970"
    )]
    Form,
    #[error(
        "is a number in quotes: write it without, or say what it counts, as in \
         payment.event_time_format = \"epoch_ms\""
    )]
    Quoted,
    #[error("names a day that does not exist; years are 0001 to 9999")]
    Day,
    #[error("names a time of day that does not exist; times are 00:00:00 to 23:59:59")]
    Clock,
    #[error("has an invalid UTC offset; offsets are -23:59 to +23:59")]
    Offset,
    #[error("lies outside the years 0001 to 9999")]
    Range,
}

/// The time that the JSON value `raw` names, a local one read in `zone`.
pub(super) fn read(raw: &str, zone: Tz) -> Result<(EventTime, LocalTime), TimeError> {
    if !raw.starts_with('"') {
        return Ok((read_millis(raw)?, LocalTime::Plain));
    }
    let text = unquote(raw).ok_or(TimeError::Form)?;
    read_text(&text, zone).map_err(|error| match error {
        TimeError::Form if Integer::read(&text).is_some() => TimeError::Quoted,
        error => error,
    })
}

/// The time that `text` names, a local one read in `zone`.
pub(super) fn read_text(text: &str, zone: Tz) -> Result<(EventTime, LocalTime), TimeError> {
    let (local, suffix) = read_local(text.as_bytes())?;
    match read_offset(suffix)? {
        None => {
            let (offset, kind) = offset_at_local(zone, local);
            Ok((at(local, offset), kind))
        }
        Some(offset) => Ok((at(local, offset), LocalTime::Plain)),
    }
}

/// `YYYY-MM-DD HH:MM`, which may have seconds, which may have up to nine decimals; and what follows.
/// The time is in milliseconds from 1970-01-01 00:00:00 on the same clock.
fn read_local(text: &[u8]) -> Result<(i64, &[u8]), TimeError> {
    let (date, rest) = text.split_first_chunk::<10>().ok_or(TimeError::Form)?;
    let [b' ' | b'T', rest @ ..] = rest else {
        return Err(TimeError::Form);
    };
    let (time, rest) = rest.split_first_chunk::<5>().ok_or(TimeError::Form)?;
    let [year @ .., b'-', m0, m1, b'-', d0, d1] = date else {
        return Err(TimeError::Form);
    };
    let [h0, h1, b':', n0, n1] = time else {
        return Err(TimeError::Form);
    };
    let two = |tens: &u8, ones: &u8| read_number(&[*tens, *ones]).ok_or(TimeError::Form);
    let year = read_number(year).ok_or(TimeError::Form)?;
    let (month, day) = (two(m0, m1)?, two(d0, d1)?);
    let (hour, minute) = (two(h0, h1)?, two(n0, n1)?);
    let (second, (millis, rest)) = match rest {
        [b':', s0, s1, rest @ ..] => (two(s0, s1)?, read_millis_of_second(rest)?),
        // java.time leaves out seconds that are zero.
        _ => (0, (0, rest)),
    };
    let day = day_number(year, month, day)
        .filter(|_| year > 0)
        .ok_or(TimeError::Day)?;
    if hour > 23 || minute > 59 || second > 59 {
        return Err(TimeError::Clock);
    }
    let seconds = ((day * 24 + hour) * 60 + minute) * 60 + second;
    Ok((seconds * 1_000 + millis, rest))
}

/// The first three of one to nine decimals, if any, and what follows.
fn read_millis_of_second(text: &[u8]) -> Result<(i64, &[u8]), TimeError> {
    let [b'.', text @ ..] = text else {
        return Ok((0, text));
    };
    let digits = text.iter().take_while(|c| c.is_ascii_digit()).count();
    if !(1..=9).contains(&digits) {
        return Err(TimeError::Form);
    }
    let decimals = text[..digits].iter().map(|c| i64::from(c - b'0'));
    let millis = decimals
        .chain([0, 0])
        .take(3)
        .fold(0, |millis, digit| millis * 10 + digit);
    Ok((millis, &text[digits..]))
}

/// Nothing, `Z`, `+HH:MM`, `+HHMM` or `+HH`: milliseconds ahead of UTC.
fn read_offset(text: &[u8]) -> Result<Option<i64>, TimeError> {
    let (sign, hours, minutes) = match text {
        [] => return Ok(None),
        b"Z" => return Ok(Some(0)),
        [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] | [sign @ (b'+' | b'-'), h0, h1, m0, m1] => {
            (sign, [*h0, *h1], [*m0, *m1])
        }
        [sign @ (b'+' | b'-'), h0, h1] => (sign, [*h0, *h1], [b'0'; 2]),
        _ => return Err(TimeError::Form),
    };
    let hours = read_number(&hours).ok_or(TimeError::Form)?;
    let minutes = read_number(&minutes).ok_or(TimeError::Form)?;
    if hours > 23 || minutes > 59 {
        return Err(TimeError::Offset);
    }
    let offset = Span::HOUR.times(hours).millis() + Span::MINUTE.times(minutes).millis();
    Ok(Some(if *sign == b'-' { -offset } else { offset }))
}

/// Integer milliseconds since the epoch.
fn read_millis(raw: &str) -> Result<EventTime, TimeError> {
    match Integer::read(raw).ok_or(TimeError::Form)?.fit() {
        Some(millis @ MILLIS_MIN..=MILLIS_MAX) => Ok(EventTime::from_millis(millis)),
        _ => Err(TimeError::Range),
    }
}

/// A number of a few digits.
fn read_number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, c| {
        c.is_ascii_digit()
            .then(|| number * 10 + i64::from(c - b'0'))
    })
}

/// The instant at which a clock `offset` ms ahead of UTC shows `local`; the nearest in the years 0001
/// to 9999 of UTC, if it falls outside.
fn at(local: i64, offset: i64) -> EventTime {
    EventTime::from_millis((local - offset).clamp(MILLIS_MIN, MILLIS_MAX))
}

#[cfg(test)]
pub(super) mod tests;
