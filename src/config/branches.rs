//! The names of branches: `[branches]`.

use std::collections::BTreeMap;

use super::problem::ConfigProblem;
use super::raw::SettingValue;
use super::section::Section;
use crate::domain::branch::Branches;
use crate::domain::payment::BranchId;

/// A document's id in Elasticsearch has at most 512 bytes, and this much is enough for a name.
const NAME_MAX: usize = 256;

/// Reads the section. Names are ids of documents, so no two branches may have the same.
pub(super) fn read(section: &Section<'_>) -> Branches {
    let mut names = BTreeMap::new();
    let Some(table) = section.table() else {
        return Branches::default();
    };
    let problem = |key: &str, message: String| {
        let entry = table.entries.get(key);
        if let Some(entry) = entry {
            let full = format!("branches.{key}");
            section
                .problems()
                .add(ConfigProblem::new(entry.key.clone(), full, message));
        }
    };
    let mut by_name: BTreeMap<String, BranchId> = BTreeMap::new();
    for (key, entry) in &table.entries {
        let Ok(id) = key.parse::<BranchId>() else {
            problem(
                key,
                format!(
                    "\"{key}\" is not a branch id: give an id from 0 to {} = \"name\"",
                    BranchId::MAX
                ),
            );
            continue;
        };
        let SettingValue::Text(name) = &entry.setting.value else {
            let kind = entry.setting.value.kind();
            problem(key, format!("{kind} stands where a name in quotes belongs"));
            continue;
        };
        if let Some(message) = refusal(name, id) {
            problem(key, message);
            continue;
        }
        if let Some(other) = by_name.insert(name.clone(), id) {
            problem(
                key,
                format!("\"{name}\" is the name of branch {other} already: give another"),
            );
        }
        names.insert(id, name.clone());
    }
    for (name, id) in &by_name {
        let unlisted = name.strip_prefix("Branch_").and_then(|id| id.parse().ok());
        if let Some(other) = unlisted.filter(|other| other != id && !names.contains_key(other)) {
            problem(
                &id.to_string(),
                format!(
                    "\"{name}\" is what branch {other} is called while it is not listed: give another"
                ),
            );
        }
    }
    Branches::new(names)
}

fn refusal(name: &str, id: BranchId) -> Option<String> {
    if name.trim() != name || name.is_empty() || name.contains(char::is_control) {
        return Some(
            "a name can't be empty, begin or end with a space, or hold control characters".into(),
        );
    }
    if name.len() > NAME_MAX {
        return Some(format!(
            "the name has {} bytes: give at most {NAME_MAX}",
            name.len()
        ));
    }
    match name.parse::<BranchId>() {
        Ok(other) if other != id => Some(format!(
            "\"{name}\" is the id of another branch: give a name"
        )),
        _ => None,
    }
}
