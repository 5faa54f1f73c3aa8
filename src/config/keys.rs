//! Finds keys that do not exist, and the key that was probably meant.

use super::key::{self, SECTIONS};
use super::problem::{ConfigProblem, Problems};
use super::raw::{Setting, SettingValue, Table};

/// The sections whose keys the operator chooses.
pub(super) const FREE: [&str; 2] = ["kafka.properties", "branches"];

/// The names of the keys of a section, if it is one whose keys are fixed.
pub(super) fn of(section: &str) -> Option<Vec<&'static str>> {
    Some(key::of(section)?.iter().map(|key| key.name).collect())
}

/// Finds every key below `table`, the section `section`, that does not exist.
pub(super) fn check(section: &str, table: &Table, problems: &Problems) {
    let Some(known) = of(section) else { return };
    for (key, entry) in &table.entries {
        let path = join(section, key);
        if !known.contains(&key.as_str()) {
            let message = unknown(section, key, &known);
            problems.add(ConfigProblem::new(entry.key.clone(), path, message));
            continue;
        }
        check_setting(&path, &entry.setting, problems);
    }
}

fn check_setting(path: &str, setting: &Setting, problems: &Problems) {
    match &setting.value {
        SettingValue::Table(table) => check(path, table, problems),
        SettingValue::Array(items) => {
            for item in items {
                check_setting(path, item, problems);
            }
        }
        _ => {}
    }
}

/// `key` in `section`, in full.
pub(super) fn join(section: &str, key: &str) -> String {
    if section.is_empty() {
        key.to_owned()
    } else {
        format!("{section}.{key}")
    }
}

/// The known word most like `word`, with the number of letters that differ.
pub(super) fn closest<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<(&'a str, usize)> {
    known
        .into_iter()
        .map(|candidate| {
            // A secret that stands where the path of its file belongs.
            let stem = candidate.strip_suffix("_file").unwrap_or(candidate);
            let distance = |known| strsim::osa_distance(word, known);
            (candidate, distance(candidate).min(distance(stem)))
        })
        .min_by_key(|(_, distance)| *distance)
}

fn unknown(section: &str, key: &str, known: &[&str]) -> String {
    let location = match section {
        "" => "at the top level".to_owned(),
        "window" => "in [[window]]".to_owned(),
        section => format!("in [{section}]"),
    };
    let elsewhere = SECTIONS
        .iter()
        .find(|known| known.name != section && known.keys.iter().any(|other| other.name == key));
    let (near, distance) = closest(key, known.iter().copied()).unwrap_or_default();
    let advice = match elsewhere {
        Some(known) if distance > 2 => {
            let full = join(known.name, key);
            format!("did you mean \"{full}\"? The closest here is \"{near}\"")
        }
        _ if section == "kafka" && distance > 2 => {
            let properties = "properties of librdkafka belong in [kafka.properties]";
            format!("{properties}. The closest here is \"{near}\"")
        }
        _ => match near.strip_suffix("_file") {
            Some(stem) if strsim::osa_distance(key, near) > strsim::osa_distance(key, stem) => {
                format!("did you mean \"{near}\"? It takes the path of a file")
            }
            _ => format!("did you mean \"{near}\"?"),
        },
    };
    let known = known.join(", ");
    format!("there is no such key {location}: {advice} (known here: {known})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_place_of_its_file_is_sent_to_the_key_of_the_file() {
        for (section, key, right) in [
            ("http", "token", "token_file"),
            ("http", "tokn", "token_file"),
            ("elasticsearch", "password", "password_file"),
            ("elasticsearch", "passwd", "password_file"),
            ("elasticsearch", "api_key", "api_key_file"),
            ("elasticsearch", "apikey", "api_key_file"),
            ("elasticsearch", "ca", "ca_file"),
            ("kibana", "password", "password_file"),
            ("kibana", "api_key", "api_key_file"),
        ] {
            let told = unknown(section, key, &of(section).unwrap_or_default());
            let words = format!("did you mean \"{right}\"? It takes the path of a file");
            assert!(told.contains(&words), "{section}.{key}: {told}");
        }
        let told = unknown("http", "token_fil", &of("http").unwrap_or_default());
        assert!(told.contains("did you mean \"token_file\"? ("), "{told}");
        let told = unknown("http", "liste", &of("http").unwrap_or_default());
        assert!(told.contains("did you mean \"listen\"?"), "{told}");
    }

    #[test]
    fn a_key_of_another_section_is_sent_there() {
        let known = of("").unwrap_or_default();
        assert!(unknown("", "brokers", &known).contains("\"kafka.brokers\""));
        assert!(unknown("", "stat_dir", &known).contains("\"state_dir\""));
    }
}
