//! Times, as the default format of a `date` field has them: `strict_date_optional_time||epoch_millis`.

use serde_json::Value;

/// Milliseconds since the epoch; `None` if `value` is no time.
pub fn millis_of(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => millis_of_text(text).or_else(|| text.parse().ok()),
        _ => None,
    }
}

/// The same of a text such as `2026-11-01T00:00:00.000Z`, whose end may be left out.
pub fn millis_of_text(text: &str) -> Option<i64> {
    let (day, time) = match text.split_once('T') {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let days = days_of(day)?;
    let millis = match time {
        None | Some("") => 0,
        Some(time) => millis_of_day(time)?,
    };
    days.checked_mul(86_400_000)?.checked_add(millis)
}

// Days since the epoch.
fn days_of(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let mut parts = digits.split('-');
    let year = parts.next()?;
    if year.len() != 4 {
        return None;
    }
    let year = sign * number(year)?;
    let month = two_digits(parts.next(), 1)?;
    let day = two_digits(parts.next(), 1)?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if parts.next().is_some() || !(1..=length).contains(&day) {
        return None;
    }
    // Years that begin in March have the leap day at their end.
    let year = if month > 2 { year } else { year - 1 };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

fn millis_of_day(text: &str) -> Option<i64> {
    let zone_at = text.find(['Z', '+', '-']);
    let (clock, zone) = text.split_at(zone_at.unwrap_or(text.len()));
    let offset = match zone {
        "" | "Z" => 0,
        zone => {
            let digits: String = zone[1..].split(':').collect();
            let minutes = match digits.len() {
                2 => 0,
                4 => number(&digits[2..])?,
                _ => return None,
            };
            let minutes = number(&digits[..2])? * 60 + minutes;
            if zone.starts_with('-') {
                -minutes
            } else {
                minutes
            }
        }
    };
    let (clock, fraction) = match clock.split_once(['.', ',']) {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (clock, None),
    };
    let mut parts = clock.split(':');
    let hour = two_digits(parts.next(), 0)?;
    let minute = two_digits(parts.next(), 0)?;
    let second = two_digits(parts.next(), 0)?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let millis = match fraction {
        None => 0,
        Some(digits) if digits.len() <= 9 => number(&format!("{digits:0<3}")[..3])?,
        Some(_) => return None,
    };
    Some(((hour * 60 + minute - offset) * 60 + second) * 1_000 + millis)
}

fn two_digits(part: Option<&str>, usual: i64) -> Option<i64> {
    match part {
        None => Some(usual),
        Some(part) if part.len() == 2 => number(part),
        Some(_) => None,
    }
}

fn number(digits: &str) -> Option<i64> {
    let are_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    are_digits.then(|| digits.parse().ok()).flatten()
}
