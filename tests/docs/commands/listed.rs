//! Commands that are not run are listed with a reason, and could be run: they parse.

use std::fs;

use clap::Parser;
use clap::error::ErrorKind;
use tidegauge::cli::arguments::Arguments;

use super::{NOT_RUN, commands_in, documents, reason, script};
use crate::docs::markdown::{inline_code, parts};
use crate::docs::{read, root};

/// Words in prose that look like commands and name a sort of commands.
const NO_COMMANDS: [&str; 3] = ["tidegauge COMMAND", "tidegauge-", "make TARGET"];

#[test]
fn what_is_not_run_is_still_there_and_still_listed() {
    for (page, part, reason) in NOT_RUN {
        let text = fs::read_to_string(root().join(page)).unwrap_or_default();
        let blocks = parts(&text).0;
        // README may drop a block before this table does, and a page may come later than its entry.
        let is_there = blocks.iter().any(|block| block.text.contains(part));
        let is_free = *page == "README.md" || !root().join(page).exists();
        assert!(is_there || is_free, "{page}: {part}: {reason}");
    }
}

fn targets_of_make() -> Vec<String> {
    let lines = read("Makefile");
    lines
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(target, _)| target.to_owned())
        .collect()
}

fn fault(words: &[String], targets: &[String]) -> Option<String> {
    if words[0] == "make" {
        let unknown = words[1..]
            .iter()
            .find(|word| !word.contains('=') && !word.starts_with('-') && !targets.contains(word));
        return unknown.map(|target| format!("make has no target {target}"));
    }
    match Arguments::try_parse_from(words) {
        // The name of a group of commands, in prose.
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => None,
        Err(error) if error.use_stderr() => Some(error.to_string()),
        _ => None,
    }
}

#[test]
fn commands_that_are_not_run_could_be() {
    let targets = targets_of_make();
    let mut wrong = Vec::new();
    let mut parsed = 0;
    for page in documents() {
        let text = read(&page);
        let (blocks, prose) = parts(&text);
        let in_blocks = blocks
            .iter()
            .filter(|block| block.is_command() && reason(&page, block).is_some())
            .flat_map(|block| {
                script(block)
                    .replace("\\\n", " ")
                    .lines()
                    .map(|line| (block.line, line.to_owned()))
                    .collect::<Vec<_>>()
            });
        let in_prose = prose.iter().flat_map(|(number, line)| {
            inline_code(line)
                .filter(|code| code.starts_with("tidegauge ") || code.starts_with("make "))
                .filter(|code| {
                    !code.contains('…') && !NO_COMMANDS.iter().any(|word| code.starts_with(word))
                })
                .map(|code| (*number, code.to_owned()))
        });
        for (number, line) in in_blocks.chain(in_prose) {
            for words in commands_in(&line) {
                parsed += 1;
                if let Some(fault) = fault(&words, &targets) {
                    wrong.push(format!("{page}:{number}: {}: {fault}", words.join(" ")));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(parsed > 5, "{parsed} commands");
}
