//! The rules of the house, read from the sources: imports go down, files stay small, names say
//! something.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod circles;
mod names;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of `src/`, from the ground up. A room imports from those below its own floor only.
const FLOORS: [&[&str]; 11] = [
    &["domain"],
    &["decode"],
    &["core", "generator"],
    &["view"],
    &["host", "observe"],
    &["api", "sink", "source", "store"],
    &["flink_sql", "kibana"],
    &["config"],
    &["service"],
    &["cli"],
    &["lib", "main"],
];

/// Rooms with no clock, no I/O, no runtime and no logs: up to this floor.
const PURE: usize = 3;

/// Reading a secret's file is what it is for.
const NOT_PURE: [&str; 1] = ["src/domain/secret_file.rs"];

/// Pure though the rest of their room is not.
const PURE_TOO: [&str; 3] = [
    "src/observe/metrics.rs",
    "src/observe/remark.rs",
    "src/observe/status.rs",
];

/// How many lines a file has at most, its tests and comments included.
const LINES_MAX: usize = 400;

/// A line of the head that begins like this lets a file be longer.
const LONG_BECAUSE: &str = "//! Long because ";

#[test]
fn imports_go_down() {
    let floors = floors();
    let floor = |module: &[String]| {
        let room = module[0].as_str();
        let floor = floors.get(room);
        *floor.unwrap_or_else(|| panic!("{room} belongs to no floor: add it to tests/tidy.rs"))
    };
    let modules = circles::modules("src");
    for module in modules.keys() {
        floor(module);
    }
    let imports = circles::imports(&modules);
    assert!(imports.len() > modules.len(), "the imports are not found");
    let mut climbs: Vec<String> = imports
        .into_iter()
        .filter(|(from, to)| from[0] != to[0] && floor(to) >= floor(from))
        .map(|(from, to)| format!("{} imports {}", from.join("::"), to.join("::")))
        .collect();
    climbs.dedup();
    assert!(climbs.is_empty(), "imports that climb: {climbs:#?}");
}

