//! When days begin, looked up once a day.

use chrono_tz::Tz;
use tidegauge_windows::{EventTime, LocalTime, Span, offset_at_local, offset_at_utc};

use super::byte_cursor::ByteCursor;
use super::create_time::{MILLIS_MAX, MILLIS_MIN};
use super::digits::millis_of_day;
use crate::domain::timestamp;

/// The days of a zone, from the texts of their dates.
#[derive(Debug)]
pub(super) struct Days {
    zone: Tz,
    last: Day,
    shifts: Vec<Shift>,
}

/// A day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Day {
    date: [u8; 10],
    /// Its midnight in UTC, in ms since the epoch.
    pub midnight: i64,
    /// What turns a local time of it into UTC, in ms; `None` if that is not the same all day.
    pub shift: Option<i64>,
}

/// The milliseconds to take off the local times of a day, [`Shift::VARIES`] if they are not the same
/// all day.
#[derive(Clone, Copy, Debug)]
struct Shift {
    /// Days from 1970-01-01 to it.
    number: i32,
    millis: i32,
}

/// So many days in a row are remembered side by side.
const REMEMBERED: usize = 512;

impl Days {
    pub fn new(zone: Tz) -> Self {
        // Any day will do, if only its date is one.
        let epoch = Shift::of(zone, 0);
        Self {
            zone,
            last: epoch.day(*b"1970-01-01"),
            shifts: vec![epoch; REMEMBERED],
        }
    }

    /// The day that `date`, `YYYY-MM-DD`, names; `None` if it names none.
    #[inline(always)]
    pub fn day(&mut self, date: &[u8; 10]) -> Option<Day> {
        if self.last.date != *date {
            self.last = self.look_up(date)?;
        }
        Some(self.last)
    }

    /// The time that the clocks of the zone show as `date`, `YYYY-MM-DD`, and `time`, `HH:MM:SS`; `None` as for
    /// [`Days::read_time`].
    #[inline(always)]
    pub fn local_time(&mut self, date: &[u8; 10], time: &[u8; 8]) -> Option<EventTime> {
        let day = self.day(date)?;
        in_calendar(day.midnight + millis_of_day(*time)? - day.shift?)
    }

    /// A time as `auto` has it, in the usual ways of writing one; `None` for any other, or when the
    /// zone's clocks change on its day.
    #[inline(always)]
    pub fn read_time(&mut self, cursor: &mut ByteCursor<'_>) -> Option<EventTime> {
        cursor.skip(b' ');
        if !cursor.skip(b'"') {
            let millis = i64::try_from(cursor.number()?).ok()?;
            return in_calendar(millis);
        }
        let date = cursor.take::<10>()?;
        let [b' ' | b'T'] = cursor.take::<1>()? else {
            return None;
        };
        let time = cursor.take::<8>()?;
        let day = self.day(date)?;
        let mut millis = day.midnight + millis_of_day(*time)?;
        if cursor.skip(b'.') {
            millis += cursor.millis()?;
        }
        millis -= match cursor.take::<1>()? {
            b"\"" => return in_calendar(millis - day.shift?),
            b"Z" => 0,
            b"+" => cursor.offset()?,
            b"-" => -cursor.offset()?,
            _ => return None,
        };
        cursor.literal(b"\"")?;
        in_calendar(millis)
    }

    #[inline(never)]
    fn look_up(&mut self, date: &[u8; 10]) -> Option<Day> {
        let number = day_number(date)?;
        let known = &mut self.shifts[number.cast_unsigned() as usize % REMEMBERED];
        if known.number != number {
            *known = Shift::of(self.zone, number);
        }
        Some(known.day(*date))
    }
}

/// The time, if it is in the years 0001 to 9999.
pub(super) fn in_calendar(millis: i64) -> Option<EventTime> {
    (MILLIS_MIN..=MILLIS_MAX)
        .contains(&millis)
        .then_some(EventTime::from_millis(millis))
}

impl Shift {
    const VARIES: i32 = i32::MIN;

    fn of(zone: Tz, number: i32) -> Self {
        // An offset is less than a day.
        let offset = constant_offset(zone, number).and_then(|offset| i32::try_from(offset).ok());
        let millis = offset.unwrap_or(Self::VARIES);
        Self { number, millis }
    }

    fn day(self, date: [u8; 10]) -> Day {
        let varies = self.millis == Self::VARIES;
        Day {
            date,
            midnight: i64::from(self.number) * Span::DAY.millis(),
            shift: (!varies).then_some(i64::from(self.millis)),
        }
    }
}

/// The offset of `zone` from UTC, in milliseconds, with which every local time of `day` is to be read
/// and in which none is skipped or repeated; `None` if there is no such offset.
///
/// The first and the last second of the local day must be told by one offset only, the same, and
/// that offset must hold all day. A change outside the day could only touch its local times if it
/// repeated some of them, and then the one of these two that is nearer to it, as well. Looking once
/// an hour is more than enough: no zone has ever changed its clocks twice within a day.
fn constant_offset(zone: Tz, day: i32) -> Option<i64> {
    let midnight = i64::from(day) * Span::DAY.millis();
    let last = Span::DAY.minus(Span::SECOND).millis();
    let (offset, first_second) = offset_at_local(zone, midnight);
    let (offset_at_end, last_second) = offset_at_local(zone, midnight + last);
    if (first_second, last_second) != (LocalTime::Plain, LocalTime::Plain)
        || offset_at_end != offset
    {
        return None;
    }
    let begin = midnight - offset;
    (0..=24)
        .map(|hour| begin + Span::HOUR.times(hour).millis().min(last))
        .all(|time| offset_at_utc(zone, time) == offset)
        .then_some(offset)
}

/// Days from 1970-01-01 to `date`, `YYYY-MM-DD`, in the years 0001 to 9999.
fn day_number(date: &[u8; 10]) -> Option<i32> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = date else {
        return None;
    };
    let digits = [y0, y1, y2, y3, m0, m1, d0, d1].map(|c| i64::from(*c) - i64::from(b'0'));
    if digits.iter().any(|digit| !(0..=9).contains(digit)) {
        return None;
    }
    let [y0, y1, y2, y3, m0, m1, d0, d1] = digits;
    let year = y0 * 1_000 + y1 * 100 + y2 * 10 + y3;
    let number = timestamp::day_number(year, m0 * 10 + m1, d0 * 10 + d1)?;
    i32::try_from(number).ok().filter(|_| year > 0)
}

#[cfg(test)]
mod tests;
