//! The windows: `[[window]]`.

use std::time::Duration;

use chrono_tz::Tz;
use tidegauge_windows::{Definition, DefinitionError, Span};

use super::problem::{ConfigProblem, Problems, SettingOrigin};
use super::raw::{Setting, SettingValue, Table};
use super::section::Section;
use crate::domain::count::{counted_in_threes, grouped};
use crate::domain::duration;

/// The default windows: those of a configuration without `[[window]]`.
pub(super) const DEFAULT: &str = r#"
[[window]]
name = "1m"
size = "1m"
[[window]]
name = "10m-by-1m"
size = "10m"
slide = "1m"
[[window]]
name = "1h"
size = "1h"
[[window]]
name = "day"
size = "1d"
step = "1h"
time_zone = "Asia/Shanghai"
"#;

/// Names that windows can't have, because other indexes have them.
const TAKEN: [&str; 3] = ["totals", "late", "rejects"];
/// The most definitions: every payment is counted in each of them.
const WINDOWS_MAX: usize = 64;
/// The shortest distance between windows: with 1 ms, a branch would have 86,400,000 windows a day.
const SHORTEST: Span = Span::from_millis(100);
/// The most windows around a payment. A payment changes all windows that hold it, and each is a document;
/// with many more, a hundred payments a second are too many to keep up. A week by minute is 10,080, a day by
/// second 86,400.
const OVERLAP_MAX: u64 = 100_000;
/// The longest name of a window: Elasticsearch allows 255 bytes for the whole name of an index.
const NAME_MAX: usize = 64;

/// Reads the windows of the top level `root`. A window with a problem is left out.
pub(super) fn definitions(root: &Section<'_>, zone: Tz) -> Vec<Definition> {
    let default;
    let items = match root.get("window") {
        Some(setting) => match items(setting) {
            Ok(items) => items,
            Err(message) => {
                root.problem("window", message);
                return Vec::new();
            }
        },
        None => {
            default = Table::parse(DEFAULT, &[]).unwrap_or_default();
            default
                .get("window")
                .map(items)
                .and_then(Result::ok)
                .unwrap_or_default()
        }
    };
    let mut definitions: Vec<Definition> = Vec::new();
    let mut named = Vec::new();
    // Windows that hold a payment, and the definition with the most of them.
    let (mut overlap, mut most): (u64, Option<(Definition, &Setting)>) = (0, None);
    for item in items {
        let Some(definition) = definition(item, zone, root.problems()) else {
            continue;
        };
        if definitions
            .iter()
            .any(|other| other.name() == definition.name())
        {
            let message = format!("another window is named \"{}\" already", definition.name());
            root.problems().add(ConfigProblem::new(
                origin(item, "name"),
                "window.name",
                message,
            ));
        }
        overlap = overlap.saturating_add(definition.overlap());
        let is_most = |(most, _): &(Definition, &Setting)| definition.overlap() > most.overlap();
        if most.as_ref().is_none_or(is_most) {
            most = Some((definition.clone(), item));
        }
        named.push((definition.name().to_owned(), origin(item, "name")));
        definitions.push(definition);
    }
    if let Some((definition, item)) = most.filter(|_| overlap > OVERLAP_MAX) {
        let key = key_of_distance(item);
        let message = too_many(&definition, key, overlap);
        let problem = ConfigProblem::new(origin(item, key), format!("window.{key}"), message);
        root.problems().add(problem);
    }
    for (name, origin) in &named {
        if let Some((other, _)) = named.iter().find(|(other, _)| is_within(name, other)) {
            let problem =
                ConfigProblem::new(origin.clone(), "window.name", overlapping(name, other));
            root.problems().add(problem);
        }
    }
    definitions
}

/// The key that says how far windows are apart.
fn key_of_distance(item: &Setting) -> &'static str {
    let SettingValue::Table(table) = &item.value else {
        return "size";
    };
    ["step", "slide"]
        .into_iter()
        .find(|key| table.get(key).is_some())
        .unwrap_or("size")
}

fn too_many(definition: &Definition, key: &str, overlap: u64) -> String {
    let (name, most) = (definition.name(), definition.overlap());
    let all = if most == overlap {
        String::new()
    } else {
        format!(", and {} with all definitions", grouped(overlap))
    };
    format!(
        "every payment would be in {} of \"{name}\"{all}, and change each: at most {} can be kept up; \
         give a longer {key} or a shorter size",
        counted_in_threes(most, "window"),
        grouped(OVERLAP_MAX)
    )
}

/// Whether indexes of the window `name` could be taken for those of a generation of `other`:
/// `payments-1m-g1-g1-2026.11` begins as `payments-1m-g1-2026.11` does, and no server lets the
/// templates of both stand side by side.
fn is_within(name: &str, other: &str) -> bool {
    let Some(rest) = name
        .strip_prefix(other)
        .and_then(|rest| rest.strip_prefix("-g"))
    else {
        return false;
    };
    let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    after.len() < rest.len() && (after.is_empty() || after.starts_with('-'))
}

