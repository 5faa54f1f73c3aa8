//! Markdown files, as far as they promise something.

use std::fs;
use std::path::Path;

use super::{read, root};

/// A fenced block.
#[derive(Clone, Debug)]
pub struct Block {
    /// Of its first fence, from 1.
    pub line: usize,
    /// `sh`, `console`, `json`; empty without.
    pub language: String,
    /// Whether it must be what the block before it printed.
    pub is_output: bool,
    pub text: String,
}

impl Block {
    pub fn is_command(&self) -> bool {
        ["sh", "bash", "console"].contains(&self.language.as_str())
    }
}

/// The blocks, and the lines outside of them with their numbers.
pub fn parts(text: &str) -> (Vec<Block>, Vec<(usize, &str)>) {
    let (mut blocks, mut prose) = (Vec::new(), Vec::new());
    let mut open: Option<(Block, usize, usize)> = None;
    for (number, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        let ticks = trimmed.bytes().take_while(|byte| *byte == b'`').count();
        match &mut open {
            Some((block, fence, _)) if ticks >= *fence && trimmed.len() == ticks => {
                blocks.push(block.clone());
                open = None;
            }
            Some((block, _, indent)) => {
                let own = line.len() - trimmed.len();
                block.text.push_str(&line[own.min(*indent)..]);
                block.text.push('\n');
            }
            None if ticks >= 3 => {
                let mut words = trimmed[ticks..].split_whitespace();
                let block = Block {
                    line: number + 1,
                    language: words.next().unwrap_or_default().to_owned(),
                    is_output: words.any(|word| word == "output"),
                    text: String::new(),
                };
                open = Some((block, ticks, line.len() - trimmed.len()));
            }
            None => prose.push((number + 1, line)),
        }
    }
    assert!(open.is_none(), "a block is not closed");
    (blocks, prose)
}

/// What stands in backticks in a line of prose.
pub fn inline_code(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The Markdown files below `folder`, as paths from the root.
pub fn pages(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort();
    found
}

fn walk(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_made = ["target", "node_modules", ".git", ".run", ".cache"].contains(&name);
        if path.is_dir() && !is_made {
            walk(&path, found);
        } else if name.ends_with(".md") {
            found.push(
                path.strip_prefix(root())
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned(),
            );
        }
    }
}

/// The anchors of a page, as GitHub makes them.
pub fn anchors(path: &str) -> Vec<String> {
    let text = read(path);
    let mut anchors: Vec<String> = Vec::new();
    for (_, line) in parts(&text).1 {
        let title = line.trim_start_matches('#');
        if title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let anchor: String = plain(title.trim())
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let again = anchors.iter().filter(|other| **other == anchor).count();
        anchors.push(if again == 0 {
            anchor
        } else {
            format!("{anchor}-{again}")
        });
    }
    anchors
}

/// A title with the text of its links only.
fn plain(title: &str) -> String {
    let mut text = String::new();
    let mut rest = title;
    while let Some((before, link)) = rest.split_once("](") {
        text.push_str(before);
        rest = link.split_once(')').map_or("", |(_, after)| after);
    }
    text + rest
}
