//! The rules as the text that a state keeps, and the way back, to read a state that other rules built.

use std::time::Duration;

use chrono_tz::Tz;
use tidegauge_windows::{Definition, Kind, Settings, Span};

use crate::domain::duration;

/// Everything that decides a figure beside the log, one `key = value` per line.
pub(super) fn text(settings: &Settings, time_zone: Tz) -> String {
    let mut lines = vec![
        format!("time_zone = {time_zone}"),
        format!(
            "event_time.out_of_orderness = {}",
            span(settings.out_of_orderness)
        ),
        format!(
            "event_time.allowed_lateness = {}",
            span(settings.allowed_lateness)
        ),
        format!("event_time.max_future = {}", span(settings.max_future)),
        format!("event_time.zero_windows = {}", settings.zero_windows),
    ];
    for (number, definition) in settings.definitions.iter().enumerate() {
        lines.push(format!("window.{} = {}", number + 1, rule(definition)));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The settings in a text of [`Config::rules`](super::Config::rules); `None` if the text is not valid. The
/// retention is not a rule, so it is given as `retention`.
#[must_use]
pub fn settings(text: &str, retention: Span) -> Option<Settings> {
    let mut settings = Settings {
        definitions: Vec::new(),
        out_of_orderness: Span::ZERO,
        allowed_lateness: Span::ZERO,
        max_future: Span::ZERO,
        retention,
        zero_windows: true,
    };
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (key, value) = line.split_once(" = ")?;
        match key {
            "time_zone" => {}
            "event_time.out_of_orderness" => settings.out_of_orderness = length(value)?,
            "event_time.allowed_lateness" => settings.allowed_lateness = length(value)?,
            "event_time.max_future" => settings.max_future = length(value)?,
            "event_time.zero_windows" => settings.zero_windows = value.parse().ok()?,
            // It decides no placement.
            _ if key.starts_with("payment.") || key.starts_with("dedup.") => {}
            _ if key.starts_with("window.") => settings.definitions.push(definition(value)?),
            _ => return None,
        }
    }
    Some(settings)
}

fn rule(definition: &Definition) -> String {
    let name = definition.name();
    let size = span(definition.size());
    let kind = match definition.kind() {
        Kind::Tumbling => "tumbling".to_owned(),
        Kind::Sliding => format!("sliding by {}", span(definition.slide())),
        Kind::Cumulative => format!("cumulative by {}", span(definition.slide())),
    };
    let mut rule = format!("{name}, {size} {kind}");
    if !definition.offset().is_zero() {
        rule.push_str(&format!(", offset {}", span(definition.offset())));
    }
    if definition.zoned() {
        rule.push_str(&format!(", {}", definition.zone()));
    }
    rule
}

fn definition(rule: &str) -> Option<Definition> {
    let mut parts = rule.split(", ");
    let name = parts.next()?.to_owned();
    let shape: Vec<&str> = parts.next()?.split(' ').collect();
    let (mut offset, mut zone) = (Span::ZERO, Tz::UTC);
    for part in parts {
        match part.strip_prefix("offset ") {
            Some(text) => offset = length(text)?,
            None => zone = part.parse().ok()?,
        }
    }
    let size = length(shape.first()?)?;
    let definition = match shape[1..] {
        ["tumbling"] => Definition::tumbling(name, size, offset, zone),
        ["sliding", "by", slide] => Definition::sliding(name, size, length(slide)?, offset, zone),
        ["cumulative", "by", step] => {
            Definition::cumulative(name, size, length(step)?, offset, zone)
        }
        _ => return None,
    };
    definition.ok()
}

pub(super) fn span(span: Span) -> String {
    duration::text(Duration::from_millis(span.millis().unsigned_abs()))
}

fn length(text: &str) -> Option<Span> {
    let millis = duration::parse(text).ok()?.as_millis();
    Some(Span::from_millis(i64::try_from(millis).ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rules_that_are_read_back_are_the_same_rules() {
        let zone: Tz = "Asia/Kathmandu".parse().unwrap();
        let minutes = |count| Span::MINUTE.times(count);
        let rules = Settings {
            definitions: vec![
                Definition::tumbling("1m", Span::MINUTE, Span::SECOND, Tz::UTC).unwrap(),
                Definition::tumbling("week", Span::DAY.times(7), Span::DAY, zone).unwrap(),
                Definition::sliding("10m", minutes(10), minutes(1), Span::ZERO, zone).unwrap(),
                Definition::cumulative("day", Span::DAY, Span::HOUR, Span::ZERO, zone).unwrap(),
            ],
            out_of_orderness: Span::from_millis(1_500),
            allowed_lateness: Span::DAY,
            max_future: Span::ZERO,
            retention: Span::DAY.times(40),
            zero_windows: false,
        };
        let written = text(&rules, zone);
        let read = settings(&written, rules.retention).unwrap();
        assert_eq!(text(&read, zone), written);
        // The zone of windows shorter than a day has no effect, and is not kept.
        assert_eq!(read.definitions[1], rules.definitions[1]);
        assert_eq!(read.definitions[3], rules.definitions[3]);
        assert_eq!(read.allowed_lateness, rules.allowed_lateness);
    }

    #[test]
    fn other_text_is_not_read_as_rules() {
        for text in ["x", "a = b", "window.1 = 1m", "window.1 = 1m, 1m wobbling"] {
            assert_eq!(settings(text, Span::DAY), None, "{text}");
        }
    }
}
