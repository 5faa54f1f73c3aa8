//! When days begin, looked up once a day.

use chrono::{MappedLocalTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

use super::create_time::{seconds, utc};

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

/// The seconds to take off the local times of a day, [`Shift::VARIES`] if they are not the same all
/// day.
#[derive(Clone, Copy, Debug)]
struct Shift {
    /// Days from 1970-01-01 to it.
    number: i32,
    seconds: i32,
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
    #[inline]
    pub fn day(&mut self, date: &[u8; 10]) -> Option<Day> {
        if self.last.date != *date {
            self.last = self.look_up(date)?;
        }
        Some(self.last)
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

impl Shift {
    const VARIES: i32 = i32::MIN;

    fn of(zone: Tz, number: i32) -> Self {
        let seconds = constant_offset(zone, number).unwrap_or(Self::VARIES);
        Self { number, seconds }
    }

    fn day(self, date: [u8; 10]) -> Day {
        let varies = self.seconds == Self::VARIES;
        Day {
            date,
            midnight: i64::from(self.number) * 86_400_000,
            shift: (!varies).then_some(i64::from(self.seconds) * 1_000),
        }
    }
}

/// The offset of `zone` from UTC, in seconds, with which every local time of `day` is to be read
/// and in which none is skipped or repeated; `None` if there is no such offset.
///
/// The first and the last moment of the local day must be told by one offset only, the same, and
/// that offset must hold all day. A change outside the day could only touch its local times if it
/// repeated some of them, and then the one of these two that is nearer to it, as well. Looking once
/// an hour is more than enough: no zone has ever changed its clocks twice within a day.
fn constant_offset(zone: Tz, day: i32) -> Option<i32> {
    let midnight = utc(i64::from(day) * 86_400)?;
    let offset_at = |local| match zone.offset_from_local_datetime(&local) {
        MappedLocalTime::Single(offset) => Some(seconds(&offset)),
        _ => None,
    };
    let offset = offset_at(midnight)?;
    if offset_at(midnight + TimeDelta::seconds(86_399))? != offset {
        return None;
    }
    let begin = midnight - TimeDelta::seconds(i64::from(offset));
    (0..=24)
        .map(|hour| begin + TimeDelta::seconds((hour * 3_600).min(86_399)))
        .all(|time| seconds(&zone.offset_from_utc_datetime(&time)) == offset)
        .then_some(offset)
}

/// Days from 1970-01-01 to `date`, `YYYY-MM-DD`, in the years 0001 to 9999.
///
/// The count of days is Howard Hinnant's `days_from_civil`: years begin in March, so that the leap
/// day is the last.
fn day_number(date: &[u8; 10]) -> Option<i32> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = date else {
        return None;
    };
    let digits = [y0, y1, y2, y3, m0, m1, d0, d1].map(|c| i32::from(*c) - i32::from(b'0'));
    if digits.iter().any(|digit| !(0..=9).contains(digit)) {
        return None;
    }
    let [y0, y1, y2, y3, m0, m1, d0, d1] = digits;
    let (year, month, day) = (
        y0 * 1_000 + y1 * 100 + y2 * 10 + y3,
        m0 * 10 + m1,
        d0 * 10 + d1,
    );
    if year == 0 || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    let year = if month > 2 { year } else { year - 1 };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// 0 for a month that there is not.
fn days_in_month(year: i32, month: i32) -> i32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
