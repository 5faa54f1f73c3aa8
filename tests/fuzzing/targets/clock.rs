//! What a time must be, by chrono's calendar and its time zones.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;
use tidegauge_windows::LocalTime;

/// The zones that texts are read in.
pub const ZONES: [Tz; 6] = [
    Tz::UTC,
    Tz::Asia__Shanghai,
    Tz::America__New_York,
    Tz::Australia__Lord_Howe,
    Tz::Pacific__Apia,
    Tz::Africa__Monrovia,
];

/// The years 0001 to 9999, in milliseconds.
const FIRST: i64 = -62_135_596_800_000;
const LAST: i64 = 253_402_300_799_999;

/// A zone that follows from the input, so that a seed always means the same.
pub fn zone(data: &[u8]) -> Tz {
    let sum = data.iter().map(|byte| usize::from(*byte)).sum::<usize>();
    ZONES[sum % ZONES.len()]
}

/// Whether milliseconds are in the years that are read.
pub fn is_in_range(millis: i64) -> bool {
    (FIRST..=LAST).contains(&millis)
}

/// The time that `text` names, in milliseconds, read in `zone` if it has no offset; `None` if it is not valid.
pub fn create_time(text: &str, zone: Tz) -> Option<(i64, LocalTime)> {
    if !text.is_ascii() || text.len() < 16 {
        return None;
    }
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<u32>().unwrap())
    };
    let (date, rest) = text.split_at(10);
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts[..] else {
        return None;
    };
    if (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(number(year)?.cast_signed(), number(month)?, number(day)?)?;
    let rest = rest.strip_prefix([' ', 'T'])?;
    let end = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (time, offset) = rest.split_at(end);
    let (clock, fraction) = match time.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (time, None),
    };
    let parts: Vec<&str> = clock.split(':').collect();
    let (hour, minute, second) = match parts[..] {
        [hour, minute] if fraction.is_none() => (hour, minute, "00"),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    if [hour, minute, second].iter().any(|part| part.len() != 2) {
        return None;
    }
    let millis = match fraction {
        Some(digits) if digits.len() <= 9 => {
            number(&format!("{digits:0<3}")[..3]).filter(|_| number(digits).is_some())?
        }
        Some(_) => return None,
        None => 0,
    };
    let time =
        NaiveTime::from_hms_milli_opt(number(hour)?, number(minute)?, number(second)?, millis)?;
    let local = date.and_time(time);
    if date < NaiveDate::from_ymd_opt(1, 1, 1)? {
        return None;
    }
    let (instant, kind) = match offset {
        "" => in_zone(local, zone),
        "Z" => (local.and_utc().timestamp_millis(), LocalTime::Plain),
        offset => {
            let (sign, digits) = offset.split_at(1);
            if sign == "Z" {
                return None;
            }
            let (hours, minutes) = match digits.len() {
                2 => (digits, "00"),
                4 => digits.split_at(2),
                5 => digits.split_once(':')?,
                _ => return None,
            };
            if hours.len() != 2 || minutes.len() != 2 {
                return None;
            }
            let (hours, minutes) = (number(hours)?, number(minutes)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let ahead = i64::from(hours * 60 + minutes) * 60_000;
            let ahead = if sign == "-" { -ahead } else { ahead };
            let millis = local.and_utc().timestamp_millis() - ahead;
            (millis, LocalTime::Plain)
        }
    };
    Some((instant.clamp(FIRST, LAST), kind))
}

/// Tries every offset that the zone has around `local`: at those that fit, the clocks showed it.
fn in_zone(local: NaiveDateTime, zone: Tz) -> (i64, LocalTime) {
    let offset_at = |utc: NaiveDateTime| {
        let offset = zone.offset_from_utc_datetime(&utc).fix();
        TimeDelta::seconds(i64::from(offset.local_minus_utc()))
    };
    let mut offsets: Vec<TimeDelta> = (-27..=27)
        .map(|hours| offset_at(local + TimeDelta::hours(hours)))
        .collect();
    offsets.sort_unstable();
    offsets.dedup();
    let mut instants: Vec<NaiveDateTime> = offsets
        .iter()
        .map(|offset| local - *offset)
        .filter(|utc| *utc + offset_at(*utc) == local)
        .collect();
    instants.sort_unstable();
    let millis = |utc: NaiveDateTime| utc.and_utc().timestamp_millis();
    match instants[..] {
        // Before a gap, the clocks are behind those after it.
        [] => (millis(local - offsets[0]), LocalTime::Gap),
        [only] => (millis(only), LocalTime::Plain),
        [first, ..] => (millis(first), LocalTime::Fold),
    }
}

/// The time of an RFC 3339 text, as chrono reads it.
pub fn rfc3339(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|time| time.timestamp_millis())
}
