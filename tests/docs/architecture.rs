//! What ARCHITECTURE.md names is there: files and folders, functions in the files behind them, and tests.

use std::path::PathBuf;

use super::markdown::parts;
use super::{files, read, root};

/// Where a path of the page may begin.
const ROOTS: [&str; 3] = ["", "src", "tests"];

#[test]
fn every_path_function_and_test_that_the_architecture_names_is_there() {
    let page = read("ARCHITECTURE.md");
    let sources = Sources::read();
    let (mut missing, mut seen) = (Vec::new(), 0);
    for (number, line) in parts(&page).1 {
        let (names, faults) = sources.judge(line);
        seen += names;
        missing.extend(faults.into_iter().map(|fault| format!("{number}: {fault}")));
    }
    assert!(missing.is_empty(), "ARCHITECTURE.md: {missing:#?}");
    assert!(seen > 150, "only {seen} names");
}

#[test]
fn a_name_that_is_not_there_would_be_seen() {
    let sources = Sources::read();
    for bad in [
        "`source/nothing.rs`",
        "`lab/nothing/`",
        "`Engine::nothing`",
        "`Engine::insert` (`decode.rs`)",
        "`Marks::nothing`, `Marks::clear` (`store/mark.rs`)",
        "`nothing` (`decode.rs`)",
        "`there_is_no_such_test`",
    ] {
        assert_eq!(sources.judge(bad).1.len(), 1, "{bad}");
    }
    for good in [
        "`source/native.rs`, `src/`, `docs/adr/`",
        "`Engine::insert`",
        "`Marks::set`, `Marks::clear` (`store/mark.rs`), `classify` (`sink/retry.rs`)",
        "`Feedback::Delivered`, `config::Error`, `/api/v1/late`, `api/<noun>.rs`, `version_type=external_gte`",
        "`every_path_function_and_test_that_the_architecture_names_is_there`",
    ] {
        assert_eq!(sources.judge(good).1, [""; 0], "{good}");
    }
}

/// All sources: of the service, the engine and the tests.
struct Sources(Vec<String>);

impl Sources {
    fn read() -> Self {
        let folders = ["src", "windows", "tests"];
        let paths = folders.iter().flat_map(|folder| files(folder, "rs"));
        Self(paths.map(|path| read(&path)).collect())
    }

    /// How many names `line` has that can be looked up, and which of them are not there.
    fn judge(&self, line: &str) -> (usize, Vec<String>) {
        let (mut names, mut faults) = (0, Vec::new());
        let pieces: Vec<&str> = line.split('`').collect();
        for at in (1..pieces.len()).step_by(2) {
            let name = pieces[at];
            let (kind, function) = name.rsplit_once("::").unwrap_or(("", name));
            if kind.contains(' ') {
                continue;
            }
            let is_there = if is_path(name) {
                place_of(name).is_some()
            } else if !is_snake(function) {
                continue;
            } else if let Some(file) = file_behind(&pieces, at) {
                let text = place_of(file).map(|file| read(file.to_str().unwrap()));
                text.is_some_and(|text| has(&text, kind, function))
            } else if kind.starts_with(char::is_uppercase) || function.matches('_').count() > 2 {
                self.0.iter().any(|text| has(text, kind, function))
            } else {
                continue;
            };
            names += 1;
            if !is_there {
                faults.push(format!("{name} is not there"));
            }
        }
        (names, faults)
    }
}

/// Whether `text` has a function of that name, of the type `kind` if it is named.
fn has(text: &str, kind: &str, function: &str) -> bool {
    let has_function = ["(", "<"]
        .iter()
        .any(|end| text.contains(&format!("fn {function}{end}")));
    has_function && text.contains(kind)
}

/// The file in brackets behind the name at `at`, or behind the list that the name is in.
fn file_behind<'a>(pieces: &[&'a str], at: usize) -> Option<&'a str> {
    let mut at = at;
    while pieces.get(at + 1) == Some(&", ") {
        at += 2;
    }
    let file = pieces.get(at + 2).filter(|file| is_path(file))?;
    (pieces[at + 1] == " (").then_some(file)
}

fn is_path(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    text.chars().all(is_plain)
        && !text.starts_with(['/', '.'])
        && (text.contains('/') || text.ends_with(".rs"))
}

fn is_snake(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
}

fn place_of(path: &str) -> Option<PathBuf> {
    let places = ROOTS.iter().map(|folder| root().join(folder).join(path));
    places.into_iter().find(|place| place.exists())
}
