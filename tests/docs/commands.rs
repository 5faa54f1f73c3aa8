//! Commands that are written down are run, or at least could be.

mod listed;

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::markdown::{Block, pages, parts};
use super::{read, root};
use crate::support::lab::{Elastic, Kafka, free_port, unique};
use crate::support::service::binary;

/// Blocks that are not run here: the page, a part of the block that tells it from others (`""`: all of the page), and why.
pub const NOT_RUN: &[(&str, &str, &str)] = &[
    (
        "docs/operations.md",
        "",
        "installs into the system: systemd, Docker, /etc",
    ),
    (
        "docs/runbook.md",
        "",
        "looks at a sick installation: its hosts, its journal, its brokers",
    ),
    (
        "docs/replay.md",
        "",
        "alternatives around a service that runs, not one story; the tests of replay run the commands",
    ),
    (
        "docs/how-to/upgrade.md",
        "tidegauge replay",
        "changes the rules of a state that is there; tests/generations/rules.rs runs it as it is printed",
    ),
    ("docs/notebook.md", "", "tests/formats.rs runs its cells"),
    (
        "README.md",
        "make demo",
        "make demo runs until it is stopped, and make test runs this very test; tests/cli.rs runs the demo",
    ),
    ("README.md", "docker", "needs a Docker engine"),
];

/// What takes the place of `make`: the servers are there, the program is built.
const MAKE: &str = r#"#!/usr/bin/env bash
for target in "$@"; do
    case $target in
        build | stack | stack-down | *=*) ;;
        demo) tidegauge demo --listen "$TIDEGAUGE_HTTP__LISTEN" --for 2s ;;
        *) echo "the runner of the docs has no stand-in for make $target" >&2; exit 2 ;;
    esac
done
"#;

/// Longer than any page takes; it ends one that would hang.
const PATIENCE: Duration = Duration::from_secs(300);

fn documents() -> Vec<String> {
    [vec!["README.md".to_owned()], pages("docs")].concat()
}

fn reason(page: &str, block: &Block) -> Option<&'static str> {
    let (_, _, reason) = NOT_RUN
        .iter()
        .find(|(other, part, _)| page == *other && block.text.contains(part))?;
    Some(reason)
}

/// What is to be typed, without prompts and outputs.
fn script(block: &Block) -> String {
    if block.language != "console" {
        return block.text.clone();
    }
    let mut is_continued = false;
    let lines = block.text.lines().filter_map(|line| {
        let command = if is_continued {
            Some(line)
        } else {
            line.strip_prefix("$ ")
        };
        is_continued = command.is_some_and(|command| command.ends_with('\\'));
        command.map(|command| format!("{command}\n"))
    });
    lines.collect()
}

/// What a block of `console` shows, or the block behind a block of `sh`.
fn expected(block: &Block, next: Option<&Block>) -> Option<String> {
    if block.language == "console" {
        let typed = script(block);
        let shown = block
            .text
            .lines()
            .filter(|line| !line.starts_with("$ ") && !typed.lines().any(|typed| typed == *line));
        let shown: Vec<&str> = shown.collect();
        return Some(shown.join("\n")).filter(|shown| !shown.trim().is_empty());
    }
    next.filter(|next| next.is_output)
        .map(|next| next.text.clone())
}

/// Whether `printed` is `expected`, in which a line `…` stands for any lines.
fn is_like(expected: &str, printed: &str) -> bool {
    fn like(expected: &[&str], printed: &[&str]) -> bool {
        match expected.split_first() {
            None => printed.is_empty(),
            Some((&"…", rest)) => {
                (0..=printed.len()).any(|skipped| like(rest, &printed[skipped..]))
            }
            Some((line, rest)) => printed
                .split_first()
                .is_some_and(|(first, printed)| first == line && like(rest, printed)),
        }
    }
    fn lines(text: &str) -> Vec<&str> {
        text.trim_end().lines().map(str::trim_end).collect()
    }
    like(&lines(expected), &lines(printed))
}

/// Where the commands of a page find things in this run.
struct Place {
    kafka: String,
    elastic: String,
    port: u16,
    name: String,
}

impl Place {
    /// The text with the addresses and names of this run.
    fn moved(&self, text: &str) -> String {
        text.replace("127.0.0.1:19092", &self.kafka)
            .replace("http://127.0.0.1:19200", &self.elastic)
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{}", self.port))
            .replace("payments-", &format!("{}-", self.name))
            .replace("platform_pay_amount_1", &format!("legacy.{}", self.name))
            .replace("payment_msg", &self.name)
    }

    /// The text as the docs have it.
    fn moved_back(&self, text: &str) -> String {
        text.replace(&self.kafka, "127.0.0.1:19092")
            .replace(&self.elastic, "http://127.0.0.1:19200")
            .replace(&format!("127.0.0.1:{}", self.port), "127.0.0.1:8080")
            .replace(&format!("legacy.{}", self.name), "platform_pay_amount_1")
            .replace(&format!("{}-", self.name), "payments-")
            .replace(&self.name, "payment_msg")
    }
}

