//! No two modules that lie beside each other import each other, directly or by way of others. A module
//! and what is inside it may.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{code_of, read, root, sources};

/// A module by the names from the root of its crate.
type Module = Vec<String>;

#[test]
fn no_modules_import_each_other_in_a_circle() {
    for folder in ["src", "windows/src"] {
        let modules: BTreeMap<Module, String> = sources(folder)
            .iter()
            .map(|file| (module_at(folder, file), code_of(&read(file))))
            // Tests look at what is beside them.
            .filter(|(module, _)| module.iter().all(|name| name != "tests"))
            .collect();
        let imports = imports(&modules);
        let parents: BTreeSet<&[String]> = modules
            .keys()
            .map(|module| &module[..module.len() - 1])
            .collect();
        for parent in parents {
            let circle = circle(&between_children(&imports, parent));
            assert!(
                circle.is_none(),
                "in {folder}/{}: {circle:?}",
                parent.join("/")
            );
        }
    }
}

#[test]
fn a_circle_is_found() {
    let imports = |arrows: &[(&str, &str)]| {
        let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in arrows {
            let from = imports.entry((*from).to_owned()).or_default();
            from.insert((*to).to_owned());
        }
        circle(&imports)
    };
    assert_eq!(imports(&[("a", "b"), ("b", "c"), ("a", "c")]), None);
    let found = imports(&[("a", "b"), ("b", "c"), ("c", "d"), ("d", "b")]);
    assert_eq!(found.unwrap(), ["b", "c", "d"]);
}

fn module_at(folder: &str, file: &Path) -> Module {
    let inside = file.strip_prefix(root().join(folder)).unwrap();
    let inside = inside.with_extension("");
    let names = inside.components();
    names
        .map(|name| name.as_os_str().to_str().unwrap().to_owned())
        .collect()
}

/// What each module names: by `crate::`, by `super::`, by `self::`.
fn imports(modules: &BTreeMap<Module, String>) -> Vec<(Module, Module)> {
    let mut found = Vec::new();
    for (module, code) in modules {
        for (prefix, depth) in [("crate::", 0), ("self::", module.len())] {
            for (at, _) in code.match_indices(prefix) {
                let paths = paths(&code[at + prefix.len()..]);
                found.extend(paths.into_iter().map(|path| (module, depth, path)));
            }
        }
        for (at, _) in code.match_indices("super::") {
            if code[..at].ends_with("super::") {
                continue;
            }
            let rest = code[at..].trim_start_matches("super::");
            let ups = (code.len() - at - rest.len()) / "super::".len();
            let depth = module.len().saturating_sub(ups);
            found.extend(paths(rest).into_iter().map(|path| (module, depth, path)));
        }
    }
    let resolved = found.into_iter().filter_map(|(module, depth, path)| {
        let path = [&module[..depth], &path].concat();
        // The longest part that is a module: what follows is an item of it.
        let target = (1..=path.len()).rev().map(|length| &path[..length]);
        let target = target
            .into_iter()
            .find(|target| modules.contains_key(*target))?;
        Some((module.clone(), target.to_vec()))
    });
    resolved.collect()
}

/// The paths at the start of `code`: `a::b::C`, or `{a::B, c}` as two.
fn paths(code: &str) -> Vec<Module> {
    let path = |text: &str| -> Module {
        let is_path = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let end = text.find(|c| !is_path(c)).unwrap_or(text.len());
        text[..end].split("::").map(str::to_owned).collect()
    };
    match code.strip_prefix('{') {
        Some(list) => {
            let list = &list[..list.find('}').unwrap_or(list.len())];
            list.split(',').map(|one| path(one.trim())).collect()
        }
        None => vec![path(code)],
    }
}

/// The arrows between the modules right below `parent`, or between what is inside them.
fn between_children(
    imports: &[(Module, Module)],
    parent: &[String],
) -> BTreeMap<String, BTreeSet<String>> {
    let child = |module: &Module| {
        let inside = module.starts_with(parent).then(|| module.get(parent.len()));
        inside.flatten().cloned()
    };
    let mut between: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in imports {
        if let (Some(from), Some(to)) = (child(from), child(to))
            && from != to
        {
            between.entry(from).or_default().insert(to);
        }
    }
    between
}

/// A circle, if there is one: what is left when all that imports nothing of it is taken away, again and
/// again, and all that nothing of it imports.
fn circle(imports: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut left: BTreeSet<&String> = imports.keys().collect();
    loop {
        let imported = |one: &&String| left.iter().any(|other| imports[*other].contains(*one));
        let imports_left = |one: &&String| imports[*one].iter().any(|other| left.contains(other));
        let next: BTreeSet<&String> = left
            .iter()
            .copied()
            .filter(|one| imported(one) && imports_left(one))
            .collect();
        if next.len() == left.len() {
            break;
        }
        left = next;
    }
    (!left.is_empty()).then(|| left.into_iter().cloned().collect())
}
