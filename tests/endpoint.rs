//! Flags and settings mean the same for every command: where the service answers, and where the state is.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod address;
mod configuration;
mod demo;
mod secrets;

use crate::support::service::{Outcome, binary};

#[track_caller]
fn fails(outcome: &Outcome, code: i32, words: &[&str]) {
    assert_eq!(outcome.status.code(), Some(code), "{}", outcome.stderr);
    for word in words {
        assert!(
            outcome.stderr.contains(word),
            "no {word:?} in {}",
            outcome.stderr
        );
    }
}

/// What the binary says in an empty directory, where nothing answers; it must fail.
#[track_caller]
fn said(arguments: &[&str], variables: &[(&str, &str)], code: i32) -> String {
    let directory = tempfile::tempdir().unwrap();
    let output = binary()
        .current_dir(directory.path())
        .args(arguments)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    said
}
