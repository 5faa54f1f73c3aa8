//! No two modules that lie beside each other import each other, directly or by way of others. A module
//! and what is inside it may.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{code_of, read, root, sources};

/// A module by the names from the root of its crate.
pub type Module = Vec<String>;

#[test]
fn no_modules_import_each_other_in_a_circle() {
    for folder in ["src", "windows/src"] {
        let mut modules = modules(folder);
        // Tests look at what is beside them.
        modules.retain(|module, _| module.iter().all(|name| name != "tests"));
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

/// The modules in `folder`, with their code without tests and comments.
pub fn modules(folder: &str) -> BTreeMap<Module, String> {
    sources(folder)
        .iter()
        .map(|file| (module_at(folder, file), code_of(&read(file))))
        .collect()
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
pub fn imports(modules: &BTreeMap<Module, String>) -> Vec<(Module, Module)> {
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

/// The paths at the start of `code`: `a::b::C`, or `{a::{B, c}, d}` as three.
fn paths(code: &str) -> Vec<Module> {
    tree(code).0
}

/// The paths of the tree of imports that `code` begins with, and what follows it.
fn tree(code: &str) -> (Vec<Module>, &str) {
    let mut rest = code.trim_start();
    let Some(group) = rest.strip_prefix('{') else {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (name, after) = rest.split_at(rest.find(|c| !is_name(c)).unwrap_or(rest.len()));
        let name = name.to_owned();
        let Some(inner) = after.strip_prefix("::") else {
            return (vec![vec![name]], after);
        };
        let (inner, after) = tree(inner);
        let below = |path: Module| [vec![name.clone()], path].concat();
        return (inner.into_iter().map(below).collect(), after);
    };
    let mut found = Vec::new();
    rest = group.trim_start();
    while !rest.is_empty() && !rest.starts_with('}') {
        let (inner, after) = tree(rest);
        found.extend(inner);
        // What can't be read, such as `as _`, ends with the element.
        let after = &after[after.find([',', '}']).unwrap_or(after.len())..];
        rest = after.trim_start_matches(',').trim_start();
    }
    (found, rest.strip_prefix('}').unwrap_or(rest))
}

#[test]
fn groups_of_imports_are_read() {
    let read = |code| -> Vec<String> { paths(code).iter().map(|path| path.join("/")).collect() };
    assert_eq!(read("a::b::C;"), ["a/b/C"]);
    assert_eq!(read("{a::{B, c as _}, d::e}; x::y"), ["a/B", "a/c", "d/e"]);
    assert_eq!(
        read("a::{\n    b::{C, D},\n    self,\n};"),
        ["a/b/C", "a/b/D", "a/self"]
    );
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
