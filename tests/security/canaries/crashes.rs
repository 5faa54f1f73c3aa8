//! The end of a process that has secrets in its memory.

use std::fs;
use std::path::Path;

use super::commands::said;
use super::{Files, Search};

#[test]
fn a_panic_with_a_full_backtrace_shows_no_secret() {
    let files = Files::new();
    files.write("t.toml", &files.toml());
    let words = ["serve", "-vv", "--config", "t.toml"].map(str::to_owned);
    let said = said(&files, &words, |command| {
        command.env("PANIC_AT", "lock: before it says who holds it=0");
    });
    assert!(said.contains("a panic was asked for"), "{said}");
    assert!(said.contains("stack backtrace:"), "{said}");
    let mut search = Search::default();
    search.look("a panic", &said);
    search.assert_none(1);
}

#[test]
fn the_unit_of_systemd_writes_no_memory_to_the_disk() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("ops/tidegauge.service");
    let unit = fs::read_to_string(unit).unwrap();
    assert!(unit.lines().any(|line| line == "LimitCORE=0"), "{unit}");
}
