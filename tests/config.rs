//! Settings become a configuration, or one report of all that is wrong.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod defaults;
mod overrides;
mod payment;
mod report;
mod secrets;
mod sections;
mod windows;

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use tidegauge::config::{Config, Need, Sources};

/// A configuration file in a directory of its own.
struct Typed {
    dir: TempDir,
}

impl Typed {
    fn new(toml: &str) -> Self {
        let typed = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        typed.file("t.toml", toml);
        typed
    }

    /// Writes a file beside it and gives its path.
    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn sources(&self) -> Sources {
        Sources::of_file(self.dir.path().join("t.toml"))
    }
}

#[track_caller]
fn valid(toml: &str) -> Config {
    Config::load(&Typed::new(toml).sources(), Need::Nothing).unwrap()
}

/// What is said of `sources`, the directory of the file left out.
#[track_caller]
fn told(sources: &Sources, need: Need) -> String {
    let text = Config::load(sources, need).unwrap_err().to_string();
    let short = |line: &str| match line.split_once("/t.toml") {
        Some((_, rest)) => format!("t.toml{rest}"),
        None => line.to_owned(),
    };
    text.lines().map(short).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn wrong(toml: &str) -> String {
    told(&Typed::new(toml).sources(), Need::Nothing)
}

/// Asserts that one problem is told of `toml`, at `place`, with all of `words`.
#[track_caller]
fn refuses(toml: &str, place: &str, words: &[&str]) {
    let text = wrong(toml);
    assert!(text.starts_with(&format!("t.toml:{place}: ")), "{text}");
    assert!(text.ends_with("the configuration has 1 problem"), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
}
