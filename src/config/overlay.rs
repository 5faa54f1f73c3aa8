//! Settings from the environment and from flags, laid over those of the file.

use std::collections::btree_map;

use super::keys::{self, FREE, join};
use super::problem::{ConfigProblem, Problems, SettingOrigin};
use super::raw::{Setting, SettingValue, Table, TableEntry};
use super::variables::{self, PREFIX};

/// Lays one variable over `table`, if it is ours.
///
/// `TIDEGAUGE_A__B` is the key `a.b`. In `kafka.properties` a further `_` stands for a dot:
/// `TIDEGAUGE_KAFKA__PROPERTIES__SECURITY_PROTOCOL` is `security.protocol`. A variable without `__`
/// that is neither a key nor [known elsewhere](variables) is a typing error.
pub(super) fn variable(table: &mut Table, name: &str, value: &str, problems: &Problems) {
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return;
    };
    let mut path: Vec<String> = rest.split("__").map(str::to_lowercase).collect();
    // A text that is a branch has capitals.
    if let Some((section, branch)) = rest.split_once("__")
        && section.eq_ignore_ascii_case("branches")
    {
        path = vec!["branches".to_owned(), branch.to_owned()];
    }
    let properties = matches!(path.as_slice(), [a, b, _, ..] if a == "kafka" && b == "properties");
    if properties {
        let name = path.split_off(2).join(".").replace('_', ".");
        path.push(name);
    }
    let origin = SettingOrigin::Variable(name.to_owned());
    if let [only] = path.as_slice() {
        let known = keys::of("").unwrap_or_default();
        if !known.contains(&only.as_str()) {
            if !variables::is_known_elsewhere(rest) {
                problems.add(ConfigProblem::new(origin, "", variables::unknown(name)));
            }
            return;
        }
    }
    insert(table, &path, value, &origin, problems);
}

/// Lays the setting that a flag gives for the full name `key` over `table`.
pub(super) fn flag(table: &mut Table, flag: &str, key: &str, value: &str, problems: &Problems) {
    let free = FREE
        .iter()
        .find_map(|section| Some((section, key.strip_prefix(section)?.strip_prefix('.')?)));
    let path: Vec<String> = match free {
        Some((section, rest)) => section
            .split('.')
            .chain([rest])
            .map(str::to_owned)
            .collect(),
        None => key.split('.').map(str::to_owned).collect(),
    };
    insert(
        table,
        &path,
        value,
        &SettingOrigin::Flag(flag.to_owned()),
        problems,
    );
}

/// Refuses the key or section of the full name `key` where `table` has it.
pub(super) fn refuse(table: &Table, key: &str, why: &str, problems: &Problems) {
    let mut here = Some(table);
    let mut found = None;
    for part in key.split('.') {
        found = here.and_then(|table| table.entries.get(part));
        here = match found.map(|entry| &entry.setting.value) {
            Some(SettingValue::Table(inner)) => Some(inner),
            _ => None,
        };
    }
    let Some(entry) = found else { return };
    // What is set in a section is more to the point than its head.
    let inner = match &entry.setting.value {
        SettingValue::Table(inner) => inner.entries.iter().next(),
        _ => None,
    };
    let (name, origin) = match inner {
        Some((name, inner)) => (join(key, name), &inner.key),
        None => (key.to_owned(), &entry.key),
    };
    problems.add(ConfigProblem::new(origin.clone(), name, why));
}

fn insert(
    table: &mut Table,
    path: &[String],
    value: &str,
    origin: &SettingOrigin,
    problems: &Problems,
) {
    let mut table = table;
    let mut section = String::new();
    let Some((last, sections)) = path.split_last() else {
        return;
    };
    for name in sections {
        section = join(&section, name);
        let entry = match table.entries.entry(name.clone()) {
            btree_map::Entry::Occupied(entry) => entry.into_mut(),
            btree_map::Entry::Vacant(entry) => entry.insert(TableEntry {
                key: origin.clone(),
                setting: Setting {
                    origin: origin.clone(),
                    value: SettingValue::Table(Table::default()),
                },
            }),
        };
        let kind = entry.setting.value.kind();
        let SettingValue::Table(inner) = &mut entry.setting.value else {
            let message =
                format!("{section} is {kind}, so a flag or a variable can't set a key in it");
            problems.add(ConfigProblem::new(
                origin.clone(),
                join(&section, last),
                message,
            ));
            return;
        };
        table = inner;
    }
    let setting = Setting {
        origin: origin.clone(),
        value: SettingValue::Text(value.to_owned()),
    };
    let full = join(&section, last);
    let setting = if is_list_or_section(&full) {
        match Setting::parse(value, origin) {
            Ok(setting) => setting,
            Err(error) => {
                let message = format!("this is not TOML: {error}");
                problems.add(ConfigProblem::new(origin.clone(), full, message));
                return;
            }
        }
    } else {
        if section != "kafka.properties" && is_quoted(value) {
            let message = "a variable or a flag takes text as it is: leave the quotes out";
            problems.add(ConfigProblem::new(origin.clone(), full, message));
            return;
        }
        setting
    };
    let key = origin.clone();
    table
        .entries
        .insert(last.clone(), TableEntry { key, setting });
}

// As a file has it.
fn is_quoted(value: &str) -> bool {
    ['"', '\'']
        .iter()
        .any(|quote| value.len() > 1 && value.starts_with(*quote) && value.ends_with(*quote))
}

// These hold lists and sections, which a variable gives in TOML: TIDEGAUGE_BRANCHES='{0="North"}'.
fn is_list_or_section(full: &str) -> bool {
    keys::of(full).is_some() || FREE.contains(&full)
}
