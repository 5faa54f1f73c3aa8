//! Plain English: phrases that read as translated stand in no page, help text, error, label or comment.

use super::markdown::pages;
use super::{files, read};

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
fn pages_help_errors_labels_and_comments_are_plain_english() {
    let mut found = Vec::new();
    let texts = [
        "tidegauge.example.toml",
        "compose.yml",
        "Makefile",
        "ui/index.html",
        "ops/kubernetes/maintenance.yml.example",
        "ops/kubernetes/secret.yml.example",
        "ops/kubernetes/tidegauge.yml",
        "ops/nginx/tidegauge.conf",
        "ops/prometheus/alerts.yml",
        "ops/sbom",
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
        // Texts of tests are seen by readers of the code only, as examples of what users write.
        let is_test = source.ends_with("tests.rs") || source.contains("/tests/");
        let text = read(&source);
        let mut parts = text.splitn(2, "#[cfg(test)]\nmod tests {");
        let (quotes, comments) = words_of(parts.next().unwrap());
        let of_tests = parts.next().map(words_of);
        let quotes = if is_test { Vec::new() } else { quotes };
        let comments = comments
            .into_iter()
            .chain(of_tests.into_iter().flat_map(|(_, comments)| comments));
        for text in quotes.into_iter().chain(comments) {
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
    let code = "/// One\n    /// sentence.\nlet a: &'static str = \"one \\\n    two\"; let b = ('\"', '\\'', r#\"raw\"#); // Why.";
    let (quotes, comments) = words_of(code);
    assert_eq!(quotes, ["one two", "raw"]);
    assert_eq!(comments, ["One sentence.", "Why."]);
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
            [
                "is" | "are" | "was" | "were",
                "no",
                "further" | "longer" | "more",
                ..,
            ] => None,
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

/// What stands in quotes in `code`, and its comments; lines of one comment are one text.
fn words_of(code: &str) -> (Vec<String>, Vec<String>) {
    let mut quotes = Vec::new();
    let mut comments: Vec<String> = Vec::new();
    let mut is_continued = false;
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let end = if rest.starts_with("//") {
            let end = rest.find('\n').unwrap_or(rest.len());
            let line = rest[..end].trim_start_matches(['/', '!']).trim();
            match comments.last_mut() {
                Some(before) if is_continued && !line.is_empty() => {
                    before.push(' ');
                    before.push_str(line);
                }
                _ => comments.push(line.to_owned()),
            }
            is_continued = true;
            rest = &rest[end..];
            continue;
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            let end = raw.find("\"#").unwrap();
            quotes.push(raw[..end].to_owned());
            end + 5
        } else if let Some(text) = rest.strip_prefix('"') {
            let end = end_of(text);
            quotes.push(joined(&text[..end]));
            end + 2
        } else if rest.starts_with("'\\") {
            3 + rest[3..].find('\'').unwrap()
        } else if rest.starts_with("'\"'") {
            3
        } else {
            first.len_utf8()
        };
        is_continued = is_continued && first.is_whitespace();
        rest = &rest[end..];
    }
    (quotes, comments)
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
