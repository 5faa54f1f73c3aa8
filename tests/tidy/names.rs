//! One word, one meaning: a type's name stands in one module only, but for those that the glossary lists.

use std::collections::{BTreeMap, BTreeSet};

use super::{code_of, read, root, sources};

/// Where the glossary lists the names that several modules have.
const LIST: &str = "Names of types that several modules have:";

#[test]
fn a_types_name_stands_in_one_module_only_or_in_the_glossary() {
    let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in ["src", "windows/src"].into_iter().flat_map(sources) {
        let path = file.strip_prefix(root()).unwrap().display().to_string();
        if path.contains("/tests") {
            continue;
        }
        for name in declared(&code_of(&read(&file))) {
            places.entry(name).or_default().insert(path.clone());
        }
    }
    let listed = listed(&read(&root().join("ARCHITECTURE.md")));
    let several: BTreeMap<_, _> = places.iter().filter(|(_, files)| files.len() > 1).collect();
    let unlisted: Vec<_> = several
        .iter()
        .filter(|(name, _)| !listed.contains(name.as_str()))
        .collect();
    assert!(
        unlisted.is_empty(),
        "give them other names, or list them in the glossary: {unlisted:#?}"
    );
    let unneeded: Vec<_> = listed
        .iter()
        .filter(|name| !several.contains_key(name))
        .collect();
    assert!(
        unneeded.is_empty(),
        "the glossary lists names that one module has: {unneeded:?}"
    );
}

#[test]
fn declarations_are_found() {
    let code = "pub(super) struct Row<'a> {}\n    enum Step { Next }\npub trait Reading: Send {}\n\
                let structure = 1; impl Row<'_> {}";
    assert_eq!(declared(code), ["Row", "Step", "Reading"]);
    let glossary = format!("- {LIST} `Error` (one for each module), `Config`.\n- `Other`");
    let listed: Vec<String> = listed(&glossary).into_iter().collect();
    assert_eq!(listed, ["Config", "Error"]);
}

/// The names of the types that `code` declares.
fn declared(code: &str) -> Vec<String> {
    let words = |line: &str| {
        let mut words = line.split_whitespace();
        let kind = words.find(|word| !word.starts_with("pub") && !word.ends_with(')'))?;
        let name = words.next()?;
        let end = name
            .find(|c: char| !c.is_alphanumeric())
            .unwrap_or(name.len());
        let is_type = ["struct", "enum", "trait"].contains(&kind);
        is_type.then(|| name[..end].to_owned())
    };
    code.lines().filter_map(words).collect()
}

/// The names in backticks on the line of the glossary.
fn listed(architecture: &str) -> BTreeSet<String> {
    let line = architecture.lines().find(|line| line.contains(LIST));
    let rest = line.and_then(|line| line.split_once(LIST)).expect(LIST).1;
    rest.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}
