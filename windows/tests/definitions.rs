//! Which windows a definition has: drawn cases, and a naive oracle that scans the clock.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bounds;
mod oracle;
mod refusals;
mod zones;

use chrono::NaiveDateTime;
use chrono_tz::Tz;
use tidegauge_windows::{EventTime, Span, Window};

const UTC: Tz = Tz::UTC;

/// The time written as `2026-10-25 00:30`, UTC.
fn at(text: &str) -> EventTime {
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
    EventTime::from_millis(time.and_utc().timestamp_millis())
}

fn ms(millis: i64) -> EventTime {
    EventTime::from_millis(millis)
}

fn window(start: &str, end: &str) -> Window {
    Window::new(at(start), at(end))
}

/// Start and end of each window, in hours after `origin`.
fn hours(windows: impl Iterator<Item = Window>, origin: EventTime) -> Vec<(i64, i64)> {
    let hour = Span::HOUR.millis();
    let since = |time: EventTime| {
        let millis = time.millis() - origin.millis();
        assert_eq!(millis % hour, 0, "not on the hour: {time}");
        millis / hour
    };
    windows
        .map(|window| (since(window.start), since(window.end)))
        .collect()
}
