//! What is written down is true.
//!
//! **Commands.** Every fenced block of README.md and docs/ marked `sh`, `bash` or `console` is run: all blocks of a
//! page one after the other in one shell, in an empty directory, with this build's `tidegauge` on the PATH, against the
//! lab's servers. Addresses of the docs (19092, 19200, 8080) become those of this run, `make` is a stand-in that knows
//! the servers are there. A block must end with 0.
//!
//! - ```` ```sh ```` runs as it stands. A block ```` ```csv output ```` (any language, then `output`) right behind it
//!   must be what it printed; a line `…` in it stands for any number of lines.
//! - ```` ```console ```` runs the lines that begin with `$ `; the other lines must be what they printed, if there are
//!   any, with `…` as above.
//! - A block that can't be run here is in [`commands::NOT_RUN`], with the reason; its `tidegauge` commands must parse
//!   and its `make` targets exist nevertheless.
//!
//! **Commands in prose.** What stands in backticks and begins with `tidegauge ` must parse, `make TARGET` must exist.
//! **Rules.** Every page says the same one way to change a rule.
//! **Wording.** Pages, help, errors, labels and comments are plain English.
//! **Architecture.** What ARCHITECTURE.md names is there: files, functions and tests.
//! **Security.** Each claim of docs/security.md has tests beside it, by name, and they are there.
//! **Links.** Every relative link of every Markdown file leads to a file, and its anchor to a heading.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod architecture;
mod commands;
mod fields;
mod links;
mod markdown;
mod rules;
mod schemas;
mod security;
mod servers;
mod tables;
mod wording;

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[track_caller]
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
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