fn overlapping(name: &str, other: &str) -> String {
    format!(
        "indexes of a window \"{name}\" can't be told from those of \"{other}\": give a name that is not \
         \"{other}\" followed by -g and a number"
    )
}

fn items(setting: &Setting) -> Result<&[Setting], String> {
    match &setting.value {
        SettingValue::Array(items) if items.is_empty() => Err(
            "there must be a window: give one, or leave the key out for the default four".into(),
        ),
        SettingValue::Array(items) if items.len() > WINDOWS_MAX => Err(format!(
            "there are {} windows: give at most {WINDOWS_MAX}",
            items.len()
        )),
        SettingValue::Array(items) => Ok(items),
        SettingValue::Table(_) => {
            Err("write [[window]], with two brackets, before each window".into())
        }
        other => Err(format!(
            "{} stands where windows belong: write [[window]] before each",
            other.kind()
        )),
    }
}

fn origin(item: &Setting, key: &str) -> SettingOrigin {
    let setting = match &item.value {
        SettingValue::Table(table) => table.get(key),
        _ => None,
    };
    setting.unwrap_or(item).origin.clone()
}

fn definition(item: &Setting, zone: Tz, problems: &Problems) -> Option<Definition> {
    let SettingValue::Table(table) = &item.value else {
        let message = format!("{} stands where a window belongs", item.value.kind());
        problems.add(ConfigProblem::new(item.origin.clone(), "window", message));
        return None;
    };
    let section = Section::new("window", &item.origin, Some(table), problems);
    let before = problems.count();
    for key in ["name", "size"] {
        if section.get(key).is_none() {
            let example = if key == "name" { "5m" } else { "1h" };
            section.problem(
                key,
                format!("every window needs one: write {key} = \"{example}\""),
            );
        }
    }
    let name = section.parsed("name", String::new(), window_name);
    let size = span(&section, "size", Duration::ZERO);
    let (offset, back) = offset(&section);
    let zone = section.zone("time_zone", zone);
    let slide = section
        .get("slide")
        .map(|_| span(&section, "slide", Duration::ZERO));
    let step = section
        .get("step")
        .map(|_| span(&section, "step", Duration::ZERO));
    if slide.is_some() && step.is_some() {
        section.problem(
            "step",
            "a window has a slide (sliding) or a step (cumulative), not both: leave one out",
        );
    }
    let lengths = [("size", Some(size)), ("slide", slide), ("step", step)];
    for (key, length) in lengths {
        // Zero has a message of its own.
        if let Some(length) = length.filter(|length| !length.is_zero() && *length < SHORTEST) {
            let millis = length.millis();
            section.problem(
                key,
                format!("{millis}ms is too short: give 100ms or more, as a branch has 864,000 windows a day then"),
            );
        }
    }
    if problems.count() > before {
        return None;
    }
    let definition = match (slide, step) {
        (_, Some(step)) => Definition::cumulative(name, size, step, offset, zone),
        (Some(slide), _) if slide != size => Definition::sliding(name, size, slide, offset, zone),
        _ => Definition::tumbling(name, size, offset, zone),
    };
    match definition.and_then(|definition| definition.shifted_back(back)) {
        Ok(definition) => Some(definition),
        Err(error) => {
            let slide = if step.is_some() { "step" } else { "slide" };
            let key = match error {
                DefinitionError::Name { .. } => "name",
                DefinitionError::OffsetTooLong { .. } => "offset",
                DefinitionError::SizeZero
                | DefinitionError::SizeTooLong { .. }
                | DefinitionError::PartDays { .. } => "size",
                _ => slide,
            };
            section.problem(key, error.to_string());
            None
        }
    }
}

/// How far the windows are shifted forward, and how far back: `-8h` begins 8 hours before midnight.
fn offset(section: &Section<'_>) -> (Span, Span) {
    let is_back = match section.get("offset").map(|setting| &setting.value) {
        Some(SettingValue::Text(text)) => text.starts_with('-'),
        _ => false,
    };
    if !is_back {
        return (span(section, "offset", Duration::ZERO), Span::ZERO);
    }
    let back = section.parsed("offset", Duration::ZERO, |text| {
        duration::parse(text.strip_prefix('-').unwrap_or(text))
            .map_err(|error| format!("\"{text}\" is not a valid offset: {error}"))
    });
    // At most 100 years.
    let millis = i64::try_from(back.as_millis()).unwrap_or(i64::MAX);
    (Span::ZERO, Span::from_millis(millis))
}

fn window_name(name: &str) -> Result<String, String> {
    if TAKEN.contains(&name) {
        return Err(format!(
            "the name \"{name}\" is not free: the index of {name} has it; give another name"
        ));
    }
    if let Some(taken) = TAKEN.iter().find(|taken| is_within(name, taken)) {
        return Err(overlapping(name, taken));
    }
    if name.len() > NAME_MAX {
        return Err(format!(
            "the name is too long for an index: give at most {NAME_MAX} characters"
        ));
    }
    Ok(name.to_owned())
}

/// A duration of event time.
pub(super) fn span(section: &Section<'_>, key: &str, default: Duration) -> Span {
    let duration = section.duration(key, default);
    // At most 100 years.
    Span::from_millis(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}
