//! The configuration file: an error names line and key, and what is accepted is printed as a file that gives the
//! same configuration.

use std::fs;

use tidegauge::config::{Config, Error, Need, Sources};

use super::small_state;

/// An input is the text of the file.
pub fn run(data: &[u8]) {
    let dir = small_state::scratch();
    let path = dir.path().join("t.toml");
    let load = |text: &[u8]| {
        fs::write(&path, text).unwrap();
        Config::load(&Sources::of_file(&path), Need::Nothing)
    };
    let config = match load(data) {
        Ok(config) => config,
        Err(Error::Unreadable { .. }) => {
            assert!(str::from_utf8(data).is_err(), "text can be read");
            return;
        }
        Err(error) => {
            let Error::Invalid(report) = &error else {
                panic!("{error}");
            };
            let place = path.display().to_string();
            let lines = str::from_utf8(data).unwrap().split('\n').count();
            assert!(!report.problems().is_empty());
            for problem in report.problems() {
                is_placed(problem, &place, lines);
            }
            return;
        }
    };
    let shown = config.to_toml();
    let again = load(shown.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{shown}"));
    assert_eq!(again.to_toml(), shown);
    assert_eq!(again.rules(), config.rules());
    // Secrets are shown as stars, and are not in this form either.
    assert_eq!(format!("{again:?}"), format!("{config:?}"), "{shown}");
}

/// A problem says where it is: the file with line and column, or the file alone for what is missing in it.
fn is_placed(problem: &str, file: &str, lines: usize) {
    let rest = problem.strip_prefix(file);
    let rest = rest.unwrap_or_else(|| panic!("{problem} names no file"));
    assert!(problem.len() > file.len() + 10, "{problem}");
    let Some(place) = rest.strip_prefix(':').filter(|rest| !rest.starts_with(' ')) else {
        // What is missing has no line, but a key.
        let (key, _) = rest.strip_prefix(": ").unwrap().split_once(": ").unwrap();
        assert!(!key.is_empty(), "{problem}");
        return;
    };
    let (line, rest) = place.split_once(':').unwrap();
    let (column, rest) = rest.split_once(": ").unwrap();
    let (line, column): (usize, usize) = (line.parse().unwrap(), column.parse().unwrap());
    assert!((1..=lines).contains(&line), "{problem}: {lines} lines");
    assert!(column >= 1, "{problem}");
    assert!(!rest.is_empty(), "{problem}");
}
