//! The names of branches: `[branches]`.

use std::collections::BTreeMap;

use super::problem::ConfigProblem;
use super::raw::SettingValue;
use super::section::Section;
use crate::decode::mapping::Mapping;
use crate::domain::branch_key::BranchKey;
use crate::domain::branch_names::BranchNames;
use crate::domain::payment::BranchId;

/// A document's id in Elasticsearch has at most 512 bytes, and this much is enough for a name.
const NAME_MAX: usize = 256;

/// Reads the section. Names are ids of documents, so no two branches may have the same.
///
/// `mapping` says what branches may be.
pub(super) fn read(section: &Section<'_>, mapping: &Mapping) -> BranchNames {
    let has_texts = mapping.has_texts();
    let mut names = BTreeMap::new();
    let Some(table) = section.table() else {
        return of_texts(BranchNames::default(), has_texts);
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
    let mut by_name: BTreeMap<String, BranchKey> = BTreeMap::new();
    for (key, entry) in &table.entries {
        let id = match branch(key, has_texts) {
            Ok(id) => id,
            Err(message) => {
                problem(key, message);
                continue;
            }
        };
        if matches!(id, BranchKey::Integer(_)) && !mapping.has_integers() {
            problem(
                key,
                format!(
                    "no branch is {key}, as payment.branch or payment.currencies puts it together with \
                     other text: give the whole branch in quotes, such as \"{key}/EUR\""
                ),
            );
            continue;
        }
        let SettingValue::Text(name) = &entry.setting.value else {
            let kind = entry.setting.value.kind();
            problem(key, format!("{kind} stands where a name in quotes belongs"));
            continue;
        };
        if let Some(message) = refusal(name, &id) {
            problem(key, message);
            continue;
        }
        if let Some(other) = by_name.insert(name.clone(), id.clone()) {
            problem(
                key,
                format!("\"{name}\" is the name of branch {other} already: give another"),
            );
        }
        names.insert(id, name.clone());
    }
    let names = of_texts(BranchNames::new(names), has_texts);
    for (name, id) in &by_name {
        let is_other = |other: &BranchKey| other != id;
        let itself = name.parse().ok().filter(is_other);
        if itself.is_some_and(|other| other.is_text() && names.is_listed(&other)) {
            problem(
                &id.to_string(),
                format!("\"{name}\" is another branch, which is listed too: give a name"),
            );
        }
        let unlisted = names.unlisted(name).filter(is_other);
        if let Some(other) = unlisted.filter(|other| names.has_texts() || !other.is_text()) {
            problem(
                &id.to_string(),
                format!(
                    "\"{name}\" is what branch {other} is called while it is not listed: give another"
                ),
            );
        }
    }
    names
}

fn of_texts(names: BranchNames, has_texts: bool) -> BranchNames {
    if has_texts { names.with_texts() } else { names }
}

/// The branch that `key` is, or why it is none.
fn branch(key: &str, has_texts: bool) -> Result<BranchKey, String> {
    match key.parse::<BranchKey>() {
        Ok(BranchKey::Text(_)) if !has_texts => Err(format!(
            "\"{key}\" is not a branch id: give an id from 0 to {} = \"name\"; a branch can be a text \
             if payment.branch_type is \"any\"",
            BranchId::MAX.get()
        )),
        Ok(branch) => Ok(branch),
        Err(error) => Err(format!("{key:?} is not a branch id: {error}")),
    }
}

fn refusal(name: &str, id: &BranchKey) -> Option<String> {
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
        Ok(other) if BranchKey::Integer(other) != *id => Some(format!(
            "\"{name}\" is the id of another branch: give a name"
        )),
        _ => None,
    }
}
