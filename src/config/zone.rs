//! Time zones by name, and suggestions for names that are not valid.

use chrono_tz::Tz;
use tidegauge_windows::{Span, offset_at_utc};

use crate::domain::count::counted;
use crate::domain::timestamp::day_number;

/// What to give instead, where no name is close.
const EXAMPLES: &str = "give a name such as UTC, Europe/Berlin or Asia/Shanghai";

/// The time zone of that IANA name.
///
/// # Errors
/// A sentence that says what would be right, if there is no such zone.
pub fn zone(name: &str) -> Result<Tz, String> {
    name.parse().map_err(|_| {
        let advice = match distance_from_utc(name) {
            Some(minutes) => fixed(minutes),
            None => near(name),
        };
        format!("\"{name}\" is not an IANA time zone: {advice}")
    })
}

/// How many minutes `GMT+8`, `UTC-05:30`, `+0800` or `UTC8` say that a zone is ahead of UTC.
fn distance_from_utc(name: &str) -> Option<i64> {
    let upper = name.trim().to_ascii_uppercase();
    let rest = ["GMT", "UTC"]
        .iter()
        .find_map(|prefix| upper.strip_prefix(prefix))
        .unwrap_or(&upper);
    let (sign, digits) = match rest.trim().split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ if rest.len() < upper.len() => (1, rest),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) if minutes.len() == 2 => (hours, minutes),
        Some(_) => return None,
        None if digits.len() > 2 => digits.split_at_checked(digits.len() - 2)?,
        None => (digits, "0"),
    };
    let is_number = |text: &str| {
        (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is_number(hours) || !is_number(minutes) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// What to give for a zone that is always so many minutes ahead of UTC.
fn fixed(minutes: i64) -> String {
    let where_clocks_change = "where clocks change, name a region such as Europe/Berlin";
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    let side = if minutes < 0 { "behind" } else { "ahead of" };
    if minutes == 0 {
        return "write \"UTC\"".to_owned();
    }
    // The names that POSIX has taught count the other way.
    let sign = if minutes < 0 { '+' } else { '-' };
    let etc = format!("Etc/GMT{sign}{hours}");
    if rest == 0 && etc.parse::<Tz>().is_ok() {
        let hours = counted(hours.unsigned_abs(), "hour");
        return format!(
            "for {hours} {side} UTC write \"{etc}\", whose sign is the other way round; \
             {where_clocks_change}"
        );
    }
    let regions = regions(minutes);
    if regions.is_empty() {
        return format!("no zone is {hours}h{rest:02} {side} UTC; {EXAMPLES}");
    }
    format!(
        "zones with that distance from UTC are {}; {where_clocks_change}",
        regions.join(", ")
    )
}

/// Some regions that are so far ahead of UTC all year.
fn regions(minutes: i64) -> Vec<&'static str> {
    const SHOWN: usize = 4;
    let ahead = |zone: Tz, month| {
        let day = day_number(2026, month, 1).unwrap_or_default();
        let offset = offset_at_utc(zone, Span::DAY.times(day).millis());
        offset == Span::MINUTE.times(minutes).millis()
    };
    chrono_tz::TZ_VARIANTS
        .iter()
        .filter(|zone| [1, 7].into_iter().all(|month| ahead(**zone, month)))
        .map(|zone| zone.name())
        .filter(|name| name.contains('/') && !name.starts_with("Etc/"))
        .take(SHOWN)
        .collect()
}

/// The name that is meant, if one is close enough; an abbreviation or a word is close to many by
/// chance.
fn near(name: &str) -> String {
    let wanted = name.to_lowercase();
    // "Shanghai" and "America/Shanghai" mean Asia/Shanghai.
    let city = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let distance = |zone: &str| {
        let zone = zone.to_lowercase();
        let whole = strsim::osa_distance(&wanted, &zone);
        let cities = strsim::osa_distance(&city(&wanted), &city(&zone));
        // Of two as close, the one that is alike as a whole.
        (whole.min(cities), whole)
    };
    let zones = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    let closest = zones
        .map(|zone| (distance(zone), zone))
        .min_by_key(|(distance, _)| *distance);
    // One letter in five may be wrong.
    let letters = city(&wanted).chars().count();
    match closest {
        Some(((distance, _), zone)) if distance * 5 <= letters => {
            format!("did you mean \"{zone}\"? Others are UTC and Europe/Berlin")
        }
        _ if letters <= 5 => {
            format!("{EXAMPLES}; a short form can stand for several zones, so it is not accepted")
        }
        _ => EXAMPLES.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_distance_from_utc_is_told_the_zone_with_the_sign_turned_round() {
        for (name, right) in [
            ("GMT+8", "8 hours ahead of UTC write \"Etc/GMT-8\""),
            ("UTC+08:00", "8 hours ahead of UTC write \"Etc/GMT-8\""),
            ("+08:00", "\"Etc/GMT-8\""),
            ("+0800", "\"Etc/GMT-8\""),
            ("UTC8", "\"Etc/GMT-8\""),
            ("utc-5", "5 hours behind UTC write \"Etc/GMT+5\""),
            ("GMT-1", "1 hour behind UTC write \"Etc/GMT+1\""),
            ("GMT+14", "\"Etc/GMT-14\""),
            ("UTC+5:30", "Asia/Kolkata"),
            ("UTC+00:00", "write \"UTC\""),
            ("GMT-13", "no zone is 13h00 behind UTC"),
        ] {
            let told = zone(name).unwrap_err();
            assert!(told.contains(right), "{told}");
            assert!(!told.contains("did you mean"), "{told}");
        }
        let east = zone("Etc/GMT-8").unwrap();
        assert_eq!(offset_at_utc(east, 0), Span::HOUR.times(8).millis());
    }

    #[test]
    fn only_a_name_that_is_close_is_proposed() {
        for (name, meant) in [
            ("Asia/Shangai", "Asia/Shanghai"),
            ("Shanghai", "Asia/Shanghai"),
            ("America/Shanghai", "Asia/Shanghai"),
            ("europe/berlin", "Europe/Berlin"),
            ("America/NewYork", "America/New_York"),
            ("utc", "UTC"),
            ("Berlin", "Europe/Berlin"),
        ] {
            let told = zone(name).unwrap_err();
            assert!(
                told.contains(&format!("did you mean \"{meant}\"")),
                "{told}"
            );
        }
        for name in [
            "Z",
            "local",
            "CST",
            "IST",
            "x",
            "",
            "Beijing time",
            "system",
            "GMT+",
            "UTC+8:3",
        ] {
            let told = zone(name).unwrap_err();
            assert!(!told.contains("did you mean"), "{told}");
            assert!(told.contains(EXAMPLES), "{told}");
        }
    }
}
