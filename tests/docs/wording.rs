//! Plain English: phrases that read as translated stand in no page, help text, error or label.
//!
//! Comments of the code are not read, but for those that become help texts (`src/cli/arguments/`) and those of the
//! page (`ui/`).

use std::fs;
use std::path::{Path, PathBuf};

use super::markdown::pages;
use super::{read, root};

/// Phrases, and what to write in their place.
const BANNED: [(&str, &str); 29] = [
    ("whoever", "name the reader, the client or the operator"),
    ("anew", "again"),
    ("for ever", "without end, or what stops it"),
    ("lets us not", "denies access"),
    ("let us in", "denies access"),
    ("nobody", "no client, no test, no service, …"),
    ("somebody", "an operator, a user, …"),
    ("everybody", "every user, every client, …"),
    ("mend", "fix, correct or repair"),
    ("mends", "fixes, corrects or repairs"),
    ("mended", "fixed, corrected or repaired"),
    ("goes on", "continues"),
    ("go on", "continue"),
    ("went on", "continued"),
    ("gone on", "continued"),
    ("goes as it came", "disappears again"),
    ("went as it came", "disappeared again"),
    ("came back from", "name what happened"),
    ("what there is", "name the thing"),
    ("that is none", "that is not valid"),
    ("that are none", "that are not valid"),
    ("does nothing", "a no-op"),
    ("makes no sense", "can't be read"),
    ("growing windows", "cumulative windows"),
    ("windows grow", "windows are cumulative"),
    ("so far windows", "cumulative windows"),
    ("growing every", "cumulative by"),
    ("proxy's work", "say what the proxy must do"),
    ("list of late payments", "list of payments in no window"),
];

/// Where a phrase stands for a reason: the end of a path, and the phrase.
const ALLOWED: [(&str, &str); 0] = [];

#[test]
fn pages_help_errors_and_labels_are_plain_english() {
    let mut found = Vec::new();
    let texts = [
        "tidegauge.example.toml",
        "compose.yml",
        "Makefile",
        "ui/index.html",
        "ops/prometheus/alerts.yml",
        "kibana/tidegauge.ndjson",
    ];
    let pages = pages("").into_iter().chain(texts.map(str::to_owned));
    for page in pages {
        found.extend(faults(&page, &read(&page)));
    }
    for script in files("ui", "js") {
        found.extend(faults(&script, &read(&script)));
    }
    for source in ["src", "windows/src"].iter().flat_map(|at| files(at, "rs")) {
        if source.ends_with("tests.rs") || source.contains("/tests/") {
            continue;
        }
        let is_help = source.starts_with("src/cli/arguments");
        let text = read(&source);
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for text in shown(code, is_help) {
            found.extend(faults(&source, &text));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn each_kind_of_phrase_would_be_seen() {
    for bad in [
        "\"5 m\" is no length of time",
        "an offset that\nis none",
        "these are no payments",
        "reading goes on\nafterwards",
        "Whoever asks",
    ] {
        assert_eq!(faults("page", bad).len(), 1, "{bad}");
    }
    for good in [
        "there is no such file",
        "the lag is no longer known",
        "there are no branches yet",
        "`judged_anew` is the name of a test, and TidegaugeLagGrowing of an alert",
    ] {
        assert_eq!(faults("page", good), [""; 0], "{good}");
    }
    let code = "// whoever\n/// Help.\nlet a: &'static str = \"one \\\n    two\"; let b = ('\"', '\\'', r#\"raw\"#);";
    assert_eq!(shown(code, false), ["one two", "raw"]);
    assert_eq!(shown(code, true), ["Help.", "one two", "raw"]);
}

/// What is wrong in `text`, each with the words around it.
fn faults(path: &str, text: &str) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || "_-'…".contains(c);
    let lower = text.to_lowercase().replace('’', "'");
    let words: Vec<&str> = lower
        .split(|c: char| !is_word(c))
        .filter(|word| !word.is_empty())
        .collect();
    let mut found = Vec::new();
    for at in 0..words.len() {
        let rest = &words[at..];
        let is_there = at > 0 && words[at - 1] == "there";
        let phrase = match rest {
            ["is" | "are" | "was" | "were", "no", "longer" | "more", ..] => None,
            ["is" | "are" | "was" | "were", "no", ..] if !is_there => Some(("is no", "is not a")),
            _ => BANNED.into_iter().find(|(phrase, _)| {
                let mut rest = rest.iter();
                phrase.split(' ').all(|word| rest.next() == Some(&word))
            }),
        };
        let is_allowed = |phrase: &str| {
            ALLOWED
                .iter()
                .any(|(end, allowed)| path.ends_with(end) && *allowed == phrase)
        };
        if let Some((phrase, right)) = phrase.filter(|(phrase, _)| !is_allowed(phrase)) {
            let around = &words[at.saturating_sub(6)..(at + 8).min(words.len())];
            let around = around.join(" ");
            found.push(format!(
                "{path}: \"{phrase}\", write \"{right}\": … {around} …"
            ));
        }
    }
    found
}

/// The texts in `code` that its users see: what stands in quotes, and comments if they are help texts.
fn shown(code: &str, is_help: bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let end = if rest.starts_with("//") {
            let end = rest.find('\n').unwrap_or(rest.len());
            if let Some(help) = rest[..end].strip_prefix("/// ").filter(|_| is_help) {
                found.push(help.to_owned());
            }
            end
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            let end = raw.find("\"#").unwrap();
            found.push(raw[..end].to_owned());
            end + 5
        } else if let Some(text) = rest.strip_prefix('"') {
            let end = end_of(text);
            found.push(joined(&text[..end]));
            end + 2
        } else if rest.starts_with("'\\") {
            3 + rest[3..].find('\'').unwrap()
        } else if rest.starts_with("'\"'") {
            3
        } else {
            first.len_utf8()
        };
        rest = &rest[end..];
    }
    found
}

/// Where the quotes close.
fn end_of(text: &str) -> usize {
    let mut is_escaped = false;
    text.find(|c| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    })
    .unwrap()
}

/// Without the breaks after which a string continues in the next line.
fn joined(text: &str) -> String {
    let mut parts = text.split("\\\n");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| text + part.trim_start())
}

/// The files with that ending below `folder`, as paths from the root; not those of others.
fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    walk(&root().join(folder), ending, &mut found);
    let paths = found.iter().map(|path| path.strip_prefix(root()).unwrap());
    paths.map(|path| path.display().to_string()).collect()
}

fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("vendor") {
            walk(&path, ending, found);
        } else if path.extension().is_some_and(|other| other == ending) {
            found.push(path);
        }
    }
}
