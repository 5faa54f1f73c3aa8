//! Event time: `[event_time]`.

use std::sync::Arc;
use std::time::Duration;

use tidegauge_windows::{Definition, Settings, Span};

use super::section::Section;
use super::windows::span;
use crate::domain::duration;

/// In seconds.
const DAY: u64 = 86_400;

/// When payments are late and windows final.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventTimeRules {
    /// The windows and the rules that decide figures.
    pub settings: Arc<Settings>,
    /// A partition is idle when its end has been its position for so long.
    pub idle_after: Duration,
    /// The stream is quiet when all partitions have been idle for so long.
    pub quiet_after: Duration,
}

impl EventTimeRules {
    pub(super) fn read(section: &Section<'_>, definitions: Vec<Definition>) -> Self {
        let settings = Settings {
            out_of_orderness: span(section, "out_of_orderness", Duration::from_secs(5)),
            allowed_lateness: span(section, "allowed_lateness", Duration::from_secs(DAY)),
            max_future: span(section, "max_future", Duration::from_secs(300)),
            retention: span(section, "retention", Duration::from_secs(35 * DAY)),
            zero_windows: section.boolean("zero_windows", true),
            definitions,
        };
        check_retention(section, &settings);
        Self {
            settings: Arc::new(settings),
            idle_after: section.duration("idle_after", Duration::from_secs(30)),
            quiet_after: section.duration("quiet_after", Duration::from_secs(60)),
        }
    }
}

// What may still be corrected must still be there.
fn check_retention(section: &Section<'_>, settings: &Settings) {
    let Some(longest) = settings
        .definitions
        .iter()
        .max_by_key(|window| window.reach())
    else {
        return;
    };
    let needed = settings.allowed_lateness.millis() + longest.reach().millis();
    if settings.retention.millis() < needed {
        let text = |span: Span| duration::text(Duration::from_millis(span.millis().unsigned_abs()));
        let message = format!(
            "a retention of {} is too short to correct late payments: allowed_lateness ({}) and \
             the longest window (\"{}\", up to {}) need {} at least",
            text(settings.retention),
            text(settings.allowed_lateness),
            longest.name(),
            text(longest.reach()),
            text(Span::from_millis(needed)),
        );
        let key = ["retention", "allowed_lateness"]
            .into_iter()
            .find(|key| section.get(key).is_some());
        section.problem(key.unwrap_or("retention"), message);
    }
}
