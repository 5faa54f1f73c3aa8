//! There is one way to change a rule, and every page says that one.

use super::markdown::pages;
use super::read;

/// The one way.
const COMMAND: &str = "tidegauge replay --swap --accept-differences";

/// Where it is told.
const TELLING: [&str; 5] = [
    "README.md",
    "docs/replay.md",
    "docs/how-to/upgrade.md",
    "tidegauge.example.toml",
    "src/store/error.rs",
];

/// Where it is linked to.
const LINKING: [&str; 4] = [
    "docs/configuration.md",
    "docs/how-to/late-data.md",
    "docs/how-to/time-zones.md",
    "docs/runbook.md",
];

/// What a paragraph about rules has in it.
const ABOUT_RULES: [&str; 6] = [
    "rule",
    "time_zone",
    "allowed_lateness",
    "out_of_orderness",
    "max_future",
    "decides figures",
];

/// The old way: it leaves the documents of the old rules behind the alias, where they win.
const OLD_WAY: [&str; 8] = [
    "new state",
    "new prefix",
    "new index_prefix",
    "new elasticsearch.index_prefix",
    "new directory",
    "another prefix and",
    "state_dir to a new",
    "state-2",
];

#[test]
fn every_page_says_the_same_one_way_to_change_a_rule() {
    for page in TELLING {
        assert!(one_line(&read(page)).contains(COMMAND), "{page}");
    }
    for page in LINKING {
        assert!(read(page).contains("upgrade.md#changing-a-rule"), "{page}");
    }
    let mut found = Vec::new();
    let pages = pages("docs").into_iter().chain(TELLING.map(str::to_owned));
    for page in pages.filter(|page| !page.ends_with(".rs")) {
        found.extend(old_advice(&read(&page)).map(|text| format!("{page}: {text}")));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_old_ways_of_changing_a_rule_would_be_seen() {
    for old in [
        "# (rule) marks a change needs\n# a new state_dir and a new elasticsearch.index_prefix",
        "If `time_zone` was wrong here, begin a new state with the right one",
        "`allowed_lateness` is too short for this source; a longer one needs a new state.",
        "so a change of rules needs a new `index_prefix` today",
    ] {
        assert_eq!(old_advice(old).count(), 1, "{old}");
    }
    let other = "A topic that was recreated needs a new state directory, and a new index prefix.";
    assert_eq!(old_advice(other).count(), 0);
}

/// The paragraphs that tell the old way.
fn old_advice(text: &str) -> impl Iterator<Item = String> {
    let text = text.replace("\r\n", "\n").replace("\n#\n", "\n\n");
    let paragraphs: Vec<String> = text.split("\n\n").map(one_line).collect();
    paragraphs.into_iter().filter(|paragraph| {
        let has = |words: &[&str]| words.iter().any(|word| paragraph.contains(word));
        has(&ABOUT_RULES) && has(&OLD_WAY)
    })
}

/// Without marks of Markdown, of comments and of strings that continue in the next line.
fn one_line(text: &str) -> String {
    let text = text.replace(['`', '*', '\\'], "");
    let lines = text
        .lines()
        .map(|line| line.trim().trim_start_matches('#').trim());
    lines.collect::<Vec<_>>().join(" ")
}