#[test]
fn the_core_knows_no_clock_and_no_io() {
    let floors = floors();
    let forbidden = [
        "tokio::",
        "std::time",
        "std::fs",
        "std::net",
        "std::thread",
        "std::env",
        "tracing::",
        "SystemTime",
        "Instant::",
        "static mut",
        "OnceLock",
        "LazyLock",
        "thread_local",
    ];
    let mut found = Vec::new();
    let is_pure = |file: &PathBuf| {
        let is_one_of = |files: &[&str]| files.iter().any(|one| file.ends_with(one));
        let room = floors[module_of(file).as_str()];
        (room <= PURE && !is_one_of(&NOT_PURE)) || is_one_of(&PURE_TOO)
    };
    let core = sources("src")
        .into_iter()
        .filter(is_pure)
        .chain(sources("windows/src"));
    for file in core {
        let text = code_of(&read(&file));
        for word in forbidden {
            if text.contains(word) {
                found.push(format!("{} uses {word}", file.display()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn unsafe_code_lives_in_one_place() {
    let allowed: Vec<PathBuf> = sources("src")
        .into_iter()
        .chain(sources("windows/src"))
        .filter(|file| {
            let code = code_of(&read(file));
            code.contains("unsafe {") || code.contains("allow(unsafe_code)")
        })
        .collect();
    assert!(allowed.len() <= 1, "unsafe code in {allowed:?}");
    assert!(allowed.iter().all(|file| module_of(file) == "source"));
}

#[test]
fn files_stay_small() {
    let wrong: Vec<String> = ["src", "windows", "tests", "benches", "examples"]
        .into_iter()
        .flat_map(sources)
        .filter_map(|file| {
            let text = read(&file);
            let lines = text.lines().count();
            let is_explained = text
                .lines()
                .take_while(|line| line.starts_with("//!"))
                .any(|line| line.starts_with(LONG_BECAUSE));
            let is_long = lines > LINES_MAX;
            (is_long != is_explained).then(|| {
                let reason = if is_explained {
                    "a reason"
                } else {
                    "no reason"
                };
                format!("{}: {lines} lines and {reason}", file.display())
            })
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "above {LINES_MAX} lines, find the missing noun or say `{LONG_BECAUSE}…` in the head: {wrong:#?}"
    );
}

/// `1 payments` is wrong English: texts that count something use `count::counted`.
#[test]
fn numbers_agree_with_their_nouns() {
    let nouns = [
        "payments",
        "records",
        "documents",
        "lines",
        "messages",
        "partitions",
        "problems",
        "objects",
        "indexes",
        "rejects",
        "tombstones",
        "figures",
        "seconds",
        "differences",
    ];
    let mut found = Vec::new();
    for file in ["src", "windows/src"].into_iter().flat_map(sources) {
        for line in code_of(&read(&file)).lines() {
            let after_values = line.split('}').skip(1);
            for rest in after_values.filter_map(|rest| rest.strip_prefix(' ')) {
                let word: String = rest.chars().take_while(char::is_ascii_lowercase).collect();
                // A rate has a unit, and no noun: records/s.
                let is_unit = rest[word.len()..].starts_with('/');
                if nouns.contains(&word.as_str()) && !is_unit {
                    found.push(format!("{}: {}", file.display(), line.trim()));
                }
            }
        }
    }
    assert!(found.is_empty(), "use count::counted in {found:#?}");
}

/// An operator reads log lines: a value shows itself as words, not as Rust writes it.
#[test]
fn log_lines_never_print_rust_debug_forms() {
    let mut found = Vec::new();
    for file in ["src", "windows/src"].into_iter().flat_map(sources) {
        let code = code_of(&read(&file));
        for call in log_calls(&code) {
            let is_debug = [":?}", ":#?}"].iter().any(|form| call.contains(form))
                || debug_fields(call).next().is_some();
            if is_debug {
                found.push(format!("{}: {call}", file.display()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    // That each form would be seen.
    for (call, is_seen) in [
        ("error!(?other, \"ends\");", true),
        ("warn!(family = ?family, \"lost\");", true),
        ("warn!(reason, other = ?x, \"lost\");", true),
        ("error!(%error, at = find()?, \"it is lost\");", false),
    ] {
        let seen = log_calls(call).flat_map(debug_fields).count();
        assert_eq!(seen, usize::from(is_seen), "{call}");
    }
}

/// The calls that log, each from its name to its end.
fn log_calls(code: &str) -> impl Iterator<Item = &str> {
    ["trace!(", "debug!(", "info!(", "warn!(", "error!("]
        .into_iter()
        .flat_map(move |name| code.match_indices(name))
        .map(|(at, _)| {
            let call = &code[at..];
            &call[..call.find(");").map_or(call.len(), |end| end + 2)]
        })
}

/// Fields such as `?field` and `name = ?value`.
fn debug_fields(call: &str) -> impl Iterator<Item = usize> {
    call.match_indices('?').filter_map(|(at, _)| {
        let before = call[..at].trim_end();
        let begins = before.ends_with(['(', ',', '=']);
        let names = call[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        (begins && names).then_some(at)
    })
}

#[test]
fn names_say_something() {
    let empty = [
        "utils", "util", "common", "types", "helpers", "helper", "manager", "misc",
    ];
    let found: Vec<PathBuf> = ["src", "windows/src"]
        .into_iter()
        .flat_map(sources)
        .filter(|file| {
            file.file_stem()
                .is_some_and(|stem| empty.contains(&stem.to_str().unwrap()))
        })
        .collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn the_window_engine_needs_no_operating_system() {
    let lib = read(Path::new(&root().join("windows/src/lib.rs")));
    assert!(lib.contains("#![no_std]"));
    let manifest = read(&root().join("windows/Cargo.toml"));
    for heavy in ["tokio", "rocksdb", "rdkafka", "serde_json"] {
        assert!(!manifest.contains(heavy), "windows/ depends on {heavy}");
    }
}

fn floors() -> BTreeMap<&'static str, usize> {
    FLOORS
        .iter()
        .enumerate()
        .flat_map(|(floor, modules)| modules.iter().map(move |module| (*module, floor)))
        .collect()
}

/// The top module that a file belongs to.
fn module_of(file: &Path) -> String {
    let inside = file.strip_prefix(root()).unwrap();
    let mut parts = inside.components().skip(1);
    let first = parts.next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The text without comments and without the tests at its end.
fn code_of(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty());
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