fn programs(dir: &Path) {
    let programs = dir.join(".programs");
    fs::create_dir(&programs).unwrap();
    symlink(env!("CARGO_BIN_EXE_tidegauge"), programs.join("tidegauge")).unwrap();
    fs::write(programs.join("make"), MAKE).unwrap();
    fs::set_permissions(programs.join("make"), fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs the blocks of a page in one shell, and gives what is wrong.
fn run(page: &str, blocks: &[Block], place: &Place) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    programs(dir.path());
    for name in ["examples", "docs", "tidegauge.example.toml"] {
        symlink(root().join(name), dir.path().join(name)).unwrap();
    }
    // What is still running at the end goes with the page.
    let mut whole =
        "set -eu -o pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n".to_owned();
    for (number, block) in blocks.iter().enumerate() {
        if block.is_command() && reason(page, block).is_none() {
            let text = place.moved(&script(block));
            // Braces and not a subshell: what a block exports or starts is there for the next.
            write!(
                whole,
                "echo {line} > .line\n{{\n{text}}} > .{number}.out 2> .{number}.err\n",
                line = block.line
            )
            .unwrap();
        }
    }
    whole.push_str("echo done > .line\n");
    fs::write(dir.path().join(".page.sh"), &whole).unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new("timeout");
    // As for the binary itself: nothing of the environment's configuration.
    for (name, _) in binary().get_envs().filter(|(_, value)| value.is_none()) {
        command.env_remove(name);
    }
    command
        .args([
            "--kill-after=5",
            &PATIENCE.as_secs().to_string(),
            "bash",
            ".page.sh",
        ])
        .current_dir(dir.path())
        .env(
            "PATH",
            format!("{}:{path}", dir.path().join(".programs").display()),
        )
        .env(
            "TIDEGAUGE_HTTP__LISTEN",
            format!("127.0.0.1:{}", place.port),
        )
        .env("TIDEGAUGE_URL", format!("http://127.0.0.1:{}", place.port))
        .env("TIDEGAUGE_KAFKA__TOPIC", &place.name);
    if whole.contains("ELASTICSEARCH__URL") {
        command
            .env("TIDEGAUGE_ELASTICSEARCH__INDEX_PREFIX", &place.name)
            .env(
                "TIDEGAUGE_ELASTICSEARCH__LEGACY_TOTALS",
                format!("legacy.{}", place.name),
            );
    }
    let output = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let said = |name: String| {
        fs::read(dir.path().join(name)).map(|text| String::from_utf8_lossy(&text).into_owned())
    };
    let mut wrong = Vec::new();
    if !output.success() {
        let line = said(".line".to_owned()).unwrap_or_default();
        let number = blocks
            .iter()
            .position(|block| block.line.to_string() == line.trim());
        let told = number
            .and_then(|number| said(format!(".{number}.err")).ok())
            .unwrap_or_default();
        let tail: Vec<&str> = told.lines().rev().take(12).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        wrong.push(format!(
            "{page}:{}: {output}: {}",
            line.trim(),
            tail.join("\n  ")
        ));
    }
    for (number, block) in blocks.iter().enumerate() {
        let expected = expected(block, blocks.get(number + 1));
        let (Some(expected), Ok(printed)) = (expected, said(format!(".{number}.out"))) else {
            continue;
        };
        let printed = place.moved_back(&printed);
        if !is_like(&expected, &printed) {
            wrong.push(format!(
                "{page}:{}: expected\n{expected}\nprinted\n{printed}",
                block.line
            ));
        }
    }
    wrong
}

#[test]
fn every_command_of_the_docs_runs() {
    let (Some(kafka), Some(elastic)) = (Kafka::shared(), Elastic::shared()) else {
        return;
    };
    let (mut wrong, mut ran) = (Vec::new(), 0);
    for page in documents() {
        let text = read(&page);
        let (blocks, _) = parts(&text);
        let commands = blocks
            .iter()
            .filter(|block| block.is_command() && reason(&page, block).is_none());
        let count = commands.count();
        if count == 0 {
            continue;
        }
        ran += count;
        let place = Place {
            kafka: kafka.bootstrap(),
            elastic: elastic.url(),
            port: free_port(),
            name: unique("docs"),
        };
        wrong.extend(run(&page, &blocks, &place));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(ran > 0);
}

#[test]
fn dots_stand_for_lines_and_nothing_else() {
    assert!(is_like("a\n…\nd", "a\nb\nc\nd\n"));
    assert!(is_like("…", ""));
    assert!(!is_like("a\n…\nd", "a\nb\n"));
    assert!(!is_like("a", "a\nb"));
    assert_eq!(
        commands_in("A=1 tidegauge check # x | make y"),
        [["tidegauge", "check"]]
    );
    assert_eq!(
        commands_in("make demo DEMO_ARGS=\"--for 10s\" && x"),
        [["make", "demo", "DEMO_ARGS=--for 10s"]]
    );
}

/// The commands in a line of shell, as words; quotes hold a word together, and hide `|` and the like.
fn split(line: &str) -> Vec<Vec<String>> {
    let (mut commands, mut word, mut quote) = (vec![Vec::new()], None::<String>, None);
    let end = |commands: &mut Vec<Vec<String>>, word: &mut Option<String>| {
        if let (Some(command), Some(word)) = (commands.last_mut(), word.take()) {
            command.push(word);
        }
    };
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, '|' | '&' | ';' | '>' | '<') => {
                end(&mut commands, &mut word);
                commands.push(Vec::new());
            }
            (None, c) if c.is_whitespace() => end(&mut commands, &mut word),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    end(&mut commands, &mut word);
    commands
}

/// Our own commands, and those of make, in a line of shell.
fn commands_in(line: &str) -> Vec<Vec<String>> {
    let commands = split(line).into_iter().map(|words| {
        let words = words.into_iter().skip_while(|word| {
            let is_assignment = word.contains('=') && !word.starts_with('-');
            is_assignment || ["exec", "time", "watch", "$"].contains(&word.as_str())
        });
        words.collect::<Vec<_>>()
    });
    commands
        .filter(|words| {
            words
                .first()
                .is_some_and(|word| word == "tidegauge" || word == "make")
        })
        .collect()
}
